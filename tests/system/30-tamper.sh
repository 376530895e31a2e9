#!/usr/bin/env bash
# A changed byte is found, and it is said where: in every kind of evidence, in a backup, in the log's rows, in documents.
#   TAMBO_PLACES=40   bytes changed in each file   TAMBO_SEED=1   which ones
. "$(dirname "$0")/lib/common.bash"

places=${TAMBO_PLACES:-40}
seed=${TAMBO_SEED:-1}
body=$work/country/ollantaytambo
tamper() { "$python" "$lib/tamper.py" "$@" || fail "tampering was not found (seed $seed): $1"; }

"$tambo" demo --journey --data "$work/country" --port "$(free_ports 10)" >"$work/journey.log" 2>&1 || { show "$work/journey.log"; fail "the journey"; }
began=$(now_ms)
tamper files "$work/country/evidence" "$places" "$seed"
"$tambo" backup --config "$body/settings.toml" --to "$work/office.tambo" >"$work/backup.log"
"$tambo" verify --passphrase-file "$body/passphrase" "$work/office.tambo" >"$work/verify.log" || { show "$work/verify.log"; fail "an untouched backup"; }
tamper backup "$work/office.tambo" "$body/passphrase" "$places" "$seed"
tamper log "$body" "$seed"
tamper documents "$body" "$seed"
ok "every change was found and its place told, in $(($(now_ms) - began)) ms"
