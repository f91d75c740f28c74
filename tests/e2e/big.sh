#!/bin/bash
# Bodies of 12 MiB are complete; when the reader stops, what is lost stands on the call that it hurts.
. "$(dirname "$0")/lib.sh"
need_root
mock_start

cat >"$T/big.py" <<'PY'
import json, os, sys, urllib.request
base, sizes = sys.argv[1], [int(a) for a in sys.argv[2:]]
for n in sizes:
    body = {"model": "claude-sonnet-4-6", "max_tokens": 9, "messages": [{"role": "user", "content": "q" * n}]}
    r = urllib.request.Request(base + "/v1/messages", json.dumps(body).encode(),
                               {"x-api-key": "k", "content-type": "application/json"})
    got = json.load(urllib.request.urlopen(r))
    assert got["content"][0]["text"]
    if os.environ.get("STEP"):
        open(os.environ["STEP"], "a").write("x\n")
PY
MIB12=$((12 * 1024 * 1024))

whole() { # BASE
	mock_scenario "{\"text_bytes\":$MIB12}"
	traced "$1" /usr/bin/python3 "$T/big.py" "$1" "$MIB12" || return 1
	/usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans" || return 1
	"$SONDE" show --db "$T/db" --conversation --json last >"$T/conversation" || return 1
	/usr/bin/python3 - "$T/conversation" "$MIB12" <<'PY'
import json, sys
texts = [p["content"] for l in open(sys.argv[1]) for p in json.loads(l).get("parts", []) if p["type"] == "text"]
n = int(sys.argv[2])
assert any(t == "q" * n for t in texts), [len(t) for t in texts]
assert any(len(t.encode()) == n and t.endswith("xxx") for t in texts), [len(t) for t in texts]
PY
}
ok "12 MiB both ways over TLS" whole "$HTTPS"
ok "12 MiB both ways in the clear" whole "$HTTP"

# The engine is stopped while 3 calls of 24 MiB pass through a ring of 4 MiB, then goes on; a last small call is whole.
has_read() { # CALLS	the engine has come so far
	[ "$("$SONDE" query --db "$T/db" --json "SELECT count(*) AS n FROM v_spans WHERE step = 'llm' AND final" 2>/dev/null | jq .n)" -ge "$1" ] 2>/dev/null
}
stopped() {
	local launcher engine rc
	mock_scenario '{}'
	rm -f "$T/spans" "$T/steps" "$T/go" "$T"/db*
	cat >"$T/paused.sh" <<SH
/usr/bin/python3 $T/big.py $HTTPS 1000
touch $T/waiting
while [ ! -e $T/go ]; do sleep 0.05; done
/usr/bin/python3 $T/big.py $HTTPS 8000000 8000000
touch $T/sent
while [ ! -e $T/go2 ]; do sleep 0.05; done
/usr/bin/python3 $T/big.py $HTTPS 2000
SH
	# shellcheck disable=SC2046 # words
	env -i $(client_env "$HTTPS") timeout 180 "$SONDE" run --db "$T/db" --ring 4M --json -o "$T/spans" -- bash "$T/paused.sh" >"$T/out" 2>"$T/err" &
	launcher=$!
	within 60 test -e "$T/waiting"
	engine=$(pgrep -x sonde-engine --parent "$(pgrep -x sonde --parent "$launcher")")
	[ -n "$engine" ] || { echo "no engine process"; return 1; }
	kill -STOP "$engine"
	touch "$T/go"
	within 60 test -e "$T/sent"
	sleep 2
	kill -CONT "$engine"
	within 60 has_read 2 # of the two large calls one may be lost as a whole
	sleep 1
	touch "$T/go2"
	wait "$launcher"
	rc=$?
	[ "$rc" = 0 ] || { cat "$T/err"; return 1; }
	jq -c 'select(.attributes["sonde.step.kind"] == "llm") | [.start_time_unix_nano, .attributes["sonde.lost.bytes"] // 0]' "$T/spans" | sort >"$T/lost"
	cat "$T/lost"
	# First and last are whole; at least one of those between is hurt and says by how much.
	/usr/bin/python3 - "$T/lost" "$T/spans" <<'PY'
import json, sys
lost = [json.loads(l)[1] for l in open(sys.argv[1])]
assert len(lost) >= 3, lost
assert lost[0] == 0 and lost[-1] == 0, lost
assert any(n > 1000000 for n in lost[1:-1]), lost
run = [json.loads(l) for l in open(sys.argv[2]) if '"type":"run"' in l.replace(" ", "")][-1]
assert run["lost_bytes"] >= sum(lost) > 0, (run["lost_bytes"], lost)
PY
}
ok "the reader stops for two seconds: loss is counted where it hurts, the next call is whole" stopped
finish
