#!/bin/bash
# What began a run, how it ended and what it was held to, each really produced: terminal, ssh, cron, CI, test runner,
# agent; keys, signals, limits, crashes, a full memory; sandboxes and egress rules.
# Daemons run in a mount namespace of this test, with their own files in /run, /root and /etc/crontab.
# long: it begins before those that are over soon.
# shellcheck disable=SC2016,SC2015 # for inner shells; a failed test shows why
. "$(dirname "$0")/lib.sh"
need_root

if [ "${1-}" != inside ]; then
	rm -rf "$T" # exec runs no trap
	exec unshare -m --propagation private env -u CI -u GITHUB_ACTIONS -u CLAUDECODE bash -c '
		mount -t tmpfs tmpfs /run && mount -t tmpfs -o mode=700 tmpfs /root && exec bash "$0" inside' "$0"
fi
git init -q "$T/project" && mkdir "$T/project/sub" && cd "$T/project/sub" || exit 1
export SONDE DB=$T/db T SHELL=/bin/bash # what script(1) starts: it knows the functions exported below

# run [OPTION...] -- COMMAND...	under sonde, into the store of this test
run() { "$SONDE" run -q --db "$DB" "$@"; }
export -f run
told() { "$SONDE" show last --json --db "$DB" 2>/dev/null | head -1; }

# says FILTER	whether the newest run's JSON has it (jq)
says() {
	told | holds "$1"
}
# began KIND NAME-PATTERN WORKFLOW-PATTERN
began() {
	says ".trigger == \"$1\" and ((.trigger_name // \"\") | test(\"$2\")) and (.workflow | test(\"$3\"))"
}
# ended STATUS REASON-PATTERN
ended() {
	says ".status == \"$1\" and ((.status_reason // \"\") | test(\"$2\"))"
}
quietly() { "$@" >/dev/null 2>&1; }
# ends_up SECONDS STATUS REASON-PATTERN	the same, soon
ends_up() {
	local seconds=$1
	shift
	within "$seconds" quietly ended "$@" || ended "$@"
}
export -f told holds says began ended
in_project="^(true|sleep) in $T/project\$"

# --- what began it ---

terminal() {
	script -qec 'run -- true' /dev/null </dev/null >/dev/null && began terminal '^pts/[0-9]+$' "$in_project" && says ".project == \"$T/project\""
}
ok "typed at a terminal; the project is the repository" terminal
piped() {
	script -qec 'echo data | run -- cat | cat' /dev/null </dev/null >/dev/null && began terminal '^pts/' '^cat in '
}
ok "in a pipe at a terminal" piped
ci() {
	GITHUB_ACTIONS=true run -- true && began ci '^GitHub Actions$' '^GitHub Actions: true in ' && ! told | grep -q GITHUB_ACTIONS
}
ok "by a CI job, known by a variable's name" ci
runner() {
	printf '@test "runs it" {\n\trun_it\n}\nrun_it() {\n\t"$SONDE" run -q --db "$DB" -- true\n}\n' >"$T/t.bats"
	bats "$T/t.bats" && began test '^bats$' "$in_project"
}
ok "by a test runner" runner
agent() {
	cp /bin/bash "$T/claude" && "$T/claude" -c '"$SONDE" run -q --db "$DB" -- true; :' && began agent '^claude-code$' "$in_project"
}
ok "by another agent" agent

# Jobs at the start of the daemon need no minute to wait for.
printf '@reboot root cd %s && %s run -q --db %s -- true; touch %s/done\n' "$PWD" "$SONDE" "$DB" "$T" >"$T/crontab"
chmod 644 "$T/crontab"
mount --bind "$T/crontab" /etc/crontab
cron -f >/dev/null 2>&1 &
pids+=($!)
cron_line() {
	within 60 test -e "$T/done" && began cron "^cd $PWD && .*sonde run .* -- true; touch" "^cd $PWD && " || return 1
}
ok "by cron: its line is what repeats" cron_line

mkdir -m 700 /root/.ssh
for key in host own; do
	dropbearkey -t ed25519 -f "$T/$key" >"$T/$key.text" 2>&1
