#!/bin/bash
# A real Prometheus on /metrics of a store: its sums are the store's, whatever comes, is corrected or restarted; the alert
# rules and the dashboard ask for what there is.
# long: it begins before those that are over soon.
. "$(dirname "$0")/lib.sh"
HERE=$TOP/tests/e2e/prometheus
PROM=$TOP/build/prometheus
SERVE=$TOP/build/tests/e2e/metrics_serve
TABLE=$TOP/src/export/METRICS.md
RULES=$TOP/deploy/prometheus/sonde.rules.yml
DASHBOARD=$TOP/deploy/grafana/sonde.json
"$HERE/install.sh" "$PROM" || skip_all "Debian's prometheus cannot be fetched"
PATH=$PROM/usr/bin:$PATH
export HOME=$T/home
mkdir -p "$HOME"
unset XDG_CONFIG_HOME SONDE_CONFIG SUDO_USER SONDE_DB

# --- a store, and /metrics of it ---

# Each of a boot of its own: in the same one they would be the same processes.
replay() { # RECORDING
	sed "s/^host testhost/host testhost boot-$1/" "$TOP/tests/replay/$1.rec" >"$T/$1.rec" &&
		/usr/bin/python3 "$TOP/tests/replay/record.py" "$T/$1.rec" "$T/$1.bin" && "$SONDE" replay -q --db "$T/db" "$T/$1.bin"
}
answer() { # PID LOST what an engine answers
	echo "{\"n\":1,\"type\":\"status\",\"engine\":$1,\"started_boot_ns\":5,\"lag_ms\":20,\"loss\":{\"ring_full\":$2,\"cap_bytes\":4096},\"attached\":3,\"attach_failures\":1,\"prober_lost\":false,\"health\":{\"type\":\"health\",\"events\":1000,\"http_bad\":2,\"engine_cpu_us\":2500000,\"engine_rss_bytes\":30000000}}"
}
serve() { # [MAX_SERIES [LABELS]]: on PORT, by process SERVER
	rm -f "$T/port"
	"$SERVE" "$T/db" "$T/port" "${ASK:-$T/status}" "$@" 2>>"$T/serve.err" &
	SERVER=$!
	pids+=("$SERVER")
	within 60 test -s "$T/port" || return
	PORT=$(cat "$T/port")
	within 60 ready
}
stop() {
	kill "$SERVER" && wait "$SERVER"
}
ready() { curl -sf -o /dev/null "http://127.0.0.1:$PORT/readyz"; }
page() { curl -sf -m 10 "http://127.0.0.1:$PORT/metrics"; }
value() { # SAMPLE
	page | awk -v want="$1" '$1 == want { print $2 }'
}

answer 4711 3 >"$T/status"
replay agent || exit 1
serve
ok "it is ready" ready
page >"$T/page"
ok "promtool finds nothing to say about the page" sh -c "promtool check metrics <$T/page >$T/lint 2>&1 && ! grep . $T/lint"
replay mcp && replay observed
within 60 test "$(value sonde_metrics_lag_spans)" = 0
# shellcheck disable=SC2016 # awk's
ok "what comes later is in it" within 60 sh -c "curl -s http://127.0.0.1:$PORT/metrics | grep -q 'sonde_tool_calls_total.*mcp__search__find'"
page >"$T/page"
ok "METRICS.md has every metric that is served" /usr/bin/python3 "$HERE/served.py" page "$TABLE" "$T/page"
ok "and every metric that rules and dashboard ask for" /usr/bin/python3 "$HERE/served.py" queries "$TABLE" "$RULES" "$DASHBOARD" "$TOP/deploy/prometheus/sonde.rules.test.yml"
ok "the dashboard is JSON with queries" holds '[.panels[].targets[]?.expr] | length > 20' "$DASHBOARD"

# --- rules ---

ok "promtool takes the rules" promtool check rules "$RULES"
ok "each alert fires where it should" promtool test rules "$TOP/deploy/prometheus/sonde.rules.test.yml"
ok "and the example configuration" promtool check config "$TOP/deploy/prometheus/scrape.yml"
all_tested() {
	! awk '/alert:/ { print $3 }' "$RULES" | grep -vxFf <(awk '/alertname:/ { print $3 }' "$TOP/deploy/prometheus/sonde.rules.test.yml")
}
ok "there is no alert without a test" all_tested

# --- a real Prometheus ---

cat >"$T/prometheus.yml" <<END
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [$RULES]
scrape_configs:
  - job_name: sonde
    file_sd_configs: [{ files: [$T/targets.json], refresh_interval: 1s }]
    relabel_configs: [{ target_label: instance, replacement: here }]
