#!/bin/bash
# `sonde show`: the views of a run, and all runs of a session.
# shellcheck source=tests/replay/common.bash
. "$(dirname "$0")/common.bash"
export TZ=UTC LC_ALL=C SONDE_DB=$T/db

make_record agent.rec "$T/agent"
sed 's/^host testhost/&\nwait 30ms/' "$HERE/agent.rec" | make_record - "$T/again"
ok "a recording is replayed" replay "$T/db" "$T/agent"
run=$("$SONDE" runs --json | jq -r .run_id)
s() { "$SONDE" show "$run" "$@"; }

# --- timeline ---

adds_up() {
	s --timeline --json | jq -se '.[0]
		| .model_ns + .tool_ns + .waiting_ns + .idle_ns == .total_ns and .model_ns > 0 and .tool_ns > 0
		and ((.model_share + .tool_share + .waiting_share + .idle_share) * 1000 | round) == 1000'
}
ok "the time budget adds up to the run's time" adds_up
model_time() { # jq's numbers are not exact to the nanosecond
	local calls
	calls=$(s --json | jq -s 'map(select(.attributes."sonde.step.kind" == "llm")
		| .end_time_unix_nano - .start_time_unix_nano) | add / 1e6 | round')
	[ "$(s --timeline --json | jq -s '.[0].model_ns / 1e6 | round')" = "$calls" ]
}
ok "the model's time is that of the calls, where none overlap" model_time
bars() {
	s --timeline >"$T/text" && grep -qE '^llm .*#+ +642 ms$' "$T/text" && grep -qE '^tool +Bash ls -l +#+' "$T/text" &&
		grep -q '3 processes: --all' "$T/text" && s --timeline --all | grep -q '^process rg'
}
ok "each step has a bar" bars
budget() { [ "$(s --timeline | grep -cE '^model [0-9.]+ % .*tool [0-9.]+ % .*waiting [0-9.]+ % .*idle [0-9.]+ %')" = 1 ]; }
ok "the shares are told in words" budget

# --- system ---

commands() {
	s --system >"$T/text" && grep -qE "^\+[0-9]+ ms +1001 +0 +39 ms +/bin/bash -c 'ls -l'" "$T/text" &&
		grep -qE '^api.anthropic.com:443 +3 +1 .*overloaded_error' "$T/text"
}
ok "commands have their exit status, peers what became of them" commands
system_json() { [ "$(s --system --json | jq -r '.attributes."sonde.step.kind"' | sort | uniq -c | tr -s ' ')" = ' 3 process' ]; }
ok "its JSON is the spans of commands, files and network" system_json

# --- raw ---

raw() {
	s --raw >"$T/text" && grep -q '^> POST /v1/messages?beta=true  api.anthropic.com' "$T/text" &&
		grep -q '^> X-Api-Key: \[redacted:header\]' "$T/text" && grep -q '^< 529  complete' "$T/text"
}
ok "exchanges are shown with their headers, without keys" raw
once() { [ "$(s --raw | grep -c '"list the files"')" = 1 ] && s --raw | grep -q '^< {"role":"assistant".*The folder is empty'; }
ok "a message is shown with the exchange that first brought it" once
raw_json() { [ "$(s --raw --json | jq -c '[.http.status, (."gen_ai.input.messages" | length)]')" = $'[200,1]\n[529,3]\n[200,3]' ]; }
ok "its JSON has each exchange whole" raw_json
ok "one view at a time" says 2 'one view at a time' "$SONDE" show --raw --timeline

# --- sessions ---

"$SONDE" replay -q --db "$T/db" "$T/again"
session=$("$SONDE" runs --json | jq -r .session_id | sort -u)
two() {
	[ "$("$SONDE" sessions --json | jq -c '[.session_id, .runs, .tasks, .llm_calls]')" = "[\"$session\",2,1,6]" ]
}
ok "two runs of one conversation are a session" two
all_of_it() {
	"$SONDE" show "${session:0:8}" >"$T/text" && [ "$(grep -c '^run ' "$T/text")" = 2 ] &&
		[ "$("$SONDE" runs --session "${session:0:8}" --json | wc -l)" = 2 ]
}
ok "a session is shown with all its runs" all_of_it
first_first() {
	[ "$("$SONDE" show "$session" --json | jq -r 'select(.type == "run").start_time_unix_nano' | sort -c && echo sorted)" = sorted ]
}
ok "the first run comes first" first_first
ok "what is neither run nor session is said" says 1 "no run 'abcd1234' in the store" "$SONDE" show abcd1234

finish