done
grep '^ssh-ed25519' "$T/own.text" >/root/.ssh/authorized_keys
chmod 600 /root/.ssh/authorized_keys
port=$((10000 + $$ % 20000)) # below those that clients get
dropbear -F -E -s -r "$T/host" -p "127.0.0.1:$port" >"$T/dropbear" 2>&1 &
pids+=($!)
ssh_in() {
	within 60 dbclient -y -y -i "$T/own" -p "$port" root@127.0.0.1 true </dev/null &&
		dbclient -y -y -i "$T/own" -p "$port" root@127.0.0.1 "cd $PWD && $SONDE run -q --db $DB -- true" </dev/null && began ssh '^$' "$in_project"
}
ok "over ssh" ssh_in

attached() {
	local tracer
	script -qec 'sh -c "echo \$\$ >$T/pid; exec sleep 600"' /dev/null </dev/null >/dev/null &
	pids+=($!)
	within 60 test -s "$T/pid" || return 1
	"$SONDE" run --db "$DB" --pid "$(cat "$T/pid")" 2>"$T/err" &
	tracer=$!
	within 60 grep -q '^tracing' "$T/err" && kill "$(cat "$T/pid")" && wait "$tracer" && began terminal '^pts/' "$in_project" && says ".project == \"$T/project\""
}
ok "a process that runs already: the same is found" attached

# --- how it ended ---

# during COMMAND...	what is to be done once the traced command runs, whose pid is in $T/pid
during() {
	rm -f "$T/pid"
	(within 60 test -s "$T/pid" && "$@") &
}
victim='echo $$ >$T/pid.tmp; mv $T/pid.tmp $T/pid; exec sleep 600'

completed() { run -- true && ended completed '^$'; }
ok "completed" completed
failed() { ! run -- sh -c 'exit 3' && ended failed '^exit status 3$'; }
ok "failed" failed
crashed() { ! run -- /usr/bin/python3 -c 'import ctypes; ctypes.string_at(0)' && ended failed '^it crashed: SIGSEGV$'; }
ok "crashed" crashed
key() {
	rm -f "$T/pid"
	{
		within 60 test -s "$T/pid"
		printf '\003'
	} | env --default-signal=INT script -qec "run -- sh -c '$victim'" /dev/null >/dev/null # ignored by what runs in the background
	ended cancelled '^interrupted at the terminal$'
}
ok "Ctrl-C" key
hangup() {
	rm -f "$T/pid"
	env --default-signal=HUP script -qec "run -- sh -c '$victim'" /dev/null </dev/zero >/dev/null & # nohup had it ignored
	local terminal=$!
	within 60 test -s "$T/pid" && kill -KILL "$terminal"
	wait "$terminal"
	ends_up 60 cancelled '^its terminal was closed$'
}
ok "the terminal is closed" hangup
killed() { # SIGNAL
	during sh -c "kill -$1 \$(cat $T/pid)"
	! run -- sh -c "$victim" && ended cancelled "^SIG$1 from sh \\\\(process [0-9]+\\\\)\$"
}
ok "somebody kills it" killed TERM
ok "and with force" killed KILL
inside() { ! run -- timeout 0.3 sleep 30 && ended timed_out '^exit status 124$'; }
ok "timeout inside of what is traced" inside
in_shell() { ! run -- sh -c 'timeout 0.3 sleep 30; exit $?' && ended timed_out '^exit status 124$'; }
ok "timeout in a shell" in_shell
outside() { # OPTION...: its alarm comes once the command runs, however long that has taken
	local alarm
	rm -f "$T/pid"
	timeout "$@" 600 "$SONDE" run -q --db "$DB" -- sh -c "$victim" &
	alarm=$!
	within 60 test -s "$T/pid" && kill -ALRM "$alarm" && ! wait "$alarm" && ended timed_out '^SIGTERM from timeout' || {
		kill "$alarm"
		return 1
	}
}
ok "timeout around sonde" outside
ok "that ends sonde alone" outside --foreground
limit() {
	run --max-time 1s -- sleep 2 && ended timed_out '^it took longer than 1 s$'
}
ok "over the configured maximum: marked, not stopped" limit
no_limit() { ! run --max-time 5 -- true 2>"$T/err" && grep -q "such as 90s" "$T/err"; }
ok "a maximum without a unit is refused" no_limit

