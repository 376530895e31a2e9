#!/usr/bin/env bash
# Many bodies in one process: none sees another's people, a broken one stops no other, and one moves to a machine of its
# own with backup and restore: it serves, it answers, and its log goes on as the same history.
. "$(dirname "$0")/lib/common.bash"

port=$(free_ports 13)
country=$work/country
start "$work/demo.log" "$tambo" demo --data "$country" --port "$port"
until_up "http://127.0.0.1:$port/health" "$work/demo.log" "$pid"
"$python" "$lib/filings.py" "http://127.0.0.1:$port" 2 >"$work/filed.txt" || fail "filing before the move"
stop "$pid"
pages=127.0.0.1:$((port + 10))
bodies="autoridad identidad tributos poderes ollantaytambo"
# Behind one listener each body has a host name of its own; the authority's address stays, for certificates name it.
for body in $bodies; do
  [ "$body" = autoridad ] || sed -i "s|^origin = .*|origin = \"http://$body.localhost\"|" "$country/$body/settings.toml"
done
mkdir "$work/hosted"
for body in identidad tributos poderes ollantaytambo; do mv "$country/$body" "$work/hosted/$body"; done
start "$work/authority.log" "$tambo" serve --config "$country/autoridad/settings.toml"
until_up "http://127.0.0.1:$((port + 1))/health" "$work/authority.log" "$pid"

# One of the hosted bodies has a broken store; the others are served.
mkdir "$work/aside" && cp -a "$work/hosted/tributos/." "$work/aside"
rm -f "$work/hosted/tributos"/store.db*
head -c 40000 /dev/urandom >"$work/hosted/tributos/store.db"
start "$work/serve.log" "$tambo" serve --bodies "$work/hosted" --pages "$pages"
host=$pid
at() { curl -sS -H "Host: $1.localhost" "http://$pages$2" "${@:3}"; } # at BODY PATH [OPTIONS]
served() { # served BODY [LOG]: until its own pages answer under its name
  local turn
  for turn in $(seq 300); do
    [ "$(at "$1" /health -o "$work/up" -w '%{http_code}' 2>/dev/null || true)" != 200 ] || return 0
    kill -0 "$host" || { show "$work/serve.log"; fail "the host ended"; }
    sleep 0.1
  done
  show "$work/serve.log"; fail "$1 is not served (turn $turn)"
}
for body in identidad poderes ollantaytambo; do served "$body"; done
for turn in $(seq 100); do
  ! grep -q 'tributos/settings.toml' "$work/serve.log" || break
  sleep 0.1
done
[ "$(at tributos /health -o "$work/up" -w '%{http_code}')" = 421 ] || fail "a body with a broken store is served"
grep -q 'tributos/settings.toml' "$work/serve.log" || { show "$work/serve.log"; fail "the broken body is not told"; }
ok "three of four hosted bodies are served; the fourth has a broken store, and the log names it"
touch "$work/hosted/tributos/stopped"
rm -f "$work/hosted/tributos"/store.db*
cp -a "$work/aside/." "$work/hosted/tributos"
sleep 3
rm "$work/hosted/tributos/stopped"
served tributos
ok "mended, it is served again while the others go on"

# Nobody of one body is known to another: not by session, not by account, not by receipt.
receipt=$(head -n 1 "$work/filed.txt" | awk '{print $NF}')
number=$(head -n 1 "$work/filed.txt" | awk '{print $1}')
at ollantaytambo "/receipts/$receipt" | grep -q "$number" || fail "the receipt is not in its own body"
for body in identidad tributos poderes; do
  if at "$body" "/receipts/$receipt" | grep -q "$number"; then fail "$body shows a receipt of another body"; fi
done
[ "$(at nadie /health -o "$work/up" -w '%{http_code}')" = 421 ] || fail "a name of nobody is answered"
for one in identidad tributos poderes ollantaytambo; do
  for other in identidad tributos poderes ollantaytambo; do
    [ "$one" = "$other" ] || ! cmp -s "$work/hosted/$one/passphrase" "$work/hosted/$other/passphrase" || fail "$one and $other share a passphrase"
  done
done
cp -a "$work/hosted/poderes" "$work/mixed"
cp "$work/hosted/identidad/passphrase" "$work/mixed/passphrase"
refused 'passphrase' "$tambo" check --config "$work/mixed/settings.toml" --brief
ok "receipts, names and keys of one body are nothing to another"

# The move: stopped on the host alone, backed up, restored elsewhere, served by a process of its own.
size() { "$tambo" check --config "$1/settings.toml" --brief 2>"$work/check.err" | sed -n 's/^good *log *\([0-9]*\) entries.*/\1/p'; }
began=$(now_ms)
touch "$work/hosted/ollantaytambo/stopped"
for turn in $(seq 100); do
  [ "$(at ollantaytambo /health -o "$work/up" -w '%{http_code}')" != 421 ] || break
  sleep 0.1
done
[ "$turn" -lt 100 ] || fail "the body is served on after it was stopped"
before=$(size "$work/hosted/ollantaytambo")
"$tambo" backup --config "$work/hosted/ollantaytambo/settings.toml" --to "$work/move.tambo" >"$work/backup.log" 2>&1 || { show "$work/backup.log"; fail "backup"; }
"$tambo" restore --from "$work/move.tambo" --to "$work/elsewhere" --passphrase-file "$work/hosted/ollantaytambo/passphrase" >"$work/restore.log" 2>&1 ||
  { show "$work/restore.log"; fail "restore"; }
install -m 600 "$work/hosted/ollantaytambo/passphrase" "$work/elsewhere/passphrase"
rm -rf "$work/hosted/ollantaytambo"
sed -i "s|^origin = .*|origin = \"http://localhost:$port\"|" "$work/elsewhere/settings.toml"
start "$work/elsewhere.log" "$tambo" serve --config "$work/elsewhere/settings.toml"
moved=$pid
until_up "http://127.0.0.1:$port/health" "$work/elsewhere.log" "$moved"
ok "moved in $(($(now_ms) - began)) ms, from the stop to the first answer elsewhere"
for body in identidad tributos poderes; do served "$body"; done
while read -r one rest code; do
  curl -fsS "http://127.0.0.1:$port/receipts/$code" 2>/dev/null | grep -q "$one" || fail "the receipt $one is not in the moved body ($rest)"
done <"$work/filed.txt"
# It asks the registries that stayed, under its own keys, and they answer it.
"$python" "$lib/filings.py" "http://127.0.0.1:$port" 1 >"$work/after.txt" || { show "$work/elsewhere.log"; fail "filing after the move"; }
sleep 3
stop "$moved"
"$tambo" check --config "$work/elsewhere/settings.toml" --brief --deep >"$work/check.log" 2>&1 || { show "$work/check.log"; fail "check of the moved body"; }
grep -q '^good *witness' "$work/check.log" || { show "$work/check.log"; fail "the witness is not content with the moved log"; }
after=$(sed -n 's/^good *log *\([0-9]*\) entries.*/\1/p' "$work/check.log")
[ "$after" -gt "$before" ] || fail "the log had $before entries and has $after"
ok "its log goes on from $before to $after entries, and the witness has seen one history"
stop "$host"
if grep -q panicked "$work/serve.log" "$work/elsewhere.log"; then fail "something panicked"; fi
