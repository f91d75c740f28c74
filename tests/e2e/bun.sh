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

# Two ends of a connection per size, in two directions.
sizes() {
	local sizes=(1 16777216) s f n=0
	for s in 4096 16384 65536 1048576; do
		sizes+=($((s - 1)) "$s" $((s + 1)))
	done
	echo_of "$BUN" sizes "${sizes[@]}" || return 1
	for f in "$T/streams"/*; do
		"$TRAFFIC" bytes "$(stat -c %s "$f")" | cmp - "$f" || return 1
		n=$((n + 1))
	done
	for s in "${sizes[@]}"; do
		[ "$(find "$T/streams" -size "${s}c" -name '*.*' | wc -l)" = 4 ] || { echo "$s bytes: not four streams"; return 1; }
	done
	[ "$n" = $((${#sizes[@]} * 4)) ] || { echo "$n streams"; return 1; }
}

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
ok "what is sent and received through Bun arrives byte for byte, 1 B to 16 MiB" sizes
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
