#!/bin/bash
# The daemon's control socket: each user gets the runs of their own, whatever they ask; nobody can hold it up.
# shellcheck disable=SC2086 # users are numbers
. "$(dirname "$0")/lib.sh"
need_root

# Three who are no users of this machine: the daemon's, and two that it traces.
OWN=61000 ALICE=61001 BOB=61002 GROUP=61003
as() { # UID COMMAND...	in a process of its own, so that it can be ended
	(as_exec "$@")
}
as_exec() {
	local uid=$1
	shift
	exec setpriv --reuid "$uid" --regid "$uid" --clear-groups env -i PATH=/usr/bin:/bin HOME=/nonexistent SONDE_SOCKET="$T/run/sock" "$@"
}

record() { # UID USER TASK HOST FILE	the recorded agent, as another user's and about something else
	sed -e "s/testhost/$4/; s/\"uid\":1000,\"gid\":1000,\"user\":\"u\"/\"uid\":$1,\"gid\":$1,\"user\":\"$2\"/; s/list the files/$3/g" \
		-e "/^config/i wait $(($1 - OWN))s" -e "s/11111111-2222/$1-2222/; s/ls -l/ls -$2/g; s/You are a coding agent/You are $2's agent/; s#/proj#/srv/$2#g" "$TOP/tests/replay/agent.rec" >"$T/desc"
	/usr/bin/python3 "$TOP/tests/replay/record.py" "$T/desc" "$5"
}
mkdir -m 755 "$T/run"
mkdir -m 700 "$T/store"
chmod 755 "$T"
record $ALICE alice "alicework on the parser" host-a "$T/a"
record $BOB bob "bobwork on the parser" host-b "$T/b"
"$SONDE" replay -q --db "$T/store/db" "$T/a"
"$SONDE" replay -q --db "$T/store/db" "$T/b"
chown -R $OWN:$OWN "$T/store" "$T/run"

server_start() {
	as_exec $OWN "$SONDE" server --db "$T/store/db" --socket "$T/run/sock" 2>"$T/server.err" &
	server=$!
	pids+=("$server")
	within 60 test -S "$T/run/sock"
}
server_start

both() { "$SONDE" runs --daemon --json | holds '.user == "alice" or .user == "bob"' && [ "$("$SONDE" runs --daemon --json | wc -l)" = 2 ]; }
ok "root sees the runs of both" env SONDE_SOCKET="$T/run/sock" bash -c "$(declare -f both holds); SONDE=$SONDE both"
own_user() { [ "$(as $OWN "$SONDE" runs --daemon --json | wc -l)" = 2 ]; }
ok "so does the daemon's own user" own_user
in_group() { # a supplementary group
	[ "$(setpriv --reuid $ALICE --regid $ALICE --groups $OWN env -i SONDE_SOCKET="$T/run/sock" "$SONDE" runs --daemon --json | wc -l)" = 1 ]
}
ok "a group that was not named gives nothing more" in_group
mine() { as $ALICE "$SONDE" runs --daemon --json | holds '.user == "alice" and .uid == 61001' && [ "$(as $ALICE "$SONDE" runs --daemon --json | wc -l)" = 1 ]; }
ok "an ordinary user sees the runs of their own" mine
nobodys() { [ -z "$(as 61009 "$SONDE" runs --daemon --json)" ]; }
ok "a third one sees none" nobodys
unasked() { as $ALICE "$SONDE" runs 2>&1 | grep -q alicework; }
ok "where there is no store of one's own the daemon is asked" unasked
own_first() { # who has a store reads that
	mkdir -p "$T/home/.local/share/sonde" && cp "$T/store/db" "$T/home/.local/share/sonde/sonde.db" && chown -R $ALICE "$T/home" &&
		[ "$(as $ALICE HOME="$T/home" "$SONDE" runs --json | wc -l)" = 2 ] && [ "$(as $ALICE HOME="$T/home" SONDE_DAEMON=1 "$SONDE" runs --json | wc -l)" = 1 ]
}
ok "who has a store of their own reads that, unless told otherwise" own_first

