#!/bin/bash
# Bun carries BoringSSL without symbols: what its programs say over TLS equals the server's log.
# shellcheck disable=SC2015 # "a && b || fail" is meant
. "$(dirname "$0")/lib.sh"
need_root
"$TOP/tests/e2e/clients/install.sh" "$CLIENTS" || exit 1
BUN=${BUN:-$CLIENTS/node_modules/@oven/bun-linux-x64/bin/bun}
TRAFFIC=$TOP/build/tests/e2e/traffic
[ -x "$TRAFFIC" ] || skip_all "make e2e builds what this needs"
mock_start

doctor() {
	"$SONDE" doctor "$BUN" >"$T/doctor" || return 1
	grep -q 'boringssl Bun [0-9.]*' "$T/doctor" && grep -q 'SSL_write .*push.*cheap' "$T/doctor" &&
		grep -q 'SSL_read .*push.*cheap' "$T/doctor" && grep -q '^ok .*TLS .*will be read' "$T/doctor" || { cat "$T/doctor"; return 1; }
}

# run SCRIPT SCENARIO API MODE
run() {
	mock_scenario "$2"
	traced "$HTTPS" "$BUN" "$CLIENTS/$1.mjs" "$3" "$4" && /usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans" &&
		grep -q hello-from-tool "$T/out"
}

ok "doctor names the library, the version and what a call costs" doctor
ok "what is sent and received through Bun arrives byte for byte, 1 B to 16 MiB" echo_sizes "$BUN"
ok "300 connections one after the other are not mixed up" connections "$BUN"
for c in openai:chat openai:responses anthropic:messages; do
	for mode in json stream; do
		ok "${c%:*} ${c#*:} $mode" run "${c%:*}" '{}' "${c#*:}" "$mode"
	done
done
for coding in gzip br zstd; do
	ok "anthropic messages stream, $coding" run anthropic "{\"compress\":\"$coding\"}" messages stream
done
ok "openai chat after 529, 500, 429" run openai '{"errors":[529,500,429],"retry_after":0}' chat stream
ok "no connection is kept" run openai '{"close":true,"tool_turns":2}' responses stream
finish
