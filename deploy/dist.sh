#!/bin/sh
# Makes the release tarball: what git knows, and the web interface as it was built.
#   dist.sh VERSION OUT		OUT: the folder that gets sonde-VERSION.tar.xz
set -eu
version=$1 out=$2
list=$(mktemp)
trap 'rm -f "$list"' EXIT
{ git ls-files && find src/web/dist -type f; } | LC_ALL=C sort >"$list"
tar --create --xz --file "$out/sonde-$version.tar.xz" --files-from "$list" --transform "s|^|sonde-$version/|" --owner 0 --group 0 --numeric-owner \
	--mtime "@$(git log -1 --format=%ct)"
echo "$out/sonde-$version.tar.xz"
