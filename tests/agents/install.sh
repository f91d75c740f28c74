#!/bin/bash
# Installs the agents that the tests here trace, from npm and PyPI: nearly 2 GB.
#   install.sh DIR	DIR/node_modules with its own node, DIR/venv
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=$1
stamp=$(cat "$here/package.json" "$here/requirements.txt" | sha256sum)
[ "$(cat "$dir/stamp" 2>/dev/null)" != "$stamp" ] || exit 0
mkdir -p "$dir"
cp "$here/package.json" "$here/.npmrc" "$dir/"
echo "installing the agents into $dir" >&2
(cd "$dir" && npm install --no-progress --prefer-offline --loglevel=error >npm.log 2>&1) || { cat "$dir/npm.log" >&2; exit 1; }
/usr/bin/python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
echo "$stamp" >"$dir/stamp"
