#!/usr/bin/env bash
# A server of another make, in Python and sharing no code, takes part: it asks, answers, and is refused when it cheats.
. "$(dirname "$0")/lib/common.bash"
node() { "$python" "$root/tests/foreign/node.py" "$@"; }
"$python" -c 'import cryptography, lxml' 2>/dev/null || { not_run "a foreign server: no cryptography or lxml for Python"; exit 0; }

port=$(free_ports 20)
country=$work/country
foreign=$((port + 10)) statuses=$((port + 11)) plain=$((port + 12)) behind=$((port + 13)) own_statuses=$((port + 14)) old=$((port + 15))
start "$work/demo.log" "$tambo" demo --data "$country" --port "$port"
until_up "http://127.0.0.1:$port/" "$work/demo.log" "$pid"
for turn in $(seq 300); do grep -q 'Stop with Ctrl-C' "$work/demo.log" && break; sleep 0.1; done
stop "$pid"

member=PE/GOB/20999999981 provider=PE/GOB/20295613620/IDENTIDAD
peer=$(sed -n 's/^address = "\(.*\)"/\1/p' "$country/identidad/settings.toml" | head -n 1)
for kind in ec rsa; do
  [ "$kind" = ec ] && code=20999999981 address=$foreign || { code=20999999973; address=$old; }
  node requests "$work/$kind" PE GOB "$code" SS1 "$kind"
  "$tambo" registry enter "PE/GOB/$code/SS1" --config "$country/autoridad/settings.toml" --name "Entidad $kind" --subsystem APP \
    --address "127.0.0.1:$address" --sign "$work/$kind/sign.csr" --auth "$work/$kind/auth.csr" --out "$work/$kind" >"$work/enter.log" 2>&1 ||
    { show "$work/enter.log"; fail "entering a server with $kind keys"; }
  echo "http://127.0.0.1:$((port + 1))/ocsp" >"$work/$kind/ocsp.url"
done
refused "key-used" "$tambo" registry enter "$member/SS3" --config "$country/autoridad/settings.toml" --name Otra --subsystem APP \
  --address "127.0.0.1:$foreign" --sign "$work/ec/sign.csr" --auth "$work/ec/auth.csr" --out "$work/third"
ok "two servers of another make are entered, with P-256 and RSA keys; the same keys are not taken twice"

sed -i -e "s/^legacy_tls = .*/legacy_tls = true/" -e "/^\[exchange\]\$/a ocsp_listen = \"127.0.0.1:$own_statuses\"\nclient_listen = \"127.0.0.1:$plain\"" "$country/identidad/settings.toml"
cat >>"$country/identidad/settings.toml" <<TOML

[exchange.systems.IDENTIDAD]
authentication = "http"
[exchange.services.eco]
url = "http://127.0.0.1:$behind/base"
agreement = false
rights = [{ subject = "$member/APP", path = "/echo/**" }, { subject = "PE/GOB/20999999973/APP", method = "GET", path = "/echo/**" }]
TOML
start "$work/behind.log" "$python" "$lib/rest_provider.py" "$behind"
start "$work/autoridad.log" "$tambo" serve --config "$country/autoridad/settings.toml"
until_up "http://127.0.0.1:$((port + 1))/health" "$work/autoridad.log" "$pid"
start "$work/identidad.log" "$tambo" serve --config "$country/identidad/settings.toml"
identidad=$pid
until_up "http://127.0.0.1:$((port + 2))/" "$work/identidad.log" "$pid"

# told FILE EXPRESSION...: python expressions over the JSON `it` of a file's last line that is JSON; refused handshakes are
# noted between them.
told() { "$python" - "$@" <<'PY' || { tail -n 3 "$1"; tail -n 5 "$work/identidad.log"; fail "expected: ${*:2}"; }
import json, sys
it = json.loads([line for line in open(sys.argv[1]) if line.startswith("{")][-1])
wrong = [text for text in sys.argv[2:] if not eval(text)]
sys.exit(f"not so: {wrong} of {str(it)[:600]}" if wrong else 0)
PY
}
ask() { node ask "$@" >"$work/answer" 2>"$work/answer.err" || { show "$work/answer.err"; tail -n 5 "$work/identidad.log"; fail "asking: $*"; }; }

