#!/bin/bash
# The configuration file: where it is looked for, what is wrong with it, and that calls go by it.
# shellcheck source=tests/replay/common.bash
. "$(dirname "$0")/common.bash"
export HOME=$T/home
unset XDG_CONFIG_HOME SONDE_CONFIG SUDO_USER
mkdir -p "$HOME/.config/sonde"

cat >"$T/good.conf" <<'EOS'
# A gateway with paths of its own.
[endpoint gateway]
host = llm.corp.example
path = /infer
format = openai.chat
provider = openai

[endpoint all of them]
host = .corp.example
provider = corp

[limits]
max_run_time = 30m

[egress]
allow = .corp.example:443
allow = 127.0.0.0/8
deny = *
EOS

# refused STATUS WORDS LINE...	what such a file is told
refused() {
	local want=$1 words=$2
	shift 2
	printf '%b\n' "$@" >"$T/bad.conf"
	"$SONDE" config check --config "$T/bad.conf" >"$T/out" 2>"$T/err"
	[ $? = "$want" ] && grep -qF "$words" "$T/err" && return
	cat "$T/out" "$T/err"
	return 1
}
ok "a key that there is not" refused 1 'bad.conf:2: an endpoint has no' '[endpoint x]' 'address = y'
ok "a section that there is not" refused 1 'bad.conf:3: no section [server x]' '' '[server x]' 'host = y'
ok "before any section" refused 1 "bad.conf:1: 'host' stands before" 'host = y'
ok "a format that there is not" refused 1 "bad.conf:3: no format 'openai.talk'" '[endpoint x]' 'path = /y' 'format = openai.talk'
ok "a path without a slash" refused 1 "bad.conf:2: a path begins with a slash" '[endpoint x]' 'path = y'
ok "no value" refused 1 "bad.conf:2: 'host' has no value" '[endpoint x]' 'host ='
ok "what is no line of such a file" refused 1 'bad.conf:2: neither' '[endpoint x]' 'nonsense'
ok "an indented line goes on with nothing" refused 1 'bad.conf:3: neither' '[endpoint x]' 'host = a' '  b'
ok "a format without a path" refused 1 "'x' has a format but no path" '[endpoint x]' 'host = y' 'format = openai.chat'
ok "neither host nor path" refused 1 "'x' has neither host nor path" '[endpoint x]' 'provider = y'
ok "nothing that it says" refused 1 "'x' has neither format nor provider" '[endpoint x]' 'host = y'
ok "bytes that are no text" refused 1 'bad.conf:2: this is no text' '[endpoint x]' 'host = a\0b'
ok "a limit that there is not" refused 1 "bad.conf:2: [limits] has no 'max_cost'" '[limits]' 'max_cost = 3'
ok "a limit without a unit" refused 1 "bad.conf:2: '30' is not a time" '[limits]' 'max_run_time = 30'
ok "an egress rule of another kind" refused 1 "bad.conf:2: egress has no 'block'" '[egress]' 'block = x.example'
ok "an egress rule that leads nowhere" refused 1 "bad.conf:3: 'x.example:http': a port is a number" '[egress]' 'allow = y.example' 'deny = x.example:http'
ok "a size without sense" refused 1 "bad.conf:2: '10X' is not a size" '[retention]' 'size = 10X'
ok "a setting that there is not" refused 1 "bad.conf:2: [daemon] has no 'colour'" '[daemon]' 'colour = red'
ok "none of the choices" refused 1 "bad.conf:2: content is none of" '[daemon]' 'content = all'
ok "a sink that leads nowhere" refused 1 "[otlp x] has no endpoint" '[otlp x]' 'gzip = no'
many() {
	refused 1 'more than 256 egress rules' '[egress]' "$(printf 'deny = *:%d\n' $(seq 257))"
}
ok "egress rules are bounded" many
ok "a line without end" refused 1 'bad.conf:2: the line is too long' '[endpoint x]' "host = $(printf '%05000d' 1)"
ok "an address of another kind" refused 1 'an endpoint begins with https:// or http://' '[otlp x]' 'endpoint = ftp://a'
ok "a file at no certain place" refused 1 'a path begins with a slash' '[ndjson x]' 'path = spans.ndjson'

