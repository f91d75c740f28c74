#!/bin/sh
# A base image of Debian 12 without a registry: made by mmdebstrap from the mirrors that this machine uses.
#   base.sh NAME
set -eu
name=$1
for tool in mmdebstrap buildah; do
	command -v "$tool" >/dev/null || { echo "no $tool: apt-get install $tool" >&2; exit 1; }
done
tar=$(mktemp --suffix=.tar)
trap 'rm -f "$tar"' EXIT
mmdebstrap --quiet --variant=apt --include=ca-certificates bookworm "$tar"
c=$(buildah from scratch)
buildah add --quiet "$c" "$tar" / >/dev/null
buildah config --cmd /bin/sh "$c"
buildah commit --quiet --rm "$c" "$name"
