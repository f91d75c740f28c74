#!/bin/bash
# The places found in arm64's libssl, dynamic and static, on a Debian kernel for arm64 in emulation: does each see every call?
set -eu
cd "$(dirname "$0")/../.."
SONDE=${SONDE:-$PWD/build/sonde}
debian=$PWD/build/vm/arm64
for tool in aarch64-linux-gnu-gcc qemu-system-aarch64; do
	command -v $tool >/dev/null || { echo "1..0 # SKIP needs $tool"; exit 0; }
done
tests/vm/debian.sh arm64 "$debian" linux-image-cloud-arm64 busybox-static libc6 libssl3 libssl-dev
root=$(mktemp -d /tmp/sonde-arm64-XXXXXX)
trap 'rm -rf "$root"' EXIT

guest() { # NAME FILE	prints the guest's console
	"$SONDE" doctor --quick --no-cache --json "$2" >"$root.json" || true
	tests/vm/points.py events "$root.json" "/${2#"$root"/}" >"$root/events"
	(cd "$root" && find . | cpio -o -H newc --quiet | gzip -1) >"$root.gz"
	timeout 240 qemu-system-aarch64 -M virt -cpu max,pauth=off -m 1024 -nographic -nic none -no-reboot -kernel "$debian"/boot/vmlinuz-* -initrd "$root.gz" \
		-append "console=ttyAMA0 quiet panic=-1 program=/$1" </dev/null
}

check() { # NAME FILE
	n=$((n + 1))
	guest "$1" "$2" >"$root.log" 2>&1 || true
	if result=$(tests/vm/points.py compare "$root.log"); then
		echo "ok $n - $1 OpenSSL for arm64: $result"
	else
		echo "not ok $n - $1 OpenSSL for arm64: $result"
		tail -20 "$root.log" | sed 's/^/# /'
	fi
	rm -f "$root".*
}

lib=lib/aarch64-linux-gnu
mkdir -p "$root"/{bin,$lib,proc,sys}
cp "$debian/bin/busybox" "$root/bin/"
cp -L "$debian/$lib"/lib{c,m,dl,pthread}.so.* "$debian/usr/$lib"/lib{ssl,crypto}.so.3 "$root/$lib/"
cp -L "$debian/$lib"/ld-linux-aarch64.so.1 "$root/lib/"
chmod +x "$root/$lib"/*
flags=(-O2 -w -isystem "$debian/usr/include" -isystem "$debian/usr/include/aarch64-linux-gnu" tests/vm/points.c)
aarch64-linux-gnu-gcc "${flags[@]}" -o "$root/dynamic" "$root/$lib"/lib{ssl,crypto}.so.3
aarch64-linux-gnu-gcc "${flags[@]}" -s -static -o "$root/static" "$debian/usr/$lib"/lib{ssl,crypto}.a 2>/dev/null # warnings of the linker
cat >"$root/init" <<'INIT'
#!/bin/busybox sh
b=/bin/busybox t=/sys/kernel/tracing
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t tracefs tracefs $t
while read -r event; do echo "$event" >>$t/uprobe_events || echo "refused: $event"; done </events
echo 1 >$t/events/uprobes/enable
for word in $($b cat /proc/cmdline); do case $word in program=*) ${word#program=} ;; esac; done
$b grep -v '^#' $t/trace
$b poweroff -f
INIT
chmod +x "$root/init"
n=0
echo 1..2
check dynamic "$root/$lib/libssl.so.3"
check static "$root/static"
