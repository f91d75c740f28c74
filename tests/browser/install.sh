#!/bin/bash
# Installs what drives the browser from npm.
#   install.sh DIR	DIR/node_modules with its own node
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=$1
stamp=$(sha256sum <"$here/package.json")
mkdir -p "$dir"
exec 9>"$dir/lock"
flock 9 # tests run side by side
cp "$here"/package.json "$here"/.npmrc "$dir"/
[ "$(cat "$dir/stamp" 2>/dev/null)" != "$stamp" ] || exit 0
echo "installing what drives the browser into $dir" >&2
(cd "$dir" && npm install --no-progress --loglevel=error >npm.log 2>&1) || { cat "$dir/npm.log" >&2; exit 1; }
echo "$stamp" >"$dir/stamp"
