#!/bin/bash
# The Debian package and `make install`, tried on a copy of this machine's root that is thrown away (an overlay in a mount
# namespace of its own): what they put there works, and after removal nothing of it is left.
# shellcheck disable=SC2016 # for inner shells
HERE=$(cd "$(dirname "$0")" && pwd)
TOP=$(cd "$HERE/../.." && pwd)
. "$TOP/tests/tap.bash"
set -u
[ "$(id -u)" = 0 ] || { echo "ok 1 - package # SKIP needs root"; exit 0; }
T=$(mktemp -d /tmp/sonde-package-XXXXXX)
trap 'rm -rf "$T"' EXIT
SONDE=${SONDE:-$TOP/build/sonde}

# apart SCRIPT [ARG...]	runs it with another root; $1 there is the folder of this test, outside of it
apart() {
	local script=$1
	shift
	unshare -m --propagation private sh -c '
		set -e
		mount -t tmpfs tmpfs "$1/ram" && mkdir "$1/ram/upper" "$1/ram/work" "$1/ram/root"
		mount -t overlay overlay -o "lowerdir=/,upperdir=$1/ram/upper,workdir=$1/ram/work" "$1/ram/root"
		mount --bind /proc "$1/ram/root/proc"
		mount --bind /dev "$1/ram/root/dev"
		mkdir -p "$1/ram/root/run" && mount -t tmpfs tmpfs "$1/ram/root/run"
		mkdir -p "$1/ram/root$1" && mount --bind "$1" "$1/ram/root$1"
		exec chroot "$1/ram/root" bash -euc "$2" script "$@"' sh "$T" "$script" "$@"
}
mkdir "$T/ram"

deb() { "$TOP/deploy/deb/build.sh" "$SONDE" 0.1.0 "$T"; }
ok "the package is made" deb
again() {
	sha256sum "$T"/*.deb >"$T/first" && deb >/dev/null && sha256sum "$T"/*.deb | diff - "$T/first"
}
ok "and made again, it is the same" again
cp "$SONDE" "$T/sonde"
cp -r "$TOP/deploy" "$T/deploy"

# left	what stands of sonde in users, groups and files; /run and the test's own folder are not looked at
LEFT='left() {
	getent passwd sonde || true
	getent group sonde || true
	find /etc /usr/bin /usr/lib /lib/systemd /usr/local /usr/share/doc /var/lib /opt -xdev \( -name sonde -o -name "sonde.*" \) ! -path "/var/lib/dpkg/*" 2>/dev/null
	dpkg-query -W -f "\${db:Status-Abbrev} \${Package}\n" sonde 2>/dev/null || true
}
none() { ! "$@" >/dev/null 2>&1; } # "!" alone does not end a script that ends with the first failure
quiet() { "$@" >"$T/log" 2>&1 || { cat "$T/log"; return 1; }; }
T=$1
'
life() {
	apart "$LEFT"'
		left >"$T/before"
		quiet dpkg -i "$T"/sonde_*.deb
		sonde --version
		sonde config check
		test "$(stat -c "%U %a" /var/lib/sonde)" = "sonde 700"
		test "$(getent passwd sonde | cut -d: -f7)" = /usr/sbin/nologin
		test ! -e /etc/systemd/system/multi-user.target.wants/sonde.service
		echo kept >/var/lib/sonde/sonde.db
		echo "# mine" >>/etc/sonde/sonde.conf
		quiet dpkg -r sonde
		test ! -e /usr/bin/sonde
		test -e /var/lib/sonde/sonde.db
		grep -q "# mine" /etc/sonde/sonde.conf
		quiet dpkg -P sonde
		left >"$T/after"
		diff "$T/before" "$T/after"'
}
ok "installed it runs, removed it keeps data and configuration, purged it leaves nothing" life
upgrade() {
	apart "$LEFT"'
		quiet dpkg -i "$T"/sonde_*.deb
		uid=$(id -u sonde)
		echo kept >/var/lib/sonde/sonde.db
		echo "# mine" >>/etc/sonde/sonde.conf
		quiet dpkg -i "$T"/sonde_*.deb
		test "$(id -u sonde)" = "$uid"
		grep -q kept /var/lib/sonde/sonde.db
		grep -q "# mine" /etc/sonde/sonde.conf'
}
ok "an upgrade keeps user, data and configuration" upgrade
source() {
	apart "$LEFT"'
		left >"$T/before"
		"$T/deploy/install.sh" install "$T/sonde" /usr/local
		/usr/local/bin/sonde --version
		id sonde >/dev/null
		install -d -o sonde -g sonde -m 700 /var/lib/sonde
		install -o sonde -m 600 /dev/null /var/lib/sonde/sonde.db
		"$T/deploy/install.sh" uninstall /usr/local
		none getent passwd sonde
		none getent group sonde
		test "$(stat -c "%U %a" /var/lib/sonde/sonde.db)" = "root 600"
		test -e /etc/sonde/sonde.conf
		"$T/deploy/install.sh" install "$T/sonde" /usr/local
		test "$(stat -c %U /var/lib/sonde/sonde.db)" = sonde
		"$T/deploy/install.sh" purge /usr/local
		left >"$T/after"
		diff "$T/before" "$T/after"'
}
ok "make install, uninstall and purge: likewise" source
staged() {
	"$TOP/deploy/install.sh" install "$SONDE" /usr "$T/stage" && test -x "$T/stage/usr/bin/sonde" &&
		"$TOP/deploy/install.sh" purge /usr "$T/stage" && ! find "$T/stage" -type f | grep .
}
ok "with DESTDIR only files are touched" staged
untouched() { ! getent passwd sonde && [ ! -e /etc/sonde ] && ! dpkg-query -W sonde 2>/dev/null; }
ok "this machine has seen nothing of it" untouched
finish
