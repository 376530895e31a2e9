#!/usr/bin/env bash
# A registry is down and the case goes on: five bodies in five processes, as in life, of which some are killed.
. "$(dirname "$0")/lib/common.bash"

port=$(free_ports 10)
country=$work/country
start "$work/demo.log" "$tambo" demo --data "$country" --port "$port"
until_up "http://127.0.0.1:$port/health" "$work/demo.log" "$pid"
stop "$pid"
"$python" "$lib/apart.py" "$country" "$port" || { tail -n 15 "$country"/*.log; fail "bodies apart"; }
for body in autoridad identidad tributos poderes ollantaytambo; do
  if grep -q panicked "$country/$body.log"; then show "$country/$body.log"; fail "$body panicked"; fi
  "$tambo" check --config "$country/$body/settings.toml" --brief --deep >"$work/check.log" 2>&1 || { show "$work/check.log"; fail "check of $body"; }
  if grep -q 'given up' "$work/check.log"; then "$tambo" jobs --config "$country/$body/settings.toml"; fail "jobs of $body were given up"; fi
done
ok "nothing was lost, no job was given up, and five checks are clean"
