#!/bin/sh
# Installs, or takes away what that has put there.
#   install.sh install SONDE PREFIX [DESTDIR]
#   install.sh uninstall PREFIX [DESTDIR]	unit and user go as well; configuration and data stay, the latter root's
#   install.sh purge PREFIX [DESTDIR]		these as well
# With DESTDIR only files are touched: it is a package that is made, not this machine that is changed.
set -eu
here=$(dirname "$0")
what=$1
shift
if [ "$what" = install ]; then
	sonde=$1
	shift
fi
prefix=$1 dest=${2-}
bin=$dest$prefix/bin/sonde
unit=$dest$prefix/lib/systemd/system/sonde.service
users=$dest$prefix/lib/sysusers.d/sonde.conf
examples=$dest$prefix/share/doc/sonde/examples
config=$dest/etc/sonde/sonde.conf
data=$dest/var/lib/sonde

running_systemd() {
	[ -z "$dest" ] && [ -d /run/systemd/system ]
}

make_user() {
	[ -z "$dest" ] && [ "$(id -u)" = 0 ] && ! getent passwd sonde >/dev/null || return 0
	if command -v systemd-sysusers >/dev/null; then
		systemd-sysusers "$users"
	elif command -v adduser >/dev/null; then
		adduser --system --group --no-create-home --home /var/lib/sonde --quiet sonde
	else
		echo "no user 'sonde' was made: neither systemd-sysusers nor adduser is here; the daemon needs one" >&2
	fi
}

# What an earlier installation has left.
take_data() {
	[ -z "$dest" ] && [ -d "$data" ] && getent passwd sonde >/dev/null || return 0
	chown -R -h sonde:sonde "$data"
}

# Whoever gets the number next must not get the data with it.
remove_user() {
	[ -z "$dest" ] && [ "$(id -u)" = 0 ] || return 0
	[ ! -d "$data" ] || chown -R -h root:root "$data"
	! getent passwd sonde >/dev/null || userdel sonde
	! getent group sonde >/dev/null || groupdel sonde
}

# Probes go with the process that holds them: when it has ended, there are none.
stop() {
	running_systemd || return 0
	systemctl disable --now --quiet sonde.service 2>/dev/null || true
}

case $what in
install)
	install -D -m 755 "$sonde" "$bin"
	install -D -m 644 "$here/sysusers.conf" "$users"
	install -D -m 644 "$here/sonde.conf" "$examples/sonde.conf"
	[ -e "$config" ] || install -D -m 644 "$here/sonde.conf" "$config"
	if [ -e "$here/sonde.service" ]; then
		install -d "$(dirname "$unit")"
		sed "s,/usr/bin/sonde,$prefix/bin/sonde,g" "$here/sonde.service" >"$unit"
		chmod 644 "$unit"
	fi
	make_user
	take_data
	! running_systemd || systemctl daemon-reload
	;;
uninstall | purge)
	stop
	rm -f "$bin" "$unit" "$users" "$examples/sonde.conf"
	rm -rf "$dest/var/cache/sonde"
	rmdir "$examples" "${examples%/examples}" 2>/dev/null || true
	! running_systemd || systemctl daemon-reload
	if [ "$what" = purge ]; then
		rm -rf "$data" "$dest/etc/sonde"
		[ -n "$dest" ] || rm -rf /run/sonde
	elif [ -e "$data" ] || [ -e "$config" ]; then
		echo "kept: $config and $data; 'make purge' removes them"
	fi
	remove_user
	;;
*)
	sed -n '3,6s/^# *//p' "$0" >&2
	exit 2
	;;
esac
