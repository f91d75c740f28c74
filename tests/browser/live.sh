#!/bin/bash
# A scripted agent for those who watch: it thinks, streams, works, fails once and ends, in about SECONDS seconds.
#   live.sh SECONDS	prints "ready PID"; each line "go" on standard input starts one, "burst" one that starts thousands of
#	programs; the end of it ends all
# The agent is a child of that process, so that a daemon of a test can be told to trace it alone.
. "$(dirname "$0")/../e2e/lib.sh"
HERE=$TOP/tests/browser
mkdir -p "$T/lib/@anthropic-ai/claude-code" "$T/project"
cp "$HERE/agent.py" "$T/lib/@anthropic-ai/claude-code/cli.py"
mock_start || exit 1
mock_scenario "$("$HERE/scenes.py" live "$1")"
agent=(/usr/bin/python3 "$T/lib/@anthropic-ai/claude-code/cli.py" --name "claude-cli/2.1.0 (external, cli)" --stream)
# The model server is no child of what is traced: it would be seen from its side as well.
cat >"$T/starter" <<'X'
cd "$1" || exit 1
shift
n=0
while read -r line; do
	n=$((n + 1))
	case $line in
	go) task="watch me at work, number $n" ;;
	burst) task="a lot to do, number $n" ;;
	*) continue ;;
	esac
	"$@" "$task" >"out.$n" 2>&1 </dev/null &
	echo "started $n $!"
done
X
# shellcheck disable=SC2046 # words
env -i $(client_env "$HTTPS") bash "$T/starter" "$T/project" "${agent[@]}" <&0 &
pids+=($!)
echo "ready $!"
wait "$!"
