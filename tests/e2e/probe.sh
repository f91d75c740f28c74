#!/bin/bash
# The prober alone, under a launcher and an engine of our own: what comes out of the kernel equals
# what programs sent and received; what is lost is stated; nothing stays behind.
# long: it begins before those that are over soon.
# shellcheck disable=SC2015 # "a && b || fail" is meant
. "$(dirname "$0")/lib.sh"
need_root
CAPTURE=$TOP/build/tests/e2e/capture
TRAFFIC=$TOP/build/tests/e2e/traffic
PY=/usr/bin/python3
[ -x "$CAPTURE" ] || skip_all "make e2e builds what this needs"

# cover FILE	every position of every stream was told exactly once, as data or as a gap
cover() {
	grep -q '^COVER' "$1" || { echo "no stream at all"; return 1; }
	! grep '^COVER' "$1" | grep -v 'holes=0 overlaps=0'
}

# total FILE KEY	a figure of the TOTAL line
total() {
	sed -n "s/^TOTAL.* $2=\([0-9]*\).*/\1/p" "$1"
}

# tls_sizes TRAFFIC
tls_sizes() {
	local sizes=(16777216) s d f n=0
	for s in 4096 16384 65536 524288 1048576; do
		sizes+=($((s - 1)) "$s" $((s + 1)))
	done
	d=$T/sizes
	rm -rf "$d"
	mkdir "$d"
	"$CAPTURE" -q -b 268435456 -d "$d" -- "$1" tls 1 "${sizes[@]}" >"$T/out" || return 1
	cover "$T/out" || return 1
	for f in "$d"/*; do
		"$TRAFFIC" bytes "$(stat -c %s "$f")" | cmp - "$f" || return 1
		n=$((n + 1))
	done
	# Both ends of a connection per size and kind of call, in two directions.
	[ "$n" = $(((${#sizes[@]} + 1) * 8)) ] || { echo "$n streams"; return 1; }
}

# OpenSSL inside a program without symbols.
static_sizes() {
	gcc -O2 -s -o "$T/traffic" "$TOP/tests/e2e/traffic.c" -l:libssl.a -l:libcrypto.a -lpthread -ldl && tls_sizes "$T/traffic"
}

large_calls() {
	"$CAPTURE" -q -- "$TRAFFIC" tls 12582912 20971520 >"$T/out" || return 1
	cover "$T/out" || return 1
	# Of 20 MiB in one call, 16 MiB are copied; two kinds of call, two ends.
	[ "$(total "$T/out" gap_cap)" = $((4 * 4194304)) ] && [ "$(total "$T/out" gap_lost)" = 0 ]
}

short_programs() {
	local i
	for i in $(seq 20); do
		"$CAPTURE" -- curl -s --cacert "$T/certs/ca.pem" "$HTTPS/first-$i" >"$T/out" 2>/dev/null
		# The whole request of a program that runs for less than 50 ms, from its first byte on.
		grep -q '^DATA.* dir=out pos=0 .*source=1' "$T/out" && cover "$T/out" || { echo "run $i"; cat "$T/out"; return 1; }
	done
}

process_tree() {
	(cd "$T" && "$CAPTURE" -- /bin/sh -c 'cd /usr/lib; /usr/bin/env A=b /bin/sh -c "/bin/true x; exit 7"; kill -9 $$') >"$T/out"
	[ $? = 137 ] || { echo "status"; return 1; }
	grep -E '^(FORK|EXEC|EXIT)' "$T/out"
	grep -q "^EXEC.* path=/bin/sh cwd=$T argv=\[/bin/sh\]\[-c\]" "$T/out" &&
		grep -q '^EXEC.* path=/bin/true cwd=/usr/lib argv=\[/bin/true\]\[x\]$' "$T/out" &&
		grep -q '^EXIT.* code=7 signal=0' "$T/out" && grep -q '^EXIT.* code=0 signal=9' "$T/out" || return 1
	# Each process that ends was begun in scope, and each fork's child ends.
	[ "$(grep -c '^FORK' "$T/out")" = "$(($(grep -c '^EXIT' "$T/out") - 1))" ]
}

# The root's start time in SCOPE is the kernel's own, to the nanosecond.
exact_start() {
	"$CAPTURE" -- /bin/true >"$T/out"
	[ "$(sed -n 's/^SCOPE \([^ ]* [0-9]*\) .*/\1/p' "$T/out")" = "$(sed -n 's/^EXIT \([^ ]* [0-9]*\) .*/\1/p' "$T/out")" ]
}

out_of_scope() {
	local pid
	"$TRAFFIC" stream 400 5000 5 &
	pid=$!
	"$CAPTURE" -- "$TRAFFIC" stream 20 3000 5 >"$T/out" || return 1
	wait "$pid"
	! grep -E "^[A-Z]+ $pid/" "$T/out" && [ "$(total "$T/out" data_out)" -ge 120000 ] &&
		! grep '^DATA.*call=5000 source=1' "$T/out"
}

stopped_reader() {
	local calls
	"$CAPTURE" -b 1048576 -p 1000 -- "$TRAFFIC" stream 300 16384 10 >"$T/out" || return 1
	cover "$T/out" || return 1
	[ "$(total "$T/out" gap_lost)" -gt 0 ] || { echo "nothing was lost"; return 1; }
	[ "$(sed -n 's/^LOSS [0-9]* \([0-9]*\) .*/\1/p' "$T/out")" = "$(total "$T/out" gap_lost)" ] ||
		{ grep '^LOSS\|^TOTAL' "$T/out"; return 1; }
	# After the last gap, calls are whole again.
	calls=$(sed '1,/^GAP/d' "$T/out" | grep -c '^DATA.*len=16384 call=16384')
	[ "$calls" -gt 20 ] || { echo "$calls whole calls after the gap"; return 1; }
}

