#!/bin/bash
# Real clients against the mock server: every call, tool call, token, cost and process equals its log.
# long: it begins before those that are over soon.
. "$(dirname "$0")/lib.sh"
need_root
"$TOP/tests/e2e/clients/install.sh" "$CLIENTS" || exit 1
mock_start

# run NAME BASE SCENARIO API MODE
run() {
	local name=$1 base=$2 scenario=$3 api=$4 mode=$5 cmd
	read -ra cmd <<<"$(client "$name")"
	case $name in
	python-stdlib) cmd+=(--api "$api"); [ "$mode" = json ] || cmd+=(--stream) ;;
	*) cmd+=("$api" "$mode") ;;
	esac
	mock_scenario "$scenario"
	traced "$base" "${cmd[@]}" && /usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans" && grep -q 'hello-from-tool' "$T/out"
}

all="node-openai-sdk:chat node-openai-sdk:responses node-anthropic-sdk:messages python-openai-sdk:chat python-openai-sdk:responses
	python-anthropic-sdk:messages python-stdlib:chat python-stdlib:responses python-stdlib:messages curl:messages"

# Each client in each mode, over TLS and in the clear.
for c in $all; do
	name=${c%:*} api=${c#*:}
	for mode in json stream; do
		[ "$name $mode" != "curl stream" ] || continue
		ok "$name $api $mode over https" run "$name" "$HTTPS" '{}' "$api" "$mode"
	done
	[ "$name" != curl ] || mode=json
	ok "$name $api over http" run "$name" "$HTTP" '{"thinking":true}' "$api" "$mode"
done

# Codings and fragments, where the client can read them.
for coding in gzip deflate br; do
	ok "node-openai-sdk chat stream, $coding" run node-openai-sdk "$HTTPS" "{\"compress\":\"$coding\"}" chat stream
	ok "node-openai-sdk responses json, $coding, in the clear" run node-openai-sdk "$HTTP" "{\"compress\":\"$coding\"}" responses json
done
export EXTRA_ENV=CURL_OPTIONS=--compressed
for coding in gzip br zstd; do
	ok "curl, $coding" run curl "$HTTPS" "{\"compress\":\"$coding\"}" messages json
done
unset EXTRA_ENV
ok "node-anthropic-sdk stream, br, writes of 7 bytes" run node-anthropic-sdk "$HTTPS" '{"compress":"br","fragment":7}' messages stream
ok "python-openai-sdk stream, gzip, writes of 11 bytes" run python-openai-sdk "$HTTPS" '{"compress":"gzip","fragment":11}' chat stream
ok "python-anthropic-sdk json, raw deflate" run python-anthropic-sdk "$HTTP" '{"compress":"raw-deflate"}' messages json
ok "curl, writes of 3 bytes" run curl "$HTTP" '{"fragment":3}' messages json

# Errors, then success; several tools at once; several rounds.
errors='{"errors":[529,500,429],"retry_after":0}'
for c in node-openai-sdk:chat node-anthropic-sdk:messages python-openai-sdk:responses python-anthropic-sdk:messages python-stdlib:messages; do
	ok "${c%:*} after 529, 500, 429" run "${c%:*}" "$HTTPS" "$errors" "${c#*:}" stream
done
ok "a model that ran in the US costs what it costs there" run python-stdlib "$HTTPS" '{"geo":"us"}' messages stream
ok "three rounds of tools" run python-stdlib "$HTTPS" '{"tool_turns":3}' messages stream
ok "no connection is kept" run node-openai-sdk "$HTTPS" '{"close":true,"tool_turns":2}' responses stream
finish
