#!/bin/bash
# Unpacks packages of Debian 12, of any architecture, with a package state of its own: nothing is installed.
#   debian.sh ARCHITECTURE DIR PACKAGE...	a package may be one that only depends on the real one (linux-image-cloud-arm64)
set -eu
arch=$1 dir=$2
shift 2
[ ! -d "$dir" ] || exit 0
apt=$(mktemp -d)
trap 'rm -rf "$apt"' EXIT
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/debs"
touch "$apt/status"
options=(-o "Dir::State=$apt" -o "Dir::State::status=$apt/status" -o "Dir::Cache=$apt/cache" -o "APT::Architecture=$arch" -o "APT::Architectures::=$arch"
	-o APT::Sandbox::User=root)
apt-get "${options[@]}" -qq update
for package; do
	real=$(apt-cache "${options[@]}" depends "$package" | awk '/Depends: linux-image-/ { print $2; exit }')
	(cd "$apt/debs" && apt-get "${options[@]}" -qq download "${real:-$package}")
done
for deb in "$apt"/debs/*.deb; do dpkg -x "$deb" "$apt/root"; done
mkdir -p "$(dirname "$dir")"
mv "$apt/root" "$dir"
