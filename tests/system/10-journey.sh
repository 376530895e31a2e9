#!/usr/bin/env bash
# A citizen opens a business without bringing a paper; nobody decides in time and silence grants: on SQLite.
. "$(dirname "$0")/lib/common.bash"
. "$lib/journey.bash"

walk_journey "$work/country"
repeat_journey "$work/country"