none() {
	"$SONDE" config check | grep -qF 'no configuration file' && "$SONDE" config show --json | holds '.type == "setting" and .source == "built in" and .help'
}
ok "without a file nothing is set" none
no_file() {
	! "$SONDE" config check --config "$T/none" 2>"$T/err" && grep -q "cannot read" "$T/err"
}
ok "a file that was named must be there" no_file
own() {
	cp "$T/good.conf" "$HOME/.config/sonde/sonde.conf"
	"$SONDE" config show --json | jq -s 'map(select(.type == "endpoint").name)' | holds '. == ["gateway", "all of them"]' &&
		SONDE_CONFIG=$T/bad.conf "$SONDE" config show 2>&1 | grep -q bad.conf
}
ok "one's own is found; a variable goes before it" own
cat >>"$T/good.conf" <<'EOS'
[scope]
program = claude*, codex
program = opencode
not_user = build
[retention]
size = 3G
disk = 80%
[otlp main]
endpoint = https://collector.example:4318
header = X-Scope: a, b
names = openinference
[ndjson file]
path = /srv/spans.jsonl
EOS
values() { "$SONDE" config show --json --config "$1" | jq -c 'del(.source)'; }
shown() { # what show prints can be read again
	"$SONDE" config show --config "$T/good.conf" >"$T/again.conf" &&
		same <(values "$T/again.conf") <(values "$T/good.conf")
}
ok "what is shown is a configuration" shown
rules() {
	"$SONDE" config show --json --config "$T/good.conf" >"$T/out" || return 1
	cat "$T/out"
	jq 'select(.key == "max_run_time")' "$T/out" | holds '.value == "30m" and (.source | test("good.conf"))' &&
		[ "$(jq -r 'select(.type == "egress").rule' "$T/out" | tr '\n' ';')" = 'allow .corp.example:443;allow 127.0.0.0/8;deny *;' ]
}
ok "limits and egress rules are shown, in their order" rules

python3 - "$T" <<'PY'
import json, sys
request = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
answer = {"id": "c1", "model": "gpt-4o-2024-08-06", "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"},
    "finish_reason": "stop"}], "usage": {"prompt_tokens": 1000, "completion_tokens": 10, "total_tokens": 1010}}
def entry(n, url):
    return {"startedDateTime": "2026-11-30T10:00:0%d.000Z" % n, "time": 10, "request": {"method": "POST", "url": url, "headers": [],
        "postData": {"mimeType": "application/json", "text": json.dumps(request)}},
        "response": {"status": 200, "headers": [{"name": "Content-Type", "value": "application/json"}],
        "content": {"mimeType": "application/json", "text": json.dumps(answer)}}}
urls = ["https://llm.corp.example/v3/infer?x=1", "https://other.corp.example/v1/chat/completions", "https://elsewhere.example/v1/chat/completions"]
json.dump({"log": {"version": "1.2", "creator": {"name": "test"}, "entries": [entry(n, u) for n, u in enumerate(urls)]}},
    open(sys.argv[1] + "/a.har", "w"))
PY
providers() { # OPTION...
	"$SONDE" import --dry-run --json "$@" "$T/a.har" | jq -sc 'map(select(.attributes["gen_ai.request.model"])) | map(.attributes["gen_ai.provider.name"])'
}
by_it() {
	: >"$T/empty.conf"
	[ "$(providers --config "$T/good.conf")" = '["openai","corp","openai"]' ] &&
		[ "$(providers --config "$T/empty.conf")" = '["openai","openai","openai"]' ]
}
ok "calls go by it" by_it
finish
