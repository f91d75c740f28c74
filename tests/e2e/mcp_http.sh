#!/bin/bash
# MCP over HTTP, the SDKs at both ends: each call of a tool is one step, though two traced processes see it, and it is what
# the client and the server log.
. "$(dirname "$0")/lib.sh"
need_root
"$TOP/tests/e2e/clients/install.sh" "$CLIENTS" || exit 1
mock_start
LOG=$T/log
NODE_BOTH=("$NODE" "$CLIENTS/mcp_http.mjs" "$LOG")
PYTHON_BOTH=("$PYTHON" "$CLIENTS/mcp_http.py" "$LOG")

# equal COMMAND...	traced: the tool calls are those of both logs, each once
equal() {
	rm -f "$LOG".*
	traced "http://localhost" "$@" || return 1
	same_calls
}

same_calls() {
	"$SONDE" spans --db "$T/db" --kind mcp --json --content --limit 1000 >"$T/mcp" || return 1
	grep '"mcp.method.name":"tools/call"' "$T/mcp" >"$T/tools"
	"$TOP/tests/e2e/mcp_verify.py" "$T/tools" "$LOG.client" || return 1
	"$TOP/tests/e2e/mcp_server_log.py" "$T/tools" "$LOG.server"
}

# facts JSON-PATTERN...	each is in a span
facts() {
	local f
	for f in "$@"; do
		grep -q "$f" "$T/mcp" || { echo "no $f"; return 1; }
	done
}

# methods N METHOD	so many spans of it
methods() {
	local n
	n=$(grep -c "\"mcp.method.name\":\"$2\"" "$T/mcp")
	[ "$n" = "$1" ] || { echo "$n spans of $2"; cut -c1-600 "$T/mcp" | grep "$2"; return 1; }
}

everything() {
	equal "${NODE_BOTH[@]}" streamable || return 1
	methods 1 resources/read && methods 1 prompts/get && methods 1 sampling/createMessage || return 1
	facts '"mcp.session.id"' '"sonde.mcp.server.name":"sonde-http"' '"sonde.mcp.server.tool_count":6' '"sonde.mcp.progress":3' \
		'"mcp.protocol.version":"2025-11-25"' '"gen_ai.tool.description":"What add does"' '"network.transport":"tcp"' \
		'"sonde.mcp.client.name":"sonde-test"' '"rpc.response.status_code":"-32602"' '"error.type":"tool_error"' \
		'"mcp.resource.uri":"test://one/resource"' '"gen_ai.prompt.name":"greeting"' '"sonde.mcp.server.pid"' || return 1
	"$SONDE" spans --db "$T/db" --json --limit 1000 >"$T/all"
	# What carried them is no step of its own, and the server's question is below the call that made it ask.
	! grep -q '"sonde.step.kind":"http"' "$T/all" && /usr/bin/python3 - "$T/mcp" <<'PY'
import json, sys
spans = {s["span_id"]: s for s in map(json.loads, open(sys.argv[1]))}
sampling = [s for s in spans.values() if s["attributes"].get("mcp.method.name") == "sampling/createMessage"]
assert [spans[s["parent_span_id"]]["attributes"]["gen_ai.tool.name"] for s in sampling] == ["sample"], sampling
assert all(s["kind"] == "CLIENT" for s in spans.values())
PY
}
ok "node: Streamable HTTP, answers as events; errors, 12 calls at once, progress, sampling, resources, prompts" everything
agent() {
	mock_scenario '{"tool":"__echo$","tool_turns":2,"command":"say {call}"}'
	rm -f "$LOG".*
	traced "$HTTP" "${NODE_BOTH[@]}" agent || return 1
	same_calls && "$SONDE" spans --db "$T/db" --json --content --limit 1000 >"$T/all" && /usr/bin/python3 - "$T/all" <<'PY'
import json, sys
spans = {s["span_id"]: s for s in map(json.loads, open(sys.argv[1]))}
calls = [s for s in spans.values() if s["attributes"].get("mcp.method.name") == "tools/call"]
assert len(calls) == 2, len(calls)
for s in calls:
    tool = spans[s["parent_span_id"]]
    assert tool["attributes"]["gen_ai.tool.name"] == "mcp__http__echo", tool
    assert s["attributes"]["sonde.evidence"] == "arguments", s
assert len({s["parent_span_id"] for s in calls}) == 2
PY
}
ok "node: what the model asked for and the tool server was asked for are one" agent
ok "node: answers as JSON" equal "${NODE_BOTH[@]}" json
ok "node: a server without sessions" equal "${NODE_BOTH[@]}" stateless

