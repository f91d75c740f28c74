#!/bin/bash
# A recorded agent with tool servers over HTTP: each request is one step, though both ends are seen.
# shellcheck source=tests/replay/common.bash
. "$(dirname "$0")/common.bash"

make_record mcp.rec "$T/rec"
ok "a recording is replayed" replay "$T/db" "$T/rec"
all "$T/db" >"$T/all"

steps() {
	tree "$T/db" >"$T/tree"
	[ -z "${UPDATE-}" ] || cp "$T/tree" "$HERE/mcp.want"
	same "$HERE/mcp.want" "$T/tree"
}
ok "its steps are as expected" steps

cut_in() {
	make_record mcp.rec "$T/cut" --chunk "$1" && replay "$T/db4" "$T/cut" && all "$T/db4" >"$T/all4" && same "$T/all" "$T/all4"
}
for size in 1 2 3 7 64 1000 4096; do
	ok "the same bytes in pieces of $size give the same store" cut_in $size
done
finish
