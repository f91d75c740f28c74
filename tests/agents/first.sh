#!/bin/bash
# The first request of short programs with TLS of their own inside, which are known as soon as they start: none is missed,
# idle or under full load.
# N=1000 makes it the long one.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/e2e/first.bash"
mock_start
export GOTOOLCHAIN=local GOFLAGS=-buildvcs=false CGO_ENABLED=0

cat >"$T/ask.mjs" <<'EOS'
import process from 'node:process';
const r = await fetch(process.env.OPENAI_BASE_URL + '/chat/completions', { method: 'POST', headers: { 'Content-Type': 'application/json' },
	body: JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: 'first' }] }) });
await r.text();
EOS
ok "the Go client is built" env -C "$TOP/tests/e2e/clients/go" go build -ldflags='-s -w' -o "$T/go" ./agent

all() { # WORDS
	local bun
	for bun in 1.1 1.3 1.4; do
		ok "Bun $bun, $1: none of $N missed" none_missed "$N" "$AGENTS/node_modules/bun-$bun/bin/bun" "$T/ask.mjs"
	done
	EXTRA_ENV="DENO_CERT=$T/certs/ca.pem DENO_NO_UPDATE_CHECK=1 DENO_DIR=$T/deno" \
		ok "Deno, $1: none of $N missed" none_missed "$N" "$CLIENTS/node_modules/@deno/linux-x64-glibc/deno" run -A "$T/ask.mjs"
	ok "Go, $1: none of $N missed" none_missed "$N" "$T/go" chat json
	EXTRA_ENV="PROVIDER=ring" ok "rustls, $1: none of $N missed" none_missed "$N" "$AGENTS/rust/target/release/sonde-rust-client" agent
}
all "idle"
load_start
all "under full load"
load_stop
finish
