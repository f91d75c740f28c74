#!/bin/bash
# Runs inside the machine: what is done with files, and who waits, as the probes of this kernel see it. Prints TAP.
cd /sonde || exit 1
uname -r
export PYTHONDONTWRITEBYTECODE=1 # it would be told
n=0 bad=0
ok() { # NAME COMMAND...
	local name=$1
	shift
	n=$((n + 1))
	if "$@" >/tmp/said 2>&1; then
		echo "ok $n - $(uname -r): $name"
	else
		echo "not ok $n - $(uname -r): $name"
		tail -20 /tmp/said | sed 's/^/# /'
		bad=1
	fi
}
files() {
	mkdir -p /tmp/files
	{ ./capture -c full -- /usr/bin/python3 tests/e2e/files.py "do" /tmp/files 2>&1 >/tmp/out; } | cat >/tmp/truth
	grep -v ^TRUTH /tmp/truth
	/usr/bin/python3 tests/e2e/files.py check /tmp/truth /tmp/out && grep -q '^ARTIFACT.* state=1 .*/tmp/files/copies$' /tmp/out
}
waits() {
	/usr/bin/python3 tests/e2e/waits.py keys ./capture /usr/bin/python3 tests/e2e/waits.py reader
}
signals() {
	./capture -- bash -c 'sleep 20 & kill -TERM $!; wait' >/tmp/out && grep '^SIGNAL.* signal=15 .* comm=bash' /tmp/out
}
/bin/busybox mount -t devpts none /dev/pts
ok "every operation on files is told" files
ok "waiting for the terminal is told" waits
ok "signals are told" signals
exit $bad
