#!/bin/bash
# 200 secrets in headers, URLs, bodies, argv, file names and tool results: none is kept or shown anywhere.
. "$(dirname "$0")/lib.sh"
need_root
mock_start
S=$TOP/tests/e2e/secrets.py
/usr/bin/python3 "$S" plan 20261120 >"$T/plan"

run() {
	rm -f "$T"/db*
	# shellcheck disable=SC2046 # words
	env -i $(client_env "$1") timeout 180 "$SONDE" run --db "$T/db" --content full -- /usr/bin/python3 "$S" agent "$T/plan" "$1" >"$T/out" 2>"$T/screen" </dev/null
}
# Everything that a user can get out of a store.
views() {
	"$SONDE" show --db "$T/db" last >"$T/show"
	"$SONDE" show --db "$T/db" --conversation last >"$T/conversation"
	"$SONDE" spans --db "$T/db" --json >"$T/spans.json"
	"$SONDE" runs --db "$T/db" --json >"$T/runs.json"
}
seen() { # the calls and programs that carried them were really captured
	n=$("$SONDE" query --db "$T/db" --json 'SELECT count(*) AS n FROM v_spans' | jq -r .n)
	[ "$n" -ge 180 ] || { echo "only $n spans"; return 1; }
}
for base in "$HTTPS" "$HTTP"; do
	ok "the agent ran, ${base%%:*}" run "$base"
	ok "its steps were captured" seen
	ok "the views work" views
	ok "no secret in store, WAL, screen or views" /usr/bin/python3 "$S" look "$T/plan" "$T"/db* "$T/screen" "$T/show" "$T/conversation" \
		"$T/spans.json" "$T/runs.json"
	ok "what was not secret is still there" grep -q 'please use' "$T/conversation"
done
finish
