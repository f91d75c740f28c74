#!/bin/bash
# Two conversations at once in one process, with the SDKs as people use them: which call goes on from which, who asked for
# which tool and who was told its result, and which program ran it, are as the server's log has them.
. "$(dirname "$0")/lib.sh"
need_root
"$TOP/tests/e2e/clients/install.sh" "$CLIENTS" || exit 1
mock_start

# run node|python API MODE
run() {
	local cmd=("$PYTHON" "$CLIENTS/side_by_side.py")
	[ "$1" = python ] || cmd=("$NODE" "$CLIENTS/side_by_side.mjs")
	mock_scenario '{"mark":"job-[a-z]+","tool_turns":2,"parallel":2,"latency_ms":150,"command":"echo hello-from-tool {call} && sleep 0.1"}'
	traced "$HTTPS" "${cmd[@]}" "$2" "$3" "Do job-one of the list." "Do job-two of the list." &&
		/usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans" &&
		/usr/bin/python3 "$TOP/tests/e2e/verify_talks.py" "$TRUTH" "$T/spans" job-one job-two
}

for client in node python; do
	for api in chat responses messages; do
		ok "$client $api: two conversations, streamed" run $client $api stream
	done
	ok "$client messages: two conversations, as JSON" run $client messages json
	ok "$client chat: two conversations, as JSON" run $client chat json
done
finish
