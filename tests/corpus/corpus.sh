#!/bin/bash
# Generates N cases (generate.py), without loss and with 1 % of the records lost, and prints how much of their truth is found.
#   corpus.sh N	SONDE: the program; CORPUS_SEED: other cases; fails where a limit of measures.py is not held
set -u
here=$(cd "$(dirname "$0")" && pwd)
t=$(mktemp -d /tmp/sonde-corpus-XXXXXX)
trap 'rm -rf "$t"' EXIT
bad=0
for loss in 0 1; do
	echo "== $1 cases, $loss % of the records lost"
	/usr/bin/python3 "$here/generate.py" --seed "${CORPUS_SEED:-1}" --cases "$1" --loss "$loss" "$t/$loss" &&
		/usr/bin/python3 "$here/score.py" --faults "$t/faults" "$t/$loss" || bad=1
	[ ! -s "$t/faults" ] || { echo "the first of $(grep -c . "$t/faults") lines of what is not right:"; cut -c1-200 "$t/faults" | head -20; }
done
exit $bad
