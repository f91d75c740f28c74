#!/bin/bash
# What was not captured stands on the steps that it hurt, and on no other.
# shellcheck source=tests/replay/common.bash
. "$(dirname "$0")/common.bash"

begin='host h
config {"content":"full"}
scope a {"scope":1,"kind":"run","argv":["agent"],"cwd":"/w","uid":1000,"user":"u","owner":"user"}
exec a /usr/bin/agent -- agent
open c a tcp 127.0.0.1:8080'

ask() { # OPTIONS
	cat <<TEXT
request c POST /v1/chat/completions ${1-}
| Host: api.openai.com
| Content-Type: application/json
|
| {"model":"gpt-5","messages":[{"role":"user","content":"$(printf 'word %.0s' {1..100})"}]}
TEXT
}
reply() { # OPTIONS
	cat <<TEXT
answer c 200 ${1-}
| Content-Type: application/json
|
| {"id":"chatcmpl-$RANDOM","object":"chat.completion","model":"gpt-5","choices":[{"index":0,"message":{"role":"assistant",
| "content":"$(printf 'word %.0s' {1..100})"},"finish_reason":"stop"}],"usage":{"prompt_tokens":120,"completion_tokens":100,"total_tokens":220}}
TEXT
}
lost() { # the bytes that each call lost, in order
	spans "$T/db" | jq -r 'select(.attributes["sonde.step.kind"] == "llm") | .attributes["sonde.lost.bytes"] // 0' | paste -sd ' '
}
case_of() { # WANT, then the description's end on standard input
	{ echo "$begin"; cat; echo "exit a 0"; } >"$T/text"
	make_record - "$T/rec" <"$T/text" && replay "$T/db" "$T/rec" || return 1
	got=$(lost)
	[ "$got" = "$1" ] || { echo "lost: $got, wanted: $1"; return 1; }
}

ok "nothing is lost where nothing is" case_of "0 0" < <(ask; reply; ask; reply)
ok "in the middle of an answer; the next call is whole" case_of "50 0" < <(ask; reply lose=300+50; ask; reply)
ok "in the middle of a request; the next call is whole" case_of "50 0" < <(ask lose=300+50; reply; ask; reply)
ok "at the end of an answer; the next call is whole" case_of "40 0" < <(ask; reply lose=600+40; ask; reply)

whole_after_loss() {
	spans "$T/db" | jq -e -s 'map(select(.attributes["sonde.step.kind"] == "llm")) | last
		| .attributes["gen_ai.usage.input_tokens"] == 120 and .attributes["gen_ai.usage.output_tokens"] == 100'
}
ok "its tokens are counted" whole_after_loss

counted() {
	"$SONDE" runs --db "$T/db" --json | holds '.lost_bytes == 40'
}
ok "the run has the sum" counted

says() { # COUNTER WORDS
	case_of "0" < <(ask; reply; echo "loss $1 7") && "$SONDE" show last --db "$T/db" | grep "note: 7 events about $2 were lost"
}
ok "the run says that processes were lost" says 2 "processes or connections"
ok "the run says that files were lost" says 11 files

finish
