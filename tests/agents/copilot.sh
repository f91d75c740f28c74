#!/bin/bash
# GitHub Copilot CLI: the traffic of a node program comes out of a native add-on, with rustls and OpenSSL inside, that the program
# unpacks when it runs for the first time. Every call equals the server's log, the first one of the first start included.
. "$(dirname "$0")/lib.sh"
[ -x "$AGENTS/node_modules/.bin/copilot" ] || skip_all "make agents installs it"
export SONDE_CACHE=$T/cache
mock_start

# run SCENARIO BASE NAME=VALUE...
run() {
	local base=$2
	mock_scenario "${1/\{/\{\"tool\":\"^bash\$\",}"
	shift 2
	AGENT_ENV=(COPILOT_CACHE_HOME="$T/unpacked" "$@")
	trace copilot "$base" copilot -p "$task" --allow-all-tools || return
	grep -q hello-from-tool "$T/out" || { echo "the agent's answer is missing"; return 1; }
	grep -q '"call": true' "$TRUTH" || { echo "no call"; return 1; }
	/usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans" || return
	[ "$(jq -er 'select(.type == "run") | .agent' "$T/spans")" = copilot ]
}
# on_time	its probes were on before it began
on_time() {
	run "$@" || return
	! noted "late attach"
}

openai=(COPILOT_PROVIDER_TYPE=openai COPILOT_MODEL=gpt-4o)
chat=("${openai[@]}" COPILOT_PROVIDER_WIRE_API=completions)
responses=("${openai[@]}" COPILOT_PROVIDER_WIRE_API=responses)
ok "the first start, which unpacks the add-on" run '{}' "$HTTPS/v1" "${chat[@]}"
ok "the next start: chat" on_time '{"close":false}' "$HTTPS/v1" "${chat[@]}"
ok "three rounds of two tools" on_time '{"tool_turns":3,"parallel":2,"command":"echo hello-from-tool {call} && ls"}' "$HTTPS/v1" "${chat[@]}"
ok "responses, writes of 7 bytes" on_time '{"fragment":7}' "$HTTPS/v1" "${responses[@]}"
ok "anthropic messages, reasoning" on_time '{"thinking":true}' "$HTTPS" COPILOT_PROVIDER_TYPE=anthropic COPILOT_MODEL=claude-sonnet-4-6
ok "after 529, 500, 429" on_time '{"errors":[529,500,429],"retry_after":0}' "$HTTPS/v1" "${chat[@]}"
websocket() {
	on_time '{"ws":true}' "$HTTPS/v1" "${responses[@]}" COPILOT_PROVIDER_TRANSPORT=websockets && grep -q '"ws": true' "$TRUTH"
}
ok "responses over a WebSocket" websocket
for coding in gzip br zstd; do
	ok "$coding" on_time "{\"compress\":\"$coding\"}" "$HTTPS/v1" "${chat[@]}"
done
finish
