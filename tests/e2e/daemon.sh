#!/bin/bash
# The daemon: what it refuses, what it traces, and that runs outlive its parts: the engine, itself, an upgrade.
# long: it begins before those that are over soon.
# shellcheck disable=SC2016,SC2015 # for inner shells; a failed test shows why
. "$(dirname "$0")/lib.sh"
need_root
mock_start
. "$TOP/tests/e2e/steps.bash"
talk() { # BASE [PREFIX...]	client_start with a conversation; say LINE: what is said next
	local base=$1
	shift
	: >"$T/said"
	client_start "$@" /usr/bin/python3 "$TOP/tests/e2e/clients/talk.py" "$base" "$T/certs/ca.pem" "$T/said"
}
say() { echo "$1" >>"$T/said"; }
ask() { # N	the Nth request, until it is answered
	say "turn $1"
	until_ok grep -q "^$1 200" "$T/answers"
}
. "$TOP/tests/e2e/daemon.bash"

runs() { "$SONDE" runs --json --db "$STORE"; }
calls() { "$SONDE" spans --json --db "$STORE" | jq -c 'select(.attributes."gen_ai.operation.name" == "chat")'; }
n_calls() { [ "$(calls | wc -l)" = "$1" ]; }
status_is() { [ "$(runs | jq -r .status)" = "$1" ]; }

refused() { # WORDS STATUS ARGUMENT...
	local words=$1 want=$2 rc=0
	shift 2
	timeout 60 "$SONDE" daemon "$@" >"$T/out" 2>"$T/err" </dev/null || rc=$?
	[ "$rc" = "$want" ] && grep -q "$words" "$T/err" || { echo "status $rc"; cat "$T/err"; return 1; }
}

configure
nothing_named() {
	refused 'nothing to trace was named' 2 --config "$CONF" && [ "$(grep -c '^  sonde daemon --' "$T/err")" = 3 ]
}
ok "without anything to trace it says what can be named, by three examples" nothing_named
chmod 666 "$CONF"
ok "a configuration that others may change is refused" refused 'can be changed by others' 2 --config "$CONF" --pid $$
chmod 644 "$CONF"
chown nobody "$CONF"
ok "and one that is another's" refused 'can be changed by others' 2 --config "$CONF" --pid $$
chown root "$CONF"
ok "a user that does not exist comes with the command that makes it" refused 'useradd --system' 1 --config "$CONF" --run-as no-such-user --pid $$
ok "traffic is never read as root" refused 'is root' 1 --config "$CONF" --run-as root --pid $$
ok "an unknown user in the scope" refused "no user 'nobody-of-that-name'" 2 --config "$CONF" --user nobody-of-that-name
ok "a process id that is none" refused 'no process id' 2 --config "$CONF" --pid 12x

mock_scenario '{}'
talk "$HTTPS"
daemon_start --pid "$client"

who() {
	local name
	for name in engine prober; do
		within 60 child_of "$name" >/dev/null || { echo "no $name"; return 1; }
	done
	[ "$(stat -c %U "/proc/$(child_of engine)")" != root ] || [ "$(awk '/^Uid:/ { print $2 }' "/proc/$(child_of engine)/status")" = 65534 ] || return 1
	[ "$(awk '/^Seccomp:/ { print $2 }' "/proc/$(child_of engine)/status")" = 2 ] || return 1
	[ "$(stat -c '%U %a' "$STORE")" = "nobody 600" ] && [ "$(stat -c '%a' "$T/run/sonde.sock")" = 666 ] &&
		grep -q "^traced: the processes $client" "$T/log" && grep -q '^kept: the beginning' "$T/log" && grep -q '^who sees it' "$T/log"
}
ok "it says what it traces and keeps; the engine is an ordinary user behind a filter, the store that user's" who

first_call() {
	ask 1 && within 60 n_calls 1 && runs | holds '.status == "running" and .llm_calls == 1'
}
ok "a call of a process that ran already is in the store, its run goes on" first_call
run_id=$(runs | jq -r .run_id)

same_store() {
	refused 'another daemon .* keeps the store' 1 --config "$CONF" --socket "$T/run/other.sock" --pid "$client"
}
ok "a store has one daemon" same_store

