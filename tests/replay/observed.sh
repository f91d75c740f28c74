#!/bin/bash
# What a recorded agent did to files and on the network hangs below the tool calls that did it; what none explains is flagged.
# shellcheck source=tests/replay/common.bash
. "$(dirname "$0")/common.bash"

make_record observed.rec "$T/rec"
ok "a recording is replayed" replay "$T/db" "$T/rec"
all "$T/db" >"$T/all"
spans "$T/db" >"$T/spans"

steps() {
	tree "$T/db" >"$T/tree"
	[ -z "${UPDATE-}" ] || cp "$T/tree" "$HERE/observed.want"
	same "$HERE/observed.want" "$T/tree"
}
ok "its steps are as expected" steps

# is NAME FILTER	the step of that name has what the filter says
is() {
	jq -se --arg name "$1" "map(select(.name == \$name)) | length == 1 and (.[0].attributes | $2)" "$T/spans"
}
ok "a tool says what it did" is "execute_tool Bash" \
	'."sonde.files.written" == 1 and ."sonde.files.removed" == 1 and ."sonde.connections" == 2 and ."process.exit.code" == 2'
ok "a file has its size, and how much was written" is /proj/build/a.o \
	'."file.path" == "/proj/build/a.o" and ."file.size" == 120 and ."sonde.file.bytes_written" == 220 and ."sonde.file.created"'
ok "a file has what stands in it, as a hash" is /proj/notes.md \
	'."sonde.artifact.state" == "whole" and (."sonde.artifact.sha256" | length) == 64'
ok "what an agent keeps for itself is marked" is /home/u/.claude/history.jsonl '."sonde.file.own"'
ok "what agents do of their own accord is marked" is git '."sonde.housekeeping" and (."sonde.unexplained" | not)'
ok "a command that nobody asked for is flagged" is sh '."sonde.unexplained" and ."sonde.unexplained.reason"'
ok "a refused connection has its error" is 127.0.0.1:5432 '."error.type" == "ECONNREFUSED"'
ok "a tool's bounds are those of its program" is "execute_tool Bash" '."sonde.tool.timing" == "process"'
ok "or what the client says" is "execute_tool Write" '."sonde.tool.timing" == "client"'

shown() {
	"$SONDE" show --db "$T/db" >"$T/show" && grep -q '! process sh' "$T/show" &&
		grep -q '! 1 command that no tool call explains' "$T/show" && grep -q 'a.o written' "$T/show"
}
ok "show marks it, and says how many" shown

no_secret() {
	! cat "$T"/db* | grep -aq THISISASECRET
}
ok "the key in the file is not in the store" no_secret

twice() {
	replay "$T/db2" "$T/rec" && all "$T/db2" >"$T/all2" && same "$T/all" "$T/all2"
}
ok "a second replay gives the same store, ids included" twice
finish
