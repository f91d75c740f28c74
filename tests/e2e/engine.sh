#!/bin/bash
# The engine: what a recording gives back, what it may, and which connections it has the kernel leave alone.
. "$(dirname "$0")/lib.sh"
need_root
mock_start

# all DB	everything that a store holds, as text
all() {
	local table
	for table in runs spans blobs nodes rollups; do
		echo "== $table"
		sqlite3 -cmd '.mode quote' "$1" "SELECT * FROM $table" | sort
	done
}
same_store() { # DB RECORDING
	rm -f "$T"/again*
	"$SONDE" replay -q --db "$T/again" "$2" || return 1
	all "$1" >"$T/shown"
	all "$T/again" >"$T/replayed"
	grep -q . "$T/shown" && diff "$T/shown" "$T/replayed"
}

mock_scenario '{"tool_turns":3,"chunk_delay_ms":5,"errors":[529,500]}'
recorded() { # BASE
	rm -f "$T/rec"
	# shellcheck disable=SC2046 # words
	SONDE_OPTIONS="--record $T/rec" traced "$1" $(client python-stdlib) --stream "list the files" &&
		[ "$(stat -c %a "$T/rec")" = 600 ] && same_store "$T/db" "$T/rec"
}
ok "a recording over TLS gives the live run's store, ids included" recorded "$HTTPS"
ok "a recording in the clear as well" recorded "$HTTP"

left_alone() {
	echo "my thesis" >"$T/thesis"
	! "$SONDE" run -q --no-store --record "$T/thesis" -- true 2>"$T/err" && [ "$(cat "$T/thesis")" = "my thesis" ] &&
		grep -q thesis "$T/err"
}
ok "a file that is no recording is not overwritten" left_alone

# What the kernel says of the engine while it reads.
is_filtered() { # LAUNCHER
	engine=$(pgrep -x sonde-engine --parent "$1") && grep -q '^Seccomp:.*2' "/proc/$engine/status"
}
status_of_engine() {
	local launcher engine rc=0
	"$SONDE" run -q --db "$T/status-db" -- sh -c "until [ -e $T/seen ]; do sleep 0.05; done" 2>"$T/err" &
	launcher=$!
	within 60 is_filtered "$launcher"
	cat "/proc/$engine/status" >"$T/status"
	touch "$T/seen"
	wait "$launcher" || rc=$?
	return "$rc"
}
ok "an engine is at work" status_of_engine
field() { # NAME VALUE
	[ "$(awk -v n="$1:" '$1 == n { print $2 }' "$T/status")" = "$2" ] || { grep "^$1" "$T/status"; return 1; }
}
for set in CapInh CapPrm CapEff CapBnd CapAmb; do
	ok "it has no capability: $set" field $set 0000000000000000
done
ok "it gains no privileges" field NoNewPrivs 1
ok "its system calls are filtered" field Seccomp 2

# A download that no model answers: after its first bytes the kernel only counts.
head -c 30000000 /dev/zero >"$T/file.bin"
(cd "$T" && exec /usr/bin/python3 -u -m http.server 0 --bind 127.0.0.1) >"$T/httpd" 2>&1 &
pids+=($!)
serves() {
	port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$T/httpd")
	[ -n "$port" ]
}
within 60 serves
download() {
	rm -f "$T/rec"
	SONDE_OPTIONS="--record $T/rec" traced "$HTTP" curl -s --limit-rate 12M -o "$T/copy" "http://127.0.0.1:$port/file.bin" &&
		cmp "$T/file.bin" "$T/copy" && [ "$(stat -c %s "$T/rec")" -lt 20000000 ]
}
ok "a large file is not copied whole" download
ok "its recording replays to the same store" same_store "$T/db" "$T/rec"
not_lost() {
	[ "$("$SONDE" runs --db "$T/db" --json | jq .lost_bytes)" = 0 ]
}
ok "what was left alone is not lost" not_lost

finish
