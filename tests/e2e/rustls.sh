#!/bin/bash
# rustls inside a stripped program (Deno): every call equals the server's log, every byte arrives.
# shellcheck disable=SC2015 # "a && b || fail" is meant
. "$(dirname "$0")/lib.sh"
need_root
"$TOP/tests/e2e/clients/install.sh" "$CLIENTS" || exit 1
CAPTURE=$TOP/build/tests/e2e/capture
TRAFFIC=$TOP/build/tests/e2e/traffic
DENO=$CLIENTS/node_modules/@deno/linux-x64-glibc/deno
export DENO_DIR=$T/deno DENO_NO_UPDATE_CHECK=1
export EXTRA_ENV="DENO_CERT=$T/certs/ca.pem DENO_NO_UPDATE_CHECK=1 DENO_DIR=$DENO_DIR"
mock_start

# run SCRIPT SCENARIO ARG...
run() {
	local script=$1 scenario=$2
	shift 2
	mock_scenario "$scenario"
	traced "$HTTPS" "$DENO" run -A --node-modules-dir=manual "$CLIENTS/$script" "$@" &&
		/usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans" && grep -q 'hello-from-tool' "$T/out"
}

# echo_start VERSION [SUITE]	sets ECHO
echo_start() {
	rm -f "$T/echo"
	/usr/bin/python3 "$TOP/tests/e2e/tls_echo.py" "$T/certs" "$1" "$T/echo" ${2+"$2"} &
	pids+=($!)
	within 60 test -s "$T/echo"
	ECHO=$(cat "$T/echo")
}

# sizes SIZE...	each is sent and comes back: as many whole streams, and every position told once
sizes() {
	local d=$T/d f n=0 total=0 size
	rm -rf "$d"
	mkdir "$d"
	"$CAPTURE" -q -d "$d" -b 67108864 -- "$DENO" run -A "$CLIENTS/tls_echo.mjs" "$ECHO" "$T/certs/ca.pem" "$@" >"$T/out" || return 1
	! grep '^COVER' "$T/out" | grep -v 'holes=0 overlaps=0' || return 1
	for f in "$d"/*; do
		"$TRAFFIC" bytes "$(stat -c %s "$f")" | cmp - "$f" || return 1
		n=$((n + 1)) total=$((total - $(stat -c %s "$f")))
	done
	for size in "$@"; do
		total=$((total + 2 * size))
	done
	[ "$n $total" = "$((2 * $#)) 0" ] || { echo "$n streams, $total bytes missing"; grep -v '^DATA' "$T/out"; return 1; }
}

# known_by_doctor	the library, its version, two directions of every cipher
known_by_doctor() {
	"$SONDE" doctor --json "$DENO" | jq --arg file "$DENO" 'select(.file == $file)' | holds '.capturable and .library == "rustls" and
		(.version | startswith("0.23.")) and ([.points[] | select(.direction == "read")] | length) * 2 == (.points | length)'
}

ok "openai chat, streamed" run openai.mjs '{"tool_turns":2}' chat stream
ok "openai responses" run openai.mjs '{}' responses json
ok "anthropic, streamed, writes of 7 bytes" run anthropic.mjs '{"fragment":7}' messages stream
ok "anthropic after 529, 500, 429, no connection kept" run anthropic.mjs '{"errors":[529,500,429],"retry_after":0,"close":true}' messages json
ok "doctor names it" known_by_doctor
edges="1 4095 4096 4097 16383 16384 16385 65535 65536 65537 524287 524289 1048575 1048576 1048577"
echo_start 1.3
# shellcheck disable=SC2086 # words
ok "TLS 1.3: every size arrives byte for byte, both ways" sizes $edges
ok "16 MiB" sizes 16777216
echo_start 1.2 ECDHE-ECDSA-AES256-GCM-SHA384
# shellcheck disable=SC2086 # words
ok "TLS 1.2, AES-GCM" sizes $edges
echo_start 1.2 ECDHE-ECDSA-CHACHA20-POLY1305
ok "TLS 1.2, ChaCha20" sizes 1 4096 16384 16385 1048577
finish
