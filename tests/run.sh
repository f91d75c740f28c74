#!/bin/bash
# Runs test programs and adds up what they report.
#   run.sh SUITE PROGRAM...	each prints TAP: "ok 1 - name", "not ok 2 - name", "ok 3 - name # SKIP why"
# $JOBS at a time (1), those with a line "# long: why" first; a script with a line "# alone: why" has the machine for itself, after
# the others. $ALONE: no, only the others; only, none but these.
# A program that exits other than 0 without a "not ok" counts as one failure. Ends with
# "N passed, N failed, N skipped"; the same line goes to $TEST_TOTALS where that is set.
# Under CI a skipped test is a failure: there everything must be able to run.
set -u
suite=$1
shift
passed=0 failed=0 skipped=0
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT

# start N PROGRAM	what it says goes to $T/N.out, its status and how long it took to $T/N.end
start() {
	local began rc=0
	began=$(date +%s%N)
	# shellcheck disable=SC2086 # a program may bring arguments
	CMOCKA_MESSAGE_OUTPUT=TAP $2 >"$T/$1.out" 2>&1 || rc=$?
	echo "$rc $((($(date +%s%N) - began) / 1000000))" >"$T/$1.new"
	mv "$T/$1.new" "$T/$1.end"
}

# tell N PROGRAM	counts and prints
tell() {
	local out=$T/$1.out rc ms ok skip bad name=${2##*/} # with its arguments
	read -r rc ms <"$T/$1.end"
	ok=$(grep -cE '^ok ' "$out")
	skip=$(grep -cE '^ok .*# SKIP' "$out")
	bad=$(grep -cE '^not ok ' "$out")
	[ "$rc" = 0 ] || [ "$bad" -gt 0 ] || { bad=1; echo "not ok - $2: exit status $rc" >>"$out"; }
	if [ "$rc" = 0 ] && [ "$ok" = 0 ]; then
		bad=1
		echo "not ok - $2: ran no test" >>"$out"
	fi
	[ -z "${CI-}" ] || { bad=$((bad + skip)); ok=$((ok - skip)); skip=0; }
	passed=$((passed + ok - skip)) failed=$((failed + bad)) skipped=$((skipped + skip))
	printf '%-9s %-32s %3d ok, %d failed, %d skipped  %5d ms\n' "$suite" "${name/.sh/}" $((ok - skip)) "$bad" "$skip" "$ms"
	if [ "$bad" != 0 ] || [ -n "${VERBOSE-}" ]; then
		cat "$out"
	fi
	[ "$skip" = 0 ] || grep -E '# SKIP' "$out"
}

# run_all JOBS PROGRAM...	told in their order
run_all() {
	local jobs=$1 told=0 n=0 program
	shift
	local programs=("$@")
	for program in "${programs[@]}"; do
		while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
			wait -n
		done
		start "$n" "$program" &
		n=$((n + 1))
		while [ -e "$T/$told.end" ]; do
			tell "$told" "${programs[told]}"
			told=$((told + 1))
		done
	done
	wait
	for (( ; told < n; told++)); do
		tell "$told" "${programs[told]}"
	done
	rm -f "$T"/*
}

long=() short=() alone=()
for program in "$@"; do
	case $(grep -osE -m 1 '^# (alone|long): ' "${program%% *}") in
	*alone*) alone+=("$program") ;;
	*long*) long+=("$program") ;;
	*) short+=("$program") ;;
	esac
done
[ "${ALONE-}" = only ] || run_all "${JOBS:-1}" "${long[@]}" "${short[@]}"
[ "${ALONE-}" = no ] || run_all 1 "${alone[@]}"
echo "$suite: $passed passed, $failed failed, $skipped skipped"
[ -z "${TEST_TOTALS-}" ] || echo "$passed $failed $skipped" >>"$TEST_TOTALS"
[ "$failed" = 0 ]
