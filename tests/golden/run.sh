#!/bin/sh
# Compares every case below tests/golden with what is made of it.
#   run.sh BINARY [--update]	--update rewrites the expectations: review them with git diff
set -eu
bin=$1 update=${2-} here=$(dirname "$0") n=0 bad=0
for dir in "$here"/*/*/; do
	n=$((n + 1)) name=${dir#"$here"/} dir=${dir%/}
	if [ "$update" = --update ]; then
		"$bin" "$dir" >"$dir/call.txt" || { echo "not ok $n - ${name%/}: differs when cut"; bad=1; }
	elif "$bin" "$dir" | diff -u "$dir/call.txt" -; then # what differs when cut is printed too
		echo "ok $n - ${name%/}"
	else
		echo "not ok $n - ${name%/}"
		bad=1
	fi
done
echo "1..$n"
exit $bad
