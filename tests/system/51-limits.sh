#!/usr/bin/env bash
# Bad input and too much of it: sizes, rates, slow senders, tricks with paths and forms, forms sent twice.
. "$(dirname "$0")/lib/common.bash"

port=$(free_ports 10)
start "$work/demo.log" "$tambo" demo --data "$work/country" --port "$port"
until_up "http://127.0.0.1:$port/health" "$work/demo.log" "$pid"
"$python" "$lib/limits.py" "http://127.0.0.1:$port" || { show "$work/demo.log"; fail "limits"; }
if grep -Eq 'panicked|panic:' "$work/demo.log"; then show "$work/demo.log"; fail "something panicked"; fi
stop "$pid"
ok "nothing panicked, and the country stops in order"
