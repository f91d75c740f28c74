#!/bin/bash
# Programs that run already, with every kind of TLS inside: their open connections are read from the next request on.
. "$(dirname "$0")/lib.sh"
need_root
"$TOP/tests/e2e/clients/install.sh" "$CLIENTS" || exit 1
. "$TOP/tests/e2e/steps.bash"
mock_start
BUN=$CLIENTS/node_modules/@oven/bun-linux-x64/bin/bun
DENO=$CLIENTS/node_modules/@deno/linux-x64-glibc/deno
GO=$TOP/build/clients-go
CA=$T/certs/ca.pem
export SSL_CERT_FILE=$CA NODE_EXTRA_CA_CERTS=$CA DENO_CERT=$CA DENO_DIR=$T/deno DENO_NO_UPDATE_CHECK=1

# each NAME COMMAND...
each() {
	local name=$1
	shift
	ok "$name: an open connection" open_connection "$@"
	ok "$name: in the midst of a streamed answer" midway "$@"
	ok "$name: five open connections, calls at once" many "$@"
}

each Node "$NODE" "$CLIENTS/steps.mjs" "$HTTPS"
each "bun run" "$BUN" run "$CLIENTS/steps.mjs" "$HTTPS"
compiled() {
	(cd "$CLIENTS" && "$BUN" build --compile --outfile "$T/steps" steps.mjs)
}
ok "a program is compiled with Bun" compiled
each "a program compiled with Bun" "$T/steps" "$HTTPS"
each "Deno (rustls)" "$DENO" run -A "$CLIENTS/steps.mjs" "$HTTPS"
if command -v go >/dev/null; then
	build() {
		mkdir -p "$GO"
		(cd "$TOP/tests/e2e/clients/go" && GOTOOLCHAIN=local GOFLAGS=-buildvcs=false CGO_ENABLED=0 go build -ldflags='-s -w' -o "$GO/steps" ./steps)
	}
	ok "a Go program is built" build
	each "Go" "$GO/steps" "$HTTPS"
fi
finish
