#!/bin/bash
# kill -9 of engine, prober, launcher and target at random moments, 100 times into one store:
# no target is harmed, no store is damaged, no probe is left behind.
# alone: it counts the probes of the whole machine.
. "$(dirname "$0")/lib.sh"
need_root
mock_start
mock_scenario '{"tool_turns":3,"chunk_delay_ms":10,"command":"sleep 0.05; echo hello-from-tool"}'
RANDOM=20261120
ROUNDS=${ROUNDS:-100}
LANES=4

ours() { # bpf programs of this host that carry our names
	bpftool prog list 2>/dev/null | grep -cE 'name (on_|tls_|sys_|sonde_)' || true
}
before=$(ours)

# Finds a process of one run: a child of its launcher, or the command.
process() { # LAUNCHER ROLE
	case $2 in
	launcher) echo "$1" ;;
	target) pgrep -f "^/usr/bin/python3 .*agent.py" --parent "$1" ;;
	*) pgrep -x "sonde-$2" --parent "$1" ;;
	esac
}

# How long a run takes here and now, beside as many others, in ms: kills come within that and half as much again.
duration() {
	local start jobs=()
	start=$(date +%s%N)
	for l in $(seq $LANES); do
		# shellcheck disable=SC2046 # words
		env -i $(client_env "$HTTPS") "$SONDE" run -q --no-store -- /usr/bin/python3 "$TOP/tests/demo/agent.py" --stream "warm up $l" \
			>"$T/warm$l" 2>&1 </dev/null &
		jobs+=($!)
	done
	wait "${jobs[@]}"
	echo $((($(date +%s%N) - start) / 1000000))
}

# One round: what must hold afterwards depends on who was killed.
round() { # N ROLE DELAY-MS
	local dir=$T/r$1 rc=0 launcher victim
	mkdir "$dir"
	# shellcheck disable=SC2046 # words
	env -i $(client_env "$HTTPS") "$SONDE" run --db "$T/db" -- /usr/bin/python3 "$TOP/tests/demo/agent.py" --stream "round $1" \
		>"$dir/out" 2>"$dir/err" </dev/null &
	launcher=$!
	sleep "$(printf '%d.%03d' $(($3 / 1000)) $(($3 % 1000)))"
	victim=$(process "$launcher" "$2")
	[ -z "$victim" ] || kill -KILL "$victim" 2>/dev/null
	wait "$launcher" || rc=$?
	if [ "$2" = launcher ]; then # its command goes on by itself
		for _ in $(seq 100); do
			grep -q 'hello-from-tool' "$dir/out" && break
			sleep 0.05
		done
	fi
	if [ "$2" != target ] && [ -s "$dir/out" ] && ! grep -q 'hello-from-tool' "$dir/out"; then
		echo "round $1: $2 killed: the target said: $(cat "$dir/out")"
	fi
	grep -q 'hello-from-tool' "$dir/out" && echo x >>"$T/finished"
	case $2 in
	engine | prober)
		if [ "$rc" = 125 ] && grep -q 'nothing was run' "$dir/err"; then
			[ ! -s "$dir/out" ] || echo "round $1: $2 killed after $3 ms: said that nothing was run, but it was"
			return
		fi
		# What the engine had not stored is our failure, and said; the command's own status is 0.
		[ "$rc" = 0 ] || { [ "$2 $rc" = "engine 125" ] && grep -q 'engine died' "$dir/err"; } ||
			echo "round $1: $2 killed after $3 ms: status $rc: $(tail -n 2 "$dir/err")"
		grep -q 'hello-from-tool' "$dir/out" || echo "round $1: $2 killed after $3 ms: the target did not finish: $(cat "$dir/err")"
		;;
	target) [ "$rc" = 137 ] || [ "$rc" = 0 ] || echo "round $1: target killed: status $rc" ;;
	esac
}
lane() { # NUMBER OF ROLES AND DELAYS...
	local n=$1
	shift
	while [ $# -gt 0 ]; do
		round "$n" "$1" "$2"
		n=$((n + LANES))
		shift 2
	done
}

longest=$(($(duration) * 3 / 2))
roles=(engine prober target engine prober launcher)
lanes=()
for l in $(seq $LANES); do
	plan=()
	for _ in $(seq $((ROUNDS / LANES))); do
		plan+=("${roles[RANDOM % 6]}" $((50 + RANDOM * longest / 32768)))
	done
	lane "$l" "${plan[@]}" >"$T/lane$l" 2>/dev/null &
	lanes+=($!)
done
wait "${lanes[@]}"
ok "no target was harmed and every status was the command's ($ROUNDS rounds)" bash -c "cat $T/lane*; [ ! -s <(cat $T/lane*) ] && ! grep -q . $T/lane*"
ok "the store is sound" "$SONDE" store check --db "$T/db"
many_went_on() {
	local n
	n=$(wc -l <"$T/finished")
	echo "$n of $ROUNDS targets finished"
	[ "$n" -ge $((ROUNDS / 3)) ]
}
ok "a good part of the kills came while the target ran or later" many_went_on
left_processes() { # of these runs; those that have ended and that nobody waits for do not count
	pgrep -r R,S,D,T -f "^$SONDE run --db $T/db"
}
no_process_left() {
	local left
	left=$(left_processes)
	[ -z "$left" ] || { echo "left: $left"; ps -o pid,ppid,etime,args -p "${left//$'\n'/,}"; return 1; }
}
within 60 no_process_left >/dev/null # a launcher's command goes on by itself, a prober takes its probes off
ok "no process is left" no_process_left
no_probe_left() { # the kernel takes its time
	[ "$(ours)" -le "$before" ]
}
ok "no probe is left" within 60 no_probe_left
after() {
	mock_scenario '{}'
	traced "$HTTPS" /usr/bin/python3 "$TOP/tests/demo/agent.py" --stream && /usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans"
}
ok "the next run is as if nothing had been" after
finish
