#!/bin/bash
# A real OpenTelemetry Collector: traces, metrics and logs over TLS, stopped under load for OUTAGE seconds and started again.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
OTELCOL=$TOP/build/agents/otelcol/otelcol
[ -x "$OTELCOL" ] || skip_all "there is no Collector: tests/agents/otelcol/build.sh builds it"
"$TOP/tests/e2e/otlp_venv" "$TOP/build/otlp" || skip_all "needs PyPI once"
PY=$TOP/build/otlp/bin/python
EXPORTER=$TOP/build/tests/e2e/exporter
OUTAGE=${OUTAGE:-20}
"$TOP/tests/mock/certs.sh" "$T/certs"

store() { # SEED CASES
	/usr/bin/python3 "$TOP/tests/corpus/generate.py" --cases "$2" --loss 0 --seed "$1" "$T/made$1" >/dev/null || return
	for rec in "$T/made$1"/*.rec; do
		"$SONDE" replay -q --db "$T/db" "$rec" || return
	done
	rm -rf "$T/made$1"
}

PORT=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >"$T/collector.yaml" <<EOS
receivers:
  otlp:
    protocols:
      http:
        endpoint: 127.0.0.1:$PORT
        tls:
          cert_file: $T/certs/server.pem
          key_file: $T/certs/server.key
exporters:
  file:
    path: $T/got.json
    append: true
service:
  telemetry:
    metrics:
      level: none
    logs:
      level: warn
  pipelines:
    traces: { receivers: [otlp], exporters: [file] }
    metrics: { receivers: [otlp], exporters: [file] }
    logs: { receivers: [otlp], exporters: [file] }
EOS
cat >"$T/conf" <<EOS
[daemon]
store = $T/db
[otlp collector]
endpoint = https://localhost:$PORT
ca_file = $T/certs/ca.pem
logs = yes
content = yes
retry = 2s
interval = 2s
[otlp json]
endpoint = https://localhost:$PORT
ca_file = $T/certs/ca.pem
protocol = json
traces = no
logs = no
interval = 2s
retry = 2s
EOS
listens() {
	curl -s --cacert "$T/certs/ca.pem" -o "$T/out" "https://localhost:$PORT/"
}
collector() {
	"$OTELCOL" --config "file:$T/collector.yaml" 2>>"$T/collector.log" &
	COLLECTOR=$!
	pids+=("$COLLECTOR")
	within 60 listens
}
passed() {
	[ "$(sqlite3 -cmd '.timeout 5000' "$T/db" "SELECT seq >= (SELECT max(seq) FROM spans) FROM sinks WHERE name = 'otlp:collector:$1'")" = 1 ]
}
lines() {
	within 10 sh -c "[ -s '$T/got.json' ]" && "$PY" "$TOP/tests/e2e/otlp_lines.py" "$T/got.json" >"$T/got"
}
verify() {
	sleep 2 # the Collector writes once a second
	lines && "$PY" "$TOP/tests/e2e/otlp_verify.py" --two "$1" "$T/db" "$T/got"
}

ok "there is something to send" store 1 60
collector
ok "the Collector listens" listens
listens || { cat "$T/collector.log"; finish; }
"$EXPORTER" "$T/conf" 2>"$T/log" &
EXPORTER_PID=$!
pids+=("$EXPORTER_PID")
for signal in traces logs metrics; do
	ok "$signal are taken" within 60 passed $signal
done
ok "each span once" verify spans
ok "sums are the store's" verify metrics
ok "by the conventions, as the Collector understood it" "$PY" "$TOP/tests/e2e/semconv.py" "$T/got"

kill "$COLLECTOR"
wait "$COLLECTOR"
end=$((SECONDS + OUTAGE))
for seed in 2 3 4 5; do
	store $seed 30
done
store 6 200 &
filler=$!
while [ "$SECONDS" -lt "$end" ]; do
	sleep 1
done
collector
wait $filler
for signal in traces logs metrics; do
	ok "after $OUTAGE seconds without a Collector, $signal go on" within 120 passed $signal
done
ok "nothing is missing, nothing doubled" verify spans
ok "and sums are the store's" verify metrics
ok "all of it by the conventions" "$PY" "$TOP/tests/e2e/semconv.py" "$T/got"
logs() {
	local want
	want=$(sqlite3 "$T/db" "SELECT sum(step = 2) + sum(status = 2) FROM spans WHERE final")
	[ "$(grep -c '"signal": "log"' "$T/got")" = "$want" ]
}
ok "each call and each failure is one log record" logs
small() {
	local most
	most=$(awk '/^VmHWM/{ print $2 }' "/proc/$EXPORTER_PID/status")
	echo "$most KiB"
	[ "$most" -lt 98304 ]
}
ok "the exporter has not grown" small
quiet() {
	! grep -vE '^\s*$' "$T/collector.log" | grep -iE 'error|invalid' && ! grep -E 'refuses|rejected' "$T/log"
}
ok "the Collector had nothing to complain of" quiet
kill "$EXPORTER_PID" "$COLLECTOR"
wait
finish
