#!/bin/bash
# An interactive agent: each request is a run of one session, what is asked on the side is none.
# shellcheck source=tests/replay/common.bash disable=SC2016 # what eval gets
. "$(dirname "$0")/common.bash"

body='{"model":"claude-sonnet-4-5","max_tokens":32000,"system":[{"type":"text","text":"You are an agent."}],"tools":[{"name":"Bash","input_schema":{"type":"object"}}]'

# call MESSAGES ANSWER	a model call of the main conversation
call() {
	cat <<-X
		request t1 POST /v1/messages
		| Host: api.anthropic.com
		| User-Agent: claude-cli/2.1.329 (external, cli)
		| Content-Type: application/json
		| x-claude-code-session-id: 11111111-2222-3333-4444-555555555555
		|
		| $body,"messages":[$1]}
		wait 100ms
		answer t1 200
		| Content-Type: application/json
		|
		| {"id":"msg_$RANDOM","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[$2],"stop_reason":"end_turn","usage":{"input_tokens":100,"output_tokens":10}}
		wait 500ms
	X
}

user() { # TEXT
	printf '{"role":"user","content":"%s"}' "$1"
}

assistant() { # TEXT
	printf '{"role":"assistant","content":[{"type":"text","text":"%s"}]}' "$1"
}

text() { # TEXT
	printf '{"type":"text","text":"%s"}' "$1"
}

session() {
	local history
	cat <<-X
		host testhost
		scope agent {"scope":1,"kind":"run","argv":["claude"],"cwd":"/proj","uid":1000,"gid":1000,"user":"u","tty":true,"owner":"user","trigger":"terminal"}
		exec agent /root/.local/share/claude/versions/2.1.329 -- claude
		open s1 agent tcp 10.0.0.1:443 tls
		open t1 agent openssl
		link t1 s1
	X
	history=$(user "first question")
	body=${body/32000/1} call "$(user quota)" "$(text x)"
	call "$history" "$(text "first answer")"
	history=$history,$(assistant "first answer"),$(user "second question")
	call "$history" '{"type":"tool_use","id":"toolu_1","name":"Bash","input":{"command":"ls -l"}}'
	cat <<-X
		fork agent shell
		exec shell /bin/bash -- /bin/bash -c "ls -l"
		exit shell 0
	X
	history=$history,'{"role":"assistant","content":[{"type":"tool_use","id":"toolu_1","name":"Bash","input":{"command":"ls -l"}}]}'
	history=$history,'{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"a b"}]}'
	call "$history" "$(text "second answer")"
	history=$history,$(assistant "second answer"),$(user "third question")
	call "$history" "$(text "third answer")"
	echo "exit agent 0"
}

session >"$T/session"
ok "a session is replayed" eval 'make_record - "$T/rec" <"$T/session" && replay "$T/db" "$T/rec"'

query() {
	sqlite3 "$T/db" "$1"
}

is() { # WANT SQL
	local got
	got=$(query "$2")
	[ "$got" = "$1" ] || { echo "got: $got" && echo "want: $1" && return 1; }
}

ok "three requests are three runs" is "first question|completed|2|0
second question|completed|2|1
third question|completed|1|0" "SELECT task, CASE status WHEN 2 THEN 'completed' ELSE status END, llm_calls, tool_calls FROM runs ORDER BY start_ns"
ok "of one session" is "1|0" "SELECT count(DISTINCT session), sum(session IS NULL) FROM runs"
ok "the program that the tool ran is a step of its run" is "second question" \
	"SELECT r.task FROM spans s JOIN runs r ON r.id = s.run WHERE s.name = 'bash'"
ok "a probe is marked, and belongs to the first" is "first question" \
	"SELECT r.task FROM spans s JOIN runs r ON r.id = s.run WHERE json_extract(s.attrs, '\$.\"sonde.call.class\"') = 'probe'"
ok "each run's root says why it began" is "|user-message|user-message" \
	"SELECT group_concat(coalesce(evidence, ''), '|') FROM (SELECT evidence FROM spans WHERE parent IS NULL ORDER BY start_ns)"
ok "all are told at the end" eval '[ "$("$SONDE" replay --db "$T/db2" "$T/rec" 2>&1 | grep -c "^run ")" = 3 ]'

twice() {
	all "$T/db" >"$T/all"
	replay "$T/db3" "$T/rec" && all "$T/db3" >"$T/all3" && same "$T/all" "$T/all3"
}
ok "a second replay gives the same store, ids included" twice
finish