END
target() { printf '[{"targets":["127.0.0.1:%s"]}]' "$PORT" >"$T/targets.new" && mv "$T/targets.new" "$T/targets.json"; }
target
WEB=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
prometheus --config.file="$T/prometheus.yml" --storage.tsdb.path="$T/tsdb" --web.listen-address="127.0.0.1:$WEB" --log.level=warn >"$T/prometheus.log" 2>&1 &
pids+=($!)
api() { # PATH [NAME=VALUE...]
	local path=$1 args=() a
	shift
	for a in "$@"; do args+=(--data-urlencode "$a"); done
	curl -sf -m 10 -G "http://127.0.0.1:$WEB/api/v1/$path" "${args[@]}"
}
query() { api query "query=$1" | jq -r '.data.result[0].value[1] // empty'; }
sql() { "$SONDE" query --db "$T/db" --json "$1" | jq -r '.[]'; }
# Sums as integers: costs in millionths of a millionth.
equal() { # QUERY SQL
	local got want
	got=$(query "$1") want=$(sql "$2")
	echo "$1: $got, $2: $want"
	[ -n "$got" ] && awk -v a="$got" -v b="$want" 'BEGIN { d = a - b; exit !(d < 1e-11 && d > -1e-11) }'
}
totals() {
	equal 'sum(sonde_llm_calls_total)' 'SELECT sum(llm_calls) FROM v_minutes' &&
		equal 'sum(sonde_tool_calls_total)' 'SELECT sum(tool_calls) FROM v_minutes' &&
		equal 'sum(sonde_llm_tokens_total{type="input"})' "SELECT sum(input_tokens) FROM v_minutes" &&
		equal 'sum(sonde_llm_tokens_total{type="output"})' "SELECT sum(output_tokens) FROM v_minutes" &&
		equal 'sum(sonde_llm_cost_usd_total)' 'SELECT sum(cost_usd) FROM v_minutes' &&
		equal 'sum(sonde_llm_errors_total) + (sum(sonde_tool_errors_total) or vector(0))' 'SELECT sum(errors) FROM v_minutes' &&
		equal 'sum(sonde_llm_duration_seconds_count)' 'SELECT sum(llm_calls) FROM v_minutes' &&
		equal 'sum(sonde_runs_total)' "SELECT count(*) FROM v_runs WHERE status NOT IN ('running', 'paused')"
}
up() { [ "$(query 'up{job="sonde"}')" = 1 ]; }
ok "it scrapes" within 60 up
ok "as OpenMetrics, which it asks for" sh -c "curl -s -H 'Accept: application/openmetrics-text;version=1.0.0' -D $T/head http://127.0.0.1:$PORT/metrics | tail -n 1 | grep -qx '# EOF' && grep -qi 'openmetrics-text' $T/head"
packed() { # and what is in there is the same
	curl -s -H 'Accept-Encoding: gzip' -D "$T/head" -o "$T/packed" "http://127.0.0.1:$PORT/metrics" && grep -qi '^content-encoding: gzip' "$T/head" &&
		gzip -dc "$T/packed" | grep '^sonde_llm_calls_total' >"$T/unpacked" && page | grep '^sonde_llm_calls_total' | cmp - "$T/unpacked" &&
		[ $(($(wc -c <"$T/packed") * 3)) -lt "$(gzip -dc "$T/packed" | wc -c)" ] && curl -sI "http://127.0.0.1:$PORT/metrics" | grep -qi '^vary: .*accept-encoding' &&
		! curl -sI "http://127.0.0.1:$PORT/metrics" | grep -qi '^content-encoding'
}
ok "compressed, where that is taken" packed
ok "its totals are those of the store" within 60 totals
healthy() { api rules | holds '[.data.groups[].rules[]] | length > 15 and all(.health == "ok")'; }
ok "it evaluates every rule" within 60 healthy
asked() {
	local n=0 e
	/usr/bin/python3 "$HERE/served.py" expressions "$DASHBOARD" >"$T/queries"
	while read -r e; do
		n=$((n + 1))
		api query "query=$e" | holds '.status == "success"' || { echo "$e"; return 1; }
	done <"$T/queries"
	[ "$n" -gt 20 ]
}
ok "and answers every query of the dashboard" asked
own() {
	[ "$(query 'sonde_loss_total{reason="ring_full"}')" = 3 ] && [ "$(query 'sonde_loss_bytes_total{reason="cap"}')" = 4096 ] &&
		[ "$(query sonde_captures)" = 1 ] && [ "$(query sonde_engine_lag_seconds)" = 0.02 ] && [ "$(query sonde_engine_http_bad_total)" = 2 ] &&
		[ "$(query sonde_engine_cpu_seconds_total)" = 2.5 ]
}
ok "how captures are doing is there" within 60 own
answer 4712 2 >"$T/status"
summed() { [ "$(query 'sonde_loss_total{reason="ring_full"}')" = 5 ] && [ "$(query sonde_capture_starts_total)" = 2 ]; }
ok "what an engine counted that is gone stays in the sum" within 60 summed

