#!/bin/bash
# The commands around the store: query, store, prices; several writers; versions; a store that cannot be written.
# shellcheck source=tests/replay/common.bash
. "$(dirname "$0")/common.bash"
unset SONDE_DB SONDE_PRICES
export HOME=$T XDG_CONFIG_HOME=$T/config

make_record agent.rec "$T/agent"
replay "$T/db" "$T/agent"
q() { "$SONDE" query --db "$T/db" "$@"; }

# --- query ---

query_json() {
	[ "$(q --json "SELECT count(*) AS n, 'x' AS t, NULL AS z, 1.5 AS f FROM v_runs")" = \
		'{"n":1,"t":"x","z":null,"f":1.5}' ]
}
ok "query prints JSON with the types of SQL" query_json
query_csv() {
	[ "$(q --csv "SELECT 'a,b' AS x, 'say \"y\"' AS y" | tr -d '\r')" = $'x,y\n"a,b","say ""y"""' ]
}
ok "query quotes CSV" query_csv
views() {
	[ "$(q | grep -c '^v_')" = 7 ] && q | grep -q cost_usd
}
ok "query without SQL lists the views" views
all_views() {
	local v
	for v in $(q | grep '^v_'); do
		q --json "SELECT * FROM $v" >"$T/view" || return 1
		[ -s "$T/view" ] || { echo "$v is empty"; return 1; }
	done
}
ok "every view has rows" all_views
sums() {
	[ "$(q --json 'SELECT sum(cost_usd) AS c, sum(input_tokens) AS i FROM v_calls')" = \
		"$(q --json 'SELECT sum(cost_usd) AS c, sum(input_tokens) AS i FROM v_minutes')" ]
}
ok "sums per minute are those of the calls" sums
words() {
	[ "$(q --json "SELECT result FROM v_tools WHERE result IS NOT NULL LIMIT 1" | jq -r .result | wc -c)" -gt 1 ]
}
ok "content can be asked for" words
ok "tables are refused" says 1 'only SELECT from the views' q 'SELECT * FROM spans'
ok "writing is refused" says 1 'cannot modify v_runs' q 'DELETE FROM v_runs'
ok "bad SQL is explained" says 1 'no such column: weight' q 'SELECT weight FROM v_runs'
ok "a query ends in time" says 1 'ended after 1 s' q --timeout 1 \
	'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c'
ok "a full disk under the output is said" says 1 'cannot write the output' sh -c "'$SONDE' query --db '$T/db' 'SELECT 1' >/dev/full"

# --- the filter language ---

terms() { # COMMAND TERMS ROWS
	[ "$("$SONDE" "$1" --db "$T/db" --json --filter "$2" | wc -l)" = "$3" ]
}
ok "terms narrow runs" terms runs 'calls>0 -status:failed step:llm' 1
ok "terms that nothing is so leave nothing" terms runs 'calls>0 -step:llm' 0
ok "terms narrow costs" terms cost '-user:nobody tokens>0' 1
ok "terms and options hold together" [ -z "$("$SONDE" runs --db "$T/db" --json --status failed --filter 'calls>0')" ]
ok "an unknown term is said" says 2 "there is no 'agnt' to filter by; there are agent, model" "$SONDE" runs --db "$T/db" --filter agnt:x
for group in host workflow session hour; do
	ok "costs by $group" holds ".by == \"$group\" and .llm_calls > 0" <("$SONDE" cost --db "$T/db" --by $group --json)
done

# --- store ---

info() {
	"$SONDE" store info --db "$T/db" --json >"$T/info" && holds '.sound and .runs == 1 and .version == 7' "$T/info"
}
ok "store info tells what is in it" info
ok "store check finds nothing" "$SONDE" store check --db "$T/db"
check_json() { [ "$("$SONDE" store check --db "$T/db" --json | jq .sound)" = true ]; }
ok "store check says so in JSON" check_json
copied() {
	"$SONDE" store backup --db "$T/db" "$T/copy" && [ "$(stat -c %a "$T/copy")" = 600 ] &&
		all "$T/db" >"$T/a" && all "$T/copy" >"$T/b" && same "$T/a" "$T/b"
}
ok "store backup copies everything, for the owner alone" copied
ok "a backup goes over nothing" says 1 "cannot create '.*copy'" "$SONDE" store backup --db "$T/db" "$T/copy"
sqlite3 "$T/copy" 'DELETE FROM blobs WHERE rowid = 1; UPDATE rollups SET input = input + 1'
damaged() {
	"$SONDE" store check --db "$T/copy" >"$T/out" && return 1
	grep -q missing "$T/out" && grep -q 'sums of a day' "$T/out"
}
ok "store check finds damage" damaged
ok "an unknown action is a usage error" says 2 "'what' is none of" "$SONDE" store what
sqlite3 "$T/copy" 'PRAGMA user_version = 99'
for c in "runs" "show last" "cost" "spans" "store info" "store check" "query"; do
	# shellcheck disable=SC2086 # words
	ok "a newer store is refused by $c" says 1 'written by a newer sonde' "$SONDE" $c --db "$T/copy"
