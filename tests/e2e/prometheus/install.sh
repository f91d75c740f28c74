#!/bin/bash
# Debian's Prometheus with its promtool, unpacked and not installed: the package would start a service.
#   install.sh DIR	DIR/usr/bin/prometheus
set -eu
dir=$1
mkdir -p "$dir"
exec 9>"$dir/lock"
flock 9 # tests run side by side
[ ! -x "$dir/usr/bin/promtool" ] || exit 0
echo "fetching Prometheus into $dir" >&2
cd "$dir"
fetch() { apt-get download -qq prometheus; }
fetch 2>log || { apt-get update -qq && fetch; } >>log 2>&1 || { cat log >&2; exit 1; }
dpkg-deb -x prometheus_*.deb .
rm -f ./*.deb
