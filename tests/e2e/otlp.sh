#!/bin/bash
# What the daemon's exporter sends: complete, once, by the conventions, whatever the receiver does; and what it writes to files.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
HERE=$TOP/tests/e2e
EXPORTER=${EXPORTER:-$TOP/build/tests/e2e/exporter}
"$HERE/otlp_venv" "$TOP/build/otlp" || skip_all "needs PyPI once"
PY=$TOP/build/otlp/bin/python
"$TOP/tests/mock/certs.sh" "$T/certs"
[ "$(id -u)" = 0 ] && NOBODY=65534 || NOBODY=

# store FILE SEED CASES	adds what generated agents did
store() {
	/usr/bin/python3 "$TOP/tests/corpus/generate.py" --cases "$3" --loss 0 --seed "$2" "$T/made$2" >/dev/null || return
	for rec in "$T/made$2"/*.rec; do
		"$SONDE" replay -q --db "$1" "$rec" || return
	done
	rm -rf "$T/made$2"
}

# fresh NAME	a folder of its own for a test: $D with a store that no sink has read
fresh() {
	D=$T/$1
	mkdir "$D"
	cp "$T/db" "$D/db"
	echo ok >"$D/mode"
	: >"$D/got"
	PORT=0
}
mode() {
	echo "$*" >"$D/mode"
}

# receiver [OPTION...]	at $URL; again at the same place where it was before
receiver() {
	rm -f "$D/ready"
	"$PY" "$HERE/otlp_receiver.py" --port "$PORT" --out "$D/got" --mode "$D/mode" --ready "$D/ready" "$@" 2>"$D/receiver.err" &
	RECEIVER=$!
	pids+=("$RECEIVER")
	within 60 test -s "$D/ready"
	PORT=$(cat "$D/ready")
	case " $* " in
	*" --certs "*) URL=https://localhost:$PORT ;;
	*) URL=http://localhost:$PORT ;;
	esac
}

# exporter	with what stands on standard input after [daemon]
exporter() {
	{
		printf '[daemon]\nstore = %s\n' "$D/db"
		sed 's/^\[otlp .*/&\nretry = 1s\ninterval = 2s/'
	} >"$D/conf"
	exporter_again
}
exporter_again() {
	[ -z "$NOBODY" ] || chown -R "$NOBODY" "$D"
	# shellcheck disable=SC2086 # none or one
	"$EXPORTER" "$D/conf" $NOBODY 2>>"$D/log" &
	EXPORTER_PID=$!
	pids+=("$EXPORTER_PID")
}
# ended PID...	by SIGTERM, waited for; the status of the last
ended() {
	local rc=0
	kill "$@" 2>/dev/null
	for pid in "$@"; do
		rc=0
		wait "$pid" || rc=$?
	done
	return "$rc"
}
stop() {
	ended "$EXPORTER_PID" "$RECEIVER" 2>/dev/null
}

# state SINK MEMBER	of what the sink keeps in the store
state() {
	sqlite3 -cmd '.timeout 5000' "$D/db" "SELECT state ->> '$.$2' FROM sinks WHERE name = '$1'"
}
# passed SINK	it is past the store's last span
passed() {
	[ "$(sqlite3 -cmd '.timeout 5000' "$D/db" "SELECT seq >= (SELECT max(seq) FROM spans) FROM sinks WHERE name = '$1'")" = 1 ]
}
sound() {
	[ ! -s "$D/got.faults" ] || { cat "$D/got.faults"; return 1; }
}
# all_came SINK [--again]
# shellcheck disable=SC2086 # none or one
all_came() {
	within "${WAIT:-60}" passed "$1" && sound && "$PY" "$HERE/otlp_verify.py" spans "$D/db" "$D/got" ${2-}
}
# shellcheck disable=SC2120,SC2119 # options, or none
by_conventions() {
	sound && "$PY" "$HERE/semconv.py" "$@" "$D/got"
}
log_says() {
	grep -qE -- "$1" "$D/log" && return
	cat "$D/log"
	return 1
}
resident() { # KIB	it never had more
	local most
	most=$(awk '/^VmHWM/{ print $2 }' "/proc/$EXPORTER_PID/status")
	echo "$most KiB"
	[ "$most" -lt "$1" ]
}

ok "there is something to send" store "$T/db" 1 60

# --- what is sent ---

