#!/bin/bash
# Runs inside the machine: the demo agent against the mock server, under sonde, over TLS and in the clear.
# Prints TAP; every step of the capture must equal the server's log.
cd /sonde || exit 1
uname -r
certs=/sonde/certs
/usr/bin/python3 tests/mock/llm_server.py --http 0 --https 0 --certs $certs --log /tmp/truth --ready /tmp/ready &
for _ in $(seq 300); do
	[ -s /tmp/ready ] && break
	sleep 0.2
done
HTTP=http://localhost:$(awk '/^http /{ print $2 }' /tmp/ready)
HTTPS=https://localhost:$(awk '/^https /{ print $2 }' /tmp/ready)
n=0 bad=0
check() { # NAME BASE ARGS...
	local name=$1 base=$2 why
	shift 2
	n=$((n + 1))
	: >/tmp/truth
	rm -f /tmp/spans /tmp/db*
	SSL_CERT_FILE=$certs/ca.pem ANTHROPIC_API_KEY=k OPENAI_API_KEY=k timeout 120 ./sonde run --db /tmp/db --json -o /tmp/spans -- \
		/usr/bin/python3 tests/demo/agent.py --base "$base" "$@" >/tmp/out 2>/tmp/err
	if why=$(/usr/bin/python3 tests/e2e/verify.py /tmp/truth /tmp/spans 2>&1) && grep -q hello-from-tool /tmp/out; then
		echo "ok $n - $(uname -r): $name"
	else
		echo "not ok $n - $(uname -r): $name"
		printf '%s\n' "$why" | sed 's/^/# /'
		sed 's/^/# /' /tmp/err | tail -5
		bad=1
	fi
}
check "messages, stream, TLS" "$HTTPS" --api messages --stream
check "chat, json, TLS" "$HTTPS" --api chat
check "responses, stream, in the clear" "$HTTP" --api responses --stream
# Where the kernel encrypts: what is written is read, what it takes from a file is a gap of that length.
ktls() {
	timeout 120 ./capture -q -- ./ways ktls 65536 >/tmp/ktls 2>&1 || return 1
	grep -q '^COVER.* dir=out end=131072 data=65536 gap=65536 holes=0 overlaps=0' /tmp/ktls &&
		grep -q '^COVER.* dir=in end=131072 data=131072 gap=0 holes=0 overlaps=0' /tmp/ktls
}
if [ -d /sys/module/tls ]; then
	n=$((n + 1))
	if ktls; then
		echo "ok $n - $(uname -r): kTLS, SSL_sendfile"
	else
		echo "not ok $n - $(uname -r): kTLS, SSL_sendfile"
		sed 's/^/# /' /tmp/ktls
		bad=1
	fi
fi
n=$((n + 1))
if ./sonde doctor >/tmp/doctor 2>&1; then
	echo "ok $n - $(uname -r): doctor finds nothing wrong"
else
	echo "not ok $n - $(uname -r): doctor finds nothing wrong"
	sed 's/^/# /' /tmp/doctor
	bad=1
fi
exit $bad
