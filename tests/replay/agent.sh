#!/bin/bash
# A recorded agent gives the expected steps, and always the same store.
# shellcheck source=tests/replay/common.bash
. "$(dirname "$0")/common.bash"

make_record agent.rec "$T/agent"
ok "a recording is replayed" replay "$T/db" "$T/agent"
all "$T/db" >"$T/all"

steps() {
	tree "$T/db" >"$T/tree"
	[ -z "${UPDATE-}" ] || cp "$T/tree" "$HERE/agent.want"
	same "$HERE/agent.want" "$T/tree"
}
ok "its steps are as expected" steps

twice() {
	replay "$T/db2" "$T/agent" && all "$T/db2" >"$T/all2" && same "$T/all" "$T/all2"
}
ok "a second replay gives the same store, ids included" twice

again() {
	cp "$T/db" "$T/db3"
	"$SONDE" replay -q --db "$T/db3" "$T/agent" || return 1
	spans "$T/db" >"$T/one"
	spans "$T/db3" >"$T/two"
	same "$T/one" "$T/two"
}
ok "a replay into a store that has it already adds nothing" again

cut_in() {
	make_record agent.rec "$T/cut" --chunk "$1" && replay "$T/db4" "$T/cut" && all "$T/db4" >"$T/all4" &&
		same "$T/all" "$T/all4"
}
for size in 1 2 3 7 64 1000 4096; do
	ok "the same bytes in pieces of $size give the same store" cut_in $size
done

words() {
	"$SONDE" spans --db "$T/db" --json | /usr/bin/python3 -c '
import json, shlex, sys
lines = [a for a in (json.loads(l)["attributes"] for l in sys.stdin) if "process.command_line" in a]
assert len(lines) > 1
for a in lines:
    assert shlex.split(a["process.command_line"]) == a["process.command_args"], a'
}
ok "a command is given as one line and as its words" words

no_secret() {
	! cat "$T"/db* | grep -aq THISISASECRET
}
ok "the key that was sent is not in the store" no_secret

finish
