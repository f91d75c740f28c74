#!/bin/bash
# Makes the recordings below tests/replay/corpus anew: one case of each theme, and the tree of its truth beside it.
# Not of a store: what stands there is what happened, however much of it sonde finds.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
kept=$here/../replay/corpus
t=$(mktemp -d /tmp/sonde-keep-XXXXXX)
trap 'rm -rf "$t"' EXIT
mkdir -p "$kept"
rm -f "$kept"/*.rec.gz "$kept"/*.want
for theme in $(/usr/bin/python3 "$here/generate.py" --list); do
	/usr/bin/python3 "$here/generate.py" --theme "$theme" --cases 1 "$t"
	gzip -9nc "$t/000.rec" >"$kept/$theme.rec.gz"
	/usr/bin/python3 "$here/show.py" "$t/000.json" >"$kept/$theme.want"
done