# --- corrections, restarts ---

mkdir -p "$HOME/.config/sonde"
echo '{"format":1,"version":"mine","models":[{"provider":"anthropic","model":"claude-sonnet-4-5","prices":{"input":30,"output":150,"cache_read":3,"cache_write":40}}]}' >"$HOME/.config/sonde/prices.json"
before=$(sql 'SELECT sum(cost_usd) FROM v_minutes')
"$SONDE" replay -q --db "$T/db" "$T/agent.bin"
dearer() { awk -v a="$before" -v b="$(sql 'SELECT sum(cost_usd) FROM v_minutes')" 'BEGIN { exit !(b > a) }'; }
ok "a replay with other prices corrects calls" dearer
ok "totals follow a correction" within 60 totals
corrected() { [ "$(query sonde_corrections_total)" -gt 0 ]; }
ok "which is counted" within 60 corrected
stop
"$SONDE" replay -q --db "$T/db" "$T/mcp.bin" # another correction, while nobody adds up
serve
target
ok "after a restart totals are those of the store" within 60 totals
steady() { [ "$(query 'sum(resets(sonde_llm_calls_total[5m])) + sum(resets(sonde_llm_cost_usd_total[5m]))')" = 0 ]; }
ok "and no counter has fallen" steady
stop

# --- limits ---

serve 1 user
limited() { page | grep -q '^sonde_metrics_limited{metric="sonde_llm_calls"} 1' && page | grep 'sonde_llm_calls_total{agent="other"' | grep -q 'user="other"'; }
ok "what is over max_series counts as other" within 60 limited
sum_of() { page | awk -v n="$1" 'index($1, n "{") == 1 { s += $NF } END { print s }'; }
whole() { [ "$(sum_of sonde_llm_calls_total)" = "$(sql 'SELECT sum(llm_calls) FROM v_minutes')" ]; }
ok "and totals hold" whole
named() { page | grep -q 'sonde_llm_calls_total{.*user="u"'; }
ok "users are told where the configuration says so" named
stop
serve
ok "and else not" sh -c "! curl -s http://127.0.0.1:$PORT/metrics | grep -q 'user='"

status_of() { curl -s -o /dev/null -m 10 -w '%{http_code}' "$@"; }
codes() {
	local u=http://127.0.0.1:$PORT
	[ "$(status_of "$u/healthz")" = 200 ] && [ "$(status_of "$u/")" = 404 ] && [ "$(status_of -X POST -d x=1 "$u/metrics")" = 405 ] &&
		[ "$(status_of -I "$u/metrics")" = 200 ] && [ "$(status_of "$u/metrics?x=1")" = 200 ]
}
ok "other paths and methods are refused" codes
hostile() { /usr/bin/python3 "$HERE/hostile.py" "$PORT"; }
ok "clients that say nothing, much or nonsense hold nobody up" hostile
fast() { curl -s -o /dev/null -m 10 -w '%{time_total}\n' "http://127.0.0.1:$PORT/metrics" | awk '{ exit !($1 < 0.05) }'; }
sleep_over_page() { sleep 1.1; }
sleep_over_page
ok "a page takes less than 50 ms" within 60 fast
rss() { awk '/VmRSS/ { exit !($2 < 65536) }' "/proc/$SERVER/status"; }
ok "in less than 64 MiB" rss
stop
sinks() { sqlite3 "$T/db" "SELECT count(*) FROM sinks"; }
ok "it leaves in the store how far it was" test "$(sinks)" = 1
"$SERVE" "$T/db" -
ok "and the store forgets that where nobody is to be served" test "$(sinks)" = 0
# --- a capture that is under way ---

if [ "$(id -u)" = 0 ]; then
	mock_start
	mock_scenario "{\"tool_turns\":1,\"chunk_delay_ms\":150,\"chunks\":120,\"final_text\":\"$(seq -s ' ' 1 300)\"}"
	ASK=- serve
	# shellcheck disable=SC2046 # words
	env -i $(client_env "$HTTPS") timeout 180 "$SONDE" run -q --db "$T/db" -- $(client python-stdlib) --stream "list the files" >"$T/out" 2>&1 </dev/null &
	run=$!
	seen() { [ "$(value sonde_captures)" = 1 ] && [ "$(value sonde_engine_events_total)" -gt 0 ] && page | grep -q '^sonde_runs_active{.*status="running"} 1'; }
	ok "a capture that is under way says how it is" within 90 seen
	wait "$run"
	gone() { [ "$(value sonde_captures)" = 0 ] && [ "$(value sonde_engine_events_total)" -gt 0 ]; }
	ok "what it counted stays when it has ended" within 60 gone
	ok "and its calls are in the sums" within 60 whole
	stop
fi
ok "nothing was said but what was to be" sh -c "! grep -v 'sums begin anew' $T/serve.err"
finish
