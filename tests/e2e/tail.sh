#!/bin/bash
# Watching a run while it happens: `sonde tail` on the socket beside the store.
. "$(dirname "$0")/lib.sh"
need_root
mock_start
# shellcheck disable=SC2046 # words
agent() { # a run of the demo agent in the background: its pid in $run
	rm -f "$T"/db* "$T/out"
	env -i $(client_env "$HTTPS") timeout 180 "$SONDE" run -q --db "$T/db" -- $(client python-stdlib) --stream "list the files" >"$T/out" 2>&1 </dev/null &
	run=$!
	within 60 sockets 1
}
sockets() { [ "$(find "$T/live" -name '*.sock' 2>/dev/null | wc -l)" = "$1" ]; }

# 4 s of answer, so that there is something to watch
words=$(seq -s ' ' 1 900)
mock_scenario "{\"tool_turns\":1,\"chunk_delay_ms\":40,\"chunks\":40,\"final_text\":\"$words\"}"
agent
timeout 60 "$SONDE" tail --db "$T/db" --once --json >"$T/lines" 2>"$T/err"
tail_rc=$?
wait "$run"
ok "tail ends when no capture is under way" test $tail_rc = 0
pieces() { # KIND
	jq -rj --arg kind "$1" 'select(.type=="piece" and .kind==$kind) | .text' "$T/lines"
}
whole_text() { [ "$(pieces text)" = "$words" ]; }
ok "the pieces together are what the model said" whole_text
ok "they come while it is said" sh -c "[ \$(jq -c 'select(.type==\"piece\" and .kind==\"text\")' $T/lines | wc -l) -gt 5 ]"
ok "a tool's arguments come too" sh -c "jq -rj 'select(.kind==\"arguments\") | .text' $T/lines | grep -q command"
states() { [ "$(jq -r 'select(.type=="state") | .state' "$T/lines" | grep -v idle | uniq | tr '\n' ' ')" = "thinking streaming tool thinking streaming ended " ]; }
ok "states follow each other as it happens" states
numbered() { jq -s '[.[] | select(.type!="hello") | .n] | . as $n | ($n | sort) == $n and ($n | unique | length) == ($n | length)' "$T/lines" | grep -q true; }
ok "each line has a number, and they grow" numbered
ok "every step is told once as final" sh -c "jq -r 'select(.type==\"step\" and .final and .step==\"llm\") | .span.span_id' $T/lines | sort | uniq -c | awk '\$1 != 1 { exit 1 } END { exit NR != 2 }'"
ok "the socket goes with the capture" sockets 0

agent
connect_after() { # from number 5 on
	/usr/bin/python3 - "$T/live" <<'PY'
import glob, json, socket, sys
def ask(after):
    s = socket.socket(socket.AF_UNIX)
    s.connect(glob.glob(sys.argv[1] + "/*.sock")[0])
    s.sendall(b'{"after":%d}\n' % after)
    for line in s.makefile():
        line = json.loads(line)
        if line["type"] != "hello":
            yield line
first = ask(0)
while next(first)["n"] < 6:
    pass
assert next(ask(5))["n"] == 6
PY
}
ok "a watcher goes on where it was" connect_after
wait "$run"

agent
slow() { # one that never reads holds nobody up, one that says nothing neither
	/usr/bin/python3 - "$T/live" "$run" <<'PY'
import glob, os, socket, sys, time
path = glob.glob(sys.argv[1] + "/*.sock")[0]
idle = [socket.socket(socket.AF_UNIX) for _ in range(20)]  # more than there are places
for i, s in enumerate(idle):
    s.connect(path)
    if i % 2:
        s.sendall(b'{"after":0}\n')
end = time.monotonic() + 60
while os.path.exists(path):
    assert time.monotonic() < end, "the capture waits"
    time.sleep(0.1)
PY
}
ok "watchers that do not read hold nobody up" slow
wait "$run"
whole() { "$SONDE" runs --db "$T/db" --json | holds '.status == "completed" and .llm_calls == 2'; }
ok "the run was whole all the same" whole

agent
other_user() {
	chmod 711 "$T/live" && chmod 666 "$T"/live/*.sock || return 1
	setpriv --reuid 65534 --regid 65534 --clear-groups timeout 20 /usr/bin/python3 - "$(echo "$T"/live/*.sock)" <<'PY'
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
try:
    s.sendall(b'{"after":0}\n')
    assert s.recv(100) == b"", "it was served"
except (BrokenPipeError, ConnectionResetError):
    pass
PY
}
ok "somebody else's process gets nothing" other_user
wait "$run"

left_behind() { # as a capture leaves it that was killed
	/usr/bin/python3 -c 'import socket,sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1])' "$T/live/99.sock" &&
		timeout 20 "$SONDE" tail --db "$T/db" --once 2>"$T/err" && sockets 0 && grep -q "no capture" "$T/err"
}
ok "what a killed capture has left is cleared away" left_behind
no_run() {
	! timeout 20 "$SONDE" tail --db "$T/db" abcd1234 2>"$T/err" && grep -q "no run 'abcd1234' is under way" "$T/err"
}
ok "a run that is not under way is an error" no_run
bad_name() { ! "$SONDE" tail --db "$T/db" xyz 2>"$T/err" && grep -q "is no run" "$T/err"; }
ok "what is no run's name as well" bad_name

agent
for_people() {
	timeout 60 "$SONDE" tail --db "$T/db" --once >"$T/people" || return 1
	grep -q "thinking" "$T/people" && grep -q "arguments.*bash\|arguments.*command" "$T/people" && grep -q "llm .* in .* out" "$T/people" && grep -q "ended: completed" "$T/people"
}
ok "people read it too" for_people
wait "$run"
finish
