#!/bin/sh
# Makes the Debian package of a built sonde; what it depends on is read off the program.
#   build.sh SONDE VERSION OUT		OUT: the folder that gets sonde_VERSION_ARCH.deb
set -eu
here=$(cd "$(dirname "$0")" && pwd)
sonde=$1 version=$2 out=$3
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
arch=$(dpkg --print-architecture)

"$here/../install.sh" install "$sonde" /usr "$root/pkg"
# Debian 12 has /lib apart from /usr/lib for units.
if [ -d "$root/pkg/usr/lib/systemd" ]; then
	mkdir -p "$root/pkg/lib"
	mv "$root/pkg/usr/lib/systemd" "$root/pkg/lib/systemd"
fi
strip --strip-unneeded "$root/pkg/usr/bin/sonde"
mkdir -p "$root/pkg/DEBIAN" "$root/debian"
install -m 644 "$here/copyright" "$root/pkg/usr/share/doc/sonde/copyright"
printf 'Source: sonde\n\nPackage: sonde\nArchitecture: any\n' >"$root/debian/control"
depends=$(cd "$root" && dpkg-shlibdeps -O pkg/usr/bin/sonde 2>/dev/null | sed -n 's/^shlibs:Depends=//p')
[ -n "$depends" ] || { echo "dpkg-shlibdeps finds no dependencies: are the libraries Debian's?" >&2; exit 1; }
size=$(du -sk --exclude=DEBIAN "$root/pkg" | cut -f1)
sed -e "s/@VERSION@/$version/;s/@ARCH@/$arch/;s/@SIZE@/$size/;s/@DEPENDS@/$depends/" "$here/control.in" >"$root/pkg/DEBIAN/control"
for script in postinst prerm postrm; do
	install -m 755 "$here/$script" "$root/pkg/DEBIAN/$script"
done
echo /etc/sonde/sonde.conf >"$root/pkg/DEBIAN/conffiles"
(cd "$root/pkg" && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | LC_ALL=C sort -z | xargs -0 md5sum >DEBIAN/md5sums)
chmod 755 "$root/pkg"
mkdir -p "$out"
# The same tree gives the same package.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(stat -c %Y "$sonde")} dpkg-deb --root-owner-group -Zxz --build "$root/pkg" "$out/sonde_${version}_$arch.deb" >/dev/null
echo "$out/sonde_${version}_$arch.deb"
