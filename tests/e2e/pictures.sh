#!/bin/bash
# Pictures that real SDKs send: kept once, as what they are, where the level and the limit let them; files that are pictures.
. "$(dirname "$0")/lib.sh"
need_root
"$TOP/tests/e2e/clients/install.sh" "$CLIENTS" || exit 1
mock_start

/usr/bin/python3 "$TOP/tests/browser/scenes.py" png >"$T/p.png"
SHA=$(sha256sum <"$T/p.png" | cut -d' ' -f1)
/usr/bin/python3 "$TOP/tests/browser/scenes.py" svg >"$T/none.png"

# sent CLIENT API MODE	by an agent that asks twice and so sends it twice
sent() {
	local cmd
	read -ra cmd <<<"$(client "$1")"
	mock_scenario '{}'
	traced "$HTTP" "${cmd[@]}" "$2" "$3"
}
rows() { sqlite3 "$T/db" "SELECT count(*), lower(hex(min(id))), sum(size) FROM blobs WHERE kind = 'media'"; }
kept() { sent "$@" && [ "$(rows)" = "1|${SHA:0:32}|$(stat -c %s "$T/p.png")" ] && "$SONDE" store check --db "$T/db"; }
said() { "$SONDE" show --db "$T/db" -c | grep -E "$1"; }
export EXTRA_ENV="PICTURE=$T/p.png"
for c in python-anthropic-sdk:messages python-openai-sdk:chat python-openai-sdk:responses; do
	for mode in json stream; do ok "${c%:*} ${c#*:} $mode: its picture is kept, once" kept "${c%:*}" "${c#*:}" "$mode"; done
	ok "and told of by its hash" said "\\[image image/png [0-9.]+ (B|KiB) sha256 $SHA\\]"
done
in_result() { kept python-anthropic-sdk messages json && [ "$(sqlite3 "$T/db" "SELECT count(*) FROM media JOIN spans ON result_blob = holder WHERE state = 0 AND step = 3")" -ge 1 ]; }
ok "a tool's result that has a picture refers to it" in_result

none() { sent python-openai-sdk chat json && [ "$(rows)" = "0||" ]; }
export SONDE_OPTIONS="--content standard"
ok "less than everything: no picture is kept" none
ok "and that is said" said "not kept: the content level keeps no pictures"
export SONDE_OPTIONS="--media-limit 1K"
head -c 2000 /dev/zero >>"$T/p.png"
ok "above the limit: none either" none
ok "and that is said, too" said "not kept: it is larger than the limit"
unset SONDE_OPTIONS
export EXTRA_ENV="PICTURE=$T/none.png"
ok "what is no picture is none, whatever it is called" none
ok "and that is said as well" said "not kept: it is no picture or document of a kind that is kept"
unset EXTRA_ENV

# Files.
/usr/bin/python3 "$TOP/tests/browser/scenes.py" png >"$T/p.png"
file() {
	rm -f "$T"/db*
	(cd "$T" && "$SONDE" run -q --db "$T/db" -- sh -c 'cp p.png made.png; head -c 4000 /dev/urandom >noise; sleep 1') &&
		[ "$(rows)" = "1|${SHA:0:32}|$(stat -c %s "$T/p.png")" ] &&
		[ "$(sqlite3 "$T/db" "SELECT count(*) FROM spans WHERE step = 7 AND result_blob IS NOT NULL AND name LIKE '%made.png'")" = 1 ]
}
ok "a picture that a run wrote is kept, other bytes are not" file
finish
