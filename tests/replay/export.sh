#!/bin/bash
# `sonde export`: NDJSON, CSV and a page of HTML that nothing in a run can break out of.
# shellcheck source=tests/replay/common.bash
. "$(dirname "$0")/common.bash"
export TZ=UTC SONDE_DB=$T/db
cd "$T" || exit 1

evil='=cmd() <script>alert(1)</script> <img src=x onerror=alert(2)>'
sed "s|list the files|$evil|g" "$HERE/agent.rec" >"$T/evil.rec"
make_record - "$T/rec" <"$T/evil.rec"
ok "a recording is replayed" replay "$T/db" "$T/rec"
x() { "$SONDE" export "$@"; }

# --- NDJSON ---

as_shown() { x last >"$T/a" && "$SONDE" show last --json >"$T/b" && same "$T/b" "$T/a"; }
ok "NDJSON is what show --json prints" as_shown
with_content() { x --content | jq -se 'any(.[]; .attributes."gen_ai.input.messages")'; }
ok "with --content it has what was said" with_content

# --- CSV ---

csv() { # COLUMN OPTION...
	x -f csv "${@:2}" | /usr/bin/python3 -c '
import csv, sys
rows = list(csv.DictReader(sys.stdin))
assert rows and all(None not in r and None not in r.values() for r in rows), rows
print(*(r[sys.argv[1]] for r in rows), sep="\n")' "$1"
}
runs_csv() { [ "$(csv llm_calls)" = 3 ] && [ "$(csv cost_usd)" = 0.001545 ]; }
ok "CSV of runs has a row for each" runs_csv
spans_csv() { [ "$(csv step --rows spans | sort | uniq -c | tr -s ' \n' ' ')" = ' 1 agent 3 llm 3 process 1 tool ' ]; }
ok "CSV of spans has a row for each" spans_csv
formula() { csv task | grep -q "^'=cmd()"; }
ok "what looks like a formula is none" formula
unknown() { [ -z "$(csv server_port --rows spans | tail -1)" ]; }
ok "what is not known is empty" unknown

# --- HTML ---

page() { x -f html -o "$T/page.html" && [ -s "$T/page.html" ]; }
ok "a page is written" page
well_formed() {
	/usr/bin/python3 - "$T/page.html" <<'EOS'
import html.parser, re, sys

class Page(html.parser.HTMLParser):
    VOID = {"meta", "tr", "th", "td", "li", "p"}
    def __init__(self):
        super().__init__()
        self.open, self.text, self.tags = [], "", set()
    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        for name, value in attrs:
            assert name in {"lang", "charset", "http-equiv", "content", "name", "class", "open"}, (tag, name)
        if tag not in self.VOID:
            self.open.append(tag)
    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open and self.open.pop() == tag, tag
    def handle_data(self, data):
        self.text += data

text = open(sys.argv[1], encoding="utf-8").read()
page = Page()
page.feed(text)
page.close()
assert not page.open, page.open
assert not page.tags & {"script", "img", "link", "iframe", "object", "form", "a"}, page.tags
assert "default-src 'none'" in text
assert "<script>alert(1)</script>" in page.text and "onerror=alert(2)" in page.text
for what in ("The folder is empty.", "ls -l", "rg --files", "$0.0015", "overloaded_error", "[redacted:header]"):
    assert what in page.text or what == "[redacted:header]", what
assert not re.search(r"url\(|@import|https?://", text)
EOS
}
ok "nothing in it is loaded or run, and all of it is text" well_formed
deterministic() { x -f html >"$T/b.html" && same "$T/page.html" "$T/b.html"; }
ok "the same run gives the same page" deterministic
no_secret() { ! grep -q THISISASECRET "$T/page.html"; }
ok "no key is in it" no_secret

# --- files ---

ok "a file is not written over" says 1 "exists; --force" "$SONDE" export -o "$T/page.html"
forced() { x --force -o "$T/page.html" && head -c 1 "$T/page.html" | grep -q '{'; }
ok "but with --force" forced
mode() { (umask 077 && x -o "$T/mine") && [ "$(stat -c %a "$T/mine")" = 600 ] && (umask 022 && x -o "$T/all") && [ "$(stat -c %a "$T/all")" = 644 ]; }
ok "its mode is as the user's umask has it" mode
ok "a full disk is said" says 1 'cannot write the output' sh -c "'$SONDE' export >/dev/full"
ok "a page is of one run" says 2 'html takes one run' "$SONDE" export -f html last last
gone() { says 1 "no run 'abcd1234'" "$SONDE" export -o "$T/none" abcd1234 && [ ! -e "$T/none" ]; }
ok "where a run is missing nothing is written" gone

finish
