#!/bin/bash
# A scripted agent for those who watch: it thinks, streams, works, fails once and ends, in about SECONDS seconds.
#   live.sh SECONDS	prints "ready PID"; each line "go" on standard input starts one, below that process; its end ends all
# The agent is a child of this script, so that a daemon of a test can be told to trace this process alone.
. "$(dirname "$0")/../e2e/lib.sh"
HERE=$TOP/tests/browser
mkdir -p "$T/lib/@anthropic-ai/claude-code" "$T/work"
cp "$HERE/agent.py" "$T/lib/@anthropic-ai/claude-code/cli.py"
mock_start || exit 1
mock_scenario "$("$HERE/scenes.py" live "$1")"
echo "ready $$"
n=0
while read -r line; do
	[ "$line" = go ] || continue
	n=$((n + 1))
	# shellcheck disable=SC2046 # words
	(cd "$T/work" && exec env -i $(client_env "$HTTPS") /usr/bin/python3 "$T/lib/@anthropic-ai/claude-code/cli.py" \
		--name "claude-cli/2.1.0 (external, cli)" --stream "watch me at work, number $n") >"$T/out.$n" 2>&1 </dev/null &
	pids+=($!)
	echo "started $n $!"
done
