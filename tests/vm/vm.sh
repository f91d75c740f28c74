#!/bin/bash
# Boots a Debian kernel in qemu (software emulation) with sonde, python3 and the tests in an initramfs, prints the guest's TAP.
#   SONDE=sonde vm.sh SUITE [GUEST-TEST]	suites as kernel.sh has them; default: the whole job (guest.sh); VM_TIMEOUT: seconds (400)
set -eu
cd "$(dirname "$0")/../.."
suite=$1 guest=${2:-guest}
SONDE=${SONDE:-$PWD/build/sonde}
vm=$PWD/build/vm
tests/vm/kernel.sh "$suite" "$vm/$suite"
root=$(mktemp -d /tmp/sonde-vm-XXXXXX)
trap 'rm -rf "$root"' EXIT

# A program or library and everything that it is linked with.
add() {
	local f
	for f in "$@"; do
		cp -n --parents -L "$f" "$root" 2>/dev/null || true
		ldd "$f" 2>/dev/null | grep -oE '/[^ ]+' | while read -r lib; do
			cp -n --parents -L "$lib" "$root" 2>/dev/null || true
		done
	done
}
mkdir -p "$root"/{bin,sonde/tests,etc,lib64,usr/bin,proc,sys,dev,tmp,run,root}
cp /bin/busybox "$root/bin/"
for tool in sh uname seq awk sleep grep sed tail cat ls head rm mkdir mkfifo tee timeout env; do
	ln -sf busybox "$root/bin/$tool"
done
add /bin/bash /usr/bin/python3.11 /usr/lib/python3.11/lib-dynload/*.so "$SONDE"
[ -e "$root/bin/bash" ] || cp -L /bin/bash "$root/bin/"
[ -e "$root/lib64/ld-linux-x86-64.so.2" ] || cp -L /lib64/ld-linux-x86-64.so.2 "$root/lib64/"
ln -sf python3.11 "$root/usr/bin/python3"
(cd / && find usr/lib/python3.11 -name '*.py' -not -path '*/test/*' -not -path '*/idlelib/*' -not -path '*/dist-packages/*' -print0 | cpio -0pdm --quiet "$root")
cp "$SONDE" "$root/sonde/sonde"
cp -r "$vm/$suite/modules" "$root/modules"
for program in capture ways watch; do
	add "$PWD/build/tests/e2e/$program"
	mv "$root$PWD/build/tests/e2e/$program" "$root/sonde/$program"
done
if [ "$guest" = files ]; then # programs that can be copied and run under another name
	add build/tests/e2e/capture /bin/cp /bin/true /bin/echo
	cp build/tests/e2e/capture "$root/sonde/"
	cp --remove-destination -L /bin/sleep "$root/bin/"
fi
cp -r tests/mock tests/demo tests/e2e "$root/sonde/tests/"
rm -rf "$root"/sonde/tests/e2e/clients
tests/mock/certs.sh "$root/sonde/certs"
cp tests/vm/init "$root/init"
cp "tests/vm/$guest.sh" "$root/guest.sh"
echo 'root:x:0:0:root:/root:/bin/bash' >"$root/etc/passwd"
echo 'root:x:0:' >"$root/etc/group"
printf '127.0.0.1 localhost\n' >"$root/etc/hosts"
printf 'hosts: files\n' >"$root/etc/nsswitch.conf"
cp /etc/ld.so.cache "$root/etc/"
cp -L /lib/x86_64-linux-gnu/libnss_files.so.2 "$root/lib/x86_64-linux-gnu/" 2>/dev/null || true
(cd "$root" && find . -print0 | cpio -0 -o -H newc --quiet) >"$vm/$suite/initrd-$guest"

# Without cmpxchg16b: qemu 7.2's emulation of it now and then spoils the flags, and the guest's kernel dies of that; of
# code that it changes while the other processor runs it, too. Newer kernels give BPF no memory without cmpxchg16b: one
# processor there. A machine that died is no answer.
machine="-cpu Nehalem,-cx16 -smp 2" tries=3
[ "$suite" != trixie-backports ] || machine="-cpu Nehalem -smp 1"
boot() {
	# shellcheck disable=SC2086 # words
	timeout "${VM_TIMEOUT:-400}" qemu-system-x86_64 -M q35 $machine -m 2048 -nographic -no-reboot -net none \
		-kernel "$vm/$suite/vmlinuz" -initrd "$vm/$suite/initrd-$guest" \
		-append 'console=ttyS0 quiet panic=-1 rdinit=/init' </dev/null | stdbuf -oL tr -d '\r' >"$vm/$suite/console-$guest"
	grep -aq '^guest status' "$vm/$suite/console-$guest"
}
while ! boot && [ $((tries -= 1)) -gt 0 ]; do
	echo "# the machine died:"
	tail -5 "$vm/$suite/console-$guest" | sed 's/^/# /'
done
grep -aE '^(ok|not ok|#)' "$vm/$suite/console-$guest" || tail -20 "$vm/$suite/console-$guest"
grep -aq '^guest status 0' "$vm/$suite/console-$guest"
