#!/bin/bash
# Hours in the life of a daemon: agents that start, ask and crash, streams side by side, an engine that is killed now and then.
# What it may not do meanwhile: grow, lose anything but what was in flight when its engine died, leave a probe behind.
# alone: it keeps two processors busy.
#   soak.sh [SECONDS [STREAMS]]	7200 and 200 unless told otherwise
# shellcheck disable=SC2015,SC2016,SC2119 # a failed test shows why
. "$(dirname "$0")/../e2e/lib.sh"
need_root
for_s=${1:-7200} streams=${2:-200}
mock_start
. "$TOP/tests/e2e/steps.bash"
. "$TOP/tests/e2e/daemon.bash"
AGENT=$T/soak-agent
cp /usr/bin/python3.11 "$AGENT"
configure '[scope]' 'program = soak-agent' '[retention]' 'size = 256M' '[daemon]' 'content = full'
mock_scenario '{"tool_turns":1,"chunk_delay_ms":20,"command":"echo hello-from-tool"}'

agent() { # one run, which may be told to die in its midst: its exit status is nobody's business
	# shellcheck disable=SC2046 # words
	(cd / && env -i $(client_env "$HTTPS") "$@" "$AGENT" "$TOP/tests/demo/agent.py" --stream "soak"; :) >/dev/null 2>&1
}
sample() { echo "$(($(date +%s) - begun)) $(rss engine) $(rss prober) $(rss server) $(map_entries)"; }

daemon_start || exit 1
begun=$(date +%s)
end=$((begun + for_s)) round=0 kills=0
echo "# seconds, kB of engine, prober, server, map entries"
while [ "$(date +%s)" -lt "$end" ]; do
	round=$((round + 1)) jobs=()
	for n in $(seq "$streams"); do
		case $((n % 10)) in
		0) agent timeout -s KILL 0.7 & ;;
		*) agent & ;;
		esac
		jobs+=($!)
		[ $((n % 20)) != 0 ] || sleep 0.2
	done
	if [ $((round % 20)) = 5 ]; then
		kill -KILL "$(child_of engine)" && kills=$((kills + 1))
	fi
	wait "${jobs[@]}" 2>/dev/null
	sample | tee -a "$T/samples" | sed 's/^/# /'
done
sleep 5
sample | tee -a "$T/samples" | sed 's/^/# /'

# flat COLUMN	the last tenth of the samples against those between the first and the second tenth: at most a quarter more
flat() {
	awk -v c="$1" '{ v[NR] = $c } END {
		n = int(NR / 10); if (n < 1) n = 1
		for (i = n + 1; i <= 2 * n; i++) a += v[i]
		for (i = NR - n + 1; i <= NR; i++) b += v[i]
		print a / n, b / n; exit !(b <= a * 1.25 + 4096 * n) }' "$T/samples"
}
ok "the engine does not grow" flat 2
ok "nor the prober" flat 3
ok "nor the server" flat 4
ok "no entry is left in the maps" test "$(tail -1 "$T/samples" | awk '{ print $5 }')" -le 4
lost() { "$SONDE" status --json >"$T/status" && jq '[.engines[].loss | del(.tls_unread_bytes, .verdict_bytes) | to_entries[] | select(.value != 0)]' "$T/status" | holds 'length == 0'; }
export SONDE_SOCKET=$T/run/sonde.sock
ok "nothing was lost" lost
whole() { # but for those that were killed, and those of a killed engine
	"$SONDE" query --json --db "$STORE" "SELECT count(*) AS runs, sum(status = 'completed' AND llm_calls = 2) AS whole FROM v_runs" | tee "$T/runs" |
		holds ".whole >= .runs * (0.88 - $kills / $round)"
}
ok "the runs are whole" whole
"$SONDE" query --db "$STORE" "SELECT status, status_reason, llm_calls, count(*) AS n FROM v_runs GROUP BY 1, 2, 3 ORDER BY n DESC" | sed 's/^/# /'
probes=$(held prog)
step "it ends" daemon_stop
ok "the store is sound" "$SONDE" store check --db "$STORE"
none_left() {
	local id
	[ -n "$probes" ] || return 1
	for id in $probes; do
		! bpftool prog show id "$id" 2>/dev/null || return 1
	done
}
ok "no probe is left" within 20 none_left
finish
