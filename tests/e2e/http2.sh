#!/bin/bash
# HTTP/2: one call on a connection, and many interleaved on one; all equal the server's log.
. "$(dirname "$0")/lib.sh"
need_root
"$TOP/tests/e2e/clients/install.sh" "$CLIENTS" || exit 1
mock_start
"$NODE" "$CLIENTS/h2_front.mjs" "$T/certs" "$HTTP" "$T/h2" &
pids+=($!)
within 60 test -s "$T/h2"
H2=https://localhost:$(cat "$T/h2")

# run SCENARIO COMMAND...
run() {
	mock_scenario "$1"
	shift
	traced "$H2" "$@" && /usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans" && grep -q 'hello-from-tool' "$T/out"
}
curl_h2() {
	EXTRA_ENV="CURL_OPTIONS=--http2" run "$1" bash "$TOP/tests/e2e/clients/curl_agent.sh" messages json
	curl -sS -o /dev/null -w '%{http_version}' --cacert "$T/certs/ca.pem" "$H2/v1/models" | grep -qx 2 # it was HTTP/2
}
ok "curl" curl_h2 '{}'
ok "curl, compressed" curl_h2 '{"compress":"gzip"}'
# Commands that differ: which of two equal ones belongs to which call cannot be known.
ok "eight agents on one connection" run '{"tool_turns":2,"command":"echo hello-from-tool {call}"}' "$NODE" "$CLIENTS/h2_agent.mjs" "$H2" 8
ok "small writes" run '{"fragment":7,"command":"echo hello-from-tool {call}"}' "$NODE" "$CLIENTS/h2_agent.mjs" "$H2" 2
# In the clear curl begins with HTTP/1.1 and asks for HTTP/2: the answer to that first request is stream 1.
port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
nghttpx -b"127.0.0.1,${HTTP##*:}" -f"127.0.0.1,$port;no-tls" --workers=1 --conf=/dev/null -LFATAL >/dev/null 2>&1 &
pids+=($!)
within 60 curl -s -o /dev/null "http://localhost:$port/v1/models"
upgraded() {
	curl -sv --http2 -o /dev/null "http://localhost:$port/v1/models" 2>&1 | grep -q 'Switching to HTTP/2' || { echo "no upgrade"; return 1; }
	mock_scenario "$1"
	EXTRA_ENV="CURL_OPTIONS=--http2" traced "http://localhost:$port" bash "$TOP/tests/e2e/clients/curl_agent.sh" messages stream &&
		/usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans" && grep -q 'hello-from-tool' "$T/out"
}
ok "curl in the clear, upgraded" upgraded '{}'
ok "and in small writes" upgraded '{"fragment":7}'
# Deno takes HTTP/2 where the server offers it.
deno() {
	EXTRA_ENV="DENO_CERT=$T/certs/ca.pem DENO_NO_UPDATE_CHECK=1 DENO_DIR=$T/deno" \
		run "$1" "$CLIENTS/node_modules/@deno/linux-x64-glibc/deno" run -A --node-modules-dir=manual "$CLIENTS/openai.mjs" responses stream
}
ok "Deno, rustls" deno '{"tool_turns":2}'
finish
