#!/bin/bash
# Traces real agents, and replays recordings of earlier days, into one store for the interface's tests.
#   agents.sh STORE	makes it; content is kept in full
# Runs that end in every way, several agents, models, users and hosts, sessions, sub-agents, tool servers, artifacts, what was
# denied, what nobody asked for, and texts that attack a page.
. "$(dirname "$0")/../e2e/lib.sh"
[ "$(id -u)" = 0 ] || { echo "agents.sh: probes need root" >&2; exit 1; }
RESULT=$(realpath -m "$1")
STORE=$T/sonde.db
HERE=$TOP/tests/browser
SCENES=$HERE/scenes.py
SID=11111111-2222-4333-8444-555555555555
"$TOP/tests/e2e/clients/install.sh" "$CLIENTS" || exit 1
mock_start || exit 1
mkdir -p "$T/project"
# Sonde knows an agent by the place of its script.
mkdir -p "$T/lib/@anthropic-ai/claude-code" "$T/lib/@openai/codex" "$T/lib/mine"
cp "$HERE/agent.py" "$T/lib/@anthropic-ai/claude-code/cli.py"
cp "$HERE/agent.py" "$T/lib/@openai/codex/codex.py"
cp "$HERE/agent.py" "$T/lib/mine/agent.py"
"$SCENES" png >"$T/project/picture.png"
"$SCENES" svg >"$T/project/drawing.png"
printf '[egress]\nallow = 127.0.0.1\nallow = ::1\ndeny = *\n' >"$T/egress.conf"
bad=0

scene() {
	mock_scenario "$("$SCENES" "$@")"
}
# run COMMAND...	under sonde, into the store; its status does not matter
run() {
	# shellcheck disable=SC2046 # words
	(cd "$T/project" && env -i $(client_env "$HTTPS") "${ENV[@]}" timeout 200 "${PREFIX[@]}" "$SONDE" run --quiet --content full --db "$STORE" "${OPTIONS[@]}" -- "$@") \
		>"$T/out" 2>"$T/err" </dev/null
	local rc=$?
	case $rc in
	125 | 126 | 127) echo "agents.sh: $* ended with $rc"; tail -3 "$T/err"; bad=1 ;;
	esac
}
ENV=() PREFIX=() OPTIONS=()
claude=(/usr/bin/python3 "$T/lib/@anthropic-ai/claude-code/cli.py" --name "claude-cli/2.1.0 (external, cli)" --stream)
codex=(/usr/bin/python3 "$T/lib/@openai/codex/codex.py" --name "codex_cli_rs/0.98.0" --api chat --model gpt-5)
mine=(/usr/bin/python3 "$T/lib/mine/agent.py" --api chat --model gpt-4o --stream)

completed() {
	scene fix
	run "${claude[@]}" --session "$SID" "fix the failing tests of the parser"
	scene fix_other
	run "${claude[@]}" --session "$SID" --model claude-opus-4-5 "fix the failing tests of the parser"
	scene follow_up
	run "${claude[@]}" --session "$SID" "Now write that into CHANGES.md"
	scene fix
	run "${codex[@]}" --session 019a0000-0000-7000-8000-000000000001 "fix the failing tests of the parser"
	scene many
	run "${mine[@]}" "many steps, please"
	scene repeats
	run "${mine[@]}" "repeat yourself"
	scene picture
	run "${claude[@]}" --image picture.png "what is in this picture?"
	run "${claude[@]}" --image drawing.png "what is in this picture that is none?"
	scene fix
	run "${mine[@]}" --besides "cat /etc/passwd | head -1; uname -a" "fix the failing tests of the other parser"
	scene fix
	run "${codex[@]}" --model acme-llm-9 "fix the failing tests with a model without a price: $(printf 'a long task text goes on and on, %.0s' {1..60})"
	ENV=(AGENT_TOKEN=sk-ant-oat01-dummy)
	scene follow_up
	run "${claude[@]}" "Now write what the plan pays for"
	ENV=()
}
ended_otherwise() {
	mock_scenario '{"errors":[400,400,400,400]}'
	run "${codex[@]}" "this request is refused"
	mock_scenario '{"errors":[529,500]}'
	run "${claude[@]}" "this request is tried again"
	scene live 30
	OPTIONS=(--no-live)
	run timeout 3 "${claude[@]}" "watch me run out of time"
	run bash -c '"$@" & sleep 2.5; kill -INT $$' interrupted "${claude[@]}" "watch me being cancelled"
	OPTIONS=()
}
programs() {
	mock_scenario '{"tool_turns":2,"command":"echo hello-from-tool {call}"}'
	ENV=("PROMPT=what does the tool say? (node)")
	# shellcheck disable=SC2046 # words
	run $(client node-anthropic-sdk) messages stream
	ENV=("PROMPT=what does the tool say? (python)")
	# shellcheck disable=SC2046
	run $(client python-openai-sdk) responses stream
	ENV=()
	run "$PYTHON" "$CLIENTS/openai_rest_sdk.py"
	mock_scenario '{"tool":"__echo$","tool_turns":2,"command":"say {call}"}'
	run "$NODE" "$CLIENTS/mcp.mjs" "$T/mcp.log" agent
	run "$NODE" "$CLIENTS/mcp.mjs" "$T/mcp.log"
}
special() {
	scene parts
	run "${claude[@]}" "MAIN-TASK: let agents do the parts"
	scene egress
	OPTIONS=(--config "$T/egress.conf")
	run "${mine[@]}" "fetch what the rules forbid"
	OPTIONS=()
	scene attack
	# hostname(1) would refuse that name.
	PREFIX=(unshare --uts /usr/bin/python3 -c 'import os, socket, sys; socket.sethostname("<img src=x onerror=window.__xss=3>"); os.execvp(sys.argv[1], sys.argv[1:])')
	run "${claude[@]}" --session "<script>window.__xss=4</script>" "ATTACK <img src=x onerror=window.__xss=5> <script>window.__xss=6</script> [a](javascript:window.__xss=7)"
	PREFIX=()
}
past() {
	local f
	mkdir -p "$T/past"
	"$HERE/past.py" "$T/past" "$(date +%s)" || bad=1
	for f in "$T"/past/*.rec; do
		"$SONDE" replay --quiet --db "$STORE" "$f" >"$T/out" 2>&1 || { tail -3 "$T/out"; bad=1; }
	done
}

# going_on	one that still runs when the store is copied
going_on() {
	scene live 60
	run "${claude[@]}" "watch me: still running" &
	pids+=($!)
	within 20 still_streams || bad=1
}
still_streams() {
	"$SONDE" runs --db "$STORE" --json --limit 1 | jq -e '.status == "running" and .llm_calls > 0' >/dev/null
}

past
completed
ended_otherwise
programs
special
going_on
rm -f "$RESULT" "$RESULT"-wal "$RESULT"-shm
sqlite3 "$STORE" ".backup '$RESULT'"
chmod 600 "$RESULT"
exit "$bad"
