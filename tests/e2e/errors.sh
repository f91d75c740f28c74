#!/bin/bash
# What cannot be done is said in one clear line, with a status that tells; nothing is lost.
. "$(dirname "$0")/lib.sh"
need_root
mock_start

# says STATUS PATTERN COMMAND...	ends with STATUS and says one line on stderr that matches
says() {
	local status=$1 pattern=$2 rc=0
	shift 2
	"$@" >"$T/out" 2>"$T/err" </dev/null || rc=$?
	if [ "$rc" != "$status" ] || ! grep -qE "$pattern" "$T/err" || [ "$(grep -c . "$T/err")" -gt "${LINES_MAX:-2}" ]; then
		echo "status $rc, wanted $status and /$pattern/; said:"
		cat "$T/err"
		return 1
	fi
}
nobody() {
	setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all env -i PATH=/nowhere HOME=/tmp "$@"
}
# Without a kernel's type information, in a mount namespace of its own.
without_btf() {
	unshare -m --propagation private sh -c 'mount -t tmpfs none /sys/kernel/btf && exec "$@"' sh "$@"
}
without_caps() {
	setpriv --bounding-set=-bpf,-perfmon,-sys_admin --inh-caps=-bpf,-perfmon,-sys_admin "$@"
}
run() {
	"$SONDE" run --db "$T/db" -- "$@"
}

LINES_MAX=99
ok "status 0" says 0 '' run true
ok "status 3" says 3 '' run sh -c 'exit 3'
ok "killed by a signal: 128 + n" says 143 '' run sh -c 'kill -TERM $$'
ok "a connection that was refused is named" says 7 'could not connect to 127.0.0.1:1: Connection refused' run curl -s http://127.0.0.1:1/
# A neighbour that does not answer: curl waits in poll(), not in connect().
nobody_there() {
	unshare -n sh -c 'ip link set lo up && ip link add near type veth peer name far && ip addr add 192.0.2.1/24 dev near &&
		ip link set near up && ip link set far up && exec "$@"' sh "$@"
}
ok "a connection that failed later is named" says 7 'could not connect to 192.0.2.9:80: No route to host' \
	nobody_there "$SONDE" run --db "$T/db" -- curl -s --max-time 20 http://192.0.2.9/
LINES_MAX=2
ok "no such command: 127" says 127 "no-such-command" run no-such-command
ok "not executable: 126" says 126 "passwd" run /etc/passwd
ok "no command" says 125 'command' "$SONDE" run
ok "an unknown option" says 125 'jsno.*--json' "$SONDE" run --jsno -- true
ok "a bad value" says 125 'content' "$SONDE" run --content some -- true
ok "an unknown subcommand" says 125 'shwo.*show' "$SONDE" shwo
ok "not root, no sudo" says 125 'root|sudo' nobody "$SONDE" run --no-store -- true
ok "no BTF" says 125 'BTF' without_btf "$SONDE" run --db "$T/db" -- true
ok "bpf() is refused" says 125 'CAP|bpf|permi|privilege' without_caps "$SONDE" run --db "$T/db" -- true

head -c 5000 /dev/urandom >"$T/junk"
ok "a store that is none" says 125 'junk' "$SONDE" run --db "$T/junk" -- true
ok "and it is as it was" test "$(stat -c %s "$T/junk")" = 5000
ok "runs of a store that is none" says 1 'junk' "$SONDE" runs --db "$T/junk"
ok "runs of a store that is not there" says 1 'nothing-here' "$SONDE" runs --db "$T/nothing-here"
newer() {
	rm -f "$T/newer"*
	"$SONDE" run --db "$T/newer" -q -- true && sqlite3 "$T/newer" 'PRAGMA user_version = 9999' >/dev/null &&
		says 125 'newer' "$SONDE" run --db "$T/newer" -- true && says 1 'newer' "$SONDE" runs --db "$T/newer"
}
ok "a store of a newer sonde" newer
unreadable() {
	rm -f "$T/mine"*
	"$SONDE" run --db "$T/mine" -q -- true && says 1 'mine.*readable' nobody "$SONDE" runs --db "$T/mine"
}
ok "a store that may not be read" unreadable

: >"$T/empty"
ok "a recording of 0 bytes" says 1 'empty' "$SONDE" replay "$T/empty"
ok "a recording that is none" says 1 'junk' "$SONDE" replay "$T/junk"
ok "a recording that is not there" says 1 'no-file' "$SONDE" replay "$T/no-file"
truncated() {
	rm -f "$T/record" "$T"/db*
	# shellcheck disable=SC2046 # words
	env -i $(client_env "$HTTPS") "$SONDE" run --db "$T/db" -q --record "$T/record" -- /usr/bin/python3 "$TOP/tests/demo/agent.py" --stream >/dev/null 2>&1 || return 1
	head -c $(($(stat -c %s "$T/record") * 2 / 3)) "$T/record" >"$T/cut"
	LINES_MAX=99 says 1 'cut' "$SONDE" replay --db "$T/db2" "$T/cut" || return 1
	# What was whole is there.
	"$SONDE" spans --db "$T/db2" --json | grep -q '"sonde.step.kind": *"llm"'
}
ok "a truncated recording: said, and what was whole is kept" truncated

full_disk() {
	mkdir -p "$T/small"
	# shellcheck disable=SC2046,SC2016 # words; for the inner shell
	unshare -m --propagation private env -i $(client_env "$HTTPS") SONDE="$SONDE" T="$T" TOP="$TOP" bash -c '
		mount -t tmpfs -o size=400k none "$T/small" || exit 9
		"$SONDE" run --db "$T/small/db" -o "$T/view" -- /usr/bin/python3 "$TOP/tests/demo/agent.py" "$(head -c 60000 /dev/urandom | base64 -w0)" >"$T/out" 2>"$T/err"
		echo "status $?"
		head -c 380000 /dev/zero >"$T/small/fill"
		"$SONDE" run --db "$T/small/db" -o "$T/view2" -- /usr/bin/python3 "$TOP/tests/demo/agent.py" "$(head -c 90000 /dev/urandom | base64 -w0)" >"$T/out2" 2>"$T/err2"
		echo "status $?"
		rm "$T/small/fill"
		"$SONDE" store check --db "$T/small/db"' >"$T/log" 2>&1
	local rc=$?
	cat "$T/log" "$T/err2"
	[ "$rc" = 0 ] && grep -q hello-from-tool "$T/out2" && grep -qiE 'space|full' "$T/err2"
}
ok "a full disk: the command goes on, it is said, the store stays sound" full_disk
ok "output to a full device" says 125 'full|space' bash -c "'$SONDE' run --no-store -o /dev/full -- true"
finish
