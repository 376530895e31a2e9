#!/usr/bin/env bash
# A whole node in one sealed file, made while it serves; restored on the same engine and on the other; refused if changed.
. "$(dirname "$0")/lib/common.bash"

port=$(free_ports 10)
start "$work/demo.log" "$tambo" demo --data "$work/country" --port "$port"
demo=$pid
until_up "http://127.0.0.1:$port/health" "$work/demo.log" "$demo"
body=$work/country/ollantaytambo

"$python" "$lib/filings.py" "http://127.0.0.1:$port" 6 >"$work/filed.txt" || fail "filing before the backup"
# More filings run while the backup is made: it must be one moment of the store, whole and coherent.
start "$work/meanwhile.txt" "$python" "$lib/filings.py" "http://127.0.0.1:$port" 6
meanwhile=$pid
began=$(now_ms)
"$tambo" backup --config "$body/settings.toml" --to "$work/office.tambo" >"$work/backup.log" 2>&1 || { show "$work/backup.log"; fail "backup of a serving body"; }
ok "backup of a serving body in $(($(now_ms) - began)) ms: $(head -n 1 "$work/backup.log" | sed 's/.*: //')"
wait "$meanwhile" || { show "$work/meanwhile.txt"; fail "filing while the backup was made"; }
forget "$meanwhile"
if grep -aq "$(cut -d' ' -f3 "$work/filed.txt" | head -n 1)" "$work/office.tambo"; then fail "a receipt's code can be read in the sealed file"; fi

# restored FOLDER [OPTIONS...]: restores, checks. The body went on after its backup, so its log goes on under a new name.
restored() {
  local folder=$1
  shift
  began=$(now_ms)
  "$tambo" restore --from "$work/office.tambo" --to "$folder" --passphrase-file "$body/passphrase" --log-goes-on "$@" >"$work/restore.log" 2>&1 ||
    { show "$work/restore.log"; fail "restore into $folder"; }
  ok "restore in $(($(now_ms) - began)) ms: $(grep -Eo '[0-9]+ files, [0-9]+ rows' "$work/restore.log")"
  install -m 600 "$body/passphrase" "$folder/passphrase"
  "$tambo" check --config "$folder/settings.toml" --brief --deep >"$work/check.log" 2>&1 || { show "$work/check.log"; fail "check of what was restored into $folder"; }
  grep -E '^good +(database|log|documents)' "$work/check.log"
}

# What was filed after the backup gets its place in the log and its cosignature: turns of 0.3 s and 0.5 s.
sleep 4
# Put back as it was while the witness knows more: somebody would be shown an older log, and the check says so.
"$tambo" restore --from "$work/office.tambo" --to "$work/old" --passphrase-file "$body/passphrase" >"$work/restore.log" 2>&1 || { show "$work/restore.log"; fail "restore"; }
install -m 600 "$body/passphrase" "$work/old/passphrase"
refused 'PROBLEM +witness' "$tambo" check --config "$work/old/settings.toml" --brief
ok "an old copy beside a witness that has seen more: $(grep -Eo 'the witness has seen.*' "$work/refused.log" | head -n 1)"
restored "$work/restored"
stop "$demo"
# The restored body takes the place of the lost one, and its citizens find their receipts.
serve_restored() { # serve_restored FOLDER
  start "$work/serve.log" env TAMBO_PAGES_LISTEN="127.0.0.1:$port" TAMBO_EXCHANGE_LISTEN="127.0.0.1:$((port + 9))" \
    "$tambo" serve --config "$1/settings.toml"
  until_up "http://127.0.0.1:$port/health" "$work/serve.log" "$pid"
  local number code rest
  while read -r number rest code; do
    curl -fsS "http://127.0.0.1:$port/receipts/$code" 2>/dev/null | grep -q "$number" || fail "the receipt $number is not in the restored body ($rest)"
  done <"$work/filed.txt"
  ok "$(wc -l <"$work/filed.txt") receipts that were acknowledged before the backup are in the restored body"
  stop "$pid"
}
serve_restored "$work/restored"

if [ -n "${TAMBO_TEST_POSTGRES:-}" ]; then
  if has psql; then
    psql -q "$TAMBO_TEST_POSTGRES" -c 'DROP SCHEMA IF EXISTS system_restore CASCADE' -c 'CREATE SCHEMA system_restore' 2>"$work/psql.log" || { show "$work/psql.log"; fail "a schema for the restore"; }
    case $TAMBO_TEST_POSTGRES in *\?*) mark='&' ;; *) mark='?' ;; esac
    restored "$work/moved" --store "$TAMBO_TEST_POSTGRES${mark}options=-c%20search_path%3Dsystem_restore"
    serve_restored "$work/moved"
    psql -q "$TAMBO_TEST_POSTGRES" -c 'DROP SCHEMA system_restore CASCADE' 2>"$work/psql.log"
  else not_run "restore into PostgreSQL: no psql"; fi
else not_run "restore into PostgreSQL: TAMBO_TEST_POSTGRES names no server"; fi

# What must be refused, and must leave nothing behind.
refuse_restore() { # refuse_restore TEXT FILE PASSPHRASE-FILE
  refused "$1" "$tambo" restore --from "$2" --to "$work/refused" --passphrase-file "$3"
  [ ! -e "$work/refused" ] || fail "a refused backup left something: $(find "$work/refused" | head -n 5)"
}
for place in 0 20 40 0.3 0.6 0.999; do
  "$python" "$oracles/flip.py" "$work/office.tambo" "$work/changed.tambo" "$place"
  refuse_restore 'byte|backup|archive|passphrase' "$work/changed.tambo" "$body/passphrase"
done
head -c -1 "$work/office.tambo" >"$work/changed.tambo"
refuse_restore 'byte|cut|end' "$work/changed.tambo" "$body/passphrase"
ok "6 changed bytes and a missing last one: refused, nothing written"
echo "not the passphrase" >"$work/wrong"
refuse_restore 'passphrase' "$work/office.tambo" "$work/wrong"
refused 'passphrase|not proven' "$tambo" verify --passphrase-file "$work/wrong" "$work/office.tambo"
refused 'not empty' "$tambo" restore --from "$work/office.tambo" --to "$work/restored" --passphrase-file "$body/passphrase"
ok "a wrong passphrase and a folder that is not empty: refused"