# A memory cgroup of this test, of either version.
group=
for base in /sys/fs/cgroup/memory /sys/fs/cgroup; do
	mkdir "$base/sonde-e2e-$$" 2>/dev/null && group=$base/sonde-e2e-$$ && break
done
if [ -n "$group" ] && { echo 64M >"$group/memory.max" || echo 64M >"$group/memory.limit_in_bytes"; } 2>/dev/null; then
	full() {
		! run -- sh -c "echo \$\$ >$group/cgroup.procs; exec /usr/bin/python3 -c 'b = bytearray(500 << 20)'" &&
			ended failed '^killed by the kernel: out of memory$'
	}
	ok "out of memory" full
fi
[ -z "$group" ] || rmdir "$group"

paused() { # WHAT COMMAND...: it reads what never comes until it has been seen to wait
	local what=$1
	shift
	rm -f "$T/feed"
	mkfifo "$T/feed"
	"$@" <"$T/feed" >/dev/null &
	exec 7>"$T/feed"
	ends_up 60 paused "^it waits for input from $what\$"
	local rc=$?
	(printf 'x\n\004' >&7) # a shell of its own: what comes after the line may find nobody who reads
	exec 7>&-
	wait $!
	[ "$rc" = 0 ] && ended completed '^$'
}
ok "it waits for a line from the terminal" paused 'the terminal' script -qec 'run -- head -1' /dev/null
ok "and from a pipe" paused 'a pipe' "$SONDE" run -q --db "$DB" -- head -1

# --- what it was held to ---

cat >"$T/confine.py" <<'EOF'
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
allow_all = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0x7FFF0000))
assert libc.prctl(38, 1, 0, 0, 0) == 0  # no new privileges
assert libc.prctl(22, 2, struct.pack("HxxxxxxQ", 1, ctypes.addressof(allow_all))) == 0
os.execvp(sys.argv[1], sys.argv[1:])
EOF
sandbox() {
	run -- unshare -n setpriv --inh-caps=-all --bounding-set=-all /usr/bin/python3 "$T/confine.py" sleep 0.5 &&
		says '.assurance.sandbox | .seccomp == "filter" and .no_new_privs and .capabilities == "none" and .namespaces == ["net"] and .uid == 0'
}
ok "the sandbox of the program" sandbox
tool() {
	run -- sh -c "/usr/bin/python3 $T/confine.py sleep 0.5; true" && says '.assurance | .sandbox.seccomp == "none" and .confined_programs == 1'
}
ok "of a program that it starts" tool

/usr/bin/python3 -m http.server --bind 127.0.0.1 $((port + 1)) >/dev/null 2>&1 &
pids+=($!)
printf '[egress]\nallow = localhost:%s\ndeny = 127.0.0.0/8\n' $((port + 1)) >"$T/rules.conf"
cat >"$T/connect.py" <<'EOF'
import socket, sys
import http.client
port = int(sys.argv[1])
for host in ("localhost", "127.0.0.1"):
    c = http.client.HTTPConnection("127.0.0.1", port)
    c.request("GET", "/", headers={"Host": f"{host}:{port}"})
    c.getresponse().read()
    c.close()
try:
    socket.create_connection(("127.0.0.1", port + 1))
except ConnectionRefusedError:
    pass
EOF
egress() {
	within 60 curl -sf "http://127.0.0.1:$((port + 1))/" -o /dev/null &&
		run --config "$T/rules.conf" -- /usr/bin/python3 "$T/connect.py" $((port + 1)) &&
		says ".assurance | .egress.allowed == 1 and .egress.denied + .egress.undecided == 2 and .refused.connect.ECONNREFUSED == 1" &&
		"$SONDE" show last --db "$DB" | grep -q "egress .*1 allowed.*127.0.0.1:$((port + 1)) (deny 127.0.0.0/8)"
}
ok "egress rules, by address and by name; what was refused" egress
finish
