#!/bin/bash
# Agents with a tool server: what the model asks for is seen at the server as well, once, below the model's call.
. "$(dirname "$0")/lib.sh"
SERVER=$CLIENTS/node_modules/@modelcontextprotocol/server-everything/dist/index.js
[ -r "$SERVER" ] || skip_all "make agents installs the tool server"
mock_start

# trace AGENT COMMAND...	in its own home, with a clean environment
trace() {
	local agent=$1 rc=0 vars
	shift
	mapfile -t vars < <("$TOP/tests/agents/home.sh" "$agent" "$T/home" "$HTTP")
	{
		echo "[mcp_servers.everything]"
		if [ -n "${MCP_URL-}" ]; then
			echo "url = \"$MCP_URL\""
		else
			printf '%s\n' "command = \"$NODE\"" "args = [\"$SERVER\", \"stdio\"]"
		fi
		echo "startup_timeout_sec = 60"
	} >>"$T/home/.codex/config.toml"
	rm -f "$T"/db*
	(cd "$T/home/project" && env -i PATH="$AGENTS/node_modules/.bin:/usr/bin:/bin" TERM=dumb ENABLE_TOOL_SEARCH=false MCP_CONNECTION_NONBLOCKING=0 MCP_TIMEOUT=60000 "${vars[@]}" \
		timeout 90 "$SONDE" run --db "$T/db" -o "$T/shown" -- "$@") >"$T/out" 2>"$T/err" </dev/null || rc=$?
	[ "$rc" = 0 ] || { echo "exit status $rc"; tail -n 5 "$T/err" "$T/out"; }
	"$SONDE" spans --db "$T/db" --json --content --limit 1000 >"$T/spans"
	return "$rc"
}

# below N	N calls of echo, each below the model's call with the same arguments
below() {
	/usr/bin/python3 - "$T/spans" "$1" <<'PY'
import json, sys
spans = {s["span_id"]: s for s in map(json.loads, open(sys.argv[1]))}
calls = [s for s in spans.values() if s["attributes"].get("mcp.method.name") == "tools/call"]
for s in calls:
    a, tool = s["attributes"], spans[s["parent_span_id"]]
    print(a["gen_ai.tool.name"], a.get("gen_ai.tool.call.arguments"), a.get("gen_ai.tool.call.result"), a["sonde.evidence"], tool["name"])
    assert a["sonde.mcp.server.name"] == "mcp-servers/everything"
    assert tool["attributes"]["sonde.step.kind"] == "tool", tool
    assert "say" in a["gen_ai.tool.call.result"]
assert len(calls) == int(sys.argv[2]), len(calls)
assert len({s["parent_span_id"] for s in calls}) == len(calls)
PY
}

claude() {
	mock_scenario '{"tool":"^mcp__everything__echo$","tool_turns":2,"parallel":2,"command":"say {call}"}'
	echo "{\"mcpServers\":{\"everything\":{\"command\":\"$NODE\",\"args\":[\"$SERVER\",\"stdio\"]}}}" >"$T/mcp.json"
	trace claude claude -p "Call echo." --mcp-config "$T/mcp.json" --allowedTools mcp__everything__echo && below 4
}
ok "claude: two rounds of two calls" claude

codex() {
	mock_scenario '{"tool":"echo$","tool_turns":2,"command":"say {call}"}'
	trace codex codex exec --skip-git-repo-check "Call echo." && below 2
}
ok "codex: two calls, over pipes" codex

# serve streamableHttp|sse	the same server over HTTP, not of the agent's tree; sets URL
serve() {
	local port
	port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	PORT=$port "$NODE" "$SERVER" "$1" >"$T/server" 2>&1 &
	pids+=($!)
	within 60 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port" 2>/dev/null || return 1
	URL=http://localhost:$port/$([ "$1" = sse ] && echo sse || echo mcp)
}

claude_http() { # TRANSPORT TYPE
	serve "$1" || return 1
	mock_scenario '{"tool":"^mcp__everything__echo$","tool_turns":2,"parallel":2,"command":"say {call}"}'
	echo "{\"mcpServers\":{\"everything\":{\"type\":\"$2\",\"url\":\"$URL\"}}}" >"$T/mcp.json"
	trace claude claude -p "Call echo." --mcp-config "$T/mcp.json" --allowedTools mcp__everything__echo && below 4
}
ok "claude: Streamable HTTP" claude_http streamableHttp http
ok "claude: HTTP+SSE" claude_http sse sse

codex_http() {
	serve streamableHttp || return 1
	mock_scenario '{"tool":"echo$","tool_turns":2,"command":"say {call}"}'
	MCP_URL=$URL trace codex codex exec --skip-git-repo-check "Call echo." && below 2
}
ok "codex: Streamable HTTP" codex_http
finish
