#!/bin/sh
# Builds the image with whatever is there: buildah, podman or docker.
#   build.sh NAME [BASE]	BASE: a Debian 12 image instead of debian:12-slim; base.sh makes one without a registry
set -eu
name=$1 base=${2-}
cd "$(dirname "$0")/../.."
set -- -f deploy/image/Dockerfile -t "$name"
[ -z "$base" ] || set -- "$@" --build-arg "BASE=$base"
if command -v buildah >/dev/null; then
	# Chroot isolation needs no runtime and no namespaces but its own.
	exec buildah bud --isolation "${BUILDAH_ISOLATION:-chroot}" "$@" .
elif command -v podman >/dev/null; then
	exec podman build "$@" .
elif command -v docker >/dev/null; then
	exec docker build "$@" .
fi
echo "none of buildah, podman and docker is here: apt-get install buildah" >&2
exit 1
