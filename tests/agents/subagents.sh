#!/bin/bash
# Agents with sub-agents: each has its own calls, tools and programs, below the call that started it, as the server's log
# has them.
. "$(dirname "$0")/lib.sh"
mock_start

# part TOOL ARGUMENT N	the call of a tool that starts an agent
part() {
	echo "{\"tool\":\"$1\",\"arguments\":{$2\"$3\":\"This is PART-$4: run the tool, then say what it printed.\"}}"
}
# plans ROUNDS SHELL	what the main agent wants, and what each sub-agent wants
plans() {
	echo "{\"mark\":\"MAIN-TASK|PART-[0-9]\",\"chunk_delay_ms\":20,\"latency_ms\":100,\"plans\":[
		{\"when\":\"MAIN-TASK\",\"rounds\":[$1]},
		{\"when\":\"PART-[0-9]\",\"rounds\":[[{\"tool\":\"$2\",\"command\":\"echo hello-from-tool {call}\"}],
			[{\"tool\":\"$2\",\"command\":\"ls -la . {call} || true\"}]]}]}"
}
is_right() {
	if /usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans" --no-processes &&
		/usr/bin/python3 "$TOP/tests/agents/verify_tree.py" "$TRUTH" "$T/spans" MAIN-TASK; then
		return 0
	fi
	"$SONDE" show --db "$T/db"
	return 1
}

claude() { # N BACKGROUND	sub-agents at once
	local calls="" i more="\"description\":\"one part\",\"subagent_type\":\"general-purpose\",\"run_in_background\":$2,"
	for i in $(seq "$1"); do
		calls+=${calls:+,}$(part '^(Task|Agent)$' "$more" prompt "$i")
	done
	mock_scenario "$(plans "[$calls],[{\"tool\":\"^Bash$\",\"command\":\"echo hello-from-tool main {call}\"}]" '^Bash$')"
	trace claude "$HTTPS" claude -p "MAIN-TASK: let agents do the parts." --allowedTools Bash Task Agent && is_right
}
ok "claude: a sub-agent" claude 1 false
ok "claude: three sub-agents at once" claude 3 false
ok "claude: two sub-agents in the background" claude 2 true

codex() {
	mock_scenario "$(plans "[$(part 'spawn_agent$' "" message 1)],[{\"tool\":\"wait_agent$\",\"arguments\":{\"targets\":[\"{agent_ids}\"],\"timeout_ms\":30000}}],
		[{\"tool\":\"^exec_command$\",\"command\":\"echo hello-from-tool main {call}\"}]" '^exec_command$')"
	trace codex "$HTTPS" codex exec --skip-git-repo-check "MAIN-TASK: let an agent do the part." && is_right
}
ok "codex: a sub-agent" codex
codex_two() {
	mock_scenario "$(plans "[$(part 'spawn_agent$' "" message 1),$(part 'spawn_agent$' "" message 2)],[{\"tool\":\"wait_agent$\",\"arguments\":{\"targets\":[\"{agent_ids}\"],\"timeout_ms\":30000}}]" '^exec_command$')"
	trace codex "$HTTPS" codex exec --skip-git-repo-check "MAIN-TASK: let agents do the parts." && is_right
}
ok "codex: two sub-agents" codex_two
finish