done
ok "a newer store is refused for writing" says 1 'written by a newer sonde' "$SONDE" replay -q --db "$T/copy" "$T/agent"
head -c 5000 "$T/db" >"$T/part"
ok "a truncated store is refused" says 1 "part' is damaged or no store" "$SONDE" runs --db "$T/part"
echo hello >"$T/text"
ok "a file that is no store is refused and kept" says 1 'no store of sonde' "$SONDE" replay -q --db "$T/text" "$T/agent"
ok "no store yet" says 1 'there is no store at' "$SONDE" runs --db "$T/none"

# --- several at once ---

q8() { "$SONDE" query --db "$T/eight" --csv "$1" | tail -1 | tr -d '\r'; }
eight() {
	local i pids=()
	for i in 1 2 3 4 5 6 7 8; do
		sed "s/^host testhost/&\nwait ${i}0ms/" "$HERE/agent.rec" | make_record - "$T/r$i"
		rm -f "$T/alone$i" && "$SONDE" replay -q --db "$T/alone$i" "$T/r$i" || return 1
	done
	for i in 1 2 3 4 5 6 7 8; do
		"$SONDE" replay -q --db "$T/eight" "$T/r$i" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i" || return 1; done
	"$SONDE" store check --db "$T/eight" || return 1
	for i in 1 2 3 4 5 6 7 8; do spans "$T/alone$i"; done | sort >"$T/a"
	spans "$T/eight" | sort >"$T/b"
	[ "$(q8 'SELECT count(*) FROM v_runs')" = 8 ] && same "$T/a" "$T/b"
}
ok "eight runs written at once are those written alone" eight

# A limit on the size of files is the full disk that needs no root.
limited() {
	(ulimit -f 50 && says 1 'no space left for the store' env --ignore-signal=XFSZ "$SONDE" replay -q --db "$T/small" "$T/agent")
}
ok "a disk that is full is said in one line" limited

# --- prices ---

echo '{"format":1,"version":"mine","models":[{"provider":"openai","model":"gpt-5","prices":[{"input":7,"output":1}]}]}' >"$T/mine"
priced() {
	"$SONDE" prices --json "$@" gpt-5 | jq -r 'select(.model == "gpt-5") | "\(.input_usd_per_million) \(.user)"'
}
built_in() { [ "$(priced)" = '1.25 false' ]; }
ok "prices lists the built-in ones" built_in
option() { [ "$(priced --prices "$T/mine")" = '7 true' ]; }
ok "a file of prices wins" option
variable() { [ "$(SONDE_PRICES=$T/mine priced)" = '7 true' ]; }
ok "SONDE_PRICES names one" variable
mkdir -p "$T/config/sonde" && cp "$T/mine" "$T/config/sonde/prices.json"
found() { [ "$(priced)" = '7 true' ]; }
ok "the one in the user's configuration is found" found
rm "$T/config/sonde/prices.json"
then_and_now() {
	[ "$("$SONDE" prices --json --provider anthropic --at 2026-03-01 claude-sonnet-4-6 | wc -l)" = 2 ] &&
		[ "$("$SONDE" prices --json --provider anthropic --at 2026-04-01 claude-sonnet-4-6 | wc -l)" = 1 ]
}
ok "prices are those of the time" then_and_now
ok "an unknown model has no price" says 1 "no price for 'gpt-99'" "$SONDE" prices gpt-99
printf '{"format":1,\n"models":[{]}' >"$T/bad"
ok "a bad file of prices: where" says 1 'bad:2:1[0-9]: not JSON' "$SONDE" prices --prices "$T/bad"
echo '{"format":1,"models":[{"model":"m","prices":[{"inptu":1}]}]}' >"$T/bad"
ok "a bad file of prices: what" says 1 "models\[0\] \(m\): 'inptu' is no member" "$SONDE" prices --prices "$T/bad"
ok "no file of prices" says 1 "cannot read the prices in '.*nowhere'" "$SONDE" prices --prices "$T/nowhere"

finish
