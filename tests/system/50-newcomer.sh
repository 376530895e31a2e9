#!/usr/bin/env bash
# The first hour with a body of one's own: set up, check, serve, look around; then what goes wrong in real life: typing
# errors, noise at the ports, ports in use, a lost passphrase, a wrong clock, a full disk, and a stop in order.
. "$(dirname "$0")/lib/common.bash"

node=$work/node
set_up() { # set_up FOLDER [OPTIONS that replace...]
  local folder=$1
  shift
  "$tambo" init --folder "$folder" --name "${name:-Municipalidad Distrital de Chinchero}" --number "${number:-20999999001}" \
    --origin "${origin:-http://localhost:$port}" --administrator "${administrator:-99000101}" --administrator-name "Nélida Ttito" "$@" </dev/null
}

port=$(free_ports 2)
began=$(now_ms)
set_up "$node" >"$work/init.log" 2>&1 || { show "$work/init.log"; fail "init"; }
ok "init in $(($(now_ms) - began)) ms"
code=$(grep -Eo 'one-time code [0-9 ]+' "$work/init.log" | tr -dc 0-9)
[ ${#code} -eq 8 ] || { show "$work/init.log"; fail "init prints no one-time code"; }
[ "$(stat -c %a "$node/passphrase")" = 600 ] || fail "the passphrase can be read by others"
if grep -raq --exclude=passphrase -- "$(cat "$node/passphrase")" "$node"; then fail "the passphrase lies in another file too"; fi
kept=$(sha256sum "$node/settings.toml")
refused 'already' set_up "$node"
[ "$kept" = "$(sha256sum "$node/settings.toml")" ] || fail "a second init changed the settings"
for wrong in number=20999999012 number=x administrator=123 origin=tramites origin=http://; do
  (export "${wrong?}"; refused '[a-z]' set_up "$work/wrong") || exit 1
  [ ! -e "$work/wrong" ] || fail "init with $wrong left a folder behind"
done
refused 'not given' "$tambo" init --folder "$work/wrong" </dev/null
ok "init changes nothing that is there, and leaves nothing after a typing error"

settings=$node/settings.toml
export TAMBO_PAGES_LISTEN=127.0.0.1:$port TAMBO_EXCHANGE_LISTEN=127.0.0.1:$((port + 1)) TAMBO_EXCHANGE_AUTHORITY=http://127.0.0.1:$port
"$tambo" check --config "$settings" >"$work/check.log" 2>&1 || { show "$work/check.log"; fail "check of a new body"; }
grep -q '^rooms' "$work/check.log" || fail "check prints no table of rooms"
"$tambo" openapi --config "$settings" >"$work/openapi.json" 2>"$work/openapi.log" || { show "$work/openapi.log"; fail "openapi"; }
"$python" -c 'import json, sys; told = json.load(open(sys.argv[1])); assert told["openapi"] == "3.1.0" and len(told["paths"]) > 30' "$work/openapi.json" || fail "the OpenAPI description"
began=$(now_ms)
start "$work/serve.log" "$tambo" serve --config "$settings"
server=$pid
until_up "http://127.0.0.1:$port/health" "$work/serve.log" "$server"
ok "first answer after $(($(now_ms) - began)) ms, $(awk '/VmRSS/ {print int($2 / 1024)}' "/proc/$server/status") MB resident"
for place in / /procedures /verify /sign-in /health /metrics /log/checkpoint "/internalconf?version=6" /configuration-anchor.xml /ca.pem; do
  curl -fsS -o "$work/page" "http://127.0.0.1:$port$place" || fail "$place"
  [ -s "$work/page" ] || fail "$place is empty"
done
curl -fsS "http://127.0.0.1:$port/ca.pem" | openssl x509 -noout -subject >/dev/null || fail "/ca.pem is no certificate"
curl -sS -D - -o /dev/null "http://127.0.0.1:$port/" | grep -qi '^content-security-policy:' || fail "pages without a content security policy"
"$python" "$lib/newcomer.py" "http://127.0.0.1:$port" 99000101 "$code" || fail "the administrator signs in with the code"
ok "pages, configuration, log and certificate are there, and the administrator is in"

refused 'in use|another program' "$tambo" serve --config "$settings"
"$python" "$lib/garbage.py" "$port" 50
"$python" "$lib/garbage.py" "$((port + 1))" 50
kill -0 "$server" || { show "$work/serve.log"; fail "noise ended the server"; }
curl -fsS -o "$work/page" "http://127.0.0.1:$port/procedures" || fail "no page after noise"
if grep -q panicked "$work/serve.log"; then show "$work/serve.log"; fail "noise made something panic"; fi
began=$(now_ms)
stop "$server"
ok "noise at both ports changes nothing; SIGTERM ends it in order after $(($(now_ms) - began)) ms"

# Typing errors in the settings.
wrong_settings() { # wrong_settings SED-EXPRESSION TEXT
  sed "$1" "$settings" >"$node/wrong.toml"
  ! cmp -s "$settings" "$node/wrong.toml" || fail "the test changes nothing: $1"
  refused "$2" "$tambo" check --config "$node/wrong.toml" --brief
  refused "$2" "$tambo" serve --config "$node/wrong.toml"
  rm "$node/wrong.toml"
}
wrong_settings 's/^requests_per_minute/request_per_minutes/' 'did you mean `requests_per_minute`'
wrong_settings 's/^passphrase_file/pasphrase_file/' 'did you mean `passphrase_file`'
wrong_settings 's/^roles = .*/roles = ["ofice"]/' 'office'
wrong_settings 's/^cut_off = .*/cut_off = /' 'TOML'
refused 'tambo init' "$tambo" check --config "$work/nowhere.toml"
refused '[Pp]assphrase' env TAMBO_KEYS_PASSPHRASE=another "$tambo" check --config "$settings" --brief
mv "$node/passphrase" "$node/lost"
refused 'passphrase' "$tambo" serve --config "$settings"
mv "$node/lost" "$node/passphrase"
"$tambo" check --config "$settings" --brief >"$work/check.log" 2>&1 || { show "$work/check.log"; fail "check after all that"; }
ok "mistyped keys are told with the nearest known one; a lost or wrong passphrase is told"

if has faketime; then
  refused "clock" faketime '2020-01-01 00:00:00' "$tambo" check --config "$settings" --brief
  # A body that is its own authority publishes a new configuration, whatever the year; that the old one is over is told.
  faketime '2040-01-01 00:00:00' "$tambo" check --config "$settings" --brief >"$work/late.log" 2>&1 || true
  grep -q 'expired' "$work/late.log" || { show "$work/late.log"; fail "a clock that runs ahead is not told"; }
  ok "a wrong clock is told"
else not_run "a wrong clock: faketime is not installed"; fi

full_disk() {
  local disk=$work/disk first
  mkdir "$disk"
  mount -t tmpfs -o size=24m tmpfs "$disk" 2>/dev/null || { not_run "a full disk: no small file system can be mounted here"; return; }
  mounts+=("$disk")
  first=$(free_ports 10)
  unset TAMBO_PAGES_LISTEN TAMBO_EXCHANGE_LISTEN TAMBO_EXCHANGE_AUTHORITY
  start "$work/full.log" "$tambo" demo --data "$disk/country" --port "$first"
  until_up "http://127.0.0.1:$first/health" "$work/full.log" "$pid"
  for turn in $(seq 300); do grep -q 'Stop with Ctrl-C' "$work/full.log" && break; sleep 0.1; done
  "$python" "$lib/full_disk.py" "http://127.0.0.1:$first" "$disk" || { show "$work/full.log"; fail "a full disk"; }
  if grep -q panicked "$work/full.log"; then show "$work/full.log"; fail "a full disk made something panic"; fi
  stop "$pid"
  "$tambo" check --config "$disk/country/ollantaytambo/settings.toml" --brief --deep >"$work/check.log" 2>&1 || { show "$work/check.log"; fail "check after a full disk"; }
  ok "a full disk: refused clearly, nothing acknowledged lost, works again when there is room"
}
full_disk
