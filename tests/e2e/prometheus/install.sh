#!/bin/bash
# Debian's Prometheus with its promtool, unpacked and not installed: the package would start a service.
#   install.sh DIR	DIR/usr/bin/prometheus
set -eu
dir=$1
[ ! -x "$dir/usr/bin/promtool" ] || exit 0
echo "fetching Prometheus into $dir" >&2
rm -rf "$dir" && mkdir -p "$dir"
if ! (cd "$dir" && apt-get download -qq prometheus) 2>"$dir/log"; then
	(cd "$dir" && apt-get update -qq && apt-get download -qq prometheus) >>"$dir/log" 2>&1 || { cat "$dir/log" >&2; exit 1; }
fi
dpkg-deb -x "$dir"/prometheus_*.deb "$dir"
rm -f "$dir"/*.deb
