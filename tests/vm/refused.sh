#!/bin/bash
# Runs inside the machine, on a kernel that lacks what sonde cannot do without: it says what, and runs nothing.
cd /sonde || exit 1
uname -r
n=0 bad=0
ok() { # NAME COMMAND...
	local name=$1 why
	shift
	n=$((n + 1))
	if why=$("$@" 2>&1); then
		echo "ok $n - $(uname -r): $name"
	else
		echo "not ok $n - $(uname -r): $name"
		printf '%s\n' "$why" | sed 's/^/# /'
		bad=1
	fi
}
run() {
	local rc=0
	./sonde run --db /tmp/db -- /bin/sh -c ': >/tmp/ran' 2>/tmp/err || rc=$?
	cat /tmp/err
	[ "$rc" = 125 ] && [ ! -e /tmp/ran ]
}
one_line() {
	cat /tmp/err
	[ "$(grep -c . /tmp/err)" = 1 ] && grep -q "$(uname -r).*attach cookies.*6.1" /tmp/err
}
doctor() {
	local rc=0
	./sonde doctor >/tmp/doctor 2>&1 || rc=$?
	cat /tmp/doctor
	[ "$rc" = 1 ] && grep -q '^fail .*attach cookies' /tmp/doctor
}
ok "a run is refused and the command does not run" run
ok "what is missing is said in one line" one_line
ok "doctor says it too" doctor
exit $bad
