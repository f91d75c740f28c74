#!/bin/bash
# Fetches a Debian kernel for the virtual machine, with a package state of its own: nothing is installed.
#   kernel.sh SUITE DIR	bullseye (5.10), bookworm (6.1), trixie (6.12), trixie-backports (the newest); DIR gets vmlinuz and, where
#			they come in the same package, modules/: what kTLS needs, named in the order of loading
set -eu
suite=$1
mkdir -p "$2"
dir=$(cd "$2" && pwd)
exec 9>"$dir.lock"
flock 9 # tests run side by side
[ ! -d "$dir/modules" ] || exit 0
mkdir -p "$dir/apt/lists/partial" "$dir/apt/cache/archives/partial" "$dir/apt/etc"
# The same mirror as this machine's, another suite.
uri=$(grep -rhoE 'https?://[^ ]*/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -1 | tr -d ' ')
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $suite main" >"$dir/apt/etc/sources.list"
touch "$dir/apt/status"
options=(-o "Dir::State=$dir/apt" -o "Dir::State::status=$dir/apt/status" -o "Dir::Cache=$dir/apt/cache"
	-o "Dir::Etc::sourcelist=$dir/apt/etc/sources.list" -o Dir::Etc::sourceparts=- -o APT::Sandbox::User=root)
apt-get "${options[@]}" -qq update
package=$(apt-cache "${options[@]}" depends linux-image-cloud-amd64 | awk '/Depends: linux-image-/ { print $2; exit }')
# Newer ones have the kernel in a package of its own.
binary=$(apt-cache "${options[@]}" depends "$package" | awk '/Depends: linux-binary-/ { print $2; exit }')
package=${binary:-$package}
(cd "$dir" && apt-get "${options[@]}" -qq download "$package" && dpkg -x ./"$package"_*.deb . && rm ./"$package"_*.deb)
kernel=$(find "$dir" -name 'vmlinuz*' -type f | head -1)
[ -n "$kernel" ]
mv "$kernel" "$dir/vmlinuz"
mkdir "$dir/new"
n=0
for name in crypto_null gf128mul ghash-generic ctr gcm tls; do
	module=$(find "$dir" -path '*/kernel/*' -name "$name.ko*" | head -1)
	n=$((n + 1))
	case $module in
	*.xz) xz -dc "$module" >"$dir/new/$n-$name.ko" ;;
	*.ko) cp "$module" "$dir/new/$n-$name.ko" ;;
	esac
done
find "$dir" -mindepth 1 -maxdepth 1 ! -name vmlinuz ! -name new -exec rm -rf {} +
mv "$dir/new" "$dir/modules"
