#!/bin/bash
# Which of root's powers the prober needs, and for what: each is taken away, and what is not seen then is what
# `sonde doctor` says would not be.
# long: it begins before those that are over soon.
# shellcheck disable=SC2015,SC2016,SC2086 # for inner shells; a failed test shows why; ids in the words of jq
. "$(dirname "$0")/lib.sh"
need_root
mock_start
CAPTURE=$TOP/build/tests/e2e/capture
BODY='{"model":"gpt-4o","messages":[{"role":"user","content":"where am I?"}]}'
# What is needed to become another user here is nothing of the prober's.
NEEDED=BPF,PERFMON,SYS_PTRACE,DAC_READ_SEARCH,CHECKPOINT_RESTORE
HERE=SETUID,SETGID,SETPCAP
cp "$T/certs/ca.pem" "$T/ca.pem"
chmod 644 "$T/ca.pem"

# without NAME	the set but for that one
without() {
	sed "s/\b$1\b//;s/,,/,/;s/^,//;s/,\$//" <<<"$NEEDED"
}

# with SET COMMAND...	as root with those powers only; tracefs is mounted, as under systemd
with() {
	local set=$1
	shift
	unshare -m --propagation private sh -c '[ -z "${TRACEFS-yes}" ] || mount -t tracefs tracefs /sys/kernel/tracing; exec "$@"' sh \
		"$TOP/tests/e2e/caps.py" "$set,$HERE" "$@"
}
as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)

# What is found when it is mapped may be late for a program's first call, never for a second one, half a second later.
mock_scenario '{"latency_ms":500}'

# sees SET BASE COMMAND...	whether the words of the calls at the end of that command are captured
sees() {
	local set=$1 base=$2
	shift 2
	rm -rf "$T/streams"
	mkdir "$T/streams"
	with "$set" timeout 60 "$CAPTURE" -q -d "$T/streams" -- "${as_nobody[@]}" "$@" -s --cacert "${CA-$T/ca.pem}" -d "$BODY" \
		"$base/v1/chat/completions" "$base/v1/chat/completions" >"$T/out" 2>"$T/err" || { cat "$T/out" "$T/err"; return 2; }
	grep -rq 'where am I' "$T/streams"
}
blind() { # SET BASE COMMAND...	the call is made, and not seen
	local rc=0
	sees "$@" || rc=$?
	[ "$rc" = 1 ]
}

ok "five powers are enough: TLS" sees "$NEEDED" "$HTTPS" curl
ok "and in the clear" sees "$NEEDED" "$HTTP" curl
TRACEFS=
export TRACEFS
ok "without tracefs, TLS" sees "$NEEDED" "$HTTPS" curl
ok "but nothing in the clear" blind "$NEEDED" "$HTTP" curl
ok "unless it may mount it" sees "$NEEDED,SYS_ADMIN" "$HTTP" curl
unset TRACEFS

refused() { # SET
	local rc=0
	with "$1" timeout 60 "$SONDE" run --as-root --no-store -- true >"$T/out" 2>"$T/err" || rc=$?
	[ "$rc" = 125 ] && grep -q 'CAP_BPF and CAP_PERFMON' "$T/err" || { cat "$T/err"; return 1; }
}
for power in BPF PERFMON; do
	ok "without $power it is refused, in a line that says so" refused "$(without $power)"
	ok "SYS_ADMIN is as good" sees "$(without $power),SYS_ADMIN" "$HTTPS" curl
done