fresh plain
# Some of the runs are of pods, of a container, of another user.
"$PY" "$HERE/otlp_verify.py" place "$D/db"
receiver --certs "$T/certs"
exporter <<EOS
[otlp corp]
endpoint = $URL
ca_file = $T/certs/ca.pem
logs = yes
EOS
ok "traces arrive over TLS, each span once" all_came otlp:corp:traces
ok "so do logs" within 60 passed otlp:corp:logs
ok "and metrics" within 60 sh -c "grep -q '\"metric\"' '$D/got'"
ok "all of it is as the conventions have it" by_conventions
ok "each resource once, with where its runs happened" "$PY" "$HERE/otlp_verify.py" resources "$D/db" "$D/got"
ok "what spans add up to is what the store has" "$PY" "$HERE/otlp_verify.py" metrics "$D/db" "$D/got"
nothing_said() {
	! grep -E 'gen_ai.(input|output).messages|system_instructions|tool.(call.arguments|call.result|definitions)|process.command_(line|args)' "$D/got"
}
ok "nothing that was said is in it, nor a command line" nothing_said
confined() {
	local s=/proc/$EXPORTER_PID/status
	grep -q '^Seccomp:.2$' "$s" && grep -q '^NoNewPrivs:.1$' "$s" && grep -q '^CapEff:.0*$' "$s" && grep -q '^CapPrm:.0*$' "$s" && return
	grep -E '^(Seccomp|NoNewPrivs|Cap)' "$s"
	return 1
}
ok "who sends it has given up its privileges" confined
counted() {
	[ "$(state otlp:corp:traces sent)" = "$(sqlite3 "$D/db" 'SELECT count(*) FROM spans WHERE seq')" ] &&
		[ "$(state otlp:corp:traces refused)" = 0 ]
}
ok "the sink's state has how many" counted
ended "$EXPORTER_PID"
ok "its end is in good order" [ $? = 0 ]
: >"$D/got.requests"
: >"$D/got"
exporter_again
again() {
	store "$D/db" 2 5 && within 60 passed otlp:corp:traces && within 60 sh -c "grep -q '\"metric\"' '$D/got'" &&
		! "$PY" "$HERE/otlp_verify.py" spans "$D/db" "$D/got" >"$D/out" && grep -q missing "$D/out" && ! grep -q doubled "$D/out"
}
ok "after a restart only what is new is sent" again
ok "sums go on where they were" within 60 "$PY" "$HERE/otlp_verify.py" metrics "$D/db" "$D/got"
stop

fresh json
receiver --key secret-1
echo 'X-Key: secret-0' >"$D/headers"
exporter <<EOS
[otlp corp]
endpoint = $URL/
protocol = json
gzip = no
names = latest
content = yes
logs = yes
headers_file = $D/headers
EOS
ok "without its key it waits" within 60 log_says 'status 401 .look at header'
no_key_told() {
	! grep -q secret "$D/log" && ! sqlite3 "$D/db" 'SELECT state FROM sinks' | grep -q secret
}
ok "and does not say what its key is" no_key_told
echo 'X-Key: secret-1' >"$D/headers"
ok "with a new key all spans come, as JSON" all_came otlp:corp:traces
within 60 passed otlp:corp:logs
ok "by the next names, with what was said in the schemas' shapes" by_conventions --latest
said() {
	grep -q gen_ai.input.messages "$D/got" && grep -q gen_ai.tool.definitions "$D/got" && grep -q process.command_line "$D/got"
}
ok "what was said goes along where it is asked for" said
stop

fresh openinference
receiver
exporter <<EOS
[otlp phoenix]
endpoint = $URL
names = openinference
metrics = no
content = yes
EOS
ok "OpenInference: all spans come" all_came otlp:phoenix:traces
kinds() {
	holds '.attributes["openinference.span.kind"].value | IN("AGENT", "LLM", "TOOL", "CHAIN", "EMBEDDING", "RERANKER")' "$D/got" &&
		holds '.attributes["sonde.step.kind"].value != "llm" or .status == 2 or (.attributes | has("llm.model_name") and has("llm.token_count.prompt") and
			has("llm.input_messages.0.message.role") and (has("gen_ai.usage.input_tokens") | not)) or
			(.attributes | has("llm.token_count.prompt") | not)' "$D/got"
}
ok "each has its kind, calls their model, tokens and messages" kinds
stop

