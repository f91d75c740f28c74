# shellcheck shell=bash
# Sourced by every replay test: TAP, a scratch folder, recordings from descriptions, stores as text.
# SONDE is the program under test. Nothing here needs privileges, a kernel or a network.
set -u
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$HERE/../tap.bash"
SONDE=${SONDE:-$HERE/../../build/sonde}
T=$(mktemp -d /tmp/sonde-replay-XXXXXX)
trap 'rm -rf "$T"' EXIT

# make_record DESCRIPTION FILE [OPTION...]	DESCRIPTION: a file of this folder, or - for standard input
make_record() {
	local from=$1 to=$2
	shift 2
	[ "$from" = - ] || from=$HERE/$from
	/usr/bin/python3 "$HERE/record.py" "$@" "$from" "$to"
}

# replay DB FILE	a fresh store of what a recording tells
replay() {
	rm -f "$1" "$1"-*
	"$SONDE" replay -q --db "$1" "$2"
}

# all DB	everything that a store holds, as text; only the order of rows is ours
all() {
	local table
	for table in runs spans blobs nodes rollups; do
		echo "== $table"
		sqlite3 -cmd '.mode quote' "$1" "SELECT * FROM $table" | sort
	done
}

# spans DB	the steps as JSON lines, oldest first
spans() {
	"$SONDE" spans --db "$1" --json --limit 0 | jq -sc 'sort_by(.start_time_unix_nano, .span_id)[]'
}

# tree DB	the steps of a store, one line each, without ids
tree() {
	spans "$1" | jq -r -s '
		(map({(.span_id): .}) | add) as $by
		| def depth: if .parent_span_id == null or $by[.parent_span_id] == null then 0
			else 1 + ($by[.parent_span_id] | depth) end;
		.[] | .attributes as $a
		| ["  " * depth + $a["sonde.step.kind"], .name, .status.code // "UNSET",
			((.end_time_unix_nano - .start_time_unix_nano) / 1e6 | floor | tostring) + "ms",
			(if $a["gen_ai.usage.input_tokens"] then
				"in=\($a["gen_ai.usage.input_tokens"]) out=\($a["gen_ai.usage.output_tokens"])" else empty end),
			(if $a["sonde.cost.usd"] then "usd=\($a["sonde.cost.usd"])" else empty end),
			(if $a["sonde.lost.bytes"] then "lost=\($a["sonde.lost.bytes"])" else empty end),
			(if $a["error.type"] then "error=\($a["error.type"])" else empty end),
			(if $a["process.exit.code"] then "exit=\($a["process.exit.code"])" else empty end),
			(if $a["sonde.evidence"] then "by=\($a["sonde.evidence"])" else empty end)]
		| join(" ")'
}

# says STATUS PATTERN COMMAND...	ends with STATUS and says one line on stderr that matches
says() {
	local status=$1 pattern=$2 rc=0
	shift 2
	"$@" >"$T/out" 2>"$T/err" </dev/null || rc=$?
	if [ "$rc" != "$status" ] || ! grep -qE "$pattern" "$T/err" || [ "$(grep -c . "$T/err")" != 1 ]; then
		echo "status $rc, wanted $status and /$pattern/; said:"
		cat "$T/err"
		return 1
	fi
}

# same A B	two texts are equal; else their difference
same() {
	diff -u "$1" "$2"
}
