#!/bin/bash
# Many who watch: a daemon, agents that work, and N clients of the live stream for MINUTES; some of them slow.
#   subscribers.sh [MINUTES [N]]	10, 200
# Fails where a line is lost, a slow client is not told what it missed, or the engine's memory or processor time grows.
. "$(dirname "$0")/../e2e/lib.sh"
need_root
MINUTES=${1:-10} N=${2:-200}
. "$TOP/tests/e2e/steps.bash"
. "$TOP/tests/e2e/daemon.bash"
mkfifo "$T/orders"
SONDE=$SONDE "$TOP/tests/browser/live.sh" 20 <"$T/orders" >"$T/agents" &
pids+=($!)
exec 7>"$T/orders"
within 60 grep -q '^ready' "$T/agents" || exit 1
configure 'content = full' '[api]' 'listen = 127.0.0.1:0'
daemon_start --pid "$(awk '/^ready/ { print $2 }' "$T/agents")" || exit 1
url=$(SONDE_SOCKET=$T/run/sonde.sock "$SONDE" open) || exit 1
rc=0
/usr/bin/python3 "$TOP/tests/bench/subscribers.py" --url "$url" --minutes "$MINUTES" --clients "$N" \
	--engine "$(child_of engine)" --server "$(child_of server)" --orders "$T/orders" || rc=$?
exec 7>&-
daemon_stop || rc=1
exit "$rc"
