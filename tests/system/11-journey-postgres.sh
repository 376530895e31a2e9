#!/usr/bin/env bash
# The journey of 10-journey.sh with every body's data in PostgreSQL.
. "$(dirname "$0")/lib/common.bash"
. "$lib/journey.bash"

[ -n "${TAMBO_TEST_POSTGRES:-}" ] || { not_run "the journey on PostgreSQL: TAMBO_TEST_POSTGRES names no server"; exit 0; }
walk_journey "$work/country" --postgres "$TAMBO_TEST_POSTGRES"
found=$(find "$work/country" -name '*.db' | wc -l)
[ "$found" -eq 0 ] || fail "$found SQLite files beside a PostgreSQL country"
repeat_journey "$work/country" 3 --postgres "$TAMBO_TEST_POSTGRES"
