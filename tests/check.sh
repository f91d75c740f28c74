#!/bin/bash
# Every test of the project, one suite after the other, and one closing line over all.
set -u
cd "$(dirname "$0")/.." || exit 1
TEST_TOTALS=$(mktemp)
export TEST_TOTALS
trap 'rm -f "$TEST_TOTALS"' EXIT
broken=0
suite() {
	echo "== $*"
	make --no-print-directory "$@" || broken=1
}
suite unit
suite golden
suite replay
suite SAN=address CFLAGS='-O1 -g' unit golden replay
suite e2e
suite package
suite vm
suite lint-quick
awk -v broken=$broken '{ p += $1; f += $2; s += $3 }
	END {
		if (broken && !f) f = 1	# a suite that did not get as far as counting
		printf "%d passed, %d failed, %d skipped\n", p, f, s
		exit f > 0
	}' "$TEST_TOTALS"
