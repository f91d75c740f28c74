#!/bin/bash
# Hours in the life of a daemon: agents that start, ask and crash, streams side by side, an engine that is killed now and then.
# What it may not do meanwhile: grow, lose anything but what was in flight when its engine died, leave a probe behind.
# alone: it keeps two processors busy.
#   soak.sh [SECONDS [STREAMS]]	7200 and 200 unless told otherwise; an answer streams for about a 120th of the whole
# shellcheck disable=SC2015,SC2016,SC2119 # a failed test shows why
. "$(dirname "$0")/../e2e/lib.sh"
need_root
for_s=${1:-7200} streams=${2:-200}
stream_s=$((for_s / 120 > 2 ? for_s / 120 : 2))
kill_every=$((for_s / 24 > 40 ? for_s / 24 : 40))
mock_start
. "$TOP/tests/e2e/steps.bash"
. "$TOP/tests/e2e/daemon.bash"
AGENT=$T/soak-agent
cp /usr/bin/python3.11 "$AGENT"
configure '[scope]' 'program = soak-agent' '[retention]' 'size = 256M' '[daemon]' 'content = full'
mock_scenario "{\"tool_turns\":1,\"chunks\":$((stream_s * 10)),\"chunk_delay_ms\":100,\"text_bytes\":$((stream_s * 500)),\"command\":\"echo hello-from-tool\"}"

agent() { # one run, which may be told to die in its midst: its exit status is nobody's business
	# shellcheck disable=SC2046 # words
	(cd / && env -i $(client_env "$HTTPS") "$@" "$AGENT" "$TOP/tests/demo/agent.py" --stream "soak"; :) >/dev/null 2>&1 8>&-
}
slot() { # N	one agent after the other; of ten one is killed, somewhere in its run
	local n=$1
	sleep "$((n * stream_s / streams))"
	while [ "$(date +%s)" -lt "$end" ]; do
		case $((n++ % 10)) in
		0) agent timeout -s KILL "$((RANDOM % stream_s)).$((RANDOM % 900 + 100))" ;;
		*) agent ;;
		esac
	done
}
sample() { echo "$(($(date +%s) - begun)) $(rss engine) $(rss prober) $(rss server) $(map_entries)" | tee -a "$T/samples" | sed 's/^/# /'; }
kill_engine() { # and wait for the next one; from when to when there was none stands in $T/kills
	local old died
	old=$(child_of engine)
	died=$(date +%s)
	kill -KILL "$old"
	until_ok other_engine "$old" && until_ok answers >/dev/null
	echo "$died $(date +%s)" >>"$T/kills"
}
answers() { "$SONDE" status --json >"$T/status" 2>/dev/null && jq '.engines | length' "$T/status" | holds '. > 0'; }
other_engine() { [ -n "$(child_of engine)" ] && [ "$(child_of engine)" != "$1" ]; }

export SONDE_SOCKET=$T/run/sonde.sock
daemon_start || exit 1
begun=$(date +%s)
end=$((begun + for_s))
next_kill=$((begun + kill_every / 2))
: >"$T/kills"
slots=()
for n in $(seq "$streams"); do
	slot "$n" &
	slots+=($!)
done
echo "# seconds, kB of engine, prober, server, map entries"
while [ "$(date +%s)" -lt "$end" ]; do
	sleep "$((stream_s < 10 ? stream_s : 10))"
	if [ "$(date +%s)" -ge "$next_kill" ]; then
		kill_engine
		next_kill=$((next_kill + kill_every))
	fi
	sample
done
wait "${slots[@]}" 2>/dev/null
sleep 5
sample

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
ok "nothing was lost" lost
# Whole are all but those that were killed, and those that ran when an engine was. Times are text, of the same form.
whole() {
	local kills
	# What an engine had heard in its last seconds may not have reached the store.
	kills=$(while read -r from to; do date -u -d "@$((from - 5))" "+('%Y-%m-%dT%H:%M:%S'," && date -u -d "@$((to + 3))" "+'%Y-%m-%dT%H:%M:%S')"; done <"$T/kills" | paste -sd' ' | sed 's/) (/), (/g')
	"$SONDE" query --json --db "$STORE" "WITH kills(at, back) AS (VALUES ${kills:-(NULL, NULL)}), r AS (SELECT *,
		status = 'completed' AND llm_calls = 2 AND tool_calls = 1 AS is_whole,
		coalesce(status_reason, '') LIKE '%SIGKILL%' AS was_killed,
		EXISTS (SELECT 1 FROM kills WHERE started <= back AND (ended IS NULL OR ended >= at)) AS saw_a_kill FROM v_runs)
		SELECT count(*) AS runs, sum(is_whole) AS whole, sum(NOT is_whole AND was_killed) AS killed,
		sum(NOT is_whole AND NOT was_killed AND saw_a_kill) AS of_a_killed_engine,
		sum(NOT is_whole AND NOT was_killed AND NOT saw_a_kill) AS hurt FROM r" >"$T/runs"
	sed 's/^/# /' "$T/runs" >&3
	jq . "$T/runs" | holds '.hurt == 0 and .whole > .runs / 3'
}
exec 3>&1
ok "all runs are whole but those that were killed, and those of a killed engine" whole
"$SONDE" query --db "$STORE" "SELECT status, llm_calls, count(*) AS n, min(status_reason) AS such_as FROM v_runs GROUP BY 1, 2 ORDER BY n DESC" | sed 's/^/# /'
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
