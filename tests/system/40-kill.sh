#!/usr/bin/env bash
# A node is killed and comes back: nothing acknowledged is lost, nothing is there twice, and every body's check is clean.
#   TAMBO_KILLS=6   how often   TAMBO_SEED=1   which moments
. "$(dirname "$0")/lib/common.bash"

kills=${TAMBO_KILLS:-6}
seed=${TAMBO_SEED:-1}

killed() { # killed FOLDER KILLS [OPTIONS...]
  local folder=$1 count=$2 body
  shift 2
  "$python" "$lib/kill.py" "$folder" "$(free_ports 10)" "$count" "$seed" "$@" || { tail -n 30 "$folder.log"; fail "after kills (seed $seed)"; }
  for body in autoridad identidad tributos poderes ollantaytambo; do
    "$tambo" check --config "$folder/$body/settings.toml" --brief --deep >"$work/check.log" 2>&1 || { show "$work/check.log"; fail "check of $body"; }
    if grep -q 'given up' "$work/check.log"; then
      "$tambo" jobs --config "$folder/$body/settings.toml"
      fail "jobs of $body were given up"
    fi
    grep -E '^good +log' "$work/check.log"
  done
}

killed "$work/country" "$kills"
ok "SQLite: $kills kills"
if [ -n "${TAMBO_TEST_POSTGRES:-}" ]; then
  killed "$work/other" $((kills / 2 + 1)) --postgres "$TAMBO_TEST_POSTGRES"
  ok "PostgreSQL: $((kills / 2 + 1)) kills"
else
  not_run "kills on PostgreSQL: TAMBO_TEST_POSTGRES names no server"
fi