# The conversation goes on from what the last engine has heard.
engine_dies() {
	local engine
	engine=$(child_of engine)
	kill -KILL "$engine"
	within 60 grep -q 'engine .* died.*started again' "$T/log" || return 1
	within 60 sh -c "[ \"\$(pgrep -P $daemon -x sonde-engine)\" -gt 0 ]" || return 1
	sleep 1.5
	ask 2 && within 60 n_calls 2 || { cat "$T/log"; runs; calls; return 1; }
	runs | holds ".run_id == \"$run_id\" and .llm_calls == 2 and .status == \"running\"" || return 1
	calls | jq -es 'length == 2 and (map(.attributes."gen_ai.conversation.id" // .conversation_id) | unique | length) == 1' >/dev/null || { calls; return 1; }
}
ok "its engine is killed: another one goes on with the run and with its conversation" engine_dies
# The connection has been open since before either engine.
peers() {
	calls | jq -s 'map([.attributes."network.peer.address", .attributes."network.peer.port"])' |
		holds 'length == 2 and all(.[]; .[0] == "127.0.0.1" and .[1] > 0) and (unique | length) == 1'
}
ok "which is told of the connection that is open: the call has its address" peers

bad_file() {
	echo '[daemon]' >"$CONF"
	echo 'content = everything' >>"$CONF"
	kill -HUP "$daemon"
	within 60 grep -q 'stays as it was' "$T/log" && grep -q 'sonde.conf:2:' "$T/log" || { cat "$T/log"; return 1; }
}
ok "SIGHUP with a bad file: said with its line, the old one holds" bad_file

reload() {
	mock_scenario '{"chunks": 25, "text_bytes": 200000}'
	say stream
	until_ok grep -q '^3 begins' "$T/answers" || return 1
	configure 'content = minimal' '[limits]' 'max_run_time = 9h'
	kill -HUP "$daemon"
	within 60 grep -q 'read anew' "$T/log" && grep -q 'kept: figures alone' "$T/log" || { cat "$T/log"; return 1; }
	say on
	until_ok grep -q '^3 200' "$T/answers" || return 1
	mock_scenario '{}'
	within 60 sh -c "'$SONDE' runs --json --db '$STORE' | jq -e '.llm_calls == 3' >/dev/null" || { runs; cat "$T/log"; return 1; }
	calls | jq -es 'all(.lost_bytes // 0 == 0) and all(.status != "error")' >/dev/null || { calls; return 1; }
}
ok "SIGHUP in the midst of an answer: the new configuration holds, nothing of the answer is lost" reload

stops() {
	daemon_stop || return 1
	[ ! -e "$T/run/sonde.sock" ] && [ -z "$(pgrep -P "$daemon")" ] || return 1
	runs | holds '.status == "incomplete" and (.status_reason | test("ran on"))'
}
step "SIGTERM ends it with status 0: socket and processes are gone, the run is told as cut" stops

next_daemon() {
	daemon_start --pid "$client" || return 1
	within 60 status_is running || { runs; return 1; }
	ask 4 && within 60 n_calls 4 || { runs; calls; cat "$T/log"; return 1; }
	runs | holds ".run_id == \"$run_id\" and .llm_calls == 4 and .status == \"running\""
}
step "the next daemon on the store, as after an upgrade, goes on with the run under its id" next_daemon

ends() {
	say quit
	wait "$client"
	within 60 status_is completed || { runs; return 1; }
	runs | holds ".run_id == \"$run_id\" and .exit_code == 0" &&
		[ "$(sqlite3 "$STORE" 'SELECT count(*) FROM open_state')" = 0 ] &&
		[ "$(sqlite3 "$STORE" 'SELECT count(*) FROM spans WHERE final = 0')" = 0 ]
}
step "and sees its end; nothing of it stays open in the store" ends

ended_meanwhile() {
	mock_scenario '{}'
	talk "$HTTP" || return 1
	daemon_stop && daemon_start --pid "$client" || return 1
	ask 1 && within 60 sh -c "'$SONDE' runs --json --db '$STORE' | jq -es 'any(.status == \"running\" and .llm_calls == 1)' >/dev/null" || { runs; return 1; }
	daemon_stop || return 1
	say quit
	wait "$client"
	sleep 600 &
	client=$!
	pids+=("$client")
	daemon_start --pid "$client" || return 1
	within 60 sh -c "'$SONDE' runs --json --db '$STORE' | jq -es 'any(.status == \"incomplete\" and (.status_reason | test(\"while sonde did not run\")))' >/dev/null" || { runs; return 1; }
	[ "$(sqlite3 "$STORE" 'SELECT count(*) FROM open_state')" = 1 ]
}
step "a run that ended while there was no daemon is told as that" ended_meanwhile

prober_dies() {
	local rc=0
	kill -KILL "$(child_of prober)"
	wait "$daemon" || rc=$?
	[ "$rc" = 1 ] && [ "$(grep -c 'the prober .* died' "$T/log")" = 1 ] && [ -z "$(pgrep -P "$daemon")" ] || { echo "status $rc"; cat "$T/log"; return 1; }
}
step "the prober's death ends the daemon, with one line and status 1" prober_dies

