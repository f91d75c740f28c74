#!/bin/bash
# Agents that do one task and end: every call, tool call, token, cost, process, identity equals the server's log.
. "$(dirname "$0")/lib.sh"
mock_start

# run AGENT SCENARIO	the tool called is the agent's own shell
run() {
	local agent=$1 session=5e551000-0000-4000-8000-000000000001 version
	mock_scenario "${2/\{/\{\"tool\":\"^(Bash|exec_command)\$\",}"
	case $agent in
	claude)
		version=$(version_of @anthropic-ai/claude-code)
		trace claude "$HTTPS" claude -p "$task" --allowedTools Bash --session-id "$session" || return
		;;
	codex)
		version=$(version_of @openai/codex)
		trace codex "$HTTPS" codex exec --skip-git-repo-check "$task" || return
		session=$(sed -n 's/^session id: //p' "$T/err")
		;;
	esac
	grep -q hello-from-tool "$T/out" || { echo "the agent's answer is missing"; return 1; }
	/usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans" &&
		/usr/bin/python3 "$TOP/tests/agents/identity.py" "$T/spans" "${agent/claude/claude-code}" "$version" "$session"
}

for agent in claude codex; do
	ok "$agent: one tool" run $agent '{"close":false}'
	ok "$agent: three rounds of two tools" run $agent '{"tool_turns":3,"parallel":2,"command":"echo hello-from-tool {call} && ls"}'
	ok "$agent: reasoning, writes of 7 bytes" run $agent '{"thinking":true,"fragment":7}'
	ok "$agent: after 529, 500, 429" run $agent '{"errors":[529,500,429],"retry_after":0}'
done
over_websocket() { # SCENARIO
	CODEX_WEBSOCKETS=true run codex "$1" && grep -q '"ws": true' "$TRUTH"
}
ok "codex: over a WebSocket" over_websocket '{"ws":true}'
ok "codex: over a compressed WebSocket, three rounds" over_websocket '{"ws":"deflate","tool_turns":3}'
# What carries the command out is confined, is known by its arguments, and runs in a chain of programs of one process.
in_sandbox() {
	CODEX_SANDBOX=workspace-write run codex '{"tool_turns":2,"parallel":2,"command":"echo hello-from-tool {call} && ls"}' || return
	grep -qE 'codex-linux-sandbox|bwrap' "$T/spans" || { echo "no sandbox"; return 1; }
}
ok "codex: in its sandbox, two rounds of two tools" in_sandbox
for coding in gzip br zstd; do
	ok "claude: $coding" run claude "{\"compress\":\"$coding\"}"
done
finish
