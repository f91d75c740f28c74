#!/bin/bash
# Runs inside the machine: a daemon that traces the whole host finds agents that run and that begin, captures them, and lets go.
# Prints TAP.
cd /sonde || exit 1
uname -r
certs=/sonde/certs
n=0 bad=0
ok() { # NAME COMMAND...
	local name=$1
	shift
	n=$((n + 1))
	if "$@" >/tmp/said 2>&1; then
		echo "ok $n - $(uname -r): $name"
	else
		echo "not ok $n - $(uname -r): $name"
		tail -20 /tmp/said | sed 's/^/# /'
		bad=1
	fi
}
within() { # SECONDS COMMAND...
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.2
	done
}
/usr/bin/python3 tests/mock/llm_server.py --http 0 --https 0 --certs $certs --log /tmp/truth --ready /tmp/ready &
within 200 test -s /tmp/ready
HTTP=http://localhost:$(awk '/^http /{ print $2 }' /tmp/ready)
HTTPS=https://localhost:$(awk '/^https /{ print $2 }' /tmp/ready)
agent() { # BASE ARGS...
	local base=$1
	shift
	SSL_CERT_FILE=$certs/ca.pem ANTHROPIC_API_KEY=k OPENAI_API_KEY=k timeout 400 /usr/bin/python3 tests/demo/agent.py --base "$base" "$@" \
		>/tmp/out 2>&1
}
stored() { ./sonde runs --db /tmp/db --json 2>/dev/null; }
n_runs() { stored | grep -c '"type":"run"'; }
whole() { # BEFORE	there is one run more, of which every call equals the server's log
	within 150 sh -c "[ \$(./sonde runs --db /tmp/db --json 2>/dev/null | grep -c '\"status\":\"completed\"') = $(($1 + 1)) ]" || { stored; return 1; }
	./sonde export --db /tmp/db --format ndjson last >/tmp/spans 2>/dev/null
	/usr/bin/python3 tests/e2e/verify.py /tmp/truth /tmp/spans
}
captured() { # BASE ARGS...
	local before
	before=$(n_runs)
	: >/tmp/truth
	agent "$@" || { cat /tmp/out; return 1; }
	whole "$before"
}

# It runs before the daemon does, and calls its model later.
mkfifo /tmp/go
(read -r _ </tmp/go && agent "$HTTPS" --api messages) &
mkfifo /tmp/orders
./watch -d /tmp/db -r /tmp/recording -o /tmp/log '{"host":true,"not_programs":["llm_server.py"]}' </tmp/orders >/tmp/watch &
watcher=$!
exec 9>/tmp/orders
ready() {
	within 300 test -s /tmp/watch
	cat /tmp/watch /tmp/log
	grep -q READY /tmp/watch
}
ok "a daemon that traces the host begins" ready
[ "$bad" = 0 ] || exit 1
later() {
	: >/tmp/truth
	echo >/tmp/go
	whole 0
}
ok "an agent that runs already is found" later
ok "a new one, over TLS, from its first request on" captured "$HTTPS" --api messages --stream
ok "in the clear" captured "$HTTP" --api responses --stream

# What is no agent, many of it.
noise() {
	local before
	before=$(n_runs)
	for _ in $(seq 100); do
		/bin/busybox true
	done
	sleep 8
	[ "$(n_runs)" = "$before" ] || stored
}
ok "programs that call no model leave nothing" noise
ok "and after them all is as before" captured "$HTTPS" --api chat
# The clock is set forward by an hour while an agent works: no step takes an hour, and what begins then has the new time.
step() {
	local before began agent
	before=$(n_runs)
	: >/tmp/truth
	began=$(/bin/busybox date +%s)
	agent "$HTTPS" --api messages --stream &
	agent=$!
	sleep 1
	/bin/busybox date -s "@$((began + 3600))" >/dev/null
	wait "$agent" || { cat /tmp/out; return 1; }
	whole "$before" && times 0 || return 1
	captured "$HTTPS" --api chat && times "$((began + 3600))"
}
times() { # FROM	no span ends before it began or ten minutes later, none begins before FROM
	/usr/bin/python3 - "$1" <<'PY'
import json, sys
spans = [s for s in map(json.loads, open("/tmp/spans")) if "span_id" in s]
for s in spans:
    begin, end = s["start_time_unix_nano"] / 1e9, (s["end_time_unix_nano"] or s["start_time_unix_nano"]) / 1e9
    if not (begin >= int(sys.argv[1]) and begin <= end <= begin + 600):
        sys.exit(f"{s['name']} from {begin} to {end}")
sys.exit(not spans)
PY
}
ok "the clock is set" step

exclude() {
	local before
	before=$(n_runs)
	echo '{"op":"watch","watch":{"host":true,"not_programs":["llm_server.py","agent.py"]}}' >&9
	sleep 12
	agent "$HTTPS" --api messages || { cat /tmp/out; return 1; }
	sleep 8
	[ "$(n_runs)" = "$before" ] || { stored | tail -1; return 1; }
}
ok "what is excluded later is not traced" exclude
exec 9>&-
ok "it ends" within 200 sh -c "! kill -0 $watcher 2>/dev/null"
ok "and has said nothing" test ! -s /tmp/log
detached() { # no BPF program of ours is left: what follows costs nothing
	local fd
	agent "$HTTPS" --api messages || return 1
	for fd in /proc/[0-9]*/fd/*; do
		case $(/bin/busybox readlink "$fd") in
		anon_inode:bpf*) echo "$fd"; return 1 ;;
		esac
	done
}
ok "no probe is left" detached
lost() {
	/usr/bin/python3 tests/e2e/events.py /tmp/recording | grep '^LOSS' | tail -1 | tee /tmp/loss
	# Control events, scopes and connections: all of them were told.
	! grep -qvE '^LOSS tgid=0 ts=[0-9.]+ \[0, 0, 0, [0-9]+, [0-9]+, [0-9]+, 0, 0, ' /tmp/loss
}
ok "nothing was lost" lost
exit $bad