often() {
	local rc=0 i
	daemon_start --pid "$client" || return 1
	for i in 1 2 3 4 5; do
		within 60 sh -c "pgrep -P $daemon -x sonde-engine >'$T/engine'" || break
		kill -KILL "$(cat "$T/engine")"
		within 60 sh -c "[ \$(grep -c 'engine .* died' '$T/log') = $i ]" || break
	done
	wait "$daemon" || rc=$?
	[ "$rc" = 1 ] && grep -q 'too often' "$T/log" && [ "$(grep -c 'started again' "$T/log")" = 4 ] || { echo "status $rc"; cat "$T/log"; return 1; }
}
step "five deaths of the engine within a minute are too many" often

killed() {
	daemon_start --pid "$client" || return 1
	kill -KILL "$daemon"
	wait "$daemon" 2>/dev/null
	daemon_start --pid "$client" || return 1
	daemon_stop
}
step "one that is killed leaves nothing in the next one's way" killed

cat >"$T/notify.py" <<'PY'
import os, socket, subprocess, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
env = dict(os.environ, NOTIFY_SOCKET=sys.argv[1], WATCHDOG_USEC="400000")
p = subprocess.Popen(sys.argv[2:], env=env, stderr=subprocess.DEVNULL)
s.settimeout(0.2)
got, sent = "", 0
while p.poll() is None:
    try:
        got += s.recv(4096).decode() + "\n"
    except socket.timeout:
        continue
    if "READY=1" in got and sent == 0:
        p.send_signal(1)
        sent = 1
    elif got.count("READY=1") == 2 and got.count("WATCHDOG=1") >= 3 and sent == 1:
        p.terminate()
        sent = 2
print(got)
sys.exit(p.wait())
PY
notifies() {
	timeout 100 /usr/bin/python3 "$T/notify.py" "$T/notify" "$SONDE" daemon --config "$CONF" --pid "$client" >"$T/out" 8>&- || return 1
	grep -q RELOADING=1 "$T/out" && grep -q STATUS= "$T/out" && grep -q STOPPING=1 "$T/out"
}
ok "systemd is told: ready, status, reload, watchdog, end" notifies

# 300 MB in a few seconds, for an engine that may use a fiftieth of a processor.
overload() {
	local engine rss
	rm -rf "$T/store"
	mock_scenario '{}'
	configure 'content = full' '[limits]' 'memory = 96M' 'cpu = 2%'
	: >"$T/said"
	client_start /usr/bin/python3 "$TOP/tests/e2e/clients/load.py" "$HTTP" 150 8 "$T/said" || return 1
	daemon_start --pid "$client" || return 1
	engine=$(child_of engine)
	say go
	wait "$client"
	within 60 status_is completed || { runs; cat "$T/log"; return 1; }
	rss=$(awk '/^VmHWM/ { print $2 }' "/proc/$engine/status")
	echo "at most $rss kB"
	[ "$(child_of engine)" = "$engine" ] && [ "$rss" -lt $((96 * 1024 + 32 * 1024 + 32 * 1024)) ] || return 1
	grep -q 'too much comes' "$T/log" || { cat "$T/log"; return 1; }
	runs | holds '.llm_calls > 0 and .lost_bytes > 0 and .exit_code == 0' || return 1
	"$SONDE" store check --db "$STORE" && daemon_stop
}
step "more than it may use comes: calls are lost and counted, the run's end is not, its memory stays within the limit" overload

kept_within_limits() {
	rm -rf "$T/store"
	/usr/bin/python3 "$TOP/tests/replay/record.py" "$TOP/tests/replay/agent.rec" "$T/agent" || return 1
	"$SONDE" replay -q --db "$STORE" "$T/agent" || return 1
	chown -R nobody "$T/store"
	[ -n "$(runs)" ] || return 1
	configure '[retention]' 'runs = 1d'
	sleep 600 &
	client=$!
	pids+=("$client")
	daemon_start --pid "$client" || return 1
	within 60 grep -q 'retention.*runs with .* steps were removed' "$T/log" || { cat "$T/log"; return 1; }
	runs | holds ".pid == $client" && daemon_stop
}
step "retention is kept by itself, and said" kept_within_limits

cgroups=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
group=$cgroups/sonde-test-$$
in_group() { # COMMAND...
	sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group" "$@"
}
of_cgroup() {
	rm -rf "$T/store"
	mock_scenario '{}'
	daemon_start --cgroup "$group" || return 1
	talk "$HTTPS" in_group || return 1 # any program: a run once it asks a model
	ask 1 && within 60 n_calls 1 || { cat "$T/log"; runs; return 1; }
	say quit
	wait "$client"
	within 60 status_is completed || { runs; return 1; }
	daemon_stop
}
if [ -n "$cgroups" ] && mkdir "$group" 2>/dev/null; then
	step "what begins in a cgroup later is traced" of_cgroup
	rmdir "$group"
fi

finish
