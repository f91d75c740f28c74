#!/bin/bash
# Every test of the project, one suite after the other, and one closing line over all.
set -u
cd "$(dirname "$0")/.." || exit 1
TEST_TOTALS=$(mktemp)
export TEST_TOTALS
trap 'rm -f "$TEST_TOTALS" "$TEST_TOTALS.vm"' EXIT
broken=0
jobs=$(nproc)
suite() {
	local began=$SECONDS
	echo "== $*"
	make --no-print-directory "$@" || broken=1
	echo "== $1: $((SECONDS - began)) s"
}
sanitized=(SAN=address CFLAGS='-O1 -g')

make --no-print-directory -j"$jobs" tests || broken=1
# Virtual machines use one processor and mind no neighbour: beside what minds none either.
(suite vm; exit "$broken") >"$TEST_TOTALS.vm" 2>&1 &
vm=$!
suite unit
suite golden
suite replay
make --no-print-directory -j"$jobs" "${sanitized[@]}" tests-pure || broken=1
suite unit "${sanitized[@]}"
suite golden "${sanitized[@]}"
suite replay "${sanitized[@]}"
suite lint-quick
wait "$vm" || broken=1
cat "$TEST_TOTALS.vm"
suite e2e
suite browser
suite soak-short
suite package
awk -v broken=$broken '{ p += $1; f += $2; s += $3 }
	END {
		if (broken && !f) f = 1	# a suite that did not get as far as counting
		printf "%d passed, %d failed, %d skipped\n", p, f, s
		exit f > 0
	}' "$TEST_TOTALS"