# Libraries that only their user may read.
mkdir "$T/own"
cp -L /lib/*-linux-gnu/libssl.so.3 /lib/*-linux-gnu/libcrypto.so.3 "$T/own/"
chown -R 65534:65534 "$T/own"
chmod 700 "$T/own"
private=(env "LD_LIBRARY_PATH=$T/own" curl)
ok "a library that only its user may read" sees "$NEEDED" "$HTTPS" "${private[@]}"
ok "is not seen without DAC_READ_SEARCH" blind "$(without DAC_READ_SEARCH)" "$HTTPS" "${private[@]}"

# Another root, of a user's own making, that no path from here leads to.
R=$T/root
mkdir -p "$R"/{bin,etc,dev}
cp /usr/bin/curl "$R/bin/curl"
for f in $(ldd /usr/bin/curl | grep -o '/[^ ]*'); do
	mkdir -p "$R$(dirname "$f")"
	cp -L "$f" "$R$f"
done
cp /bin/busybox "$R/bin/sh"
printf '127.0.0.1 localhost\n' >"$R/etc/hosts"
cp "$T/ca.pem" "$R/ca.pem"
chmod -R a+rX "$R"
ln -s sh "$R/bin/sleep"
mkdir -m 777 "$T/mount"
elsewhere=(unshare -U -r -m sh -c 'mount -t tmpfs tmpfs "$0" && cp -dR "$1/." "$0/" && shift &&
	exec /usr/sbin/chroot "$0" /bin/sh -c "sleep 1; exec /bin/curl \"\$@\"" sh "$@"' "$T/mount" "$R")
CA=/ca.pem
ok "a root of its own" sees "$NEEDED" "$HTTPS" "${elsewhere[@]}"
ok "is not seen without SYS_PTRACE" blind "$(without SYS_PTRACE)" "$HTTPS" "${elsewhere[@]}"
CA=$T/ca.pem

# Replaced under a program that runs; calls: how many of its are seen with that set.
mkdir "$T/lib"
deleted_begin() {
	cp -L /lib/*-linux-gnu/libssl.so.3 "$T/lib/"
	rm -f "$T/in"
	mkfifo "$T/in"
	: >"$T/answers"
	LD_LIBRARY_PATH=$T/lib /usr/bin/python3 "$TOP/tests/e2e/clients/steps.py" "$HTTPS" "$T/ca.pem" <"$T/in" >"$T/answers" &
	client=$!
	pids+=("$client")
	exec 8>"$T/in"
	within 60 grep -q ready "$T/answers"
	rm "$T/lib/libssl.so.3"
	cp -L /lib/*-linux-gnu/libcrypto.so.3 "$T/lib/libssl.so.3"
	rm -f "$T"/db* "$T/spans"
	: >"$T/err"
	SONDE_DB=$T/db with "$1" timeout 90 "$SONDE" run --json -o "$T/spans" --pid "$client" >"$T/out" 2>"$T/err" 8>&- &
	tracer=$!
	pids+=("$tracer")
	within 60 grep -q tracing "$T/err"
	echo x >&8
	exec 8>&-
	wait "$client"
	wait "$tracer"
	calls=$(jq -s '[.[] | select(.attributes."gen_ai.operation.name" == "chat")] | length' "$T/spans")
}
says() { test "$calls" "$@" || { echo "$calls calls"; cat "$T/err" "$T/answers"; tail -2 "$T/spans"; return 1; }; }
deleted_begin "$NEEDED"
ok "a library that was replaced" says -gt 0
deleted_begin "$(without CHECKPOINT_RESTORE)"
ok "is not seen without CHECKPOINT_RESTORE" says = 0

doctor() { # SET PATTERN
	with "$1" "$SONDE" doctor --json --quick >"$T/doctor" 2>"$T/err"
	jq -s 'any(.[]; .check == "'"$2"'" and .status == "'"$3"'")' "$T/doctor" | grep -qx true || { cat "$T/doctor" "$T/err"; return 1; }
}
quiet() {
	with "$NEEDED" "$SONDE" doctor --json --quick >"$T/doctor"
	! grep CAP_ "$T/doctor" && grep -q '"check":"privileges","status":"ok"' "$T/doctor"
}
ok "doctor misses nothing where there are those five" quiet
for power in SYS_PTRACE DAC_READ_SEARCH CHECKPOINT_RESTORE; do
	ok "doctor says what is missing: $power" doctor "$(without $power)" "CAP_$power" warn
done
for power in BPF PERFMON; do
	ok "and that nothing works: $power" doctor "$(without $power)" privileges fail
done
finish
