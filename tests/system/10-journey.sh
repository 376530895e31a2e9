#!/usr/bin/env bash
# A citizen opens a business without bringing a paper; nobody decides in time and silence grants: on SQLite.
. "$(dirname "$0")/lib/common.bash"
. "$lib/journey.bash"

# By night, a day ahead: the reception is closed, and at the second start the country's clock falls back.
walk_journey "$work/country" --at "$(date -u -d tomorrow +%F)T23:30:00-05:00"
repeat_journey "$work/country"
