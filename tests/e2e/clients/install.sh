#!/bin/bash
# Installs the SDKs and runtimes that the end-to-end tests trace, from their registries.
#   install.sh DIR	DIR/node_modules with its own node, DIR/venv
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=$1
stamp=$(cat "$here"/package.json "$here"/requirements.txt | sha256sum)
mkdir -p "$dir"
exec 9>"$dir/lock"
flock 9 # tests run side by side: what one of them reads is not written again
cp -u "$here"/package.json "$here"/.npmrc "$here"/*.mjs "$here"/*.py "$dir"/
[ "$(cat "$dir/stamp" 2>/dev/null)" != "$stamp" ] || exit 0
echo "installing the test clients into $dir" >&2
(cd "$dir" && npm install --no-progress --loglevel=error >npm.log 2>&1) || { cat "$dir/npm.log" >&2; exit 1; }
/usr/bin/python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
echo "$stamp" >"$dir/stamp"
