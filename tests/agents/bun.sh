#!/bin/bash
# Programs with Bun inside, of several versions, over TLS: calls, tokens and costs equal the server's log, the first
# request included.
. "$(dirname "$0")/lib.sh"
mock_start
modules=$AGENTS/node_modules

same() {
	grep -q hello-from-tool "$T/out" || { echo "the agent's answer is missing"; return 1; }
	/usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans"
}

older_claude() {
	mock_scenario '{"tool":"^Bash$","tool_turns":2}'
	trace claude "$HTTPS" "$modules/claude-code-older/claude" --model claude-sonnet-4-6 -p "$task" --allowedTools Bash && same
}

opencode() {
	mock_scenario '{"tool":"^bash$"}'
	trace opencode "$HTTPS" "$modules/opencode/bin/opencode" run -m mock/gpt-4o "$task" || return
	/usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans" && grep -q '"call": true' "$TRUTH"
}

# sdk API MODE COMMAND...
sdk() {
	local api=$1 mode=$2
	shift 2
	mock_scenario '{"tool_turns":2}'
	traced "$HTTPS" "$@" "$api" "$mode" && same
}

# compiled BUN	the same as a program of its own
compiled() {
	(cd "$AGENTS" && "$1" build --compile --outfile "$T/agent" openai.mjs) >"$T/out" 2>&1 || { cat "$T/out"; return 1; }
	sdk chat stream "$T/agent"
}

cp "$TOP"/tests/e2e/clients/*.mjs "$AGENTS/"
ok "an older Claude Code" older_claude
ok "opencode" opencode
for version in 1.1 1.3 1.4; do
	bun=$modules/bun-$version/bin/bun
	ok "Bun $version: openai, chat" sdk chat json "$bun" "$AGENTS/openai.mjs"
	ok "Bun $version: openai, responses, streamed" sdk responses stream "$bun" "$AGENTS/openai.mjs"
	ok "Bun $version: anthropic, streamed" sdk messages stream "$bun" "$AGENTS/anthropic.mjs"
	ok "Bun $version: a compiled program" compiled "$bun"
	ok "Bun $version: 300 connections one after the other are not mixed up" connections "$bun"
done
finish