# --- nothing of the other's ---
id_of() { as "$1" "$SONDE" runs --daemon --json | jq -r .run_id; }
session_of() { as "$1" "$SONDE" sessions --daemon --json | jq -r .session_id; }
theirs=$(id_of $BOB) own=$(id_of $ALICE)
hash_of() { sqlite3 "$T/store/db" "SELECT lower(hex(system_blob)) FROM spans JOIN runs ON runs.id = spans.run WHERE runs.uid = $1 AND system_blob IS NOT NULL LIMIT 1"; }
clean() { # COMMAND...	as alice: nothing of bob's is in what it prints, nor its id
	as $ALICE "$SONDE" "$@" >"$T/said" 2>&1
	! grep -iE "bob|host-b|61002|$theirs" "$T/said"
}
lists() {
	local c
	for c in runs sessions spans tools cost "cost --by user" "cost --by project" "spans --content" "export --content" "export --format csv" "export --format csv --rows spans" \
		"show last --json --content" "show last" "show last --conversation" "show last --raw" "show last --system" "show last --timeline" "export --format html" "top --since 2020-01-01" "top --json --by user"; do
		# shellcheck disable=SC2086 # words
		clean $c --daemon || return 1
		[ -s "$T/said" ] || [ "$c" = "top --json --by user" ] || return 1
	done
}
ok "no list, sum, view or export has anything of the other's" lists
by_id() {
	local ref
	[ "${#theirs}" = 32 ] || return 1
	for ref in "$theirs" "${theirs:0:8}" "${theirs:0:4}"; do
		as $ALICE "$SONDE" show "$ref" --daemon 2>&1 | grep -q "no run '$ref'" || return 1
		! as $ALICE "$SONDE" diff "$own" "$ref" --daemon >/dev/null 2>&1 || return 1
		! as $ALICE "$SONDE" export "$ref" --daemon 2>/dev/null | grep . || return 1
		! as $ALICE "$SONDE" spans --run "$ref" --daemon 2>/dev/null | grep . || return 1
	done
	! as $ALICE "$SONDE" runs --session "$(session_of $BOB)" --daemon 2>/dev/null | grep .
}
ok "nor has one by its id, digits or session" by_id
by_words() { as $ALICE "$SONDE" runs --text bobwork --json --daemon | wc -l | grep -qx 0 && as $ALICE "$SONDE" runs --text parser --json --daemon | wc -l | grep -qx 1; }
ok "nor by words of the task" by_words
sql() { as "$1" "$SONDE" query --json --daemon "$2"; }
by_sql() {
	local v
	for v in v_runs v_spans v_calls v_tools v_messages v_cost v_minutes; do
		clean query --json --daemon "SELECT * FROM $v" && [ -s "$T/said" ] || return 1
	done
	sql $ALICE "SELECT count(*) AS n FROM v_runs" | holds '.n == 1' && sql 0 "SELECT count(*) AS n FROM v_runs" | holds '.n == 2'
}
ok "nor by SQL" by_sql
by_hash() {
	local mine theirs_hash
	mine=$(hash_of $ALICE) theirs_hash=$(hash_of $BOB)
	[ "${#theirs_hash}" = 32 ] && [ "$mine" != "$theirs_hash" ] || return 1
	sql $ALICE "SELECT blob_text(x'$theirs_hash') AS t" | holds '.t == null' && sql $ALICE "SELECT blob_text(x'$mine') AS t" | holds '.t | contains("alice")' &&
		sql $BOB "SELECT blob_text(x'$theirs_hash') AS t" | holds '.t | contains("bob")'
}
ok "nor by hash" by_hash
around() {
	local q
	for q in "SELECT task FROM main.runs" "WITH runs AS (SELECT * FROM main.runs) SELECT task FROM runs" "SELECT sql FROM sqlite_temp_schema" "SELECT count(*) FROM main.spans" "EXPLAIN SELECT * FROM v_runs"; do
		! sql $ALICE "$q" 2>/dev/null | grep . || return 1
	done
}
ok "nor around the views" around
widen() { # what narrows cannot be made wider, and nobody else's by saying so
	clean query --daemon --json "SELECT * FROM v_runs" && ! as $ALICE SONDE_VIEWER_UID= "$SONDE" runs --db "$T/store/db" 2>/dev/null | grep . &&
		[ "$(env SONDE_VIEWER_UID=$ALICE "$SONDE" runs --db "$T/store/db" --json | wc -l)" = 1 ] && ! env SONDE_VIEWER_UID=x "$SONDE" runs --db "$T/store/db" --json 2>/dev/null | grep .
}
ok "who it is for is not what a user says" widen