legacy() {
	equal "${NODE_BOTH[@]}" sse && methods 1 sampling/createMessage && facts '"sonde.mcp.server.name":"sonde-http"' '"sonde.mcp.progress":3'
}
ok "node: HTTP+SSE of 2024-11-05: answers come on another connection" legacy

tls() {
	equal "${NODE_BOTH[@]}" streamable "$T/certs" && facts '"server.port"'
}
ok "node: over TLS" tls

# Deno's fetch takes HTTP/2 where the server offers it.
h2() {
	local deno=$CLIENTS/node_modules/@deno/linux-x64-glibc/deno
	cat >"$T/h2.sh" <<-X
		"$NODE" "$CLIENTS/mcp_http.mjs" --serve "$LOG.server" streamable "$T/certs" >"$T/url" &
		server=\$!
		until [ -s "$T/url" ]; do sleep 0.1; done
		"$deno" run -A --node-modules-dir=manual "$CLIENTS/mcp_http.mjs" --call "$LOG.client" "\$(cat "$T/url")" streamable || exit 1
		kill \$server
	X
	rm -f "$T/url"
	EXTRA_ENV="DENO_CERT=$T/certs/ca.pem DENO_NO_UPDATE_CHECK=1 DENO_DIR=$T/deno" equal bash "$T/h2.sh" || return 1
	! grep -v '^2' "$LOG.server.versions" && methods 1 sampling/createMessage && facts '"sonde.mcp.progress":3'
}
ok "Deno at a server of node's, over HTTP/2 and TLS" h2

modern() {
	equal "${PYTHON_BOTH[@]}" modern || return 1
	methods 1 resources/read && methods 1 prompts/get && methods 0 initialize || return 1
	facts '"mcp.protocol.version":"2026-07-28"' '"sonde.mcp.rounds":1' '"sonde.mcp.server.name":"sonde-python-http"' '"sonde.mcp.progress":3'
	! grep -q '"mcp.session.id"' "$T/mcp"
}
ok "Python: revision 2026-07-28: no session; a call that needs input is one, though it is asked twice" modern
for mode in legacy json sse; do
	ok "Python: $mode" equal "${PYTHON_BOTH[@]}" "$mode"
done

# One end alone: the other one is not of the command's tree.
serve_outside() {
	rm -f "$LOG".* "$T/url"
	"$NODE" "$CLIENTS/mcp_http.mjs" --serve "$LOG.server" "$1" >"$T/url" 2>"$T/server.err" &
	server=$!
	within 60 test -s "$T/url"
}

client_alone() {
	trap 'kill "$server"' EXIT # of this test's shell
	serve_outside streamable || return 1
	traced "http://localhost" "$PYTHON" "$CLIENTS/mcp_http.py" --call "$LOG.client" "$(cat "$T/url")" legacy && same_calls && facts '"kind":"CLIENT"'
}
ok "a client alone: Python at a server of node's" client_alone

server_alone() {
	rm -f "$LOG".* "$T"/db* "$T/url"
	"$SONDE" run --db "$T/db" -o "$T/shown" -- "$NODE" "$CLIENTS/mcp_http.mjs" --serve "$LOG.server" sse >"$T/url" 2>"$T/err" &
	local pid=$!
	within 60 test -s "$T/url" || return 1
	"$NODE" "$CLIENTS/mcp_http.mjs" --call "$LOG.client" "$(cat "$T/url")" sse || return 1
	kill -TERM "$pid"
	wait "$pid"
	same_calls && ! grep '"mcp.method.name":"tools/call"' "$T/mcp" | grep -v '"kind":"SERVER"'
}
ok "a server alone" server_alone
finish
