#!/bin/bash
# The API's data routes over stores of real runs: every answer is what openapi.json says, pages, sums, exports, and each user's
# own alone.
# shellcheck disable=SC2086 # users are numbers
. "$(dirname "$0")/lib.sh"
need_root

OWN=61000 ALICE=61001 BOB=61002
as() { # UID COMMAND...	in a process of its own
	(as_exec "$@")
}
as_exec() {
	local uid=$1
	shift
	exec setpriv --reuid "$uid" --regid "$uid" --clear-groups env -i PATH=/usr/bin:/bin HOME=/nonexistent SONDE_SOCKET="$T/run/sock" "$@"
}
record() { # UID USER TASK HOST FILE
	sed -e "s/testhost/$4/; s/\"uid\":1000,\"gid\":1000,\"user\":\"u\"/\"uid\":$1,\"gid\":$1,\"user\":\"$2\"/; s/list the files/$3/g" \
		-e "/^config/i wait $(($1 - OWN))s" -e "s/11111111-2222/$1-2222/; s/ls -l/ls -$2/g; s/You are a coding agent/You are $2's agent/; s#/proj#/srv/$2#g" "$TOP/tests/replay/agent.rec" >"$T/desc"
	/usr/bin/python3 "$TOP/tests/replay/record.py" "$T/desc" "$5"
}
mkdir -m 755 "$T/run"
mkdir -m 700 "$T/store"
chmod 755 "$T"
cp "$TOP/tests/e2e/api.py" "$T/api.py"
record $ALICE alice "alicework on the parser" host-a "$T/a"
record $BOB bob "bobwork on the parser" host-b "$T/b"
for f in a b; do "$SONDE" replay -q --db "$T/store/db" "$T/$f"; done
for f in mcp observed; do # at different times: runs are what they are by when they began
	sed "/^config/i wait ${#f}s" "$TOP/tests/replay/$f.rec" >"$T/desc0"
	/usr/bin/python3 "$TOP/tests/replay/record.py" "$T/desc0" "$T/$f"
	"$SONDE" replay -q --db "$T/store/db" "$T/$f"
done
blob() { sqlite3 "$T/store/db" "INSERT INTO blobs (id, kind, codec, size, bytes) VALUES (x'$1', 'test', 0, length(x'$2'), x'$2')"; }
PNG=000000000000000000000000000000a1 HTML=000000000000000000000000000000a2 SVG=000000000000000000000000000000a4 BYTES=000000000000000000000000000000a3
blob $PNG 89504e470d0a1a0a0000
blob $HTML "$(printf '<script>alert(1)</script>' | od -An -tx1 | tr -d ' \n')"
blob $SVG "$(printf '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>' | od -An -tx1 | tr -d ' \n')"
blob $BYTES 0001ff

# A real capture as well: a streamed answer, tools, programs.
mock_start
mock_scenario '{"tool_turns":1,"final_text":"the answer"}'
# shellcheck disable=SC2046 # words
env -i $(client_env "$HTTPS") timeout 120 "$SONDE" run -q --db "$T/store/db" -- $(client python-stdlib) --stream "list the files" >"$T/out.txt" 2>&1 </dev/null
chown -R $OWN:$OWN "$T/store" "$T/run"

as_exec $OWN "$SONDE" server --db "$T/store/db" --socket "$T/run/sock" --api 127.0.0.1:0 2>"$T/server.err" &
server=$!
pids+=("$server")
within 60 test -S "$T/run/sock"
sleep 0.2 # what was changed just now has no tag yet
api() { /usr/bin/python3 "$T/api.py" "$T/run/sock" "$@"; }
own() { as $ALICE /usr/bin/python3 "$T/api.py" "$T/run/sock" "$@"; }
ask() { curl -s --max-time 20 --unix-socket "$T/run/sock" "$@"; }
url() { echo "http://sonde/api/v1/$1"; }

captured() { ask "$(url 'runs?filter=agent:python3')" | holds '.total == 1 and .items[0].llm_calls >= 2 and .items[0].status == "completed"'; }
ok "a run that was captured is there" captured
ok "every answer is what openapi.json says" api schemas
ok "also of who sees little" own schemas own
served() { ask "$(url openapi.json)" | cmp - <(cat "$TOP/src/api/routes/openapi.json"); }
ok "openapi.json is served as it is" served
ok "pages have each row once, in every order" api pages
ok "what is asked wrongly is told so" api errors
ok "sums are those of the runs" api figures
tags() { api answers >"$T/tag"; }
ok "answers are compressed, and not sent twice" tags
changes() { # a tag holds until something is written
	local tag
	tag=$(head -1 "$T/tag")
	[ "$(ask -o /dev/null -w '%{http_code}' -H "If-None-Match: $tag" "$(url 'runs?limit=1000')")" = 304 ] || return 1
	"$SONDE" replay -q --db "$T/store/db" "$T/mcp" && sleep 0.1
	[ "$(ask -o /dev/null -w '%{http_code}' -H "If-None-Match: $tag" "$(url 'runs?limit=1000')")" = 200 ]
}
ok "until something is written" changes