# --- what is refused ---
ask() { curl -s --max-time 20 --unix-socket "$T/run/sock" "$@"; }
post() { ask http://sonde/api/v1/command -d "$1"; }
files() {
	post '{"argv":["runs","--db","/etc/shadow"]}' | grep -q "opens no file" && post '{"argv":["export","--output=/tmp/x"]}' | grep -q "opens no file" &&
		post '{"argv":["export","-o/tmp/x"]}' | grep -q "opens no file" && [ ! -e /tmp/x ]
}
ok "a command is given no files" files
others() {
	local c
	for c in run replay import store doctor config prices _prober prober server daemon tail status ../../bin/sh ""; do
		post "{\"argv\":[\"$c\",\"--help\"]}" | holds '.error.code == 403' || return 1
	done
}
ok "only commands that read are run" others
shapes() {
	local body
	for body in '' '{}' '[]' '{"argv":[]}' '{"argv":"runs"}' '{"argv":[1]}' '{"argv":["runs"' '{"argv":["ru\u0000ns"]}' "{\"argv\":[$(printf '"x",%.0s' {1..80})\"x\"]}"; do
		post "$body" | holds '.error.code == 400' || return 1
	done
	ask http://sonde/api/v1/nothing | holds '.error.code == 404' && ask -X DELETE http://sonde/api/v1/status | holds '.error.code == 405' &&
		ask http://sonde/api/v1/status/../../../etc/passwd | holds '.error.code == 404' && head -c 100000 /dev/zero | tr '\0' x | ask http://sonde/api/v1/command --data-binary @- | holds '.error.code == 413'
}
ok "what is malformed, unknown or too large is refused as what it is" shapes
zone() { post '{"argv":["runs"],"tz":"America/New_York"}' | grep -q 'out' && post '{"argv":["runs"],"tz":"../../etc/passwd","columns":-5,"colour":7}' | grep -q '"exit":0'; }
ok "what is asked besides is checked" zone
statuses() {
	as $ALICE "$SONDE" status --json | holds '.running and .sees == "own" and (has("store") or has("scope") or has("sinks") or has("server_pid") | not)' &&
		SONDE_SOCKET=$T/run/sock "$SONDE" status --json | holds '.sees == "all" and .store.file_bytes > 0 and .scope.host == false'
}
ok "status tells an ordinary user nothing of the whole" statuses
for_people() { SONDE_SOCKET=$T/run/sock "$SONDE" status | grep -q "runs of all users" && as $ALICE "$SONDE" status | grep -q "your own runs"; }
ok "status is for people too" for_people
doctor() { SONDE_SOCKET=$T/run/sock "$SONDE" doctor --quick --json | jq -c 'select(.check == "daemon")' | holds '.status == "ok" and (.detail | endswith("/run/sock"))'; }
ok "doctor tells of it" doctor
leave() {
	ask http://sonde/api/v1/leave -d "{\"pid\":$$,\"start_ns\":1}" | holds '.error.code == 503' && ask http://sonde/api/v1/leave -d '{"pid":"x"}' | holds '.error.code == 400' &&
		as $ALICE curl -s --unix-socket "$T/run/sock" http://sonde/api/v1/leave -d "{\"pid\":$$,\"start_ns\":1}" | holds '.error.code == 403'
}
ok "a process is left on its own user's word alone" leave
exit_status() {
	as $ALICE "$SONDE" diff "$own" "$own" --daemon >/dev/null || return 1
	as $ALICE "$SONDE" show xyz --daemon 2>"$T/err"
	[ $? = 1 ] && grep -q "is no run" "$T/err" && ! as $ALICE "$SONDE" runs --daemon --db x 2>/dev/null
}
ok "exit status and words come through" exit_status
output() {
	mkdir -p "$T/out" && chown $ALICE "$T/out" && as $ALICE "$SONDE" export --daemon -o "$T/out/x" && [ "$(stat -c %u "$T/out/x")" = $ALICE ] && grep -q alicework "$T/out/x" &&
		! as $ALICE "$SONDE" export --daemon -o "$T/out/x" 2>/dev/null
}
ok "a file of the caller's is the caller's" output
colours() { # as a terminal has it
	as $ALICE TERM=xterm script -qec "stty cols 116; $SONDE runs --daemon" /dev/null >"$T/tty" && grep -q $'\033\[1m' "$T/tty" && [ "$(sed 's/\x1b\[[0-9;]*m//g' "$T/tty" | tr -d '\r' | LC_ALL=C.UTF-8 wc -L)" -le 116 ] && grep -q "…" "$T/tty"
}
ok "the caller's terminal is known at the other end" colours

# --- nobody holds it up ---
slow() {
	as $ALICE /usr/bin/python3 - "$T/run/sock" <<'PY'
import socket, sys
def connect():
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    s.settimeout(5)
    return s
held = []
for i in range(60):  # half a request each, which never gets whole
    s = connect()
    try:
        s.sendall(b"POST /api/v1/command HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{" if i % 2 else b"GET /api/v1/li")
    except OSError:
        pass
    held.append(s)
closed = 0
for s in held:
    s.settimeout(0.2)
    try:
        closed += s.recv(1) == b""
    except socket.timeout:
        pass
    except OSError:
        closed += 1
assert closed == 44, f"{closed} of 60 were sent away"
PY
}
ok "who has too many connections is sent away" slow
while_slow() { # the others go on meanwhile
	as_exec $ALICE /usr/bin/python3 -c '
import socket, sys, time
held = [socket.socket(socket.AF_UNIX) for _ in range(16)]
for s in held:
    s.connect(sys.argv[1])
print("held", flush=True)
time.sleep(20)' "$T/run/sock" >"$T/held" &
	local holder=$! rc=0
	within 60 test -s "$T/held"
	as $BOB timeout 10 "$SONDE" runs --daemon --json | holds '.user == "bob"' || rc=1
	kill $holder
	wait $holder 2>/dev/null
	return $rc
}
while_slow >"$T/while" 2>&1
while_slow_rc=$?
ok "and holds up nobody else" test $while_slow_rc = 0
heads() { # a head that is too long, and bytes that are no HTTP
	/usr/bin/python3 - "$T/run/sock" <<'PY'
import os, socket, sys
def answer(data):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    s.settimeout(10)
    try:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
    except OSError:
        return b""
    got = b""
    try:
        while True:
            part = s.recv(65536)
            if not part:
                break
            got += part
    except OSError:
        pass
    return got
long = answer(b"GET /api/v1/status HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"y" * 1000) for i in range(200)) + b"\r\n")
assert b"200 OK" not in long, long
path = answer(b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
assert b"200 OK" not in path, path
for i in range(200):
    answer(os.urandom(1 + i * 7))
assert b"200 OK" in answer(b"GET /api/v1/status HTTP/1.0\r\n\r\n")
PY
}
ok "what is no request does no harm" heads
many_commands() {
	as $ALICE /usr/bin/python3 - "$T/run/sock" <<'PY'
import json, socket, sys
body = json.dumps({"argv": ["query", "--timeout", "20", "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"]}).encode()
def start():
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    s.settimeout(20)
    s.sendall(b"POST /api/v1/command HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    return s, s.recv(4096).split(b"\r\n")[0]
busy = [start() for _ in range(4)]
assert all(b" 200 " in head for _, head in busy), busy
refused = start()[1]
assert b" 429 " in refused, refused
PY
}
ok "nor have many long commands at once a place" many_commands
children() { [ -z "$(pgrep -P "$server")" ]; }
ok "a command ends when who asked has gone" within 10 children
as_exec $ALICE "$SONDE" query --daemon --timeout 20 "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c" >/dev/null 2>&1 &
asking=$!
sandboxed() {
	local child
	child=$(pgrep -P "$server") && grep -q '^Seccomp:.2' "/proc/$child/status" && grep -q '^NoNewPrivs:.1' "/proc/$child/status" && grep -q '^CapEff:.0*$' "/proc/$child/status"
}
ok "a command runs in a sandbox" within 60 sandboxed
kill $asking
wait $asking 2>/dev/null
ok "and ends with who asked for it" within 10 children
alive() { kill -0 "$server" && [ ! -s "$T/server.err" ]; }
ok "the server has said nothing and lives" alive

# --- live ---
as_exec $OWN /usr/bin/python3 - "$T/store/live" >"$T/hub" <<'PY' &
import json, os, socket, sys, time
os.makedirs(sys.argv[1], 0o700, exist_ok=True)
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1] + "/1.sock")
listener.listen(8)
print("listens", flush=True)
lines, n = [], 0
for i in range(20):
    for uid in 61001, 61002, 61002:
        n += 1
        lines.append({"n": n, "type": "piece", "uid": uid, "run": "%032x" % uid, "span": "%016x" % uid, "kind": "text", "part": 0, "text": "of %d, %d\n" % (uid, i)})
n += 1
lines.append({"n": n, "type": "piece", "run": "%032x" % 9, "span": "%016x" % 9, "kind": "text", "part": 0, "text": "nobody's\n"})
while True:
    c, _ = listener.accept()
    f = c.makefile("rw")
    ask = json.loads(f.readline())
    if ask.get("op") == "status":
        f.write('{"n":9,"type":"status","engine":4711,"sonde":"0","lag_ms":3,"loss":{"ring_full":2},"attached":5,"attach_failures":1,"health":{"events":7}}\n')
        f.flush()
        c.close()
        continue
    f.write('{"n":%d,"type":"hello","engine":1,"sonde":"0"}\n' % n)
    for line in lines[ask["after"]:]:
        f.write(json.dumps(line, separators=(",", ":")) + "\n")
    f.flush()
    lines = lines + []
    globals().setdefault("kept", []).append(c)
PY
pids+=($!)
within 60 test -s "$T/hub"
live() { as "$1" timeout 10 curl -s --unix-socket "$T/run/sock" "http://sonde/api/v1/live?follow=0${2-}"; }
count() { [ "$(live "$1" | jq -c 'select(.type == "piece")' | wc -l)" = "$2" ]; }
ok "who sees all gets every line" within 60 count 0 61
ok "a user gets the lines of their own runs" count $ALICE 20
ok "and the other one theirs" count $BOB 40
live_clean() { live $ALICE | tail -n +2 | holds '.uid == 61001 and (.text | contains("61002") | not) and (has("n") | not)'; }
ok "nothing of the other's is in the live stream" live_clean
ids() { # no holes that tell what others do
	live $ALICE | tail -n +2 | jq -r '.id' | sed 's/.*-//' | diff - <(seq 1 20)
}
ok "nor do its numbers tell what others do" ids
resume() {
	local id
	id=$(live $BOB | jq -r 'select(.id) | .id' | sed -n 30p)
	[ "$(live $BOB "&after=$id" | jq -c 'select(.type == "piece")' | wc -l)" = 10 ]
}
ok "a listener goes on where it was" resume
sse() {
	as $ALICE timeout 2 curl -sN --unix-socket "$T/run/sock" -H 'Accept: text/event-stream' http://sonde/api/v1/live >"$T/sse"
	local id
	id=$(sed -n 's/^id: //p' "$T/sse" | sed -n 15p)
	[ "$(grep -c '^id: ' "$T/sse")" = 20 ] && [ "$(as $ALICE timeout 2 curl -sN --unix-socket "$T/run/sock" -H 'Accept: text/event-stream' -H "Last-Event-ID: $id" http://sonde/api/v1/live | grep -c '^id: ')" = 5 ]
}
ok "as server-sent events too" sse
tails() { as $ALICE timeout 10 "$SONDE" tail --daemon --once >"$T/tail" && [ "$(grep -c 'of 61001' "$T/tail")" = 20 ] && ! grep -q 61002 "$T/tail"; }
ok "sonde tail shows them" tails
engine_status() {
	as $ALICE "$SONDE" status --json | holds '.engines[0].loss.ring_full == 2 and .engines[0].attach_failures == 1 and (.engines[0] | has("pid") or has("health") | not)' &&
		SONDE_SOCKET=$T/run/sock "$SONDE" status --json | holds '.engines[0].pid == 4711 and .engines[0].health.events == 7' && SONDE_SOCKET=$T/run/sock "$SONDE" status | grep -q "ring_full 2"
}
ok "status has what the engine lost" engine_status
deaf() { # listeners that never read: 16 of them, and the rest goes on
	as $ALICE /usr/bin/python3 - "$T/run/sock" <<'PY'
import socket, sys, time
held = []
for i in range(16):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    s.sendall(b"GET /api/v1/live HTTP/1.1\r\nHost: x\r\n\r\n")
    held.append(s)
other = socket.socket(socket.AF_UNIX)
other.connect(sys.argv[1])
try:
    other.sendall(b"GET /api/v1/status HTTP/1.0\r\n\r\n")
    assert other.recv(10) == b""
except OSError:
    pass
PY
	as $BOB timeout 10 "$SONDE" runs --daemon --json | holds '.user == "bob"'
}
ok "listeners that do not read hold nobody up" deaf
stops() {
	as_exec $BOB timeout 20 curl -sN --unix-socket "$T/run/sock" http://sonde/api/v1/live >"$T/cut" &
	local curl=$!
	within 60 test -s "$T/cut"
	kill "$server" && wait "$server"
	local rc=$?
	wait $curl
	[ $rc = 0 ] && [ ! -e "$T/run/sock" ]
}
stops >"$T/stops" 2>&1
stops_rc=$?
ok "it ends when it is told to, with listeners" test $stops_rc = 0
gone() { as $ALICE "$SONDE" runs --daemon 2>&1 | grep -q "no daemon runs here" && { as $ALICE "$SONDE" status >/dev/null 2>&1; [ $? = 3 ]; } && as $ALICE "$SONDE" status --json | holds '.running == false'; }
ok "without a daemon that is said" gone
group() { # by the name of a group: it has to be one of this machine
	setpriv --reuid $OWN --regid $OWN --clear-groups "$SONDE" server --db "$T/store/db" --socket "$T/run/sock" --group nogroup &
	pids+=($!)
	within 60 test -S "$T/run/sock"
	local gid
	gid=$(getent group nogroup | cut -d: -f3)
	[ "$(setpriv --reuid $ALICE --regid $ALICE --groups "$gid,$GROUP" env -i SONDE_SOCKET="$T/run/sock" "$SONDE" runs --daemon --json | wc -l)" = 2 ] &&
		[ "$(as $ALICE "$SONDE" runs --daemon --json | wc -l)" = 1 ]
}
group >"$T/group" 2>&1
group_rc=$?
ok "members of the daemon's group see all, by supplementary groups as well" test $group_rc = 0

# --- a real capture ---
mock_start
mock_scenario "{\"tool_turns\":1,\"chunk_delay_ms\":40,\"chunks\":40,\"final_text\":\"$(seq -s ' ' 1 300)\"}"
mkdir "$T/real"
"$SONDE" server --db "$T/real/db" --socket "$T/real/sock" &
pids+=($!)
within 60 test -S "$T/real/sock"
curl -sN --unix-socket "$T/real/sock" http://sonde/api/v1/live >"$T/real/all" &
pids+=($!)
as_exec $ALICE curl -sN --unix-socket "$T/real/sock" http://sonde/api/v1/live >"$T/real/other" &
pids+=($!)
within 60 test -s "$T/real/all" -a -s "$T/real/other"
# shellcheck disable=SC2046 # words
env -i $(client_env "$HTTPS") timeout 120 "$SONDE" run -q --db "$T/real/db" -- $(client python-stdlib) --stream "list the files" >"$T/out.txt" 2>&1 </dev/null &
run=$!
has_ended() { grep -q '"state":"ended"' "$T/real/all"; }
text_comes() { grep -q '"kind":"text"' "$T/real/all"; }
within 60 text_comes
SONDE_SOCKET=$T/real/sock "$SONDE" status --json >"$T/real/status"
top_live() { holds '(.state == "streaming" or .state == "thinking") and .status == "running" and .llm_calls >= 1' "$T/real/top"; }
top_asks() { SONDE_SOCKET=$T/real/sock "$SONDE" top --daemon --json >"$T/real/top" && top_live >/dev/null; }
within 60 top_asks # the first call is counted when it has ended
within 60 has_ended
wait "$run"
whose() { tail -n +2 "$T/real/all" | grep . | holds '.uid == 0'; }
ok "every line of a capture says whose it is" whose
ok "somebody else gets none of them" test "$(grep -c . "$T/real/other")" = 1
engine() { holds '.engines[0] | .lag_ms < 5000 and .health.llm_calls >= 1 and .attached >= 1 and .loss.ring_full == 0' "$T/real/status"; }
ok "an engine tells how it is doing" engine
ok "top over the daemon shows what runs" top_live
finish
