#!/bin/bash
# Who waits for a person, and who is stopped by whom: blocked reads and polls of a terminal and of a pipe from outside; signals with
# their senders.
# shellcheck disable=SC2015,SC2016 # a failed test shows why; for inner shells
. "$(dirname "$0")/lib.sh"
need_root
CAPTURE=$TOP/build/tests/e2e/capture
WAITS=("/usr/bin/python3" "$TOP/tests/e2e/waits.py")
[ -x "$CAPTURE" ] || skip_all "make e2e builds what this needs"

terminal() {
	timeout 120 "${WAITS[@]}" keys "$CAPTURE" "${WAITS[@]}" reader >"$T/out" || { tail -3 "$T/out"; return 1; }
	[ "$(sed -n 's/^WAIT.* \(terminal\|pipe\) \(.*\)$/\1 \2/p' "$T/out" | uniq -c | awk '{ $1 = $1; print }' | sort | uniq -c | awk '{ $1 = $1; print }')" = \
		"4 1 terminal begins
4 1 terminal ends" ] || { grep ^WAIT "$T/out"; return 1; }
}
ok "a read, a poll, an epoll and a select of the terminal wait, until a key is pressed" terminal

# A pipe whose writer is not traced; then one inside, which nobody outside feeds.
outside_pipe() {
	local pid
	mkfifo "$T/feed"
	: >"$T/out"
	exec 9<>"$T/feed"
	stdbuf -oL "$CAPTURE" -- sh -c 'read x; { sleep 1; echo; } | cat' <"$T/feed" >"$T/out" 9>&- &
	pid=$!
	within 60 grep -q '^WAIT.* pipe begins' "$T/out" || return 1
	echo go >&9
	wait "$pid"
	exec 9>&-
	[ "$(sed -n 's/^WAIT.* pipe \(.*\)$/\1/p' "$T/out" | tr '\n' ' ')" = "begins ends " ] || { grep ^WAIT "$T/out"; return 1; }
}
ok "a pipe from outside is waited for, one from inside is not" outside_pipe

# signal PATTERN	how many were told
signal() {
	grep -c "^SIGNAL .* signal=$1" "$T/out"
}

signals() {
	timeout 60 "$CAPTURE" -- bash -c '
		timeout -s TERM 0.3 sleep 20
		sleep 20 & p=$!
		kill -STOP $p; kill -CONT $p; kill -USR1 $p; wait $p
		sleep 20 & p=$!
		kill -KILL $p; wait $p
		trap : TERM; kill -TERM $$
		trap "" HUP; (kill -HUP $$)
		/usr/bin/python3 -c "import signal, time; signal.signal(signal.SIGALRM, print); signal.alarm(1); time.sleep(2)" >/dev/null
	' >"$T/out" 2>/dev/null
	# timeout(1) says who it was; STOP and CONT and KILL come from the shell; what a process sends itself, USR1, and what is
	# ignored are nobody's business; the alarm is the kernel's.
	[ "$(signal '15 code=0 sender=[1-9].* comm=timeout$')" = 1 ] && [ "$(signal '19 .* comm=bash$')" = 1 ] &&
		[ "$(signal '18 .* comm=bash$')" = 1 ] && [ "$(signal '9 .* comm=bash$')" = 1 ] &&
		[ "$(signal '14 code=128 sender=0 0 comm=$')" = 1 ] && [ "$(signal 10)" = 0 ] && [ "$(signal '1 ')" = 0 ] &&
		[ "$(signal '15 ')" = 1 ] || { grep ^SIGNAL "$T/out"; return 1; }
}
ok "signals are told with their senders" signals
finish
