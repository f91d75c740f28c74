#!/bin/bash
# Agents that talk to agents (A2A), the SDK for Python at both ends: each message is one step with the conversation, the task
# and the state that the other agent logs.
. "$(dirname "$0")/lib.sh"
need_root
"$TOP/tests/e2e/clients/install.sh" "$CLIENTS" || exit 1
"$TOP/tests/mock/certs.sh" "$T/certs"

# equal BINDING VERSION [stream]
equal() {
	rm -f "$T/log"
	traced "http://localhost" "$PYTHON" "$CLIENTS/a2a_sdk.py" "$T/log" "$@" || return 1
	"$SONDE" spans --db "$T/db" --json --content --limit 1000 >"$T/all" || return 1
	/usr/bin/python3 - "$T/all" "$T/log" <<'PY'
import json, sys
spans = [s for s in map(json.loads, open(sys.argv[1])) if "sonde.a2a.method" in s["attributes"]]
want = sorted((e["context"], e["task"], e["state"]) for e in map(json.loads, open(sys.argv[2])))
seen = sorted(tuple(s["attributes"].get(n) for n in ("gen_ai.conversation.id", "sonde.a2a.task.id", "sonde.a2a.task.state")) for s in spans)
print(want, seen)
assert len(want) == 3 and seen == want
for s in spans:
    a = s["attributes"]
    assert s["name"] == "invoke_agent helper" and s["kind"] == "CLIENT" and a["gen_ai.operation.name"] == "invoke_agent", s
    assert a["gen_ai.agent.version"] == "7" and a["gen_ai.agent.description"] == "Helps", a
    assert (s["status"]["code"] == "ERROR") == (a["sonde.a2a.task.state"] == "failed"), s
    assert "gen_ai.tool.call.arguments" in a and "gen_ai.tool.call.result" in a, a
PY
}
for way in "JSONRPC 1.0" "JSONRPC 1.0 stream" "JSONRPC 0.3" "JSONRPC 0.3 stream" "HTTP+JSON 1.0" "HTTP+JSON 1.0 stream"; do
	# shellcheck disable=SC2086 # words
	ok "$way" equal $way
done
finish