# --- content ---
head_of() { ask -D - -o "$T/body" "$(url "blobs/$1")" | tr -d '\r'; }
inert() {
	head_of $1 >"$T/head"
	grep -q '^X-Content-Type-Options: nosniff$' "$T/head" && grep -q "^Content-Security-Policy: sandbox; default-src 'none'$" "$T/head"
}
png() { inert $PNG && grep -q '^Content-Type: image/png$' "$T/head" && grep -q '^Content-Disposition: inline$' "$T/head" && [ "$(stat -c %s "$T/body")" = 10 ]; }
known() { inert $PNG && grep -q "^ETag: \"$PNG\"$" "$T/head" && [ "$(ask -o /dev/null -w '%{http_code}' -H "If-None-Match: \"$PNG\"" "$(url "blobs/$PNG")")" = 304 ]; }
svg() { inert $SVG && grep -q '^Content-Type: text/plain; charset=utf-8$' "$T/head" && grep -q '^Content-Disposition: attachment' "$T/head"; }
html() { inert $HTML && grep -q '^Content-Type: text/plain; charset=utf-8$' "$T/head" && grep -q '<script>' "$T/body"; }
bytes() { inert $BYTES && grep -q '^Content-Type: application/octet-stream$' "$T/head" && grep -q '^Content-Disposition: attachment' "$T/head"; }
ok "a picture is one" png
ok "a page is text" html
ok "a drawing that can run scripts is text, and no picture" svg
ok "a picture that a client has is not sent again" known
ok "what is neither is a file" bytes

# --- the same as commands ---
filters() {
	local f
	for f in 'agent:agent' 'status:completed tokens>0' '-agent:python3' 'parser' 'user:alice,bob' 'tools>=1 errors=0' 'step:mcp' 'cost>0.0001'; do
		diff <(ask -G "$(url runs)" --data-urlencode "filter=$f" | jq -r '.items[].run_id') <("$SONDE" runs --db "$T/store/db" --filter "$f" --json | jq -r .run_id) || return 1
	done
	[ "$(ask -G "$(url runs)" --data-urlencode "filter=user:alice" | jq .total)" -ge 1 ]
}
ok "a filter means what it means to commands" filters
diffs() {
	local a b
	a=$(ask "$(url 'runs?filter=user:alice')" | jq -r '.items[0].run_id') b=$(ask "$(url 'runs?filter=user:bob')" | jq -r '.items[0].run_id')
	diff <(ask "$(url "compare?a=$a&b=$b")" | jq -r '.rows[].op' | sort | uniq -c) \
		<("$SONDE" diff --db "$T/store/db" --json "$a" "$b" | jq -r 'select(.type == "step") | .op | sub("equal"; "same") | sub("only_in"; "only")' | sort | uniq -c)
}
ok "runs are compared as sonde diff does" diffs

# --- exports ---
rows() { # CSV's rows are those of the list
	[ "$(ask "$(url 'export?format=csv')" | tail -n +2 | cut -d, -f1 | sort)" = "$(ask "$(url 'runs?limit=1000')" | jq -r '.items[].run_id' | sort)" ] &&
		[ "$(ask "$(url 'export?format=csv&rows=spans&filter=step:llm')" | tail -n +2 | cut -d, -f2 | sort)" = "$(ask "$(url 'spans?limit=1000&filter=step:llm')" | jq -r '.items[].span_id' | sort)" ]
}
ok "a table is the list under the same filter" rows
ordered() { # ROWS ID COLUMN SORT ORDER
	diff <(ask "$(url "export?format=csv&rows=$1&sort=$4&order=$5")" | tail -n +2 | cut -d, -f$3) <(ask "$(url "$1?limit=1000&sort=$4&order=$5")" | jq -r ".items[].$2") &&
		diff <(ask "$(url "export?format=ndjson&rows=$1&sort=$4&order=$5")" | jq -r ".$2") <(ask "$(url "$1?limit=1000&sort=$4&order=$5")" | jq -r ".items[].$2")
}
orders() {
	local sort order
	for order in asc desc; do
		for sort in start duration cost tokens steps errors; do ordered runs run_id 1 $sort $order || return 1; done
		for sort in start duration cost tokens errors; do ordered spans span_id 2 $sort $order || return 1; done
	done
	[ "$("$SONDE" export --db "$T/store/db" -f csv --sort tokens --limit 2 | tail -n +2 | cut -d, -f1)" = "$(ask "$(url 'runs?sort=tokens&limit=2')" | jq -r '.items[].run_id')" ]
}
ok "a file is in the order of the list" orders
lines() {
	ask "$(url 'export?format=ndjson&rows=runs')" | holds '.type == "run"' && ask "$(url 'export?format=ndjson&rows=spans')" | holds '.span_id and (.attributes | has("gen_ai.input.messages") | not)' &&
		ask "$(url 'export?format=ndjson&rows=spans&content=1&filter=step:llm')" | grep -q '"gen_ai.input.messages"'
}
ok "lines are runs or spans, with what was said where that is asked for" lines
formula() { # a cell that a spreadsheet would run
	sed -e 's/alicework on the parser/=HYPERLINK(1)/g' "$T/desc" | sed -e 's/bobwork on the parser/=HYPERLINK(1)/g; s/61002-2222/61003-2222/' -e '0,/^wait/s/^wait .*/wait 9s/' >"$T/desc2"
	/usr/bin/python3 "$TOP/tests/replay/record.py" "$T/desc2" "$T/c" && "$SONDE" replay -q --db "$T/formula" "$T/c" && "$SONDE" runs --json --db "$T/formula" | holds '.task == "=HYPERLINK(1)"' || return 1
	cp "$T/formula" "$T/run/formula" && chown $OWN "$T/run/formula"
	as_exec $OWN "$SONDE" server --db "$T/run/formula" --socket "$T/run/sock2" &
	local pid=$! rc=1
	within 60 test -S "$T/run/sock2" && curl -s --unix-socket "$T/run/sock2" "$(url 'export?format=csv')" | grep -q ",'=HYPERLINK(1)," && rc=0
	kill $pid
	wait $pid
	return $rc
}
formula >"$T/formula.out" 2>&1
formula_rc=$?
ok "a cell is not run by spreadsheets" test $formula_rc = 0
file() {
	ask -D "$T/head" -o "$T/page" "$(url "export?format=html&run=last")" && grep -qi '^content-disposition: attachment; filename="sonde.html"' "$T/head" && grep -q '<!doctype html>' "$T/page"
}
ok "a page of a run is a file" file
children() { [ -z "$(pgrep -P "$server")" ]; }
ends() {
	"$SONDE" store check --db "$T/store/db" >/dev/null 2>&1
	curl -s --max-time 1 --limit-rate 1000 --unix-socket "$T/run/sock" "$(url 'export?format=ndjson&rows=spans&content=1')" >/dev/null
	within 10 children
}
ok "an export ends with who asked for it" ends

# --- another's ---
ask "$(url 'runs?filter=user:bob')" | jq -r '.items[] | .run_id, .session_id // empty' >"$T/theirs"
sqlite3 "$T/store/db" "SELECT lower(hex(system_blob)) FROM spans JOIN runs ON runs.id = spans.run WHERE runs.uid = $BOB AND system_blob IS NOT NULL LIMIT 1;
	SELECT lower(hex(output_node)) FROM spans JOIN runs ON runs.id = spans.run WHERE runs.uid = $BOB AND output_node IS NOT NULL LIMIT 1" >>"$T/theirs"
printf '%s\n' bobwork host-b /srv/bob >>"$T/theirs"
chmod 644 "$T/theirs"
there() { [ "$(grep -cE '^[0-9a-f]{32}$' "$T/theirs")" -ge 3 ] && ask "$(url "runs/$(head -1 "$T/theirs")")" | holds '.user == "bob"'; }
ok "who sees all sees another's" there
ok "a user sees nothing of another's, by list, word, id or hash" own hidden "$T/theirs"
me() { as $ALICE curl -s --unix-socket "$T/run/sock" "$(url me)" | holds '.uid == 61001 and .sees == "own" and .rights == ["read", "content", "export", "write"]'; }
ok "and is told who that is" me
whole() { as $ALICE curl -s --unix-socket "$T/run/sock" "$(url health)" | holds 'has("store") or has("retention") or (.sinks | length > 0) | not' && ask "$(url health)" | holds '.store.runs >= 4 and .retention.runs == "30d"'; }
ok "and nothing of the whole" whole

# --- without the right to what was said ---
"$SONDE" token add reader --db "$T/store/db" >"$T/token" 2>"$T/token.err"
OPEN=$(SONDE_SOCKET="$T/run/sock" "$SONDE" open)
bearer() { curl -s --max-time 20 -H "Authorization: Bearer $(cat "$T/token")" "${OPEN%%/open*}/api/v1/$1"; }
unsaid() {
	local run path spans
	bearer me | holds '.rights == ["read"] and .token == "reader"' || return 1
	for run in $(bearer runs | jq -r '.items[].run_id'); do
		bearer "runs/$run/steps" | holds '.steps | length > 0 and all(.[]; .kind != "reasoning" and .kind != "message" and (.kind != "tool" or (has("detail") | not)))' || return 1
		bearer "runs/$run/conversation" | holds '.error.code == 403' || return 1
		spans=$(bearer "runs/$run/spans?filter=step:llm" | jq -r '.items[].span_id')
		for path in $spans; do bearer "runs/$run/spans/$path" | holds '.attributes | has("gen_ai.input.messages") or has("gen_ai.output.messages") or has("sonde.http.raw") | not' || return 1; done
	done
	[ -n "$spans" ] && bearer sessions | holds '.items | length > 0 and all(.[]; has("latest") | not)' || return 1
	for path in "compare?a=last&b=last" "messages/$PNG" "blobs/$PNG" "export?format=csv"; do bearer "$path" | holds '.error.code == 403' || return 1; done
}
ok "what was said needs a right of its own" unsaid
alive() { kill -0 "$server" && [ ! -s "$T/server.err" ]; }
ok "the server has said nothing and lives" alive
finish
