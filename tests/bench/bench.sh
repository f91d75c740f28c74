#!/bin/bash
# What tracing costs, as ratios within one run: nothing, four empty classic probes, sonde.
#   SONDE=sonde BENCH=dir-of-tlsload bench.sh
# Fails where bytes did not reach the engine, or a figure is over its limit.
# shellcheck disable=SC2086 # PIN is words
set -u
cd "$(dirname "$0")/../.." || exit 1
SONDE=${SONDE:-$PWD/build/sonde}
BENCH=${BENCH:-$PWD/build/tests/bench}
[ "$(id -u)" = 0 ] || { echo "bench: needs root" >&2; exit 1; }
T=$(mktemp -d /tmp/sonde-bench-XXXXXX)
pids=() bad=0
trap 'kill "${pids[@]}" 2>/dev/null; rm -rf "$T"' EXIT

# The server has a copy of the library, so that no probe on the client's slows it down.
tests/mock/certs.sh "$T/certs"
cp -L "$(ldconfig -p | awk '/libssl\.so\.3 .*x86-64/ { print $NF; exit }')" "$T/"
# Client and server share a processor, and so do not wait for each other's to wake up; the engine has the rest.
PIN=${PIN:-"taskset -c $(($(nproc) - 1))"} # on a busy machine: PIN="chrt -f 5 taskset -c 1"
LD_LIBRARY_PATH=$T $PIN "$BENCH/tlsload" server 25444 "$T/certs/server.pem" "$T/certs/server.key" >"$T/ready" &
pids+=($!)
for _ in $(seq 50); do
	grep -q ready "$T/ready" 2>/dev/null && break
	sleep 0.1
done

value() { # LINE KEY
	tr ' ' '\n' <<<"$1" | sed -n "s/^$2=//p"
}
calc() {
	awk "BEGIN { printf \"%.2f\", $1 }"
}
limit() { # WHAT FIGURE MAX
	awk "BEGIN { exit !($2 <= $3) }" && return
	echo "  over the limit: $1 is $2, at most $3"
	bad=1
}
traced() { # SHAPE COUNT
	rm -f "$T"/db*
	"$SONDE" run --db "$T/db" --json -o "$T/spans" --content minimal -- $PIN "$BENCH/tlsload" client 25444 "$1" "$2" 2>"$T/err"
}

# Three rounds of each, interleaved; the best median counts, as what disturbs only ever adds.
best() { # OLD NEW
	awk -v a="$1" -v b="$2" 'BEGIN { print (a == "" || b < a) ? b : a }'
}
printf '%-6s %10s %10s %10s %9s %9s  %s\n' shape 'none us' 'classic' 'sonde' '+classic' '+sonde' 'bytes seen, engine CPU us an exchange, RSS'
shape() { # NAME COUNT
	local none='' classic='' sonde='' line seen want cpu rss n
	for _ in 1 2 3; do
		line=$($PIN "$BENCH/tlsload" client 25444 "$1" "$2")
		none=$(best "$none" "$(value "$line" median)")
		line=$($PIN "$BENCH/tlsload" client 25444 "$1" "$2" classic)
		classic=$(best "$classic" "$(value "$line" median)")
		line=$(traced "$1" "$2")
		sonde=$(best "$sonde" "$(value "$line" median)")
		want="$(value "$line" sent) $(value "$line" received)"
		seen=$(jq -r 'select(.type == "health") | "\(.stream_bytes_out) \(.stream_bytes_in)"' "$T/spans")
		if [ "$seen" != "$want" ]; then
			echo "  $1: bytes sent and received: $want; reached the engine: $seen"
			bad=1
		fi
	done
	n=$(jq -rs 'map(select(.type == "health"))[0].llm_calls' "$T/spans")
	cpu=$(jq -r "select(.type == \"health\") | .engine_cpu_us / $n | floor" "$T/spans")
	rss=$(jq -r 'select(.type == "health") | .engine_rss_bytes / 1048576 | floor' "$T/spans")
	printf '%-6s %10s %10s %10s %9s %9s  %s, %s us, %s MiB\n' "$1" "$none" "$classic" "$sonde" \
		"$(calc "$classic - $none")" "$(calc "$sonde - $none")" "$([ "$seen" = "$want" ] && echo all || echo NOT ALL)" "$cpu" "$rss"
	case $1 in
	1k) limit "added at 1 KB, us" "$(calc "$sonde - $none")" 12 ;;
	16k) limit "added at 16 KB, us" "$(calc "$sonde - $none")" 16 ;;
	sse) limit "SSE closed loop, ratio" "$(calc "$sonde / $none")" 1.8 ;;
	paced) limit "paced SSE, us added a chunk" "$(calc "$sonde - $none")" 5 ;;
	esac
}
shape 1k 8000
shape 16k 3000
shape 1m 60
shape sse 200
shape paced 12

# A process that maps the probed library but is not traced: two calls an exchange.
"$SONDE" run --no-store -q -- sleep 20 2>/dev/null &
pids+=($!)
sleep 2
line=$($PIN "$BENCH/tlsload" client 25444 1k 20000)
with=$(value "$line" median)
kill "${pids[-1]}" 2>/dev/null
wait "${pids[-1]}" 2>/dev/null
unset 'pids[-1]'
line=$($PIN "$BENCH/tlsload" client 25444 1k 20000)
without=$(value "$line" median)
printf 'out of scope: %s us an exchange beside %s us: %s us a call\n' "$with" "$without" "$(calc "($with - $without) / 2")"
limit "out of scope, us a call" "$(calc "($with - $without) / 2")" 1.5

SONDE=$SONDE BENCH=$BENCH PORT=25444 PIN=$PIN tests/bench/libraries.sh || bad=1
"$BENCH/protocols" || bad=1
"$BENCH/store" || bad=1
tests/bench/files.sh || bad=1
tests/bench/replay.sh || bad=1
exit $bad
