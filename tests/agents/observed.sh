#!/bin/bash
# What real agents' tools do to files and on the network stands below the tool; nothing that they do of their own accord is
# held against them; a hook, which no model has asked for, is flagged.
# shellcheck disable=SC2016 # for jq
. "$(dirname "$0")/lib.sh"
mock_start

steps() { # FILTER	over the last state of each step
	jq -es "map(select(.span_id)) | group_by(.span_id) | map(last) | $1" "$T/spans"
}

run() { # AGENT
	mock_scenario '{"tool":"^(Bash|exec_command)$","tool_turns":2,"parallel":2,
		"command":"echo hello-from-tool {call} && echo x >made{call} && curl -s http://127.0.0.1:1/{call}"}'
	case $1 in
	claude) trace claude "$HTTPS" claude -p "$task" --allowedTools Bash ;;
	codex) trace codex "$HTTPS" codex exec --skip-git-repo-check "$task" ;;
	esac
}

# Each call has made one file and one attempt to connect, and has a program.
each_has_its_own() {
	steps '(map({(.span_id): .}) | add) as $by
		| map(select(.attributes."sonde.step.kind" == "tool" and (.name | test("Bash|exec_command")))) as $tools
		| ($tools | length) == 4
		and all($tools[]; .attributes | ."sonde.files.written" == 1 and ."sonde.connections" == 1
			and ."sonde.process.evidence" == "argv" and ."sonde.tool.timing" == "process")
		and (map(select(.attributes."file.path" // "" | test("/made[0-9]"))) | length == 4
			and all(.[]; $by[.parent_span_id].attributes."process.command_line" as $line
				| .name | sub(".*/made"; "made") as $made | $line | contains($made)))' || {
		"$SONDE" show --db "$T/db"
		return 1
	}
}
none_flagged() {
	steps 'map(select(.attributes."sonde.unexplained")) | length == 0' || { "$SONDE" show --db "$T/db" | grep '!'; return 1; }
}

for agent in claude codex; do
	ok "$agent: two rounds of two commands" run $agent
	ok "$agent: each call has its file, its connection and its program" each_has_its_own
	ok "$agent: nothing is flagged" none_flagged
done

hooked() {
	mock_scenario '{"tool":"^Bash$"}'
	trace claude "$HTTPS" claude -p "$task" --allowedTools Bash --settings \
		'{"hooks":{"PostToolUse":[{"matcher":"Bash","hooks":[{"type":"command","command":"echo from-the-hook >hooked"}]}]}}'
}
ok "claude with a hook" hooked
flagged() {
	[ -e "$T/home/project/hooked" ] || { echo "the hook did not run"; return 1; }
	steps 'map(select(.attributes."sonde.unexplained") | .attributes."process.command_line") | length == 1 and (.[0] | test("from-the-hook"))' ||
		{ "$SONDE" show --db "$T/db" | grep -E '!|hook'; return 1; }
}
ok "its command is flagged, and nothing else" flagged

notified() {
	mock_scenario '{"tool":"^exec_command$"}'
	trace codex "$HTTPS" codex exec --skip-git-repo-check -c 'notify=["bash","-c","echo from-the-hook >hooked"]' "$task"
}
ok "codex with a program that is to be notified" notified
ok "its command is flagged, and nothing else" flagged
finish
