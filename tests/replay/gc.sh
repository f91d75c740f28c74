#!/bin/bash
# `sonde store gc`: what goes, what it says, and that others are not disturbed.
# shellcheck source=tests/replay/common.bash
. "$(dirname "$0")/common.bash"
export TZ=UTC

make_record agent.rec "$T/agent"
fresh() { replay "$T/db" "$T/agent"; }
gc() { "$SONDE" store gc --db "$T/db" "$@"; }
q() { "$SONDE" query --db "$T/db" --json "$1" | jq -r '.n'; }
fresh
cost=$(q 'SELECT sum(cost_usd) AS n FROM v_minutes')

counts() {
	gc --dry-run --older-than 2026-12-01 --content-older-than 2026-12-01 >"$T/out" && grep -q '^would remove 1 runs with 8 steps, and what was said in 4 steps' "$T/out" &&
		[ "$(q 'SELECT count(*) AS n FROM v_runs')" = 1 ]
}
ok "--dry-run says what would go and removes nothing" counts
young() { gc --older-than 2026-11-01 --json | holds '.runs == 0 and .spans == 0' && [ "$(q 'SELECT count(*) AS n FROM v_runs')" = 1 ]; }
ok "what is younger stays" young
said() {
	gc --content-older-than 2026-12-01 >/dev/null && [ "$(q 'SELECT count(*) AS n FROM v_messages')" = 0 ] &&
		[ "$(q 'SELECT count(*) AS n FROM v_spans')" = 8 ] && "$SONDE" store check --db "$T/db" &&
		"$SONDE" show --db "$T/db" -c | grep -q 'no conversation was kept'
}
ok "what was said goes, the steps stay" said
fresh
old() {
	gc --older-than 2026-12-01 --json >"$T/out" && holds '.runs == 1 and .spans == 8 and .nodes == 4 and .file_bytes < .file_bytes_before' "$T/out" &&
		[ "$(q 'SELECT count(*) AS n FROM v_runs')" = 0 ] && "$SONDE" store check --db "$T/db"
}
ok "old runs go with what they had, and the file shrinks" old
sums() { [ "$(q 'SELECT sum(cost_usd) AS n FROM v_minutes')" = "$cost" ]; }
ok "sums per minute stay" sums
no_text() { ! cat "$T"/db* | grep -aq 'list the files'; }
ok "what was removed is not in the file" no_text
again() { "$SONDE" replay -q --db "$T/db" "$T/agent" && [ "$(q 'SELECT count(*) AS n FROM v_messages')" = 4 ] && "$SONDE" store check --db "$T/db"; }
ok "the store goes on to be written" again
make_record agent.rec "$T/cut" --cut 9000
running() {
	rm -f "$T/db"* && "$SONDE" replay -q --db "$T/db" "$T/cut"
	sqlite3 "$T/db" 'DROP TRIGGER run_sums_before; DROP TRIGGER run_sums_after; UPDATE runs SET status = 1, end_ns = NULL'
	gc --older-than 2026-12-01 --max-size 1 >"$T/out" && grep -q 'in progress: 1 runs' "$T/out" && grep -q 'more than --max-size stays' "$T/out" &&
		[ "$(q 'SELECT count(*) AS n FROM v_runs')" = 1 ]
}
ok "a run in progress stays" running
ok "an option of gc is none of info" says 2 'info has no such option' "$SONDE" store info --older-than 7d --db "$T/db"
ok "no store is said" says 1 'there is no store at' "$SONDE" store gc --db "$T/none"

finish
