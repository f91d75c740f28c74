#!/bin/bash
# Where programs run and how they begin: other roots, overlays, namespaces, a container, files that are gone, musl, other users.
# shellcheck disable=SC2016,SC2015 # for inner shells; a failed test shows why
. "$(dirname "$0")/lib.sh"
need_root
mock_start

# A root of its own: curl, what it needs, busybox.
R=$T/root
mkdir -p "$R"/{bin,etc,proc,tmp,dev,old}
cp /usr/bin/busybox "$R/bin/sh"
ln -s sh "$R/bin/sleep"
mknod -m 666 "$R/dev/null" c 1 3
cp /usr/bin/curl "$R/bin/curl"
for f in $(ldd /usr/bin/curl | grep -o '/[^ ]*'); do
	mkdir -p "$R$(dirname "$f")"
	cp -L "$f" "$R$f"
done
printf '127.0.0.1 localhost\n' >"$R/etc/hosts"
cp "$T/certs/ca.pem" "$R/ca.pem"
cp "$T/certs/ca.pem" "$T/ca.pem"
chmod 644 "$R/ca.pem" "$T/ca.pem"
BODY='{"model":"gpt-4o","messages":[{"role":"user","content":"where am I?"}]}'

# call [CURL] [CA]	the words of one model call
call() {
	printf '%s\n' "${1-curl}" -s --cacert "${2-/ca.pem}" -H 'Content-Type: application/json' -d "$BODY" "$HTTPS/v1/chat/completions"
}

# whole WRAPPER...	the call at the end of that command line is seen whole
whole() {
	local words
	mock_scenario '{}'
	mapfile -t words < <(call "${CURL-curl}" "${CA-/ca.pem}")
	traced "$HTTPS" "$@" "${words[@]}" || return 1
	grep -q '"mock-1' "$T/out" || { echo "no answer"; cat "$T/out" "$T/err"; return 1; }
	[ ! -s "$TRUTH" ] && { echo "no call was made"; return 1; }
	/usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans"
}

# An image is not known beforehand: its files are found when they are mapped, and a program as short as curl may be faster. Which
# it was is told: a call that was missed leaves a note. What begins after one that lived
# longer is seen whole.
told_or_whole() { # WRAPPER...
	whole "$@" >"$T/why" 2>&1 && return 0
	jq -es 'any(.notes | tostring | test("late attach|nothing could read"))' "$T/spans" >/dev/null || { echo "missed without a word"; cat "$T/why" "$T/spans"; return 1; }
}
SECOND='sleep 0.5 | curl -K - 2>/dev/null; exec "$@"'
image() { # WRAPPER...
	told_or_whole "$@" && whole "$@" /bin/sh -c "$SECOND" sh
}
CURL=/bin/curl
ok "another root, mount, pid, uts and ipc namespace" image unshare -m -p -f -u -i -R "$R"
mkdir "$T/upper" "$T/work" "$T/merged"
overlay() {
	image unshare -m sh -c 'mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/merged" && shift 2 && exec /usr/sbin/chroot "$@"' \
		sh "$R" "$T" "$T/merged"
}
ok "a root on an overlay" overlay
CURL=curl CA=$T/ca.pem
ok "a user namespace" whole unshare -U -r
ok "another user, with no new privileges" whole setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs
ok "a session of its own" whole setsid -w
ok "sudo -u" whole sudo -n -u nobody

# npx runs a package's script by way of npm, a shell and env.
npx() {
	mkdir -p "$T/app/node_modules/.bin"
	cat >"$T/app/node_modules/.bin/ask" <<-'EOS'
		#!/usr/bin/env node
		const https = require('https'), fs = require('fs'), [base, body, ca] = process.argv.slice(2);
		https.request(base + '/v1/chat/completions', { method: 'POST', ca: fs.readFileSync(ca), agent: false,
			headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) } }, (r) => r.resume()).end(body);
	EOS
	chmod 755 "$T/app/node_modules/.bin/ask"
	mock_scenario '{}'
	(cd "$T/app" && traced "$HTTPS" env "PATH=$PATH" npx --offline ask "$HTTPS" "$BODY" "$T/ca.pem") || return 1
	[ -s "$TRUTH" ] && /usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans"
}
ok "npx" npx

