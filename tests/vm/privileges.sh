#!/bin/bash
# Runs inside the machine: which of root's powers the prober needs on this kernel, for a program of another user. Prints TAP.
cd /sonde || exit 1
uname -r
b=/bin/busybox
$b chmod 755 / /sonde /sonde/certs
$b chmod 1777 /tmp
certs=/sonde/certs
/usr/bin/python3 tests/mock/llm_server.py --http 0 --https 0 --certs $certs --log /tmp/truth --ready /tmp/ready &
for _ in $(seq 300); do
	[ -s /tmp/ready ] && break
	sleep 0.2
done
HTTP=http://localhost:$(awk '/^http /{ print $2 }' /tmp/ready)
HTTPS=https://localhost:$(awk '/^https /{ print $2 }' /tmp/ready)
export SSL_CERT_FILE=$certs/ca.pem OPENAI_API_KEY=k PYTHONDONTWRITEBYTECODE=1
NEEDED=BPF,PERFMON,SYS_PTRACE,DAC_READ_SEARCH,CHECKPOINT_RESTORE
n=0 bad=0
# sees SET BASE	whether a call is captured by a prober with these powers only
sees() {
	rm -rf /tmp/streams
	mkdir /tmp/streams
	/usr/bin/python3 tests/e2e/caps.py "$1,SETUID,SETGID" timeout 100 ./capture -q -d /tmp/streams -- /usr/bin/python3 -c \
		'import os, sys; os.setgid(65534); os.setuid(65534); os.execv(sys.argv[1], sys.argv[1:])' \
		/usr/bin/python3 tests/demo/agent.py --base "$2" --api chat >/tmp/out 2>&1
	grep -q '"messages"' /tmp/streams/*
}
check() { # NAME WANTED SET BASE
	local name=$1 wanted=$2 got=0
	n=$((n + 1))
	sees "$3" "$4" || got=1
	if [ "$got" = "$wanted" ]; then
		echo "ok $n - $(uname -r): $name"
	else
		echo "not ok $n - $(uname -r): $name"
		sed 's/^/# /' /tmp/out | tail -6
		bad=1
	fi
}
# refused	it does not begin, and says why
refused() {
	local name="without SYS_ADMIN it does not begin, and says that this kernel wants it"
	n=$((n + 1))
	/usr/bin/python3 tests/e2e/caps.py "$NEEDED,SETUID,SETGID" timeout 100 ./sonde run --as-root --no-store -- sleep 0 >/tmp/out 2>&1
	if grep -q 'takes CAP_SYS_ADMIN' /tmp/out; then
		echo "ok $n - $(uname -r): $name"
	else
		echo "not ok $n - $(uname -r): $name"
		sed 's/^/# /' /tmp/out | tail -6
		bad=1
	fi
}
check "with SYS_ADMIN it mounts tracefs itself" 0 "$NEEDED,SYS_ADMIN" "$HTTP"
# Before 6.6 probes are attached by perf events, one by one. Debian's level 3 asks for SYS_ADMIN where others ask for PERFMON.
$b mount -t tracefs tracefs /sys/kernel/tracing
cat /proc/sys/kernel/perf_event_paranoid
case $(uname -r) in
6.[0-5].* | 5.*)
	refused
	echo 2 >/proc/sys/kernel/perf_event_paranoid
	refused
	;;
*)
	check "without, TLS" 0 "$NEEDED" "$HTTPS"
	check "but nothing in the clear" 1 "$NEEDED" "$HTTP"
	echo 2 >/proc/sys/kernel/perf_event_paranoid
	check "at level 2, TLS" 0 "$NEEDED" "$HTTPS"
	check "and in the clear" 0 "$NEEDED" "$HTTP"
	;;
esac
for power in BPF PERFMON; do
	set=${NEEDED//$power,/}
	check "nothing without $power" 1 "$set" "$HTTPS"
	check "SYS_ADMIN is as good as $power" 0 "$set,SYS_ADMIN" "$HTTPS"
done
exit $bad
