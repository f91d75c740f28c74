#!/bin/bash
# The first request of short programs: of what is known beforehand none is missed, idle or under full load. A file that is
# met for the first time may be missed: how often and how late is said, here and on the run.
# N=1000 makes it the long one.
# shellcheck disable=SC2015 # a failed test shows why
. "$(dirname "$0")/lib.sh"
need_root
. "$TOP/tests/e2e/first.bash"
mock_start
[ -x "$NODE" ] || NODE=$(command -v node)
BODY='{"model":"gpt-4o","messages":[{"role":"user","content":"first"}]}'
cp "$T/certs/ca.pem" "$T/ca.pem"

cat >"$T/ask.py" <<'EOS'
import ssl, sys, urllib.request
r = urllib.request.Request(sys.argv[1] + "/v1/chat/completions", sys.argv[2].encode(), {"Content-Type": "application/json"})
urllib.request.urlopen(r, context=ssl.create_default_context(cafile=sys.argv[3])).read()
EOS
cat >"$T/ask.mjs" <<'EOS'
import https from 'node:https';
import fs from 'node:fs';
const [base, body, ca] = process.argv.slice(2);
https.request(base + '/v1/chat/completions', { method: 'POST', ca: fs.readFileSync(ca), agent: false,
	headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) } }, (r) => r.resume()).end(body);
EOS
cat >"$T/ask.sh" <<'EOS'
exec "${CURL-curl}" -s -o /dev/null --cacert "$3" -H 'Content-Type: application/json' -d "$2" "$1/v1/chat/completions"
EOS

asks() { # COMMAND...
	none_missed "$N" "$@" "$HTTPS" "$BODY" "$T/ca.pem"
}

all() { # WORDS
	ok "curl, $1: none of $N missed" asks sh "$T/ask.sh"
	ok "python, $1: none of $N missed" asks /usr/bin/python3 "$T/ask.py"
	ok "node, $1: none of $N missed" asks "$NODE" "$T/ask.mjs"
}
all "idle"
load_start
all "under full load"

# Files that nothing could know of: each start has a library of its own, found only when it is mapped.
met_first() {
	local n=$1 i
	mkdir -p "$T/unknown"
	for i in $(seq "$n"); do
		mkdir "$T/unknown/$2$i"
		cp -L /lib/*-linux-gnu/libssl.so.3 "$T/unknown/$2$i/"
	done
	mock_scenario '{}'
	# The loop is in the script: nothing tells of the folders beforehand.
	# shellcheck disable=SC2016 # for the inner shell
	echo 'for d in "$0"*; do LD_LIBRARY_PATH=$d sh "$@" || exit; done' >"$T/many"
	traced "$HTTPS" bash -c "$(printf '. %q' "$T/many")" "$T/unknown/$2" "$T/ask.sh" "$HTTPS" "$BODY" "$T/ca.pem" || return 1
	[ "$(grep -c . "$TRUTH")" = "$n" ] || return 1
	late=$(jq -es '[.[] | select(.type == "run")] | last | .notes | map(select(test("^late attach"))) | map(capture("late attach: (?<ms>[0-9]+)").ms | tonumber) |
		if length == 0 then "none late" else "\(length) late by \(min) to \(max) ms" end' "$T/spans")
	echo "# met for the first time, $2: $(seen) of $n seen; $late" >&3
	# What was missed is told: by the note of the library, or of the connection that nothing could read.
	[ "$(seen)" = "$n" ] || jq -es 'any(.type == "run" and (.notes | tostring | test("late attach|could read")))' "$T/spans" >/dev/null
}
exec 3>&1
ok "unknown files under full load: what is missed is said" met_first 6 loaded
load_stop
ok "unknown files, idle: what is missed is said" met_first 6 idle
finish
