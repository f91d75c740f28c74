#!/bin/bash
# An agent in shell: curl (or FETCH: wget, tstclnt, by_python) for the calls, python3 as a JSON tool. curl_agent.sh messages json|stream
set -eu
curl() {
	# shellcheck disable=SC2086 # words
	command curl -sS --retry 5 --retry-all-errors --retry-delay 0 --retry-max-time 20 ${CURL_OPTIONS-} -H 'content-type: application/json' \
		-H "x-api-key: $ANTHROPIC_API_KEY" -H 'anthropic-version: 2023-06-01' --data-binary "@$1" "$2"
}
wget() {
	command wget -q -O - --header 'content-type: application/json' --header "x-api-key: $ANTHROPIC_API_KEY" \
		--header 'anthropic-version: 2023-06-01' --ca-certificate "$SSL_CERT_FILE" --post-file "$1" "$2"
}
# Knows TLS but no HTTP, and verifies against its own certificates alone.
tstclnt() {
	local server=${2#https://}
	server=${server%%/*}
	{
		printf 'POST /%s HTTP/1.1\r\nhost: %s\r\nx-api-key: %s\r\n' "${2#https://*/}" "$server" "$ANTHROPIC_API_KEY"
		printf 'anthropic-version: 2023-06-01\r\ncontent-type: application/json\r\nconnection: close\r\n'
		printf 'content-length: %s\r\n\r\n' "$(stat -c %s "$1")"
		cat "$1"
	} >"$TMPDIR/http"
	command tstclnt -D -o -4 -h "${server%:*}" -p "${server#*:}" <"$TMPDIR/http" 2>/dev/null | sed '1,/^\r$/d'
}
base=$ANTHROPIC_BASE_URL
messages='[{"role":"user","content":"Run the tool, then say what it printed."}]'
tools='[{"name":"bash","description":"Runs a command.","input_schema":{"type":"object","properties":{"command":{"type":"string"}}}}]'
by_python() {
	"$PYTHON" "$(dirname "$0")/fetch.py" "$HOW" "$1" "$2"
}
for _ in 1 2 3 4 5; do
	printf '{"model":"claude-sonnet-4-6","max_tokens":1024,"messages":%s,"tools":%s}' "$messages" "$tools" >"$TMPDIR/request.json"
	"${FETCH:-curl}" "$TMPDIR/request.json" "$base/v1/messages" >"$TMPDIR/answer.json"
	command=$(python3 -c 'import json,sys; print(next((b["input"]["command"] for b in json.load(sys.stdin)["content"] if b["type"]=="tool_use"),""))' <"$TMPDIR/answer.json")
	if [ -z "$command" ]; then
		python3 -c 'import json,sys; print(next(b["text"] for b in json.load(sys.stdin)["content"] if b["type"]=="text"))' <"$TMPDIR/answer.json"
		exit 0
	fi
	bash -c "$command" >"$TMPDIR/out.txt"
	messages=$(M=$messages python3 -c '
import json, os, sys
answer = json.load(open(os.environ["TMPDIR"] + "/answer.json"))
uses = [b for b in answer["content"] if b["type"] == "tool_use"]
text = open(os.environ["TMPDIR"] + "/out.txt").read()
m = json.loads(os.environ["M"]) + [{"role": "assistant", "content": answer["content"]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": u["id"], "content": text} for u in uses]}]
print(json.dumps(m))')
done
exit 1