# Calls in all formats that there are: what was kept of each as it is sent.
fresh formats
rm -f "$D"/db*
every_format() {
	/usr/bin/python3 "$TOP/tests/har/make.py" chrome >"$D/all.har" && "$SONDE" import -q --db "$D/db" "$D/all.har"
}
ok "there are calls in every format" every_format
receiver
exporter <<EOS
[otlp corp]
endpoint = $URL
content = yes
logs = yes
EOS
ok "all of them come" all_came otlp:corp:traces
within 60 passed otlp:corp:logs
ok "each is as the conventions have it, with what was said" by_conventions --imported
stop

# --- who is it ---

fresh mutual
(cd "$T/certs" && openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=client -keyout client.key -out client.csr &&
	openssl x509 -req -in client.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -out client.pem) >"$T/openssl" 2>&1
chmod 644 "$T/certs/client.key"
receiver --certs "$T/certs" --mutual
exporter <<EOS
[otlp us]
endpoint = $URL
ca_file = $T/certs/ca.pem
cert_file = $T/certs/client.pem
key_file = $T/certs/client.key
metrics = no
[otlp nameless]
endpoint = $URL
ca_file = $T/certs/ca.pem
metrics = no
[otlp distrustful]
endpoint = $URL
metrics = no
EOS
ok "with a certificate of ours it is let in" all_came otlp:us:traces
nameless() {
	[ "$(state otlp:nameless:traces sent)" = 0 ] && [ "$(state otlp:nameless:traces retries)" -gt 0 ]
}
ok "without one it is not" within 60 nameless
ok "a receiver of an unknown authority gets nothing" within 60 log_says 'distrustful:traces: cannot send.*certificate'
stop

# --- receivers that do not take it ---

fresh later
mode 503 3
receiver
exporter <<EOS
[otlp busy]
endpoint = $URL
metrics = no
timeout = 2s
[ndjson file]
path = $D/file.ndjson
size = 64K
keep = 900
EOS
gap() { # SECONDS	between any two requests that were refused
	jq -s "[.[] | select(.mode == \"503\" or .mode == \"429\") | .time] | [.[1:], .[:-1]] | transpose | map(.[0] - .[1]) | length > 0 and min >= $1" \
		"$D/got.requests" | grep -qx true
}
: >>"$D/got.requests"
within 60 sh -c "[ \$(wc -l <'$D/got.requests') -ge 2 ]"
ok "503: it comes back when it was told to" gap 3
ok "others do not wait for it" within 60 passed ndjson:file
for how in 'garbage' 'html' 'silent' 'drip' 'flood' 'redirect http://127.0.0.1:9/' '404' '500'; do
	: >"$D/got.requests"
	mode "$how"
	# shellcheck disable=SC2016 # jq's
	ok "$how: it tries again, and nothing is lost" within 60 sh -c "[ \$(grep -c '\"${how%% *}\"' '$D/got.requests') -ge 1 ]"
done
ok "none of that has made it grow" resident 65536
: >"$D/got.requests"
mode 429 1
within 60 sh -c "[ \$(grep -c 429 '$D/got.requests') -ge 2 ]"
mode ok
ok "then all of it arrives, once" all_came otlp:busy:traces
ok "and that is said" log_says 'busy:traces: .* takes again'
retried() {
	[ "$(state otlp:busy:traces retries)" -ge 5 ] && [ "$(state otlp:busy:traces refused)" = 0 ] && [ "$(state otlp:busy:traces failing_since_ns)" = 0 ]
}
ok "tries are counted" retried
files() {
	ls "$D"/file.ndjson.2 >/dev/null && find "$D" -name 'file.ndjson*' -size +64k | wc -l | grep -qx 0 &&
		"$PY" "$HERE/otlp_verify.py" spans "$D/db" "$D"/file.ndjson*
}
ok "NDJSON: each span is one line, in files of the size that was asked for" files
mode silent
store "$D/db" 3 2
within 60 sh -c "tail -1 '$D/got.requests' | grep -q silent"
quick_end() {
	local from=$SECONDS
	ended "$EXPORTER_PID"
	echo "status $? after $((SECONDS - from)) s"
	[ $((SECONDS - from)) -le 5 ]
}
ok "it ends at once though an answer is due" quick_end
stop

