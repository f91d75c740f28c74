#!/bin/bash
# Stopping a run through the daemon: by its own user or root, confirmed, told in the run and in the log; nothing else can be
# ended that way.
# shellcheck disable=SC2016,SC2015 # for inner shells; a failed test shows why
. "$(dirname "$0")/lib.sh"
need_root
mock_start
. "$TOP/tests/e2e/steps.bash"
. "$TOP/tests/e2e/daemon.bash"
cp "$SONDE" "$T/sonde" # where others may run it
chmod 755 "$T/sonde"
cp "$T/certs/ca.pem" "$T/ca.pem"
chmod 644 "$T/ca.pem"
ALICE=54321 BOB=54322
export SONDE_SOCKET=$T/run/sonde.sock
mock_scenario '{}'

# agent NAME [UID] [LINE]	an agent of that user's that has asked once and waits, after that line of Python; sets pid
agent() {
	local said=$T/$1.said as=()
	[ -z "${2-}" ] || as=(setpriv --reuid "$2" --regid "$2" --clear-groups)
	: >"$said"
	cat >"$T/$1.py" <<-PY
		import signal, ssl, sys, time, urllib.request
		${3-}
		context = ssl.create_default_context(cafile="$T/ca.pem")
		def ask():
		    body = b'{"model":"gpt-4o","messages":[{"role":"user","content":"task of $1"}]}'
		    head = {"Content-Type": "application/json", "Authorization": "Bearer k"}
		    urllib.request.urlopen(urllib.request.Request("$HTTPS/v1/chat/completions", body, head), context=context).read()
		print("ready", flush=True)
		sys.stdin.readline()
		ask()
		print("asked", flush=True)
		time.sleep(600) # then it ends, whatever it heeds
	PY
	rm -f "$T/$1.in"
	mkfifo "$T/$1.in"
	(cd / && exec env -i PATH=/usr/bin:/bin "${as[@]}" /usr/bin/python3 "$T/$1.py" <"$T/$1.in" >"$said") &
	pid=$!
	pids+=("$pid")
	# shellcheck disable=SC2034 # it stays open
	exec {hold}>"$T/$1.in"
	until_ok grep -q ready "$said"
}
go() { # NAME	it asks
	echo >"$T/$1.in"
	until_ok grep -q asked "$T/$1.said"
}
as() { # UID COMMAND...
	setpriv --reuid "$1" --regid "$1" --clear-groups env HOME=/nonexistent "${@:2}"
}
runs() { "$SONDE" runs --json --db "$STORE"; }
run_of() { runs | jq -r "select(.pid == $1).run_id"; }
field() { runs | jq -r "select(.run_id == \"$1\").$2"; }
is() { [ "$(field "$1" "$2")" = "$3" ]; }
# post UID PATH BODY	the status of the answer
post() {
	as "$1" curl -s -o "$T/answer" -w '%{http_code}' --unix-socket "$SONDE_SOCKET" -H 'Content-Type: application/json' "http://sonde/api/v1/$2" -d "$3"
}
answers() { # STATUS UID PATH BODY [WORDS]
	local got
	: >"$T/answer"
	chmod 666 "$T/answer"
	got=$(post "$2" "$3" "$4")
	[ "$got" = "$1" ] && { [ -z "${5-}" ] || grep -q "$5" "$T/answer"; } || { echo "$got"; cat "$T/answer"; return 1; }
}
alive() { kill -0 "$1" && [ "$(awk '{ print $3 }' "/proc/$1/stat")" != Z ]; }
gone() { ! alive "$1" 2>/dev/null; }

agent alice "$ALICE"
alice=$pid
agent bob "$BOB"
bob=$pid
agent stubborn "$ALICE" 'signal.signal(signal.SIGTERM, signal.SIG_IGN)'
stubborn=$pid
agent root
root=$pid
configure '[scope]'
step "the daemon traces four agents of three users" daemon_start --pid "$alice,$bob,$stubborn,$root"
all_there() {
	local name
	for name in alice bob stubborn root; do
		go "$name" || return 1
	done
	until_ok eval '[ "$(runs | wc -l)" = 4 ]'
}
ok "their runs are in the store" all_there
A=$(run_of "$alice") B=$(run_of "$bob") S=$(run_of "$stubborn") R=$(run_of "$root")
[ "${A:31}" = 0 ] && none=${A:0:31}1 || none=${A:0:31}0 # nobody's
powers() { # KILL is kept, and nothing that would make another user of it
	local set
	set=$(awk '/^CapPrm:/ { print $2 }' "/proc/$(child_of prober)/status")
	[ $((0x$set & 1 << 5)) != 0 ] && [ $((0x$set & (1 << 6 | 1 << 7))) = 0 ] || { echo "$set"; return 1; }
}
ok "the prober keeps the power to end processes, and none to become somebody" powers