verdict() {
	"$CAPTURE" -q -v 3 -- "$TRAFFIC" stream 300 16384 1 >"$T/out" || return 1
	cover "$T/out" || return 1
	[ "$(total "$T/out" gap_verdict)" -gt 1000000 ] && [ "$(total "$T/out" gap_lost)" = 0 ] &&
		[ $(($(total "$T/out" gap_verdict) + $(total "$T/out" data_in) + $(total "$T/out" data_out))) = $((300 * 16384 * 4)) ]
}

sockets() {
	local kind bytes
	mkdir -p "$T/s"
	"$CAPTURE" -- "$PY" "$TOP/tests/e2e/sockets.py" "$T/s" >"$T/out" || return 1
	cover "$T/out" || return 1
	while read -r kind bytes; do
		[ "$bytes" = "${bytes#none}" ] || continue
		grep -q "^COVER.*dir=out end=$bytes " "$T/out" && grep -q "^COVER.*dir=in end=$bytes " "$T/out" ||
			{ echo "$kind: not $bytes bytes"; grep '^COVER' "$T/out"; return 1; }
	done < <(grep -oE '^(tcp4|tcp6|pair|unix|sendfile|fork|other) [0-9]+$' "$T/out")
	[ "$(total "$T/out" gap_unseen)" = "$(stat -c %s "$TOP/tests/e2e/sockets.py")" ] || { echo "sendfile"; return 1; }
	! grep 'MIDWAY' "$T/out"
}

# A library that nothing could know of beforehand is found when it is mapped.
late_library() {
	mkdir -p "$T/lib"
	cp -L /lib/*-linux-gnu/libssl.so.3 "$T/lib/"
	LD_LIBRARY_PATH=$T/lib "$CAPTURE" -- "$TRAFFIC" stream 300 1000 10 >"$T/out" || return 1
	grep '^ATTACH' "$T/out" | grep -q "\"file\":\"$T/lib/libssl.so.3\".*\"ok\":true.*\"late_ms\":[0-9]" || { grep ATTACH "$T/out"; return 1; }
	[ "$(total "$T/out" data_out)" -gt 20000 ] || { grep TOTAL "$T/out"; return 1; }
}

# held ARG...	starts CAPTURE with a gate; sets prober and gate (a descriptor to write to)
held() {
	rm -f "$T/gate"
	mkfifo "$T/gate"
	"$CAPTURE" -g "$@" <"$T/gate" >"$T/held" 2>&1 &
	runner=$!
	exec 9>"$T/gate"
	within 60 is_held
}
is_held() {
	prober=$(sed -n 's/^READY \([0-9]*\) .*/\1/p' "$T/held")
	[ -n "$prober" ]
}

privileges() {
	local want eff
	held -q -- /bin/true || return 1
	eff=$(awk '/^CapEff/{print $2}' "/proc/$prober/status")
	want=$(awk '/^NoNewPrivs/{print $2}' "/proc/$prober/status")
	kill -INT "$prober" && kill -TERM "$prober" && kill -HUP "$prober"
	echo >&9
	exec 9>&-
	wait "$runner" || { echo "it died of a signal"; return 1; }
	# dac_read_search 2, sys_ptrace 19, perfmon 38, bpf 39, checkpoint_restore 40
	[ "$want" = 1 ] && { [ "$eff" = 000001c000080004 ] || [ "$eff" = 000001c000280004 ]; } || { echo "CapEff $eff"; return 1; }
}

bpftool=$(PATH=$PATH:/usr/sbin command -v bpftool)
links_of() {
	awk '$1 == "link_id:" { print $2 }' "/proc/$1/fdinfo/"* 2>/dev/null
}

# The prober is killed in the middle: the program runs on, its probes go.
killed() {
	local ids id left
	held -q -- "$TRAFFIC" stream 300 1000 10 || return 1
	ids=$(links_of "$prober")
	[ "$(echo "$ids" | wc -w)" -gt 10 ] || { echo "links: $ids"; return 1; }
	echo >&9
	exec 9>&-
	sleep 0.3
	kill -9 "$prober"
	wait "$runner" || { echo "the program was harmed"; cat "$T/held"; return 1; }
	grep -q '^LOST' "$T/held" || return 1
	within 60 none_left "$ids" || { echo "$left probes are left"; return 1; }
}
none_left() { # LINKS
	local id
	left=0
	for id in $1; do
		! "$bpftool" link show id "$id" >/dev/null 2>&1 || left=$((left + 1))
	done
	[ "$left" = 0 ]
}

mock_start
ok "TLS reads and writes of every size arrive byte for byte" tls_sizes "$TRAFFIC"
ok "the same where OpenSSL is inside a program without symbols" static_sizes
ok "one call of 12 MiB is whole, of 20 MiB it is said what was not copied" large_calls
ok "the first request of a short program is whole, 20 of 20" short_programs
ok "processes: who began whom, what each ran, how it ended" process_tree
ok "the start time of the root is exact" exact_start
ok "a process outside the scope is not seen" out_of_scope
ok "a reader that stops costs bytes that are counted, and nothing afterwards" stopped_reader
ok "a verdict turns copying into counting" verdict
ok "sockets: vectors, messages, peeking, Unix, sendfile, fork" sockets
ok "a library found only when it is mapped is probed, and said to be late" late_library
ok "the prober keeps few privileges and minds no signal of the terminal" privileges
ok "kill -9 of the prober leaves the program unharmed and no probe behind" killed
finish
