#!/bin/bash
# Runs test programs and adds up what they report.
#   run.sh SUITE PROGRAM...	each prints TAP: "ok 1 - name", "not ok 2 - name", "ok 3 - name # SKIP why"
# A program that exits other than 0 without a "not ok" counts as one failure. Ends with
# "N passed, N failed, N skipped"; the same line goes to $TEST_TOTALS where that is set.
# Under CI a skipped test is a failure: there everything must be able to run.
set -u
suite=$1
shift
passed=0 failed=0 skipped=0
out=$(mktemp)
trap 'rm -f "$out"' EXIT
for program in "$@"; do
	start=$(date +%s%N)
	# shellcheck disable=SC2086 # a program may bring arguments
	CMOCKA_MESSAGE_OUTPUT=TAP $program >"$out" 2>&1
	rc=$?
	ok=$(grep -cE '^ok ' "$out")
	skip=$(grep -cE '^ok .*# SKIP' "$out")
	bad=$(grep -cE '^not ok ' "$out")
	[ "$rc" = 0 ] || [ "$bad" -gt 0 ] || { bad=1; echo "not ok - $program: exit status $rc" >>"$out"; }
	if [ "$rc" = 0 ] && [ "$ok" = 0 ]; then
		bad=1
		echo "not ok - $program: ran no test" >>"$out"
	fi
	[ -z "${CI-}" ] || { bad=$((bad + skip)); ok=$((ok - skip)); skip=0; }
	passed=$((passed + ok - skip)) failed=$((failed + bad)) skipped=$((skipped + skip))
	name=${program##*/} # with its arguments
	printf '%-9s %-32s %3d ok, %d failed, %d skipped  %5d ms\n' "$suite" "${name/.sh/}" \
		$((ok - skip)) "$bad" "$skip" $((($(date +%s%N) - start) / 1000000))
	if [ "$bad" != 0 ] || [ -n "${VERBOSE-}" ]; then
		cat "$out"
	fi
	[ "$skip" = 0 ] || grep -E '# SKIP' "$out"
done
echo "$suite: $passed passed, $failed failed, $skipped skipped"
[ -z "${TEST_TOTALS-}" ] || echo "$passed $failed $skipped" >>"$TEST_TOTALS"
[ "$failed" = 0 ]
