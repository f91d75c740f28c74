#!/bin/bash
# `sonde tools` and the filters that all reading commands share.
# shellcheck source=tests/replay/common.bash
. "$(dirname "$0")/common.bash"
export TZ=UTC SONDE_DB=$T/db

tools='"tools":[{"name":"Bash","input_schema":{"type":"object"}},{"name":"Grep","input_schema":{"type":"object"}}]'
answer() { # ID TOOL ARGUMENTS
	echo "answer c 200
| Content-Type: application/json
|
| {\"id\":\"$1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-sonnet-4-5\",\"content\":[{\"type\":\"tool_use\",\"id\":\"t$1\",\"name\":\"$2\",\"input\":$3}],\"stop_reason\":\"tool_use\",\"usage\":{\"input_tokens\":9,\"output_tokens\":3}}
wait 200ms"
}
ask() { # MESSAGES
	echo "request c POST /v1/messages
| Host: api.anthropic.com
| Content-Type: application/json
|
| {\"model\":\"claude-sonnet-4-5\",\"max_tokens\":9,$tools,\"messages\":[$1]}
wait 50ms"
}
first='{"role":"user","content":"look"}'
turn() { # ID ARGUMENTS IS_ERROR
	echo ",{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"t$1\",\"name\":\"Bash\",\"input\":$2}]},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t$1\",\"content\":\"x\",\"is_error\":$3}]}"
}
ls='{"command":"ls"}'
{
	echo 'host h
config {"content":"full"}
scope a {"scope":1,"kind":"run","argv":["claude"],"cwd":"/w","uid":1000,"user":"u","owner":"user","trigger":"cron"}
exec a /usr/bin/claude -- claude
open c a tcp 127.0.0.1:8080'
	ask "$first"
	answer 1 Bash "$ls"
	ask "$first$(turn 1 "$ls" true)"
	answer 2 Bash "$ls"
	ask "$first$(turn 1 "$ls" true)$(turn 2 "$ls" false)"
	echo 'answer c 200
| Content-Type: application/json
|
| {"id":"3","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[{"type":"text","text":"done"}],"stop_reason":"end_turn","usage":{"input_tokens":9,"output_tokens":3}}
close c
exit a 0'
} | make_record - "$T/rec"
ok "a recording is replayed" replay "$T/db" "$T/rec"

t() { "$SONDE" tools --json "$@"; }
counted() {
	[ "$(t | jq -c 'select(.tool == "Bash") | [.calls, .failed, .failure_rate, .runs, .identical_repeats, .offered_in_calls]')" = '[2,1,0.5,1,1,3]' ]
}
ok "calls, failures and repeats of a tool are counted" counted
timed() { t --tool Bash | holds '.p50_seconds > 0.2 and .p50_seconds <= .p95_seconds and .p95_seconds <= .p99_seconds'; }
ok "its times are those between asking and bringing" timed
unused() { [ "$(t | jq -c 'select(.calls == 0) | [.tool, .offered_in_calls]')" = '["Grep",3]' ]; }
ok "a tool that is offered and never called is named" unused
words() { "$SONDE" tools >"$T/text" && grep -q 'never called' "$T/text" && grep -qE '^Bash .* 2 .*50.0 %' "$T/text"; }
ok "people read the same" words
nothing() { [ -z "$("$SONDE" tools --json --since today)" ]; }
ok "a time in which nothing was has none" nothing

# --- filters ---

every=(runs spans tools cost sessions export)
lines_of() { # COMMAND OPTION...
	case $1 in export) "$SONDE" export "${@:2}" ;; *) "$SONDE" "$1" --json "${@:2}" ;; esac | grep -c .
}
keeps() { [ "$(lines_of "$1" "${@:2}")" = "$(lines_of "$1")" ]; }
drops() { [ "$(lines_of "$1" "${@:2}")" = 0 ]; }
for c in "${every[@]}"; do
	[ "$c" != sessions ] || continue # this one has none
	ok "$c takes every filter that is true" keeps "$c" --agent claude-code --status completed --trigger cron --user u \
		--project /w --since 2026-11-01 --until 2026-12-31T00:00:00+02:00 --text look
	for no in "--agent codex" "--status failed" "--trigger ssh" "--user v" "--project /v" "--workflow no" \
		"--since 2h" "--until 2026-01-01" "--text absent" "--model gpt-5" "--provider openai"; do
		# shellcheck disable=SC2086 # words
		ok "$c leaves out what is not $no" drops "$c" $no
	done
done
ok "a time that is none is said" says 2 "'--since' takes a time such as" "$SONDE" runs --since tomorrowish
ok "a status that is none is said" says 2 "'--status' takes one of: running" "$SONDE" cost --status lost
ok "a span of time that is none is said" says 2 'since is not before --until' "$SONDE" tools --since 2026-11-02 --until 2026-11-01
ok "a session that is none is said" says 1 "no session 'abcd1234' in the store" "$SONDE" runs --session abcd1234

finish
