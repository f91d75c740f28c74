#!/bin/bash
# What OpenAI offers beside chats, by its SDKs: every call, token, picture and second equals the mock server's log.
. "$(dirname "$0")/lib.sh"
need_root
"$TOP/tests/e2e/clients/install.sh" "$CLIENTS" || exit 1
mock_start

# run BASE COMMAND...
run() {
	mock_scenario '{"ws":true}'
	traced "$@" && /usr/bin/python3 "$TOP/tests/e2e/verify_rest.py" "$TRUTH" "$T/spans"
}
ok "python-openai-sdk over TLS" run "$HTTPS" "$PYTHON" "$CLIENTS/openai_rest_sdk.py"
ok "python-openai-sdk in the clear" run "$HTTP" "$PYTHON" "$CLIENTS/openai_rest_sdk.py"
ok "node-openai-sdk with Realtime over TLS" run "$HTTPS" "$NODE" "$CLIENTS/openai_rest.mjs"
sound_is_not_kept() {
	! "$SONDE" show last --db "$T/db" --conversation | grep -q 'AAAAAAAAAAAAAAAA'
}
ok "no sound is kept" sound_is_not_kept
finish
