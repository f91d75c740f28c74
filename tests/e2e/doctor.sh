#!/bin/bash
# What `sonde doctor` says of this machine, of programs and of processes is true.
# shellcheck disable=SC2016 # for inner shells
. "$(dirname "$0")/lib.sh"
need_root

machine() {
	"$SONDE" doctor >"$T/text" || return 1
	"$SONDE" doctor --json | jq -es 'all(has("check") and has("status")) and any(.check == "BTF")' >"$T/json"
}
ok "this machine can be traced" machine

# The probe points of curl's library are in the file, on the instruction that is named.
points() {
	local file offset text
	"$SONDE" doctor --json curl >"$T/curl" || return 1
	file=$(jq -r 'select(.file and (.file | test("libssl.so"))) | .file' "$T/curl" | head -1)
	[ -n "$file" ] || return 1
	jq -es 'any(.proof == "proved on a child of its own")' "$T/curl" >/dev/null || return 1
	offset=$(jq -r 'select(.file and (.file | test("libssl.so"))) | .points[0].offset' "$T/curl" | head -1)
	text=$(jq -r 'select(.file and (.file | test("libssl.so"))) | .points[0].instruction' "$T/curl" | head -1)
	objdump -d --start-address="$offset" --stop-address=$((offset + 16)) "$file" | grep -F "${text%% *}"
}
[ "$(uname -m)" != x86_64 ] || ok "curl's libssl is found, proved, and its points are instructions" points

status() { # EXPECTED ARGUMENT...
	local want=$1 rc=0
	shift
	"$SONDE" doctor "$@" >"$T/out" 2>"$T/err" || rc=$?
	[ "$rc" = "$want" ] || { cat "$T/out" "$T/err"; return 1; }
}
ok "a program that does not exist is our own failure" status 125 /no/such/program
ok "a process that does not exist likewise" status 125 999999999
ok "an unknown option likewise" status 125 --no-such-option

sleep 60 &
pids+=($!)
ok "a process without TLS cannot be captured" status 1 "$!"

/usr/bin/python3 -c 'import ssl, time; print("x", flush=True); time.sleep(60)' >"$T/ready" &
pids+=($!)
python=$!
within 60 test -s "$T/ready"
ok "a running python is found to map libssl" status 0 "$python"
ok "and the file that it maps is named" grep -q 'libssl.*mapped by the process' "$T/out"

odd_program() {
	printf '.section .rodata\n.ascii "/rustls-0.1.0/"\n.globl _start\n.text\n_start: ret\n' >"$T/x.s"
	gcc -nostdlib -static -o "$T/x" "$T/x.s" || return 1
	status 1 --json "$T/x" && grep -q 'rustls in a form that is not recognised: not covered yet' "$T/out"
}
ok "what is not covered is named" odd_program

# A file for another machine: what would be probed there.
foreign() {
	printf '.globl SSL_%s\n.type SSL_%s,%%function\nSSL_%s: ret\n.size SSL_%s,4\n' {write,read}{,,,} >"$T/x.s"
	aarch64-linux-gnu-gcc -shared -nostdlib -o "$T/foreign.so" "$T/x.s" || return 1
	status 1 --json "$T/foreign.so" && jq -es 'any(.machine == "arm64" and .library == "openssl" and (.points | length == 2) and (.capturable | not))' "$T/out" &&
		status 1 "$T/foreign.so" && grep -q 'SSL_write .* ret .* cheap' "$T/out" && grep -q "another processor than this machine's: arm64" "$T/out"
}
if [ "$(uname -m)" != aarch64 ] && command -v aarch64-linux-gnu-gcc >/dev/null; then
	ok "of a file for another machine it is said what would be probed there" foreign
fi

# Every agent of a machine: one that is installed, one that runs, and one that cannot be read, in a pid namespace of their own.
machine_of_agents() {
	local home=$T/home
	mkdir -p "$home/.local/share/claude/versions" "$home/.local/bin" "$home/run"
	cp /usr/bin/curl "$home/.local/share/claude/versions/9.9.9"
	gcc -shared -Wl,-soname,libjvm.so -o "$home/libjvm.so" -x c /dev/null && echo 'int main(void) { return 0; }' |
		gcc -o "$home/.local/bin/crush" -Wl,--no-as-needed -x c - -x none "$home/libjvm.so" || return 1
	cp -L /usr/bin/python3 "$home/run/codex"
	HOME=$home unshare --pid --fork --kill-child --mount-proc bash -c '
		"$HOME/run/codex" -c "import ssl, time; print(1, flush=True); time.sleep(60)" >"$HOME/ready" &
		for _ in $(seq 600); do [ -s "$HOME/ready" ] && break; sleep 0.1; done
		"$0" doctor --all --json' "$SONDE" >"$T/all"
	[ $? = 1 ] || { echo "not status 1"; return 1; }
	cat "$T/all"
	jq -es '[.[] | select(.target)] | any(.agent == "claude-code" and .agent_version == "9.9.9" and .capturable and .cost == "cheap") and
		any(.agent == "codex" and (.target | test("process")) and .capturable and .library == "openssl" and .confidence == "proved") and
		any(.agent == "crush" and .capturable == false and .runtime == "java" and (.reason | test("not covered")) and .advice)' "$T/all" >/dev/null
}
ok "all agents: installed and running, and why one cannot be read" machine_of_agents

# What was found out is remembered; --no-cache looks again.
remembered() {
	SONDE_CACHE=$T/cache "$SONDE" doctor --json curl >"$T/first" && [ "$(find "$T/cache" -type f | wc -l)" -gt 0 ] || return 1
	SONDE_CACHE=$T/cache "$SONDE" doctor --json curl >"$T/second" || return 1
	find "$T/cache" -type f -exec truncate -s 10 {} +
	SONDE_CACHE=$T/cache "$SONDE" doctor --json --no-cache curl >"$T/third" || return 1
	[ "$(find "$T/cache" -type f -size -2 | wc -l)" -gt 0 ] && cmp "$T/first" "$T/second" && cmp <(sed 's/; self-tested//g' "$T/first") <(sed 's/; self-tested//g' "$T/third")
}
ok "what was found out is remembered and says the same" remembered

unprivileged() {
	local rc=0
	setpriv --reuid 65534 --regid 65534 --clear-groups "$SONDE" doctor >"$T/out" 2>&1 || rc=$?
	[ "$rc" = 1 ] && grep -q 'run it with sudo' "$T/out"
}
install -m 755 "$SONDE" "$T/sonde"
SONDE=$T/sonde
ok "without privileges it says what is missing" unprivileged
unprivileged_curl() {
	setpriv --reuid 65534 --regid 65534 --clear-groups "$SONDE" doctor curl >"$T/out" && grep -q 'ssl_write' "$T/out"
}
ok "and still finds what a program uses" unprivileged_curl
finish
