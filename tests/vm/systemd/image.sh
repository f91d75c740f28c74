#!/bin/bash
# Makes the disk of the virtual machine: Debian 12 with systemd and what the package depends on. Made again only where that has changed.
#   image.sh DEB FILE
set -eu
deb=$1 image=$2
packages=systemd,systemd-sysv,dbus,python3,openssl,curl,jq,procps
depends=$(dpkg-deb -f "$deb" Depends | sed 's/([^)]*)//g;s/|[^,]*//g' | tr -d ' ')
mkdir -p "$(dirname "$image")"
exec 9>"$image.lock"
flock 9
[ "$(cat "$image.has" 2>/dev/null)" != "$packages,$depends" ] || exit 0
new=$(mktemp -d)
trap 'rm -rf "$new" "$image.new"' EXIT
# The same mirror as this machine's.
uri=$(grep -rhoE 'https?://[^ ]*/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -1 | tr -d ' ')
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri bookworm main" >"$new/sources.list"
mmdebstrap --quiet --mode=root --variant=minbase --dpkgopt=force-unsafe-io --include="$packages,$depends" bookworm "$new/root" "$new/sources.list" >/dev/null
root=$new/root
# Nothing asks who this machine is, and no unit is enabled at its first start.
echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
echo sonde-vm >"$root/etc/hostname"
echo '127.0.0.1 localhost sonde-vm' >"$root/etc/hosts"
useradd --root "$root" --create-home --uid 1000 alice
truncate -s 2G "$image.new"
mke2fs -q -F -t ext4 -E root_owner=0:0 -d "$root" "$image.new"
mv "$image.new" "$image"
echo "$packages,$depends" >"$image.has"
