#!/bin/bash
# A recording that was cut or damaged: said in one line, and what was whole is kept.
# shellcheck source=tests/replay/common.bash
. "$(dirname "$0")/common.bash"

make_record agent.rec "$T/whole"
size=$(stat -c %s "$T/whole")

: >"$T/empty"
ok "a file of 0 bytes" says 1 "empty' is no recording" "$SONDE" replay -q --db "$T/none" "$T/empty"
head -c 100000 /dev/urandom >"$T/junk"
ok "a file of something else" says 1 "junk' is no recording" "$SONDE" replay -q --db "$T/none" "$T/junk"
head -c 100 "$T/whole" >"$T/head"
ok "a part of the header" says 1 "head' is no recording" "$SONDE" replay -q --db "$T/none" "$T/head"
ok "no file at all" says 1 "nowhere'.*No such file" "$SONDE" replay -q --db "$T/none" "$T/nowhere"
ok "a folder" says 1 "Is a directory" "$SONDE" replay -q --db "$T/none" "$T"
ok "none of these made a store" test ! -e "$T/none"

newer() { # OFFSET: of a version in the header
	cp "$T/whole" "$T/newer"
	printf '\x63' | dd of="$T/newer" bs=1 seek="$1" conv=notrunc status=none
	says 1 "newer sonde" "$SONDE" replay -q --db "$T/none" "$T/newer"
}
ok "a file format of the future" newer 12
ok "events of the future" newer 16

cut_at() {
	head -c "$1" "$T/whole" >"$T/cut"
	rm -f "$T"/db*
	says 1 "cut' was cut at byte" "$SONDE" replay -q --db "$T/db" "$T/cut" &&
		[ "$(sqlite3 "$T/db" 'PRAGMA integrity_check')" = ok ]
}
everywhere() {
	local at
	for ((at = 200; at < size; at += 397)); do
		cut_at "$at" || { echo "at $at"; return 1; }
	done
}
ok "a cut anywhere is told, and the store is sound" everywhere

kept() {
	cut_at $((size - 40)) || return 1
	tree "$T/db" >"$T/tree"
	[ "$(grep -c ' llm ' "$T/tree")" = 3 ] && [ "$(grep -c 'tool' "$T/tree")" -ge 1 ]
}
ok "what was whole before the cut is kept" kept

open_call() { # the recording ends while an answer is streamed
	local at
	at=$(grep -abo 'input_json_delta' "$T/whole" | head -1 | cut -d: -f1)
	cut_at "$at" || return 1
	tree "$T/db" >"$T/tree"
	grep -q ' llm ' "$T/tree"
}
ok "a call that was open at the cut is there" open_call

damage() {
	local at
	at=$(grep -abo 'POST /v1' "$T/whole" | head -1 | cut -d: -f1)
	cp "$T/whole" "$T/bad"
	# The size of the event after it: 32 bytes of header follow 24 bytes of it.
	printf '\xff\xff\xff\xff' | dd of="$T/bad" bs=1 seek=$((at - 64 + 24)) conv=notrunc status=none
	says 1 "damaged at byte $((at - 64))" "$SONDE" replay -q --db "$T/db5" "$T/bad"
}
ok "a damaged event is told with its place" damage

finish
