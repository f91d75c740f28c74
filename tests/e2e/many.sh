#!/bin/bash
# Ten thousand short-lived processes a minute below one agent of a daemon's: each is told, nothing is lost, nothing grows.
# MANY_S: seconds of it (18).
# alone: it keeps a rate.
# shellcheck disable=SC2016,SC2015 # for inner shells; a failed test shows why
. "$(dirname "$0")/lib.sh"
need_root
mock_start
. "$TOP/tests/e2e/steps.bash"
. "$TOP/tests/e2e/daemon.bash"
export SONDE_SOCKET=$T/run/sonde.sock
mock_scenario '{}'

# One agent that starts a program every 6 ms for so long as it is told to, and says how many there were.
cat >"$T/agent.py" <<PY
import os, ssl, sys, time, urllib.request
context = ssl.create_default_context(cafile="$T/certs/ca.pem")
def ask():
    body = b'{"model":"gpt-4o","messages":[{"role":"user","content":"run many"}]}'
    head = {"Content-Type": "application/json", "Authorization": "Bearer k"}
    urllib.request.urlopen(urllib.request.Request("$HTTPS/v1/chat/completions", body, head), context=context).read()
print("ready", os.getpid(), flush=True)
said, n, began = 0, 0, 0
for line in sys.stdin:
    if line.strip() == "ask":
        ask()
        print("asked", flush=True)
        continue
    n, end, due = 0, time.monotonic() + float(line), time.monotonic()
    began = due
    while time.monotonic() < end:
        os.waitpid(os.posix_spawn("/bin/true", ["true", str(n)], {}), 0)
        n, due = n + 1, due + 0.006
        time.sleep(max(0, due - time.monotonic()))
    said += 1
    print("round", said, n, round(n / (time.monotonic() - began) * 60), flush=True)
PY
client_start /usr/bin/python3 "$T/agent.py"
configure '[scope]'
step "the daemon traces an agent" daemon_start --pid "$client"
asked() { echo ask >&8 && until_ok grep -q asked "$T/answers" && until_ok eval '[ "$("$SONDE" runs --json --db "$STORE" | wc -l)" = 1 ]'; }
ok "that makes a run" asked

third=$((${MANY_S:-18} / 3))
spawn() { # N	the Nth round; what is known of it is in the store, and the memory noted
	echo "$third" >&8
	until_ok grep -q "^round $1 " "$T/answers" && sleep 2
	echo "$(rss engine) $(rss prober) $(rss server) $(map_entries)" | tee -a "$T/samples"
}
for n in 1 2 3; do
	spawn "$n" >/dev/null
done
echo "# processes a minute: $(awk '/^round/ { printf "%s ", $4 }' "$T/answers"); kB of engine, prober, server and map entries: $(tr '\n' ';' <"$T/samples")"
rate() { awk '/^round/ && $4 < 5000 { bad = 1 } END { exit bad }' "$T/answers" || { cat "$T/answers"; return 1; }; }
ok "at least half of the rate was reached" rate
# flat COLUMN	the last round's kilobytes against those of the first
flat() { awk -v c="$1" '{ v[NR] = $c } END { print v[1], v[NR]; exit !(v[NR] <= v[1] * 1.2 + 4096) }' "$T/samples"; }
ok "the engine does not grow" flat 1
ok "nor the prober" flat 2
ok "nor the server" flat 3
ok "no entry of an ended process is left in the maps" awk '{ v[NR] = $4 } END { print v[1], v[NR]; exit v[NR] > v[1] + 4 }' "$T/samples"
lost() {
	"$SONDE" status --json | jq '[.engines[].loss | del(.tls_unread_bytes, .verdict_bytes) | to_entries[] | select(.value != 0)]' | holds 'length == 0'
}
ok "nothing was lost" lost
exec 8>&-
wait "$client"
ended() { [ "$("$SONDE" runs --json --db "$STORE" | jq -r .status)" = completed ]; }
ok "the run ends" until_ok ended
all_told() { # the agent's own process is one of them
	local n
	n=$(awk '/^round/ { n += $3 } END { print n }' "$T/answers")
	"$SONDE" runs --json --db "$STORE" | holds ".processes >= $n and .processes <= $n + 1 and .lost_bytes == 0 and .llm_calls == 1" || { echo "of $n"; return 1; }
	"$SONDE" query --json --db "$STORE" "SELECT count(*) AS n, sum(final) AS final FROM v_spans WHERE step = 'process'" | holds ".n >= $n - 1 and .final == .n" ||
		{ echo "of $n"; return 1; }
}
ok "with every process, each a step with its end" all_told
step "the daemon ends" daemon_stop
ok "the store is sound" "$SONDE" store check --db "$STORE"
finish
