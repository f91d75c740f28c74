#!/bin/bash
# The daemon with all its parts: what an agent does reaches store, metrics and file; each user sees their own, by every way; a
# `sonde run` beside it has its command for itself.
# shellcheck disable=SC2016,SC2015 # for inner shells; a failed test shows why
. "$(dirname "$0")/lib.sh"
need_root
mock_start
. "$TOP/tests/e2e/steps.bash"
. "$TOP/tests/e2e/daemon.bash"
AGENT=$T/service-agent # of this test alone: the daemon traces what has this name
cp /usr/bin/python3.11 "$AGENT"
cp "$SONDE" "$T/sonde" # where others may run it
chmod 755 "$T/sonde"
mkdir "$T/out.d" && chown nobody "$T/out.d"
SPANS=$T/out.d/spans.jsonl PORT=$((10000 + $$ % 20000)) # below those that clients get
configure '[scope]' 'program = service-agent' '[prometheus]' "listen = 127.0.0.1:$PORT" '[ndjson file]' "path = $SPANS"
export SONDE_SOCKET=$T/run/sonde.sock

agent() { # [UID]	once, as that user
	local as=() out=$T/out.$BASHPID
	[ -z "${1-}" ] || as=(setpriv --reuid "$1" --regid "$1" --clear-groups)
	# shellcheck disable=SC2046 # words
	(cd / && env -i $(client_env "$HTTPS") "${as[@]}" "$AGENT" "$TOP/tests/demo/agent.py" --stream "task of ${1:-root}") >"$out" 2>&1 ||
		{ cat "$out"; return 1; }
}
as_user() { # UID COMMAND...	without a store of one's own
	setpriv --reuid "$1" --regid "$1" --clear-groups env HOME=/nonexistent "${@:2}"
}
ended() { [ "$(runs | jq -s 'map(select(.status == "completed")) | length')" = "$1" ]; }
runs() { "$SONDE" runs --json --db "$STORE"; }
metric() { curl -sf --max-time 5 "http://127.0.0.1:$PORT/metrics" | grep "^$1" | awk '{ n += $NF } END { print n + 0 }'; }
metric_is() { [ "$(metric "$1")" = "$2" ]; }

step "it starts" daemon_start
whole() {
	for name in prober engine server exporter; do
		child_of "$name" || { echo "no $name"; return 1; }
	done
	[ "$(stat -c %a "$SONDE_SOCKET")" = 666 ]
}
ok "with prober, engine, server and exporter" whole
two_users() {
	agent && agent 54321 && until_ok ended 2
}
ok "what two users' agents do is stored" two_users

sums() {
	until_ok metric_is sonde_llm_calls_total 4 &&
		until_ok metric_is 'sonde_llm_tokens_total.*type="input"' "$("$SONDE" query --json --db "$STORE" 'SELECT sum(input_tokens) AS n FROM v_runs' | jq .n)" &&
		until_ok metric_is sonde_runs_total 2 && [ "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$PORT/readyz")" = 200 ]
}
ok "/metrics has the same sums as the store" sums
in_it() { jq -r 'select(.span_id).span_id' "$SPANS" 2>/dev/null | sort; }
sent() { [ "$(in_it | uniq | wc -l)" = "$("$SONDE" spans --json --limit 0 --db "$STORE" | wc -l)" ]; }
in_file() { until_ok sent && [ -z "$(in_it | uniq -d)" ]; }
ok "and the file each span, once" in_file

all_seen() { "$SONDE" runs --daemon --json | jq -s length | grep -qx 2; }
ok "root sees both runs" all_seen
own_seen() {
	as_user 54321 "$T/sonde" runs --json >"$T/own" && jq -s . "$T/own" | holds 'length == 1 and .[0].uid == 54321' &&
		as_user 54321 "$T/sonde" show last | grep -q 'task of 54321'
}
ok "their own a user, who needs no option for it" own_seen
others=$("$SONDE" runs --json --daemon | jq -r 'select(.uid == 0).run_id')
nothing_foreign() {
	! as_user 54321 "$T/sonde" show "$others" && ! as_user 54321 "$T/sonde" runs --text root | grep 'task of root' &&
		! as_user 54321 "$T/sonde" export --content | grep 'task of root' &&
		as_user 54321 "$T/sonde" query --json 'SELECT count(*) AS n FROM v_runs' | holds '.n == 1'
}
ok "and nothing of another's: by id, by words, by content, by SQL" nothing_foreign
nobody_else() { as_user 54322 "$T/sonde" query --json 'SELECT count(*) AS n FROM v_spans' | holds '.n == 0'; }
ok "a third one sees nothing" nobody_else

# Programs that begin by way of others (env), faster than the prober can look at each.
at_once() {
	local jobs=() n
	for n in $(seq 20); do
		agent 54323 &
		jobs+=($!)
	done
	wait "${jobs[@]}"
	until_ok ended 22 && runs | jq -s 'map(select(.uid == 54323))' | holds 'length == 20 and all(.[]; .llm_calls == 2 and .status == "completed")'
}
ok "twenty at once, each whole" at_once

status_told() {
	"$SONDE" status --json | holds '.sees == "all" and (.engines | length) == 1 and (.sinks | map(.name) | index("ndjson:file")) != null
		and all(.sinks[]; .behind == 0)' && as_user 54321 "$T/sonde" status | grep -q 'your own runs'
}
ok "status tells of it" within 60 status_told
topped() { "$SONDE" top --daemon --json --by user | jq -s 'map(.user) | sort' | holds 'length == 3'; }
ok "top: by user" topped

# Beside it: the agent is sonde run's alone, and the daemon's store does not get it as well.
beside() {
	# shellcheck disable=SC2046 # words
	(cd / && env -i $(client_env "$HTTPS") "$SONDE" run -q --config "$CONF" --db "$T/beside" -- "$AGENT" "$TOP/tests/demo/agent.py" --stream beside) >"$T/out" 2>&1 ||
		{ cat "$T/out"; return 1; }
	"$SONDE" runs --json --db "$T/beside" | holds '.llm_calls == 2 and .status == "completed" and .lost_bytes == 0' || return 1
	agent && until_ok ended 23 || return 1
	runs | jq -s 'map(.llm_calls) | add' | holds '. == 46' || { runs; return 1; }
}
ok "a run beside it is traced once, and the daemon goes on" beside

step "it ends, and leaves no socket" eval 'daemon_stop && [ ! -e "$SONDE_SOCKET" ]'
sound() { "$SONDE" store check --db "$STORE" && ! pgrep -x sonde-prober --parent "$daemon"; }
ok "the store is sound" sound
finish