unconfirmed() {
	answers 400 "$ALICE" "runs/$A/stop" '{}' confirm && answers 400 "$ALICE" "runs/$A/stop" "{\"confirm\":\"$B\"}" confirm &&
		answers 400 "$ALICE" "runs/$A/stop" '' confirm && answers 400 "$ALICE" "runs/${A:0:8}/stop" "{\"confirm\":\"${A:0:8}\"}" 'whole id' && alive "$alice"
}
ok "without the run's whole id as a confirmation nothing is done" unconfirmed
not_theirs() {
	answers 404 "$ALICE" "runs/$B/stop" "{\"confirm\":\"$B\"}" 'no such run' && cp "$T/answer" "$T/theirs" &&
		answers 404 "$ALICE" "runs/$none/stop" "{\"confirm\":\"$none\"}" 'no such run' && cmp "$T/answer" "$T/theirs" && alive "$bob"
}
ok "another's run is one that does not exist" not_theirs
# Who sees all runs may not end them for that.
only_sees() { answers 403 65534 "runs/$B/stop" "{\"confirm\":\"$B\"}" 'own user' && alive "$bob"; }
ok "who sees all may not stop all" only_sees
asks() {
	! as "$ALICE" "$T/sonde" stop "$A" </dev/null 2>"$T/err" && grep -q -- --yes "$T/err" && alive "$alice"
}
ok "the command asks, and does nothing where nobody can be asked" asks
others() { ! as "$ALICE" "$T/sonde" stop --yes "$B" 2>"$T/err" && grep -q 'knows no run' "$T/err" && alive "$bob" || { cat "$T/err"; return 1; }; }
ok "and knows nothing of another's run" others

stopped() {
	as "$ALICE" "$T/sonde" stop --yes "${A:0:8}" && until_ok gone "$alice" && until_ok is "$A" status cancelled &&
		is "$A" status_reason "stopped by $ALICE through sonde"
}
ok "its user stops it: it is cancelled, by whom" stopped
step_told() {
	"$SONDE" show --json --db "$STORE" "$A" | jq -r '.attributes."sonde.run.events" // empty | tostring' | grep "SIGTERM: stopped by $ALICE through sonde"
}
ok "that stands among its steps" step_told
logged() { grep "user $ALICE has asked to stop process $alice: it was sent SIGTERM" "$T/log"; }
ok "and in the daemon's log" logged
again() { answers 409 "$ALICE" "runs/$A/stop" "{\"confirm\":\"$A\"}" 'not run any more'; }
ok "what has ended cannot be stopped" again
only_it() { alive "$bob" && alive "$stubborn" && alive "$root" && is "$B" status running; }
ok "and the others go on" only_it

killed() {
	local began=$SECONDS
	answers 204 "$ALICE" "runs/$S/stop" "{\"confirm\":\"$S\"}" && sleep 2 && alive "$stubborn" &&
		answers 409 "$ALICE" "runs/$S/stop" "{\"confirm\":\"$S\"}" 'already' && until_ok gone "$stubborn" && [ $((SECONDS - began)) -ge 9 ] &&
		until_ok is "$S" status cancelled && is "$S" status_reason "stopped by $ALICE through sonde"
}
ok "what does not heed SIGTERM is killed ten seconds later" killed
by_root() { "$T/sonde" stop --yes "$B" && until_ok gone "$bob" && until_ok is "$B" status_reason 'stopped by root through sonde'; }
ok "root stops another's" by_root

# Whoever takes over the server can ask for what it likes: the prober looks for itself.
forge() { # SET	what the store says of root's run; without its triggers, which ask for functions of ours
	/usr/bin/python3 - "$STORE" "$1" "$R" <<-'PY'
		import sqlite3, sys
		c = sqlite3.connect(sys.argv[1], timeout=20, isolation_level=None)
		c.execute("BEGIN IMMEDIATE")
		triggers = c.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'runs'").fetchall()
		for name, _ in triggers:
		    c.execute(f"DROP TRIGGER {name}")
		c.execute(f"UPDATE runs SET {sys.argv[2]} WHERE lower(hex(id)) = ?", (sys.argv[3],))
		for _, sql in triggers:
		    c.execute(sql)
		c.execute("COMMIT")
	PY
}
lied() {
	forge "uid = $ALICE"
	answers 409 "$ALICE" "runs/$R/stop" "{\"confirm\":\"$R\"}" 'not traced' && alive "$root" && grep "user $ALICE has asked to stop process $root: not done" "$T/log"
}
ok "whatever the store says of whose it is" lied
scope() { # PID	what the prober's map of whom it traces says of it
	local id key
	key=$(printf '%d %d %d %d' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24)))
	for id in $(held map); do
		# shellcheck disable=SC2086 # bytes
		[ "$(bpftool map show id "$id" -j | jq -r .name)" != scopes ] || bpftool map lookup id "$id" key $key
	done
}
left() { # not traced any more
	local start before
	before=$(scope "$root")
	[ -n "$before" ] || return 1
	start=$(($(awk '{ print $22 }' "/proc/$root/stat") * 10000000)) # awk would round it
	curl -sf --unix-socket "$SONDE_SOCKET" http://sonde/api/v1/leave -d "{\"pid\":$root,\"start_ns\":$start}" -o /dev/null
	until_ok eval '[ "$(scope "$root")" != "$before" ]' || return 1
	answers 409 0 "runs/$R/stop" "{\"confirm\":\"$R\"}" 'any more' && alive "$root"
}
ok "what is not traced any more is left alone" left
kill "$root" 2>/dev/null
{ wait "$alice" "$bob" "$stubborn" "$root"; } 2>/dev/null
step "the daemon ends" daemon_stop
no_daemon() { ! "$T/sonde" stop --yes "$R" 2>"$T/err" && grep -q 'no daemon runs here' "$T/err"; }
ok "without a daemon it says so" no_daemon
# The server alone, over the same store.
forge 'status = 1'
SONDE_SOCKET=$T/run/alone
"$SONDE" server --db "$STORE" --socket "$SONDE_SOCKET" 2>"$T/err" &
pids+=($!)
alone() { until_ok test -S "$SONDE_SOCKET" && answers 503 0 "runs/$R/stop" "{\"confirm\":\"$R\"}" 'no daemon'; }
ok "a server without a capture says that it cannot" alone
finish
