#!/bin/sh
# Makes the web interface's files: built by node, or those that came with a release, which needs neither node nor network.
#   build.sh OUT	OUT: a folder, made anew
#   build.sh --dist	src/web/dist, for a release: what the above takes where the sources are as they were then
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here"

digest() { # of all that the files are made of
	find . \( -name node_modules -o -name dist \) -prune -o -type f -print | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -d' ' -f1
}

build() { # OUT
	if ! cmp -s package-lock.json node_modules/.lock; then
		npm ci --silent --no-progress || {
			echo "src/web: npm could not fetch what the web interface is built with (package-lock.json names it)" >&2
			exit 1
		}
		cp package-lock.json node_modules/.lock
	fi
	WEB_OUT=$1 npx --no-install vite build --logLevel warn
}

if [ "$1" = --dist ]; then
	build "$here/dist"
	digest >dist/.sources
	exit 0
fi
case $1 in /*) out=$1 ;; *) echo "build.sh: '$1' is no path from the root" >&2 && exit 2 ;; esac
if [ -f dist/.sources ] && [ "$(cat dist/.sources)" = "$(digest)" ]; then
	rm -rf "$out"
	mkdir -p "$out"
	cp -R dist/. "$out"
	rm "$out/.sources"
elif command -v npm >/dev/null; then
	build "$out"
else
	echo "the web interface cannot be built: there is no npm here (apt-get install nodejs npm), and no src/web/dist of these" >&2
	echo "sources, as a release has it ('make dist' on a machine with npm makes one)" >&2
	exit 1
fi
