#!/bin/bash
# Go's crypto/tls in programs that are built here, stripped or not: every call equals the server's log, every byte its hash.
# Other versions of Go, position-independent programs and cgo: tests/agents/go.sh.
# long: it begins before those that are over soon.
. "$(dirname "$0")/lib.sh"
need_root
command -v go >/dev/null || skip_all "no Go"
GO=$TOP/build/clients-go
CAPTURE=$TOP/build/tests/e2e/capture
export GOTOOLCHAIN=local GOFLAGS=-buildvcs=false CGO_ENABLED=0
mkdir -p "$GO"

build() { # NAME PACKAGE OPTION...
	local name=$1 package=$2
	shift 2
	(cd "$TOP/tests/e2e/clients/go" && go build -o "$GO/$name" "$@" "./$package")
}
ok "they are built" build agent agent
ok "stripped" build agent-stripped agent -ldflags='-s -w'
ok "stripped, for bytes" build bytes bytes -ldflags='-s -w'
ok "without optimisation" build bytes-debug bytes -gcflags='crypto/tls=-N -l'

# Where the points are, held against the symbols that one of them has kept.
points() {
	"$SONDE" doctor --json --quick "$GO/agent" | jq -r 'select(.library == "go") | .points[] | [.function, .offset, .cost] | @tsv' >"$T/points"
	go tool nm -n -size "$GO/agent" >"$T/symbols"
	readelf -lW "$GO/agent" >"$T/segments"
	/usr/bin/python3 - "$T" <<'PY'
import sys
t = sys.argv[1]
segments = [[int(w, 16) for w in l.split()[1:5]] for l in open(t + "/segments") if l.split()[:1] == ["LOAD"]]
symbols = {}
for line in open(t + "/symbols"):
    words = line.split()
    if len(words) == 4:
        symbols[words[3]] = (int(words[0], 16), int(words[1]))
seen = set()
for line in open(t + "/points"):
    name, offset, cost = line.rstrip("\n").split("\t")
    at = next(s[1] + int(offset) - s[0] for s in segments if s[0] <= int(offset) < s[0] + s[3])
    start, size = symbols[name]
    assert start <= at < start + size, (name, hex(at), hex(start))
    assert cost == "cheap", line
    seen.add(name.split(".")[-1])
assert seen >= {"Write", "Read", "Close", "clientHandshake-fm"}, seen
PY
}
ok "every point is in its function, and cheap" points
# The linker drops what is never called.
never_closes() {
	go build -o "$T/never-closes" "$TOP/tests/bench/exchange.go" || return 1
	go tool nm "$T/never-closes" | grep -q 'tls.(\*Conn).Close$' && { echo "it has Close"; return 1; }
	"$SONDE" doctor --json --quick "$T/never-closes" | jq -es 'any(.library == "go" and .capturable)' >/dev/null
}
ok "a program that never closes a connection" never_closes

run() { # PROGRAM MODE SCENARIO
	mock_scenario "$3"
	traced "$HTTPS" "$GO/$1" messages "$2" && /usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans" &&
		grep -q 'hello-from-tool' "$T/out"
}
mock_start
ok "json" run agent json '{}'
ok "streamed, stripped" run agent-stripped stream '{"tool_turns":3}'
ok "streamed, in fragments" run agent stream '{"compress":"gzip","fragment":7}'
ok "no connection is kept" run agent-stripped stream '{"close":true,"tool_turns":2}'

# One client for all: answers come to other threads than those that have asked.
parallel() {
	mock_scenario '{"command":"echo hello-from-tool {call}","latency_ms":1}'
	EXTRA_ENV=AGENT_PARALLEL=25 traced "$HTTPS" "$GO/agent-stripped" messages stream || return 1
	jq -r 'select(.call) | .id' "$TRUTH" | sort >"$T/want"
	jq -r 'select(.attributes["sonde.step.kind"] == "llm") | .attributes["gen_ai.response.id"]' "$T/spans" | sort -u >"$T/got"
	[ "$(wc -l <"$T/want")" = 50 ] && diff "$T/want" "$T/got"
}
ok "25 conversations at once" parallel

# The peer's address comes from the goroutine's system calls; nothing is left that could not be read.
linked() {
	"$SONDE" spans --db "$T/db" --json >"$T/stored" || return 1
	jq -es '[.[] | select(.attributes["sonde.step.kind"] == "llm") | .attributes["network.peer.address"]] | length > 0 and all(. == "127.0.0.1")' "$T/stored"
}
ok "the socket below is known" linked

# bytes PROGRAM ARGUMENT...	what was captured is, direction by direction, what the program says it moved
bytes() {
	rm -rf "$T/d"
	mkdir "$T/d"
	timeout 100 "$CAPTURE" -q -b $((256 << 20)) -d "$T/d" -- "$GO/$1" "${@:2}" >"$T/said" 2>&1 || { cat "$T/said"; return 1; }
	grep '^LOSS 0 0 0 0 0 0 0 0 ' "$T/said" || { grep '^LOSS' "$T/said"; return 1; }
	grep -E '^[0-9a-f]{64} ' "$T/said" | cut -d' ' -f1 | sort >"$T/want"
	find "$T/d" -type f -exec sha256sum {} + | cut -d' ' -f1 | sort >"$T/got"
	[ -s "$T/want" ] && diff "$T/want" "$T/got"
}
edges="1 2 4095 4096 4097 16383 16384 16385 65535 65536 65537 524288 1048575 1048576 1048577 16777216"
# shellcheck disable=SC2086 # a list of words
ok "1 B to 16 MiB" bytes bytes sizes $edges
ok "24 goroutines, 40 MB" bytes bytes goroutines 24 900000
ok "300 connections that nobody closes" bytes bytes dropped 300
ok "TLS inside TLS" bytes bytes nested 100000
ok "buffers on stacks that move" bytes bytes stack 200
ok "without optimisation" bytes bytes-debug sizes 1 16384 100000
ok "without optimisation: buffers on stacks that move" bytes bytes-debug stack 100
BYTES_TLS10=1 ok "TLS 1.0, which splits what is written" bytes bytes sizes 1 2 100 20000

# Both sides of three connections; the client has read to the end.
ends() {
	timeout 60 "$CAPTURE" -- "$GO/$1" sizes 1 100 20000 | grep -cE ' dir=in .* eof$' | grep -x 3
}
ok "the end of the stream is told" ends bytes
ok "without optimisation likewise" ends bytes-debug

# It says no hashes, but both sides were seen: what one has received is what the other has sent, but for the last frames (windows,
# goodbyes), which nobody may read any more.
h2() {
	bytes agent-stripped h2 3000000 >/dev/null
	/usr/bin/python3 - "$T/d" <<'PY'
import glob, sys
read = lambda end: [open(f, "rb").read() for f in glob.glob(sys.argv[1] + "/*." + end)]
got, sent = read("in"), read("out")
assert len(got) == len(sent) == 2, (len(got), len(sent))
for g in got:
    assert any(s.startswith(g) and len(s) - len(g) < 256 for s in sent), (len(g), [len(s) for s in sent])
assert max(map(len, got)) > 3000000
assert any(s.startswith(b"PRI * HTTP/2.0") for s in sent)
PY
}
ok "HTTP/2" h2
finish
