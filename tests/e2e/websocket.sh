#!/bin/bash
# Responses over WebSocket: calls, tools and tokens equal the server's log; a warm-up is no call.
. "$(dirname "$0")/lib.sh"
need_root
"$TOP/tests/e2e/clients/install.sh" "$CLIENTS" || exit 1
mock_start

# run BASE SCENARIO TASKS
run() {
	mock_scenario "$2"
	traced "$1" "$NODE" "$CLIENTS/ws_agent.mjs" "$1" "$3" &&
		/usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans" && grep -q 'hello-from-tool' "$T/out"
}
ok "over TLS" run "$HTTPS" '{"ws":true}' 1
ok "in the clear, with reasoning" run "$HTTP" '{"ws":true,"thinking":true}' 1
ok "compressed, one window for all messages" run "$HTTPS" '{"ws":"deflate","tool_turns":3}' 1
ok "compressed, each message for itself" run "$HTTPS" '{"ws":"no-takeover"}' 1
ok "in fragments, with pings between" run "$HTTPS" '{"ws":"deflate","fragment":100}' 1
ok "a megabyte in one message" run "$HTTPS" '{"ws":true,"text_bytes":1000000}' 1
whole_conversation() {
	"$SONDE" show last --db "$T/db" --conversation | grep -q 'The environment: a test.'
}
ok "what the warm-up brought is in the conversation" whole_conversation
finish
