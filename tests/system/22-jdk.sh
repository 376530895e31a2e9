#!/usr/bin/env bash
# The edge to X-Road servers, on the program itself: TLS 1.2 with X-Road's suites where it is allowed and nowhere else,
# strangers refused by both stacks, OCSP responses on a port of their own. Whole exchanges through a JDK, with
# certificates of the instance, are cargo tests of the exchange (tests::jdk), since they need keys that no node gives out.
. "$(dirname "$0")/lib/common.bash"

port=$(free_ports 12)
country=$work/country
start "$work/demo.log" "$tambo" demo --data "$country" --port "$port"
until_up "http://127.0.0.1:$port/health" "$work/demo.log" "$pid"
for _ in $(seq 100); do [ -s "$work/demo.log" ] && break; sleep 0.1; done
stop "$pid"

body=$country/identidad
ocsp=$((port + 11))
address=$(sed -n '/^\[exchange\]/,/^\[/s/^listen = "\(.*\)"/\1/p' "$body/settings.toml")
pages=$(sed -n '/^\[pages\]/,/^\[/s/^listen = "\(.*\)"/\1/p' "$body/settings.toml")
[ -n "$address" ] && [ -n "$pages" ] || fail "no addresses in $body/settings.toml"
authority=$(sed -n '/^\[pages\]/,/^\[/s/^listen = "\(.*\)"/\1/p' "$country/autoridad/settings.toml")
start "$work/autoridad.log" "$tambo" serve --config "$country/autoridad/settings.toml"
until_up "http://$authority/health" "$work/autoridad.log" "$pid"

serve_body() { # LOG
  start "$1" "$tambo" serve --config "$body/settings.toml"
  until_up "http://$pages/health" "$1" "$pid"
}

# A stranger's certificate, of a key of its own.
mkdir "$work/stranger"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=stranger \
  -keyout "$work/stranger/key.pem" -out "$work/stranger/chain.pem" 2>"$work/openssl.log" || { show "$work/openssl.log"; fail "openssl req"; }

# hello SUITE: what the node says to an openssl client that offers TLS 1.2 with this suite.
hello() {
  timeout 20 openssl s_client -connect "$address" -tls1_2 -cipher "$1" -msg -cert "$work/stranger/chain.pem" \
    -key "$work/stranger/key.pem" </dev/null >"$work/hello.log" 2>&1 || true
}

serve_body "$work/plain.log"
hello ECDHE-ECDSA-AES256-SHA384
grep -q 'Alert.*fatal protocol_version' "$work/hello.log" || { show "$work/hello.log"; fail "TLS 1.2 is not refused where it is off"; }
stop "$pid"
ok "where TLS 1.2 is off, a client that offers nothing else gets the alert protocol_version"

sed -i "s/^legacy_tls = false/legacy_tls = true\nocsp_listen = \"127.0.0.1:$ocsp\"/" "$body/settings.toml"
grep -q '^legacy_tls = true' "$body/settings.toml" || fail "the settings of the demo name no legacy_tls"
serve_body "$work/legacy.log"
hello ECDHE-ECDSA-AES256-SHA384
grep -q 'ServerHello' "$work/hello.log" && grep -q 'CertificateRequest' "$work/hello.log" \
  || { show "$work/hello.log"; fail "no handshake in TLS 1.2 where it is on"; }
grep -Eq 'Alert|read:errno|unexpected eof|Connection reset' "$work/hello.log" || { show "$work/hello.log"; fail "a stranger was let in"; }
hello AES256-SHA256
if grep -q 'ServerHelloDone' "$work/hello.log"; then show "$work/hello.log"; fail "a suite without forward secrecy is spoken"; fi
timeout 20 openssl s_client -connect "$address" -tls1_3 -cert "$work/stranger/chain.pem" -key "$work/stranger/key.pem" \
  -msg </dev/null >"$work/modern.log" 2>&1 || true
grep -q 'TLS 1.3.*ServerHello' "$work/modern.log" || { show "$work/modern.log"; fail "no TLS 1.3 beside TLS 1.2"; }
# Without any certificate, in both versions: the handshake is refused before an answer.
for version in 1_2 1_3; do
  printf 'GET / HTTP/1.1\r\nHost: x\r\n\r\n' | timeout 20 openssl s_client -connect "$address" "-tls$version" -ign_eof \
    >"$work/nobody.log" 2>&1 || true
  if grep -q 'HTTP/1.1' "$work/nobody.log"; then show "$work/nobody.log"; fail "a caller without certificate was answered in TLS $version"; fi
  grep -Eiq 'alert|handshake failure|errno|unexpected eof|reset|^closed' "$work/nobody.log" || { show "$work/nobody.log"; fail "nothing refused a caller without certificate in TLS $version"; }
