#!/usr/bin/env bash
# Deliveries between two bodies in two processes, both killed again and again: each effect once, in order.
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
ok "nothing panicked"
