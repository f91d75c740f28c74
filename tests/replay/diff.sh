#!/bin/bash
# `sonde diff`: two runs side by side, exit status as diff(1).
# shellcheck source=tests/replay/common.bash
. "$(dirname "$0")/common.bash"
export TZ=UTC SONDE_DB=$T/db

# agent.rec at another time, with what a sed script changes
variant() { # NAME SCRIPT
	sed -e "s/^host testhost/&\nwait ${3:-30}ms/" -e "$2" "$HERE/agent.rec" | make_record - "$T/$1"
	"$SONDE" replay -q --db "$T/db" "$T/$1"
}
run_of() { "$SONDE" runs --json | jq -r --argjson n "$1" -s 'sort_by(.start_time_unix_nano)[$n].run_id'; }
variant one '' 10
variant twin '' 20
variant other 's/ls -l\b/ls -la/; s/The folder is empty\./There is nothing.\\nReally./' 30
variant failed 's/^exit ls 0/exit ls 2/' 40
a=$(run_of 0) twin=$(run_of 1) other=$(run_of 2) failed=$(run_of 3)
d() { "$SONDE" diff "$@"; }
status() { # WANTED OPTION...
	local rc=0
	d "${@:2}" >"$T/out" || rc=$?
	[ "$rc" = "$1" ] || { cat "$T/out"; return 1; }
}
ok "a run is as itself" status 0 "$a" "$a"
ok "the same at another time is the same" status 0 "$a" "$twin"
ok "what differs has status 1" status 1 "$a" "$other"
ok "trouble has status 2" says 2 "no run 'abcd1234'" "$SONDE" diff "$a" abcd1234
steps() {
	d "$a" "$other" >"$T/out"
	grep -q '^- process ls -l' "$T/out" && grep -q '^+ process ls -la' "$T/out" && grep -q '^first difference: step ' "$T/out"
}
ok "steps of one alone are marked" steps
outcome() { d "$a" "$failed" >"$T/out"; grep -q '^~ process ls -l  exit 0 -> exit 2' "$T/out"; }
ok "the same step with another outcome is marked" outcome
answer() { d "$a" "$other" | tail -5 | diff - <(printf '%s\n' '+++ B' '@@ -1,1 +1,2 @@' '-The folder is empty.' '+There is nothing.' '+Really.'); }
ok "the last answers differ as diff -u says" answer
summary() {
	d --json "$a" "$failed" | jq -se '.[0] | .same == false and .changed == 1 and .only_in_a == 0
		and .output_diff == "" and .llm_calls == [3, 3]'
}
ok "its JSON tells what differs" summary
rows() { [ "$(d --json "$a" "$failed" | jq -r 'select(.op == "changed") | .kind + " " + .label')" = 'process ls' ]; }
ok "its JSON has a line per step" rows
folded() { [ "$(d "$a" "$failed" | grep -c 'equal steps')" = 2 ] && [ "$(d --all "$a" "$failed" | grep -c '^  [a-z]* ')" -ge 6 ]; }
ok "equal steps are folded without --all" folded

finish
