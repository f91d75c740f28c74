#!/bin/bash
# MCP over stdio: each call of a tool server is seen once, with the arguments and the result that the client logs; what
# pipes carry else is dropped.
. "$(dirname "$0")/lib.sh"
need_root
"$TOP/tests/e2e/clients/install.sh" "$CLIENTS" || exit 1
CAPTURE=$TOP/build/tests/e2e/capture
BLOCKED=$TOP/build/tests/e2e/blocked
LOG=$T/log
mock_start

# spans_of STORE	the calls at tool servers, with their content
spans_of() {
	"$SONDE" spans --db "$1" --kind mcp --json --content --limit 1000
}

# equal COMMAND...	the client's log and ours
equal() {
	rm -rf "$LOG"*
	traced "$HTTP" "$@" || return 1
	spans_of "$T/db" >"$T/mcp"
	"$TOP/tests/e2e/mcp_verify.py" "$T/mcp" "$LOG"
}

everything() {
	SONDE_OPTIONS="--record $T/rec" equal "$NODE" "$CLIENTS/mcp.mjs" "$LOG" || return 1
	[ "$(wc -l <"$LOG")" = 26 ] || { echo "the client made other calls"; return 1; }
	# Who serves them is known.
	"$SONDE" show --db "$T/db" last >"$T/tree" || return 1
	cat "$T/tree"
	grep -q 'mcp  *secure-filesystem-server/write_file' "$T/tree" || return 1
	grep -q 'read_text_file /etc/hostname  failed: tool_error' "$T/tree" || return 1
	grep '"mcp.method.name":"tools/call"' "$T/mcp" | grep -c 'sonde.mcp.server.command_line":"[^"]*server-filesystem' | grep -qx 3 || return 1
	# What the server asked the client for is below the call that made it ask.
	/usr/bin/python3 - "$T/mcp" <<'PY'
import json, sys
spans = {s["span_id"]: s for s in map(json.loads, open(sys.argv[1]))}
asked = [s for s in spans.values() if s["attributes"]["mcp.method.name"] == "sampling/createMessage"]
assert [spans[s["parent_span_id"]]["attributes"]["gen_ai.tool.name"] for s in asked] == ["trigger-sampling-request"], asked
calls = [s["attributes"] for s in spans.values() if s["attributes"]["mcp.method.name"] == "tools/call"]
assert all(a["sonde.mcp.server.tool_count"] > 5 for a in calls if a["sonde.mcp.server.name"] == "mcp-servers/everything"), calls
PY
}
ok "node: reference servers; errors, 16 calls at once, sampling, messages of megabytes" everything

replayed() {
	"$SONDE" replay --db "$T/again" "$T/rec" >/dev/null && spans_of "$T/again" | cmp - "$T/mcp"
}
ok "a replay of it gives the same" replayed

ok "Python: client and server; errors, 8 calls at once, messages of a megabyte" equal "$PYTHON" "$CLIENTS/mcp_sdk.py" "$LOG"

agent() {
	mock_scenario '{"tool":"__echo$","tool_turns":2,"command":"say {call}"}'
	equal "$NODE" "$CLIENTS/mcp.mjs" "$LOG" agent || return 1
	"$SONDE" spans --db "$T/db" --json --content --limit 1000 >"$T/all"
	/usr/bin/python3 - "$T/all" <<'PY'
import json, sys
spans = {s["span_id"]: s for s in map(json.loads, open(sys.argv[1]))}
calls = [s for s in spans.values() if s["attributes"].get("mcp.method.name") == "tools/call"]
assert len(calls) == 2, len(calls)
for s in calls:
    tool, a = spans[s["parent_span_id"]], s["attributes"]
    assert tool["attributes"]["gen_ai.tool.name"] == "mcp__everything__echo", tool
    assert a["sonde.evidence"] == "arguments", a
    assert tool["start_time_unix_nano"] == s["start_time_unix_nano"], "bounds"
    assert json.loads(tool["attributes"]["gen_ai.tool.call.arguments"]) == json.loads(a["gen_ai.tool.call.arguments"])
assert len({s["parent_span_id"] for s in calls}) == 2
PY
}
ok "what the model asked for and the tool server was asked for are one" agent

ok "vectors, messages, splice, sockets, fifos, threads, two conversations at once, a greeting, one byte at a time" \
	equal /usr/bin/python3 "$TOP/tests/e2e/stdio.py" "$LOG"

# The client is another process tree; the server answers on a pipe that leaves it.
outside() {
	rm -f "$T"/db*
	{
		echo '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{}}'
		echo '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"pad":"abc"}}}'
	} | "$SONDE" run --db "$T/db" -o "$T/said" -- /usr/bin/python3 "$TOP/tests/e2e/stdio.py" --serve | cat >"$T/answers" || return 1
	[ "$(wc -l <"$T/answers")" = 2 ] || { cat "$T/answers"; return 1; }
	spans_of "$T/db" >"$T/mcp"
	grep -q 'got abc' "$T/mcp"
}
ok "a server alone is traced" outside

ok "a read that was blocked when the probes came" "$BLOCKED"

noise() {
	"$CAPTURE" -q -- /usr/bin/python3 "$TOP/tests/e2e/stdio.py" --noise 20000000 >"$T/out" || return 1
	cat "$T/out"
	# 4 KiB of the one that looks like it, nothing of the others; every byte is counted once.
	[ "$(sed -n 's/^TOTAL.* data_out=\([0-9]*\).*/\1/p' "$T/out")" -le 8192 ] || return 1
	[ "$(awk '/^LOSS/ { print int($11 / 100000) }' "$T/out")" = 599 ]
}
ok "60 MB of text, binary and other JSON on pipes: dropped and counted" noise
finish
