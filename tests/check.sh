#!/bin/bash
# Every test of the project, and one closing line over all. First what computes (unit tests and the like, plain and sanitized,
# lint: one processor of two) beside virtual machines; then what mostly waits (end to end, two at a time; in a browser); what
# measures comes last and has the machine for itself.
set -u
cd "$(dirname "$0")/.." || exit 1
T=$(mktemp -d)
export TEST_TOTALS=$T/totals
trap 'rm -rf "$T"' EXIT
trap 'kill 0' INT # lanes run in the background, which minds no key
broken=0
suite() {
	local began=$SECONDS
	echo "== $*"
	make --no-print-directory "$@" || broken=1
	echo "== $1: $((SECONDS - began)) s"
}
# said LANE PID	what a lane has said, when it has ended
said() {
	wait "$2" || broken=1
	cat "$T/$1"
}
sanitized=(SAN=address CFLAGS='-O1 -g')

computes() {
	export OMP_NUM_THREADS=1 # that many processors are there, says nproc
	suite unit
	suite golden
	suite replay
	make --no-print-directory "${sanitized[@]}" tests-pure || broken=1
	suite unit "${sanitized[@]}"
	suite golden "${sanitized[@]}"
	suite replay "${sanitized[@]}"
	suite lint-quick
	exit "$broken"
}
machines() {
	export VM_TIMEOUT=900
	renice -n 5 "$BASHPID" >/dev/null
	suite vm
	exit "$broken"
}

make --no-print-directory -j"$(nproc)" tests || broken=1
machines >"$T/machines" 2>&1 &
machines=$!
computes >"$T/computes" 2>&1 &
computes=$!
said computes "$computes"
said machines "$machines"
suite e2e JOBS=2 ALONE=no
suite browser
suite package
suite e2e ALONE=only
suite soak-short
echo "== all: $SECONDS s"
awk -v broken=$broken '{ p += $1; f += $2; s += $3 }
	END {
		if (broken && !f) f = 1	# a suite that did not get as far as counting
		printf "%d passed, %d failed, %d skipped\n", p, f, s
		exit f > 0
	}' "$TEST_TOTALS"