# Some of it never: the rest must not wait for that.
fresh never
read -r poison < <(sqlite3 "$D/db" "SELECT lower(hex(id)) FROM spans WHERE seq ORDER BY seq LIMIT 1 OFFSET 700")
mode poison "$poison"
receiver
exporter <<EOS
[otlp picky]
endpoint = $URL
metrics = no
EOS
but_one() {
	within 60 passed otlp:picky:traces && ! "$PY" "$HERE/otlp_verify.py" spans "$D/db" "$D/got" >"$D/out"
	cat "$D/out"
	[ "$(grep -cE '^1 of [0-9]+ are missing' "$D/out")" = 1 ] && ! grep -q doubled "$D/out"
}
ok "400: what is refused is found and passed over, all else arrives once" but_one
ok "it is counted" test "$(state otlp:picky:traces refused)" = 1
ok "and said" log_says 'picky:traces: .* refuses 1 for good'
stop

fresh small
mode small 20
receiver
exporter <<EOS
[otlp small]
endpoint = $URL
metrics = no
EOS
ok "413: it sends less at once" all_came otlp:small:traces
stop

fresh partial
mode partial 3
receiver
exporter <<EOS
[otlp part]
endpoint = $URL
metrics = no
EOS
partial() {
	local requests
	within 60 passed otlp:part:traces || return
	requests=$(wc -l <"$D/got.requests")
	[ "$(state otlp:part:traces refused)" = $((3 * requests)) ] && log_says 'part of a request is rejected: too old'
}
ok "what is rejected of a request is counted, and not sent again" partial
stop

# --- once, by command ---

fresh push
receiver --certs "$T/certs" --key k
cat >"$D/conf" <<EOS
[otlp corp]
endpoint = $URL
ca_file = $T/certs/ca.pem
header = X-Key: k
EOS
pushed() {
	"$SONDE" export --db "$D/db" --to corp --config "$D/conf" 2>"$D/log" && sound && "$PY" "$HERE/otlp_verify.py" spans "$D/db" "$D/got"
}
ok "export --to: all runs" pushed
ok "it says how many" log_says 'steps were sent to https://localhost'
nobody_there() {
	! "$SONDE" export --db "$D/db" --to ftp://localhost last 2>"$D/log" && log_says 'begins with http' &&
		! "$SONDE" export --db "$D/db" --to corp -o "$D/file" 2>"$D/log" && log_says 'output has no place' &&
		! "$SONDE" export --db "$D/db" --to other --config "$D/conf" last 2>"$D/log" && log_says 'has no .otlp other'
}
ok "an address of another kind, a name that there is not" nobody_there
refused_there() {
	mode 400
	! "$SONDE" export --db "$D/db" --to corp --config "$D/conf" last 2>"$D/log" && log_says 'steps were refused: status 400'
}
ok "what is refused is an error" refused_there
written() {
	: >"$D/got"
	"$SONDE" export --db "$D/db" --format otlp -o "$D/otlp.json" && "$PY" "$HERE/otlp_lines.py" "$D/otlp.json" >"$D/got" &&
		"$PY" "$HERE/otlp_verify.py" spans "$D/db" "$D/got" && by_conventions
}
ok "to a file, as a Collector has it" written
ended "$RECEIVER" 2>/dev/null

# --- under load, with ends on both sides ---

fresh load
receiver
exporter <<EOS
[otlp corp]
endpoint = $URL
timeout = 2s
[ndjson file]
path = $D/file.ndjson
size = 256K
keep = 900
EOS
for seed in 11 12 13 14; do
	store "$D/db" $seed 15 &
	filler=$!
	[ -z "$NOBODY" ] || chown "$NOBODY" "$D"/db*
	kill -9 "$RECEIVER" 2>/dev/null
	wait "$RECEIVER" 2>/dev/null
	sleep 0.$seed
	kill -9 "$EXPORTER_PID"
	wait "$EXPORTER_PID" 2>/dev/null
	receiver
	exporter_again
	wait $filler
done
ok "receiver and exporter were killed as the store grew: nothing is missing, what comes again is the same" all_came otlp:corp:traces --again
within 60 passed ndjson:file
ok "in files each line is there once all the same" "$PY" "$HERE/otlp_verify.py" spans "$D/db" "$D"/file.ndjson*
ok "sums are the store's" within 60 "$PY" "$HERE/otlp_verify.py" metrics "$D/db" "$D/got"
ok "it has not grown" resident 65536
stop
finish
