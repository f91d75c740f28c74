#!/bin/bash
# What is done with files, from the kernel to the engine's door: every operation and every way to close, by path as the process
# sees it; what was written, read again; ten thousand files without a loss.
# shellcheck disable=SC2015 # a failed test shows why
. "$(dirname "$0")/lib.sh"
need_root
CAPTURE=$TOP/build/tests/e2e/capture
FILES=$TOP/tests/e2e/files.py
export PYTHONDONTWRITEBYTECODE=1 # it would be told
[ -x "$CAPTURE" ] || skip_all "make e2e builds what this needs"

# captured OPTION... -- COMMAND...	events to $T/out; the command's stderr, through a pipe, to $T/truth
captured() {
	{ timeout 200 "$CAPTURE" "$@" 2>&1 >"$T/out"; } | cat >"$T/truth"
}

everything() {
	mkdir -m 755 "$T/all"
	captured -- /usr/bin/python3 "$FILES" "do" "$T/all" && /usr/bin/python3 "$FILES" check "$T/truth" "$T/out" || { grep -v ^TRUTH "$T/truth"; return 1; }
}
ok "every operation and every way to close is told, and nothing else" everything

# loss N	a counter of the LOSS line, from 0
loss() {
	awk -v n="$1" '$1 == "LOSS" { print $(n + 2) }' "$T/out"
}

many() {
	mkdir "$T/many"
	captured -- sh -c "cd $T/many && /usr/bin/python3 $FILES many 10000 500" || return 1
	[ "$(grep -c '^FILE.* written .* flags=1 bytes=140 size=140 ' "$T/out")" = 10000 ] || { grep -c '^FILE.* written ' "$T/out"; return 1; }
	[ "$(grep '^FILE.* written ' "$T/out" | sed 's/.* path=//' | sort -u | wc -l)" = 10000 ] && [ "$(loss 2) $(loss 11)" = "0 0" ]
}
ok "10,000 files of 500 processes, each told once" many

# Nobody reads until it is over: files leave room for what processes are.
lost() {
	mkdir "$T/lost"
	captured -b 262144 -P 100000 -- sh -c "cd $T/lost && /usr/bin/python3 $FILES many 10000 5" || return 1
	local told
	told=$(grep -c '^FILE.* written .*/lost/' "$T/out")
	echo "told $told, lost $(loss 11), of processes $(loss 2)"
	[ "$told" -gt 0 ] && [ "$(loss 11)" -gt 0 ] && [ $((told + $(loss 11))) = 10000 ] && [ "$(loss 2)" = 0 ]
}
ok "what finds no room is counted, and takes none from processes" lost

without() {
	captured -F -- sh -c "echo x >$T/unseen; rm $T/unseen" && ! grep '^FILE' "$T/out" && grep -q '^EXIT' "$T/out"
}
ok "without files nothing is told of them" without

# artifact PATH STATE TEXT	the ARTIFACT events of a file
artifact() {
	local sum
	sum=$(printf %s "$3" | sha256sum | cut -d' ' -f1)
	[ "$(grep -c "^ARTIFACT .* state=$2 size=${#3} offset=0 len=${#3} sha256=$sum path=$1$" "$T/out")" = 1 ]
}

artifacts() {
	mkdir "$T/kept"
	# Written twice, written beside and renamed, removed, too big, by a process that has ended, in a root of its own.
	cat >"$T/writes" <<-X
		cd $T/kept
		printf one >twice; printf second >twice
		printf beside >tmp; mv tmp renamed
		printf x >removed; rm removed
		head -c 2000000 /dev/zero >big
		mkdir -p root/etc
		chroot root /busybox sh -c 'echo -n inside >/etc/file'
		sleep 1
		printf late >last
	X
	mkdir -p "$T/kept/root"
	cp /bin/busybox "$T/kept/root/"
	captured -c full -- sh "$T/writes"
	artifact "$T/kept/twice" 1 second && artifact "$T/kept/renamed" 1 beside && artifact "$T/kept/last" 1 late &&
		grep -q "^ARTIFACT .* state=3 size=2000000 .* path=$T/kept/big$" "$T/out" && ! grep '^ARTIFACT.*removed' "$T/out"
}
ok "what was written is read again, once, under its last name" artifacts

inside() {
	grep -q '^ARTIFACT.* state=[146] .* path=/etc/file$' "$T/out" || { cat "$T/truth"; grep '^FILE\|^ARTIFACT' "$T/out"; return 1; }
}
ok "a file below another root is the one that is read, or none" inside

levels() {
	captured -c standard -- sh -c "printf x >$T/kept/level" && grep -q '^FILE.*level' "$T/out" && ! grep '^ARTIFACT' "$T/out"
}
ok "below the full level nothing is read" levels

run() {
	"$SONDE" run -q --db "$T/db" --record "$T/rec" "$@" -- sh -c "echo x >$T/marked-file" || return 1
	grep -qa "$T/marked-file" <(tr '\0' '\n' <"$T/rec" | grep -av 'echo x')
}
ok "sonde run records files" run
no_run() {
	! run --no-files
}
ok "sonde run --no-files does not" no_run
by_configuration() {
	printf '[capture]\nfiles = no\n' >"$T/conf"
	! run --config "$T/conf"
}
ok "nor where the configuration says so" by_configuration
finish
