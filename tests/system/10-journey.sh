#!/usr/bin/env bash
# A citizen opens a business without bringing a paper; nobody decides in time and silence grants: on SQLite.
. "$(dirname "$0")/lib/common.bash"
. "$lib/journey.bash"

walk_journey "$work/country"
repeat_journey "$work/country" 3
# By night, a day ahead: the reception is closed, and at the next start the country's clock falls back.
repeat_journey "$work/country" 5 --at "$(date -u -d tomorrow +%F)T23:30:00-05:00"
repeat_journey "$work/country" 7
