#!/bin/bash
# Libraries and add-ons with TLS inside that a program loads while it runs, from places that nothing names.
# shellcheck disable=SC2015 # "a && b || fail" is meant
. "$(dirname "$0")/lib.sh"
need_root
"$TOP/tests/e2e/clients/install.sh" "$CLIENTS" || exit 1
mock_start
SONDE_CACHE=$T/cache
EXTRA_ENV=SONDE_CACHE=$SONDE_CACHE
BODY='{"model":"gpt-4o","messages":[{"role":"user","content":"who calls?"}]}'
CA=$T/certs/ca.pem

# build NAME OPTION...	the library as a file that nobody has seen before
build() {
	local out=$T/$1
	shift
	mkdir -p "$(dirname "$out")"
	gcc -shared -fPIC -O2 -D_GNU_SOURCE -s -o "$out" "$TOP/tests/e2e/clients/late.c" "$@"
}
STATIC=("-Wl,--exclude-libs,ALL" -l:libssl.a -l:libcrypto.a)

# Sets words, a command: two calls over one connection, the first right after the load, the second a second later.
python() { # LIBRARY
	words=(/usr/bin/python3 -c '
import ctypes, sys, time
lib = ctypes.CDLL(sys.argv[1])
words = [w.encode() for w in sys.argv[2:]]
for pause in 1, 0:
    assert lib.late_ask(*words) == 200
    time.sleep(pause)' "$1" "${HTTPS##*:}" "$CA" "$BODY")
}
node() { # ADDON
	words=("$NODE" -e '
const [path, ...words] = process.argv.slice(1);
const { ask } = require(path);
const call = () => { if (ask(...words) !== 200) process.exit(1); };
call();
setTimeout(call, 1000);' "$1" "${HTTPS##*:}" "$CA" "$BODY")
}

calls() { # N	the server has logged them: that comes after its answer
	[ "$(grep -c '"call": true' "$TRUTH")" = "$1" ]
}

# run COMMAND...	leaves what is to be seen in $TRUTH
run() {
	mock_scenario '{}'
	traced "$HTTPS" "$@" || return 1
	within 60 calls 2 || { echo "no two calls"; return 1; }
}

all_seen() {
	/usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans"
}

# The first call is whole, or the run says since when something is read; the second one is whole.
told_or_whole() {
	"$@"
	run "${words[@]}" || return 1
	all_seen >"$T/why" && return 0
	jq -es 'any(.type == "run" and (.notes | tostring | test("late attach: [0-9]+ ms")))' "$T/spans" >/dev/null ||
		{ echo "missed without a word"; cat "$T/why" "$T/spans"; return 1; }
	tail -n 1 "$TRUTH" >"$T/last"
	jq -c --slurpfile last "$T/last" 'select(.attributes."gen_ai.operation.name" != "chat" or .attributes."gen_ai.response.id" == $last[0].id)' \
		"$T/spans" >"$T/second"
	/usr/bin/python3 "$TOP/tests/e2e/verify.py" "$T/last" "$T/second" || { cat "$T/spans"; return 1; }
}

whole() {
	"$@"
	run "${words[@]}" && all_seen && ! noted "late attach"
}

# late NAME PROGRAM LIBRARY
late() {
	ok "$1, a file that nobody knows: whole or told" told_or_whole "$2" "$3"
	ok "$1, once more: its probes are on before it is loaded" whole "$2" "$3"
}

ok "a library with OpenSSL inside is built" build static.so "${STATIC[@]}"
ok "an add-on with OpenSSL inside" build static.node -DADDON "${STATIC[@]}"
cp -L /lib/*-linux-gnu/libssl.so.3 "$T/libssl.so.3"
# shellcheck disable=SC2016 # for the dynamic linker
OWN=('-Wl,-rpath,$ORIGIN' "$T/libssl.so.3" -lcrypto)
ok "a library with a libssl of its own" build own.so "${OWN[@]}"
ok "an add-on with a libssl of its own" build own.node -DADDON "${OWN[@]}"
late "python, OpenSSL inside the library" python "$T/static.so"
late "node, OpenSSL inside the add-on" node "$T/static.node"
late "python, a libssl of its own" python "$T/own.so"
late "node, a libssl of its own" node "$T/own.node"

# Agents that are installed while sonde runs have their probes by the time that they are started.
ok "an agent is built" gcc -O2 -D_GNU_SOURCE -s -o "$T/agent" -DPROGRAM "$TOP/tests/e2e/clients/late.c" "${STATIC[@]}"
# known FILE	waits until it has been looked at as it is now: then its probes go on at once
cat >"$T/known" <<'EOS'
#!/bin/bash
entry=$SONDE_CACHE/$(printf '%x-%x' $(stat -c '%d %i' "$1"))
for _ in $(seq 600); do
	[ ! "$entry" -nt "$1" ] || break
	sleep 0.1
done
sleep 0.5
EOS
chmod 755 "$T/known"
installed() { # SCRIPT	installs ~/agent and starts it with its arguments
	rm -rf "$T/.opencode" "$T/.local" "$T/.npm"
	mkdir -p "$T/.local/bin"
	mock_scenario '{}'
	traced "$HTTPS" sh -c "$1" sh "${HTTPS##*:}" "$CA" "$BODY" || return 1
	within 60 calls 1 || { echo "no call"; cat "$T/err"; return 1; }
	all_seen && ! noted "late attach"
}
# shellcheck disable=SC2016 # for the inner shell
{
	ok "an agent that is installed meanwhile, its folder too" \
		installed 'mkdir -p ~/.opencode/bin; cp ~/agent ~/.opencode/bin/opencode; ~/known ~/.opencode/bin/opencode; ~/.opencode/bin/opencode "$@"'
	ok "one that is written slowly" installed 'to=~/.local/bin/goose; head -c 500000 ~/agent >$to; chmod 755 $to; sleep 2
		tail -c +500001 ~/agent >>$to; ~/known $to; $to "$@"'
	# At the first one's addresses something else stands. The second call may be missed, and is told then; the third is not.
	rewritten() {
		echo 'int pad(int a); int pad(int a) { volatile int x = a; for (int i = 0; i < 9; i++) x = x * 7 + i; return x; }' >"$T/pad.c"
		gcc -O2 -D_GNU_SOURCE -s -o "$T/other" -DPROGRAM "$T/pad.c" "$TOP/tests/e2e/clients/late.c" "${STATIC[@]}" && cp "$T/agent" "$T/own" || return 1
		mock_scenario '{}'
		traced "$HTTPS" sh -c '"$0" "$@" && cat ~/other >"$0" && "$0" "$@" && sleep 0.5 && "$0" "$@"' "$T/own" "${HTTPS##*:}" "$CA" "$BODY" || return 1
		within 60 calls 3 || { echo "no three calls"; cat "$T/err"; return 1; }
		all_seen >"$T/why" && return 0
		noted "late attach|nothing of it was read" || { echo "missed without a word"; cat "$T/why"; return 1; }
		sed -i 2d "$TRUTH"
		all_seen || { cat "$T/spans"; return 1; }
	}
	ok "a program that is built anew in its place" rewritten
	ok "one that npx fetches" installed 'm=~/.npm/_npx/1/node_modules; mkdir -p $m/pi $m/.bin; sleep 1.5; cp ~/agent $m/pi/pi
		ln -s ../pi/pi $m/.bin/pi; ~/known $m/pi/pi; $m/.bin/pi "$@"'
}
finish