# A python package with one command, as an installer or uvx takes it.
wheel() {
	/usr/bin/python3 - "$T/ask-0.1-py3-none-any.whl" <<-'EOS'
		import sys, zipfile
		with zipfile.ZipFile(sys.argv[1], "w") as z:
		    z.writestr("ask.py", """import ssl, sys, urllib.request
		def main():
		    base, body, ca = sys.argv[1:]
		    r = urllib.request.Request(base + "/v1/chat/completions", body.encode(), {"Content-Type": "application/json"})
		    urllib.request.urlopen(r, context=ssl.create_default_context(cafile=ca)).read()
		""")
		    z.writestr("ask-0.1.dist-info/METADATA", "Metadata-Version: 2.1\nName: ask\nVersion: 0.1\n")
		    z.writestr("ask-0.1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
		    z.writestr("ask-0.1.dist-info/entry_points.txt", "[console_scripts]\nask = ask:main\n")
		    z.writestr("ask-0.1.dist-info/RECORD", "")
	EOS
}

tool() { # COMMAND...
	mock_scenario '{}'
	traced "$HTTPS" "$@" "$HTTPS" "$BODY" "$T/ca.pem" || return 1
	[ -s "$TRUTH" ] && /usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans" && ! noted "late attach"
}

# pipx makes an environment for each package and links its commands.
pipx() {
	local venv=$T/.local/share/pipx/venvs/ask
	/usr/bin/python3 -m venv --without-pip "$venv" && mkdir -p "$T/.local/bin" && wheel || return 1
	/usr/bin/python3 -m pip --python "$venv/bin/python" install --quiet --no-index --disable-pip-version-check "$T/ask-0.1-py3-none-any.whl" || return 1
	ln -s "$venv/bin/ask" "$T/.local/bin/ask"
	tool "$T/.local/bin/ask"
}
ok "what pipx has installed" pipx
ok "uvx" tool "$CLIENTS/venv/bin/uvx" --offline --quiet --python /usr/bin/python3 --from "$T/ask-0.1-py3-none-any.whl" ask

python() { # SCRIPT
	mock_scenario '{}'
	traced "$HTTPS" /usr/bin/python3 -c "$1" "$HTTPS" "$BODY" "$T/ca.pem" || return 1
	[ -s "$TRUTH" ] && /usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans"
}
ASK='
import ctypes, json, os, ssl, subprocess, sys, urllib.request
def ask():
    r = urllib.request.Request(sys.argv[1] + "/v1/chat/completions", sys.argv[2].encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(r, context=ssl.create_default_context(cafile=sys.argv[3])).read()
'
ok "a process that cannot be dumped" python "$ASK
ctypes.CDLL(None).prctl(4, 0)
ask()"
ok "a fork without exec" python "$ASK
if os.fork() == 0: ask(); os._exit(0)
os.wait()"
ok "vfork and exec" python "$ASK
subprocess.run(['curl', '-s', '--cacert', sys.argv[3], '-H', 'Content-Type: application/json', '-d', sys.argv[2],
  sys.argv[1] + '/v1/chat/completions'], check=True, close_fds=False)"
ok "exec in a thread: the process keeps its number" python "$ASK
import threading
threading.Thread(target=lambda: os.execvp('curl', ['curl', '-s', '--cacert', sys.argv[3], '-H', 'Content-Type: application/json', '-d',
  sys.argv[2], sys.argv[1] + '/v1/chat/completions'])).start()"

# What outlives the command is not followed any more: it is named.
outlives() {
	traced "$HTTPS" sh -c 'setsid sh -c "echo \$\$ >\"$0\"; exec sleep 600" >/dev/null 2>&1 </dev/null & until [ -s "$0" ] && grep -q sleep "/proc/$(cat "$0")/comm"; do sleep 0.1; done' "$T/outlives" || return 1
	kill "$(cat "$T/outlives")"
	jq -es 'any(.type == "run" and (.notes | tostring | test("sleep.*ran on")))' "$T/spans" >/dev/null || { tail -1 "$T/spans"; return 1; }
}
ok "a daemon that outlives the command is named" outlives

# Another network: the server is in it as well, and not traced.
network_start
network() { # BASE
	local words
	: >"$TRUTH"
	mapfile -t words < <(HTTPS=$1 call curl "$T/ca.pem")
	traced "$1" "${inside[@]}" "${words[@]}" || return 1
	[ -s "$TRUTH" ] && /usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans" || return 1
	jq -es --argjson port "${1##*:}" 'any(.attributes."network.peer.address" == "127.0.0.1" and .attributes."network.peer.port" == $port)' \
		"$T/spans" >/dev/null || { echo "another peer"; cat "$T/spans"; return 1; }
}
ok "another network namespace, TLS" network "$HTTPS_INSIDE"
ok "and in the clear" network "$HTTP_INSIDE"

# Its library is upgraded under it: what it maps is what is probed.
deleted() {
	local client n
	mock_scenario '{}'
	mkdir -p "$T/lib"
	cp -L /lib/*-linux-gnu/libssl.so.3 "$T/lib/"
	mkfifo "$T/in"
	LD_LIBRARY_PATH=$T/lib /usr/bin/python3 "$TOP/tests/e2e/clients/steps.py" "$HTTPS" "$T/ca.pem" <"$T/in" >"$T/answers" &
	client=$!
	pids+=("$client")
	exec 8>"$T/in"
	within 60 grep -q ready "$T/answers" || return 1
	rm "$T/lib/libssl.so.3"
	cp -L /lib/*-linux-gnu/libcrypto.so.3 "$T/lib/libssl.so.3"
	SONDE_DB=$T/db "$SONDE" run --json -o "$T/spans" --pid "$client" >"$T/out" 2>"$T/err" 8>&- &
	n=$!
	within 60 grep -q tracing "$T/err" || { cat "$T/err"; return 1; }
	echo x >&8
	exec 8>&-
	wait "$client" && wait "$n" && [ -s "$TRUTH" ] && /usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans"
}
ok "a library that was replaced after it was mapped" deleted

# musl: another C library, the same system calls.
musl() { # OPTION...
	cat >"$T/m.c" <<-'EOS'
		#include <arpa/inet.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		#include <unistd.h>
		int main(int argc, char **argv)
		{
			struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr = { htonl(INADDR_LOOPBACK) } };
			int fd = socket(AF_INET, SOCK_STREAM, 0);
			char text[4096];
			if (connect(fd, (void *)&a, sizeof(a)) < 0)
				return 1;
			dprintf(fd, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
				"Content-Length: %zu\r\n\r\n%s", strlen(argv[2]), argv[2]);
			while (read(fd, text, sizeof(text)) > 0)
				;
			return 0;
		}
	EOS
	musl-gcc -w "$@" -o "$T/m" "$T/m.c" || return 1
	mock_scenario '{}'
	traced "$HTTP" "$T/m" "${HTTP##*:}" "$BODY" && [ -s "$TRUTH" ] && /usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans"
}
ok "a static program of musl" musl -static
ok "one that musl's linker loads" musl

# In a root of its own, with musl's linker and nothing of glibc's.
musl_root() {
	mkdir -p "$T/musl/lib" "$T/musl/bin" && cp -L /lib/ld-musl-x86_64.so.1 "$T/musl/lib/" && cp "$T/m" "$T/musl/bin/m" || return 1
	mock_scenario '{}'
	traced "$HTTP" unshare -m -p -f -R "$T/musl" /bin/m "${HTTP##*:}" "$BODY" && [ -s "$TRUTH" ] && /usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans"
}
ok "a root of musl's own" musl_root

# A container of crun's, with its own root, pid, mount, ipc and uts namespace. crun wants all cgroups in one place, where older
# hosts have them in many: here they are.
cat >"$T/container" <<EOS
#!/bin/bash
mkdir -p "$T/bundle"
jq -n --arg root "$R" --args '{ociVersion: "1.0.2", root: {path: \$root}, hostname: "box",
	process: {terminal: false, cwd: "/", user: {uid: 0, gid: 0}, env: ["PATH=/bin"], args: \$ARGS.positional,
		capabilities: {}, noNewPrivileges: true},
	mounts: [{destination: "/proc", type: "proc", source: "proc"}],
	linux: {namespaces: [{type: "pid"}, {type: "mount"}, {type: "ipc"}, {type: "uts"}]}}' -- "\$@" >"$T/bundle/config.json"
[ "\$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] || mount -t cgroup2 cgroup2 /sys/fs/cgroup
exec crun --cgroup-manager=disabled --root "\${CRUN_ROOT-$T/crun}" run -b "$T/bundle" "\${BOX-sonde-box-\$\$}"
EOS
chmod 755 "$T/container"
CURL=/bin/curl CA=/ca.pem
ok "a container that crun starts" image unshare -m "$T/container"

# It has no cgroup of its own: crun's own files say which process it is.
by_name() {
	local box=sonde-name-$$ words tracer
	mock_scenario '{}'
	mapfile -t words < <(call)
	rm -f "$T/err" "$T/spans" "$T"/db*
	BOX=$box CRUN_ROOT=/run/crun unshare -m "$T/container" /bin/sh -c 'while [ ! -e /go ]; do sleep 0.1; done; "$@"' sh "${words[@]}" >"$T/out" 2>&1 &
	within 60 test -s "/run/crun/$box/status" || { cat "$T/out"; return 1; }
	SONDE_DB=$T/db timeout 60 "$SONDE" run --json -o "$T/spans" --container "$box" >"$T/said" 2>"$T/err" &
	tracer=$!
	within 60 grep -q tracing "$T/err" || { cat "$T/err"; touch "$R/go"; return 1; }
	"$SONDE" doctor --json --container "$box" >"$T/doctor"
	jq -es 'any(.target // "" | test("process"))' "$T/doctor" >/dev/null || { cat "$T/doctor"; touch "$R/go"; return 1; }
	touch "$R/go"
	wait "$tracer" || { cat "$T/err"; return 1; }
	grep -q '"mock-1' "$T/out" && [ -s "$TRUTH" ] && /usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans" || { cat "$T/out"; return 1; }
}
ok "a container by its name" by_name
finish
