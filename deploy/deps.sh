#!/bin/sh
# Installs what building and testing sonde need on Debian 12. Quick where everything is there.
#   deps.sh [build|test]	build: only what the program needs; default: all
# Without src/web/dist, which a release has, npm is needed for the web interface.
set -eu

build="gcc make pkg-config clang llvm libclang-rt-14-dev bpftool libbpf-dev libelf-dev libcjson-dev libsqlite3-dev
	zlib1g-dev libbrotli-dev libzstd-dev libnghttp2-dev libxxhash-dev nettle-dev libzydis-dev libcapstone-dev libinih-dev libncurses-dev libmicrohttpd-dev
	uthash-dev libcap-dev libseccomp-dev libsystemd-dev libssl-dev libpcre2-dev libcurl4-openssl-dev python3 openssl"
test="libcmocka-dev clang-format clang-tidy cppcheck codespell shellcheck pmccabe curl jq git sudo
	python3-venv python3-brotli python3-zstandard sqlite3 procps util-linux qemu-system-x86 qemu-system-arm busybox-static cpio mmdebstrap e2fsprogs
	gcc-aarch64-linux-gnu libc6-dev-arm64-cross wget libnss3-tools libgnutls28-dev libnss3-dev
	crun musl-tools iproute2 nghttp2-proxy cron dropbear-bin bats chromium fonts-dejavu-core"

want=$build
[ "${1-}" = build ] || want="$build $test"
# Other sources of node and npm than Debian's are as good, and do not mix with its packages.
if [ "${1-}" != build ] || [ ! -f src/web/dist/.sources ]; then
	command -v npm >/dev/null || want="$want nodejs npm"
fi
[ "${1-}" = build ] || command -v go >/dev/null || want="$want golang-go"

missing=
for p in $want; do
	dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q ' installed$' || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ]; then
	echo "missing packages; as root: apt-get install$missing" >&2
	exit 1
fi
echo "installing:$missing"
apt-get update -qq
# shellcheck disable=SC2086 # a list of words
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