done
ok "one port speaks TLS 1.3, and TLS 1.2 with X-Road's suites, to openssl; strangers and other suites get nothing"

if has javac && has java; then
  javac -d "$work/classes" "$root/tests/jdk/XRoadPeer.java"
  peer() { timeout 60 java -cp "$work/classes" XRoadPeer "$@"; }
  refused 'SSLException|SSLHandshakeException|SocketException|EOFException' \
    peer handshake "${address%:*}" "${address##*:}" "$work/stranger"
  if grep -q '^answer' "$work/refused.log"; then show "$work/refused.log"; fail "a stranger was answered"; fi
  ok "a JDK with X-Road's suites and a stranger's certificate is refused"
else
  not_run "handshakes of the program with a JDK: no javac"
fi

# OCSP responses, asked for as X-Road's clients do.
leaf=$work/leaf.pem; issuer=$work/issuer.pem
openssl x509 -in "$body/certificates/auth.pem" -out "$leaf"
sha1=$(openssl x509 -in "$leaf" -outform DER | sha1sum | cut -d' ' -f1)
sha256=$(openssl x509 -in "$leaf" -outform DER | sha256sum | cut -d' ' -f1)
curl -fsS -D "$work/head" -o "$work/answer" "http://127.0.0.1:$ocsp/?cert=$sha1&cert_hash=$sha256"
grep -qi '^content-type: multipart/related; type="application/ocsp-response"; charset=UTF-8; boundary=' "$work/head" || fail "$(cat "$work/head")"
"$python" - "$work/answer" "$work/head" "$work/response.der" <<'PY'
import re, sys
body, head = open(sys.argv[1], "rb").read(), open(sys.argv[2]).read()
edge = re.search(r"boundary=(\S+)", head).group(1).encode()
first, rest = body.split(b"--" + edge + b"\r\n")
assert first == b"", first
fields, part = rest.split(b"\r\n\r\n", 1)
assert fields.lower() == b"content-type: application/ocsp-response", fields
part, end = part.split(b"\r\n--" + edge)
assert end == b"--\r\n", end
open(sys.argv[3], "wb").write(part)
PY
for candidate in "$country"/autoridad/certificates/*.pem "$body"/certificates/*.pem; do
  "$python" - "$candidate" "$leaf" "$issuer" <<'PY' && break
import re, subprocess, sys
def field(pem, name):
    return subprocess.run(["openssl", "x509", "-noout", "-" + name], input=pem, capture_output=True, text=True).stdout.split("=", 1)[1]
wanted = field(open(sys.argv[2]).read(), "issuer")
for pem in re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", open(sys.argv[1]).read(), re.S):
    if field(pem, "subject") == wanted:
        open(sys.argv[3], "w").write(pem)
        sys.exit(0)
sys.exit(1)
PY
done
[ -s "$issuer" ] || fail "no issuer of the node's certificate was found"
openssl ocsp -no_nonce -respin "$work/response.der" -issuer "$issuer" -cert "$leaf" -CAfile "$issuer" >"$work/ocsp.log" 2>&1 || true
grep -q 'Response verify OK' "$work/ocsp.log" && grep -q ': good' "$work/ocsp.log" || { show "$work/ocsp.log"; fail "openssl does not accept the response"; }
[ "$(curl -sS -o /dev/null -w '%{http_code}' -I "http://127.0.0.1:$ocsp/")" = 200 ] || fail "HEAD"
[ "$(curl -sS -o "$work/no" -w '%{http_code}' "http://127.0.0.1:$ocsp/?cert=${sha1:1}0")" = 500 ] || fail "an unknown certificate"
[ "$(curl -sS -o "$work/no" -w '%{http_code}' "http://127.0.0.1:$ocsp/")" = 500 ] || fail "no certificate"
stop "$pid"
for log in plain legacy; do
  if grep -q panicked "$work/$log.log"; then show "$work/$log.log"; fail "panicked"; fi
done
ok "curl fetches the node's OCSP response as X-Road's clients do, and openssl says that it is good"
