#!/bin/bash
# Processes that run already: by pid, program and cgroup; their open connections; who may; they are left as they were.
# shellcheck disable=SC2016,SC2015 # for inner shells; a failed test shows why
. "$(dirname "$0")/lib.sh"
need_root
mock_start
chmod 755 "$T"
install -m 755 "$SONDE" "$T/sonde" # where an ordinary user can run it
SONDE=$T/sonde
chmod 644 "$T"/certs/ca.pem
chmod 755 "$T/certs"
cp "$TOP/tests/e2e/clients/steps.py" "$T/steps.py"

. "$TOP/tests/e2e/steps.bash"

PY_STEPS=(/usr/bin/python3 "$T/steps.py")
CA=$T/certs/ca.pem
ok "a TLS connection that is open already is read from its next request on, and sonde ends with the process" open_connection "${PY_STEPS[@]}" "$HTTPS" "$CA"
ok "a plain one as well" open_connection "${PY_STEPS[@]}" "$HTTP" "$CA"

ok "in the midst of a streamed answer over TLS: the next call is whole" midway "${PY_STEPS[@]}" "$HTTPS" "$CA"
ok "and in the clear" midway "${PY_STEPS[@]}" "$HTTP" "$CA"

network_start
ok "a TLS connection in another network namespace" open_connection "${inside[@]}" "${PY_STEPS[@]}" "$HTTPS_INSIDE" "$CA"
ok "and a plain one" open_connection "${inside[@]}" "${PY_STEPS[@]}" "$HTTP_INSIDE" "$CA"

# The client is the child of a shell that is named, and becomes another program later.
tree() {
	mock_scenario '{}'
	client_start sh -c '/usr/bin/python3 "$@"; exit 0' sh "$T/steps.py" "$HTTPS" "$T/certs/ca.pem" || return 1
	local shell
	shell=$(awk '{ print $4 }' "/proc/$client/stat")
	attach --pid "$shell,$client" || return 1
	ask 1 || return 1
	echo exec >&8
	until_ok sh -c "[ \$(grep -c ^ready '$T/answers') = 2 ]" || return 1
	echo again >&8
	until_ok sh -c "[ \$(grep -c '^1 200' '$T/answers') = 2 ]" || return 1
	exec 8>&-
	wait "$tracer" || return 1
	traced_calls 2 && jq -es '[.[] | select(.type == "run")] | length == 1' "$T/spans" >/dev/null &&
		jq -es 'any((.attributes."process.command_line" // "") | test("steps.py"))' "$T/spans" >/dev/null
}
ok "a process is traced with its children, and after it has run another program" tree

left_alone() {
	mock_scenario '{}'
	# A name of its own: other pythons are not this test's.
	client_start bash -c 'exec -a "$0" /usr/bin/python3 "$@"' "agent-x-$$" "$T/steps.py" "$HTTPS" "$T/certs/ca.pem" || return 1
	attach --program "agent-*-$$" || return 1
	ask 1 || return 1
	kill -INT "$tracer"
	wait "$tracer" || { echo "status $?"; return 1; }
	traced_calls 1 || return 1
	ask 2 || return 1
	exec 8>&-
	wait "$client" && jq -es 'any(.type == "run" and (.status_reason | test("ran on")))' "$T/spans" >/dev/null
}
ok "--program finds it; an interrupt ends the tracing and not the program, with status 0" left_alone

refused() { # WORDS STATUS ARGUMENT...
	local words=$1 want=$2 rc=0
	shift 2
	"${AS[@]}" "$SONDE" run --no-store "$@" >"$T/out" 2>"$T/err" </dev/null || rc=$?
	[ "$rc" = "$want" ] && grep -q "$words" "$T/err" || { echo "status $rc"; cat "$T/err"; return 1; }
}
ok "no such process" refused 'there is no process 4194000' 125 --pid 4194000
ok "nonsense instead of a pid" refused 'process ids such as' 125 --pid 12x
ok "a program that nobody runs" refused 'no process runs' 125 --program no-such-program-anywhere
ok "a command and a pid" refused 'not both' 125 --pid 1 -- true
ok "no such container" refused 'no container' 125 --container no-such-container-anywhere
ok "a folder that is no cgroup" refused 'no cgroup' 125 --cgroup "$T"

cgroups=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
group=$cgroups/sonde-test-$$
in_group() { # COMMAND...
	sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group/inner" "$@"
}
cgroup() { # OPTION...
	mock_scenario '{}'
	mkdir -p "$group/inner" || return 1
	client_start in_group /usr/bin/python3 "$T/steps.py" "$HTTPS" "$T/certs/ca.pem" || return 1
	attach "$@" || return 1
	"$SONDE" doctor --json --container "sonde-test-$$" | jq -es 'any(.runtime == "python" and .capturable)' >/dev/null || return 1
	ask 1 || return 1
	# One that comes later, from elsewhere.
	(in_group curl -s --cacert "$T/certs/ca.pem" "$HTTPS/v1/chat/completions" -H 'Content-Type: application/json' \
		-d '{"model":"gpt-4o","messages":[{"role":"user","content":"later"}]}' >"$T/later") || return 1
	exec 8>&-
	wait "$client"
	wait "$tracer" || { cat "$T/err"; return 1; }
	traced_calls 2 && /usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans"
}
if [ -n "$cgroups" ] && mkdir "$group" 2>/dev/null; then
	ok "all of a cgroup, also what begins in it later" cgroup --cgroup "$group"
	ok "a container is the cgroup of its name, for the doctor as well" cgroup --container "sonde-test-$$"
	rmdir "$group/inner" "$group"
fi

finish
