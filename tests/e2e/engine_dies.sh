#!/bin/bash
# A daemon's engine dies while connections are open, with every kind of TLS inside: the next engine is told of them, so calls
# have addresses, and the two directions of rustls' are one connection.
# shellcheck disable=SC2034,SC2015,SC2119 # others read what is set; a failed test shows why
. "$(dirname "$0")/lib.sh"
need_root
"$TOP/tests/e2e/clients/install.sh" "$CLIENTS" || exit 1
. "$TOP/tests/e2e/steps.bash"
. "$TOP/tests/e2e/daemon.bash"
mock_start
CA=$T/certs/ca.pem
GO=$TOP/build/clients-go
export SSL_CERT_FILE=$CA NODE_EXTRA_CA_CERTS=$CA DENO_CERT=$CA DENO_DIR=$T/deno DENO_NO_UPDATE_CHECK=1
mock_scenario '{}'

calls() { "$SONDE" spans --json --db "$STORE" | jq -c 'select(.attributes."gen_ai.operation.name" == "chat")'; }
n_calls() { [ "$(calls | jq -c 'select(.attributes."gen_ai.usage.output_tokens")' | wc -l)" = "$1" ]; } # that have ended
other_engine() { [ -n "$(child_of engine)" ] && [ "$(child_of engine)" != "$1" ]; }

# survives COMMAND...	one call, an engine's death, two calls over the same connection
survives() {
	local engine
	rm -rf "$(dirname "$STORE")"
	client_start "$@" && daemon_start --pid "$client" || return 1
	ask 1 && until_ok n_calls 1 || return 1
	engine=$(child_of engine)
	kill -KILL "$engine"
	until_ok other_engine "$engine" || return 1
	sleep 1.5 # until it reads
	ask 2 && ask 3 && until_ok n_calls 3 || { calls; return 1; }
	calls | jq -s 'map({ p: .attributes."network.peer.address", n: .attributes."network.peer.port", s: .status.code, lost: .lost_bytes })' |
		holds 'length == 3 and all(.[]; .p == "127.0.0.1" and .s != "ERROR" and (.lost // 0) == 0) and (map(.n) | unique | length) == 1' || return 1
	exec 8>&-
	wait "$client" || { echo "the client was harmed: $?"; return 1; }
	daemon_stop
}
configure
step "Python (OpenSSL), whole calls with their address before and after" survives /usr/bin/python3 "$TOP/tests/e2e/clients/steps.py" "$HTTPS" "$CA"
step "Python without TLS" survives /usr/bin/python3 "$TOP/tests/e2e/clients/steps.py" "$HTTP" "$CA"
step "Node" survives "$NODE" "$CLIENTS/steps.mjs" "$HTTPS"
step "Deno (rustls)" survives "$CLIENTS/node_modules/@deno/linux-x64-glibc/deno" run -A "$CLIENTS/steps.mjs" "$HTTPS"
if command -v go >/dev/null; then
	mkdir -p "$GO"
	(cd "$TOP/tests/e2e/clients/go" && GOTOOLCHAIN=local GOFLAGS=-buildvcs=false CGO_ENABLED=0 go build -ldflags='-s -w' -o "$GO/steps-dies" ./steps)
	step "Go" survives "$GO/steps-dies" "$HTTPS"
fi
finish
