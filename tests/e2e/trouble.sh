#!/bin/bash
# What an always-on daemon lives through: a full disk, a store that another process holds locked, SIGHUP, a new program in
# place of the one that runs. Nothing of what is traced meanwhile is missing afterwards.
# shellcheck disable=SC2016,SC2015 # for inner shells; a failed test shows why
. "$(dirname "$0")/lib.sh"
need_root
mock_start
. "$TOP/tests/e2e/steps.bash"
. "$TOP/tests/e2e/daemon.bash"
export SONDE_SOCKET=$T/run/sonde.sock
mock_scenario '{}'
undo() {
	umount -l "$T/store" 2>/dev/null
	cleanup
}
trap undo EXIT

# An agent that asks when it is told to: what it says, 2 MB, cannot be packed into less than half of that.
cat >"$T/agent.py" <<PY
import os, ssl, sys, urllib.request
context = ssl.create_default_context(cafile="$T/certs/ca.pem")
print("ready", os.getpid(), flush=True)
for line in sys.stdin:
    n = line.split()[-1]
    body = ('{"model":"gpt-4o","messages":[{"role":"user","content":"turn %s %s"}]}' % (n, os.urandom(1000000).hex())).encode()
    head = {"Content-Type": "application/json", "Authorization": "Bearer k"}
    urllib.request.urlopen(urllib.request.Request("$HTTPS/v1/chat/completions", body, head), context=context).read()
    print(n, "200", flush=True)
PY
runs() { "$SONDE" runs --json --db "$STORE"; }
in_store() { # N	so many calls, whole
	runs | jq -s '[.[] | select(.lost_bytes == 0).llm_calls] | add' | holds ". == $1" >/dev/null
}
said() { # what a failed test shows
	cat "$T/log"
	"$SONDE" query --db "$STORE" 'SELECT ref, status, status_reason, llm_calls, lost_bytes FROM v_runs'
	return 1
}
lost() { "$SONDE" status --json | jq '[.engines[].loss | del(.tls_unread_bytes, .verdict_bytes) | to_entries[] | select(.value != 0)]' | holds 'length == 0'; }

mkdir -m 755 "$T/store" "$T/bin"
mount -t tmpfs -o size=24M tmpfs "$T/store"
cp "$SONDE" "$T/bin/sonde"
real=$SONDE SONDE=$T/bin/sonde
client_start /usr/bin/python3 "$T/agent.py"
configure '[daemon]' 'content = full' '[retention]' 'disk = 100%' '[scope]'
step "the daemon begins, its store on a disk of its own" daemon_start --pid "$client"
ok "and stores a call" eval 'ask 1 && until_ok in_store 1'

full() {
	dd if=/dev/zero of="$T/store/filler" bs=64k 2>/dev/null
	ask 2 && ask 3 && until_ok grep -q 'tracing goes on' "$T/log" && ! in_store 3 && alive_all || { df "$T/store"; said; }
}
alive_all() {
	local name
	for name in engine prober server; do
		child_of "$name" >/dev/null || return 1
	done
}
ok "the disk is full: that is said, and all goes on" full
once() { [ "$(grep -c 'tracing goes on' "$T/log")" = 1 ] && in_store 1; }
ok "once; what is stored can be read" once
room() {
	rm "$T/store/filler"
	until_ok in_store 3 && until_ok grep -q 'written again' "$T/log" && lost || said
}
ok "there is room again: what had to wait is stored, nothing is lost" room

# Longer than any transaction waits.
locked() {
	/usr/bin/python3 - "$STORE" "$T/locked" <<-'PY' &
		import sqlite3, sys, time
		c = sqlite3.connect(sys.argv[1], isolation_level=None)
		c.execute("BEGIN IMMEDIATE")
		open(sys.argv[2], "w").close()
		time.sleep(12)
		c.execute("ROLLBACK")
	PY
	local holder=$! rc=0
	until_ok test -e "$T/locked" && ask 4 && ask 5 && sleep 3 && ! in_store 5 || rc=1
	wait "$holder" && until_ok in_store 5 && alive_all && lost && [ "$rc" = 0 ] || said
}
ok "another process holds the store locked for 12 s: what came meanwhile follows" locked

hup() { # in the midst of it
	kill -HUP "$daemon" && ask 6 && until_ok grep -q 'read anew' "$T/log" && until_ok in_store 6 && lost
}
ok "SIGHUP while a call is made: it is whole" hup

# Another program under the same name, as a package puts it there.
replace() {
	cp "$real" "$T/bin/new" && printf 'another build' >>"$T/bin/new" && mv "$T/bin/new" "$T/bin/sonde"
	kill -KILL "$(child_of engine)" && within 60 grep -q 'started again' "$T/log" && ask 7 && until_ok in_store 7 && [ "$("$SONDE" runs --daemon --json | jq -s 'map(.llm_calls) | add')" = 7 ] || said
}
ok "the program is replaced: the daemon that runs goes on as it was, its engine too, and answers" replace
old=$daemon
upgraded() {
	daemon_stop && daemon_start --pid "$client" && [ "$daemon" != "$old" ] && [ "$(stat -c %i -L "/proc/$daemon/exe")" = "$(stat -c %i "$T/bin/sonde")" ] &&
		ask 8 && until_ok in_store 8
}
step "and the new one, started in its place, goes on" upgraded
exec 8>&-
wait "$client"
ended() { runs | jq -s '.' | holds 'all(.[]; .status == "completed") and (map(.llm_calls) | add) == 8' >/dev/null; }
whole() { until_ok ended || said; }
ok "to the end: eight calls, all runs whole" whole
step "it ends with status 0, as nothing is missing" daemon_stop
ok "the store is sound" "$SONDE" store check --db "$STORE"
finish