# The node takes the new configuration within a minute; asking shows when.
for turn in $(seq 90); do
  node ask "$work/ec" "$peer" --client "$member/APP" --service "$provider/eco" --path /echo/1 >"$work/answer" 2>&1 && grep -q '"status": 200' "$work/answer" && break
  sleep 1
done
told "$work/answer" "it['status'] == 200" "it['tls'][0] == 'TLSv1.3'"
ok "it asks over TLS 1.3, and verifies signature, request hash and headers of the answer"
for kind in ec rsa; do
  [ "$kind" = ec ] && who=$member || who=PE/GOB/20999999973
  ask "$work/$kind" "$peer" --client "$who/APP" --service "$provider/eco" --path '/echo/a%20b?q=1' --tls x-road
  told "$work/answer" "it['status'] == 200" "it['tls'][0] == 'TLSv1.2'" "'SHA384' in it['tls'][1] or 'SHA256' in it['tls'][1]" "'GCM' not in it['tls'][1]"
done
ok "and over TLS 1.2 with X-Road's own suites, with keys of both kinds"
ask "$work/ec" "$peer" --client "$member/APP" --service "$provider/eco" --method POST --path /echo/2 --body '{"a": 1}' --header Content-Type:application/json
told "$work/answer" "it['status'] == 200" "'a' in it['body']"
ok "a body travels under a hash chain, both ways"
for part in request body result chain signature ocsp; do
  ask "$work/ec" "$peer" --client "$member/APP" --service "$provider/eco" --method POST --path /echo/3 --body '{"a": 1}' --spoil "$part"
  told "$work/answer" "'fault' in it" "'server.serverproxy' in it['fault'].lower()"
done
ok "with one bit changed in any part it is refused"
ask "$work/ec" "$peer" --client "PE/GOB/20999999973/APP" --service "$provider/eco" --path /echo/4
told "$work/answer" "'ssl_authentication_failed' in it['fault']"
ask "$work/ec" "$peer" --client "$member/APP" --service "$provider/eco" --path /secret
told "$work/answer" "'access_denied' in it['fault']"
ask "$work/ec" "$peer" --client "$member/APP" --service "$provider/eco" --path /echo/5 --id PE-once
ask "$work/ec" "$peer" --client "$member/APP" --service "$provider/eco" --path /echo/6 --id PE-once
told "$work/answer" "'fault' in it"
ok "it can't speak for another member, reach what it has no right to, or use a number twice"

# And the other way: our node asks servers of another make, one with TLS 1.3, one with X-Road's suites alone.
start "$work/ec.log" "$python" "$root/tests/foreign/node.py" serve "$work/ec" "127.0.0.1:$foreign"
start "$work/rsa.log" "$python" "$root/tests/foreign/node.py" serve "$work/rsa" "127.0.0.1:$old" --tls x-road --ocsp "127.0.0.1:$statuses" --until-close
for turn in $(seq 100); do grep -q ready "$work/ec.log" && grep -q ready "$work/rsa.log" && break; sleep 0.1; done
for pair in "ec $member TLSv1.3" "rsa PE/GOB/20999999973 TLSv1.2"; do
  read -r kind who version <<<"$pair"
  status=$(curl -sS --max-time 60 -o "$work/body" -w '%{http_code}' -H "X-Road-Client: $provider" -H 'Content-Type: application/json' -d '{"b": 2}' "http://127.0.0.1:$plain/r1/$who/APP/any/thing?x=1")
  [ "$status" = 200 ] || { cat "$work/body"; tail -n 3 "$work/$kind.log" "$work/identidad.log"; fail "asking the foreign server with $kind keys: $status"; }
  told "$work/$kind.log" "it['tls'][0] == '$version'" "it['target'] == '/r1/$who/APP/any/thing?x=1'" "it['transport']['x-road-message-type'] == 'REST'" \
    "it['transport']['x-hash-algorithm'] == 'SHA-512'" "it['transport']['x-original-content-type'] == 'application/json'"
  told "$work/body" "it['body'] == '{\"b\": 2}'"
done
ok "our node asks both of them, and each verifies what it gets"
if grep -q panicked "$work/identidad.log"; then show "$work/identidad.log"; fail "the node panicked"; fi
stop "$identidad"
