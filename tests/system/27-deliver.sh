#!/usr/bin/env bash
# Deliveries between two bodies in two processes, both killed again and again: each effect once, in order. Then events,
# the archive, and a disk that fills up.
. "$(dirname "$0")/lib/common.bash"

port=$(free_ports 12)
country=$work/country
start "$work/demo.log" "$tambo" demo --data "$country" --port "$port"
until_up "http://127.0.0.1:$port/health" "$work/demo.log" "$pid"
stop "$pid"
"$python" "$lib/deliver.py" "$country" "$port" || { tail -n 15 "$country"/*.log; fail "deliveries"; }
for body in autoridad tributos ollantaytambo; do
  if grep -q panicked "$country/$body.log"; then show "$country/$body.log"; fail "$body panicked"; fi
done
"$tambo" archive --config "$country/tributos/settings.toml" --folder "$work/archive" --older-than 0 >"$work/archive.log" 2>&1 || { show "$work/archive.log"; fail "archive"; }
ok "$(tail -n 1 "$work/archive.log")"
