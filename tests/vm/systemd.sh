#!/bin/bash
# The package under the real systemd: a Debian 12 in qemu (software emulation), in which systemd/guest.sh installs, runs, upgrades and
# purges it. Prints the guest's TAP. VM_TIMEOUT: seconds (1500).
set -eu
cd "$(dirname "$0")/../.."
SONDE=${SONDE:-$PWD/build/sonde}
vm=$PWD/build/vm
for tool in qemu-system-x86_64 mmdebstrap; do
	command -v $tool >/dev/null || { echo "1..0 # SKIP needs $tool"; exit 0; }
done
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
work=$(mktemp -d /tmp/sonde-systemd-XXXXXX)
trap 'rm -rf "$work"' EXIT

initrd() { # what the machine starts with: the disk's drivers, the packages, the tests
	local root=$work/root n=0 module version
	mkdir -p "$root"/{bin,dev,disk,modules,sonde/tests/vm}
	cp /bin/busybox "$root/bin/"
	cp tests/vm/systemd/init "$root/init"
	for module in virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk; do
		n=$((n + 1))
		find "$vm/systemd-kernel" -name "$module.ko" -exec cp {} "$root/modules/$n-$module.ko" \;
	done
	# The newer version is the same program under another number.
	for version in 0.1.0 0.1.1; do
		deploy/deb/build.sh "$SONDE" $version "$root/sonde" >/dev/null
	done
	cp -r tests/tap.bash tests/mock tests/demo tests/e2e "$root/sonde/tests/"
	cp -r tests/vm/systemd "$root/sonde/tests/vm/"
	find "$root/sonde/tests/e2e" -mindepth 2 ! -name talk.py -type f -delete
	(cd "$root" && find . -print0 | cpio -0 -o -H newc --quiet) >"$work/initrd"
}

boot() {
	# Without cmpxchg16b: see vm.sh.
	timeout "${VM_TIMEOUT:-1500}" qemu-system-x86_64 -M q35 -cpu Nehalem,-cx16 -smp 2 -m 1024 -nographic -no-reboot -net none \
		-kernel "$vm"/systemd-kernel/boot/vmlinuz-* -initrd "$work/initrd" -drive "file=$vm/systemd.ext4,if=virtio,format=raw,snapshot=on" \
		-append 'console=ttyS0 quiet panic=-1 systemd.show_status=0 systemd.log_level=warning tsc=unstable clocksource=hpet' </dev/null | stdbuf -oL tr -d '\r' >"$vm/console-systemd"
	grep -aq '^guest status' "$vm/console-systemd"
}

tests/vm/debian.sh amd64 "$vm/systemd-kernel" linux-image-cloud-amd64
initrd
tests/vm/systemd/image.sh "$work/root/sonde/sonde_0.1.0_$(dpkg --print-architecture).deb" "$vm/systemd.ext4"
tries=2
while ! boot && [ $((tries -= 1)) -gt 0 ]; do
	echo "# the machine died:"
	tail -5 "$vm/console-systemd" | sed 's/^/# /'
done
grep -aE '^(ok|not ok|#)' "$vm/console-systemd" || tail -20 "$vm/console-systemd"
grep -aq '^guest status 0' "$vm/console-systemd"
