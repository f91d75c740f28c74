#!/bin/bash
# TLS libraries other than OpenSSL: bytes of every size, and real clients of Debian.
# long: it begins before those that are over soon.
. "$(dirname "$0")/lib.sh"
need_root
BIN=$TOP/build/tests/e2e
CAPTURE=$BIN/capture
[ -x "$CAPTURE" ] || skip_all "make e2e builds what this needs"
"$TOP/tests/e2e/clients/install.sh" "$CLIENTS" || exit 1
mock_start

sizes=(1)
for s in 4096 16384 65536 524288 1048576; do
	sizes+=($((s - 1)) "$s" $((s + 1)))
done
sizes+=(16777216)

# whole DIR STREAMS	that many streams, each exactly what was sent
whole() {
	local f n=0
	! grep '^COVER' "$T/out" | grep -v 'gap=0 holes=0 overlaps=0' || return 1
	for f in "$1"/*; do
		"$BIN/traffic" bytes "$(stat -c %s "$f")" | cmp - "$f" || return 1
		n=$((n + 1))
	done
	[ "$n" = "$2" ] || { echo "$n streams, not $2"; return 1; }
	[ "$(sed -n 's/^TOTAL.* data_out=\([0-9]*\) .*/\1/p' "$T/out")" = "$3" ] || { grep '^TOTAL' "$T/out"; return 1; }
}

sum() {
	local s n=0
	for s in "${sizes[@]}"; do
		n=$((n + s))
	done
	echo "$n"
}

# Both ends are traced; four ways to send and receive.
gnutls_bytes() {
	mkdir "$T/gnutls"
	"$CAPTURE" -q -b 268435456 -d "$T/gnutls" -- "$BIN/traffic_gnutls" "${sizes[@]}" >"$T/out" || return 1
	whole "$T/gnutls" $((${#sizes[@]} * 16)) $(($(sum) * 8))
}

# The client is traced; three ways.
nss_bytes() {
	local port
	/usr/bin/python3 "$TOP/tests/e2e/echo.py" "$T/certs" 3 "${sizes[@]}" >"$T/port" &
	pids+=($!)
	within 60 test -s "$T/port" || return 1
	port=$(cat "$T/port")
	mkdir "$T/nss"
	"$CAPTURE" -q -b 268435456 -d "$T/nss" -- "$BIN/traffic_nss" "$port" "${sizes[@]}" >"$T/out" || return 1
	whole "$T/nss" $((${#sizes[@]} * 6)) $(($(sum) * 3))
}

# Objects are freed and used again at the same address.
gnutls_cycles() {
	mkdir "$T/gnutls_cycles"
	"$CAPTURE" -q -d "$T/gnutls_cycles" -- "$BIN/traffic_gnutls" cycles 1000 >"$T/out" && numbered "$T/gnutls_cycles" 1000 4
}
nss_cycles() {
	/usr/bin/python3 "$TOP/tests/e2e/echo.py" "$T/certs" 1000 18 >"$T/cycles_port" &
	pids+=($!)
	within 60 test -s "$T/cycles_port" || return 1
	mkdir "$T/nss_cycles"
	"$CAPTURE" -q -d "$T/nss_cycles" -- "$BIN/traffic_nss" "$(cat "$T/cycles_port")" cycles 1000 >"$T/out" && numbered "$T/nss_cycles" 1000 2
}

# agent FETCH [HOW]	an agent in shell that calls the model by that program
agent() {
	mock_scenario '{}'
	EXTRA_ENV="FETCH=$1 HOW=${2-} PYTHON=$PYTHON VIRTUAL_ENV=$CLIENTS/venv" traced "$HTTPS" bash "$TOP/tests/e2e/clients/curl_agent.sh" &&
		/usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans" && grep -q 'hello-from-tool' "$T/out"
}

ok "GnuTLS: calls of every size arrive byte for byte, corked and continued ones too" gnutls_bytes
gnutls_rare() { # WAY STREAMS TIMES
	mkdir "$T/gnutls_$1"
	"$CAPTURE" -q -b 268435456 -d "$T/gnutls_$1" -- "$BIN/traffic_gnutls" "$1" 1 4097 65536 1048576 >"$T/out" &&
		whole "$T/gnutls_$1" "$2" $(($3 * (1 + 4097 + 65536 + 1048576)))
}
ok "GnuTLS: what is sent from a file" gnutls_rare file 16 2
ok "GnuTLS: early data" gnutls_rare early 32 4
packets() {
	"$CAPTURE" -q -- "$BIN/traffic_gnutls" packet 4097 65536 >"$T/out" || return 1
	# The way there and back, of both ends.
	[ "$(grep -c '^COVER.* dir=in end=\(4097 data=0 gap=4097\|65536 data=0 gap=65536\) holes=0 overlaps=0' "$T/out")" = 4 ] || { cat "$T/out"; return 1; }
}
ok "GnuTLS: packets, which cannot be read, are gaps of their length" packets

openssl_early() {
	mkdir "$T/early"
	"$CAPTURE" -q -d "$T/early" -- "$BIN/ways" early 1 4097 65536 1048576 >"$T/out" &&
		whole "$T/early" 32 $((4 * (1 + 4097 + 65536 + 1048576)))
}
ok "OpenSSL: early data" openssl_early
ok "NSS: calls of every size arrive byte for byte, vectors too; what is peeked at counts once" nss_bytes
ok "GnuTLS: 1000 connections one after the other are not mixed up" gnutls_cycles
ok "NSS: likewise" nss_cycles
ok "node, OpenSSL inside: what is sent and received arrives byte for byte, 1 B to 16 MiB" echo_sizes "$NODE"
ok "node: 300 connections one after the other are not mixed up" connections "$NODE"
ok "wget (GnuTLS): every call equals the server's log" agent wget
ok "tstclnt (NSS): every call equals the server's log" agent tstclnt

# OpenSSL as wheels bring it: 3.6 in a library, 4.0 inside an extension, 1.1.1.
ok "pycurl: every call equals the server's log" agent by_python pycurl
ok "pyOpenSSL, memory only: every call equals the server's log" agent by_python pyopenssl-memory
old=$(find "$CLIENTS/venv" -name 'libssl-*.so.1.1*' -print -quit)
ok "OpenSSL 1.1.1: every call equals the server's log" agent by_python "$old"
finish
