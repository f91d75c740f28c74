#!/bin/bash
# The web interface's port: who is let in, as whom, and what they may; what is thrown at it does no harm.
# shellcheck disable=SC2086,SC2015,SC2016,SC2034 # users are numbers; a failed test shows why; for inner shells, which read what is set
. "$(dirname "$0")/lib.sh"
need_root

OWN=61000 ALICE=61001 BOB=61002
as() { (as_exec "$@"); }
as_exec() { # UID COMMAND...
	local uid=$1
	shift
	exec setpriv --reuid "$uid" --regid "$uid" --clear-groups env -i PATH=/usr/bin:/bin HOME=/nonexistent SONDE_SOCKET="$T/run/sock" "$@"
}
record() { # UID USER TASK FILE
	sed -e "s/\"uid\":1000,\"gid\":1000,\"user\":\"u\"/\"uid\":$1,\"gid\":$1,\"user\":\"$2\"/; s/list the files/$3/g" \
		-e "/^config/i wait $(($1 - OWN))s" -e "s/11111111-2222/$1-2222/" "$TOP/tests/replay/agent.rec" >"$T/desc"
	/usr/bin/python3 "$TOP/tests/replay/record.py" "$T/desc" "$4"
}
mkdir -m 755 "$T/run"
mkdir -m 700 "$T/store"
chmod 755 "$T"
record $ALICE alice "alicework on the parser" "$T/a"
record $BOB bob "bobwork on the parser" "$T/b"
"$SONDE" replay -q --db "$T/store/db" "$T/a"
"$SONDE" replay -q --db "$T/store/db" "$T/b"
chown -R $OWN:$OWN "$T/store" "$T/run"

server_start() { # [ADDRESS]
	rm -f "$T/run/sock"
	as_exec $OWN "$SONDE" server --db "$T/store/db" --socket "$T/run/sock" --api "${1:-127.0.0.1:0}" 2>>"$T/server.err" &
	server=$!
	pids+=("$server")
	within 60 test -S "$T/run/sock" || return 1
	within 60 as $ALICE "$SONDE" open >"$T/link" && URL=$(sed 's#/open.*##' "$T/link") && PORT=${URL##*:}
}
server_start
get() { curl -s --max-time 20 "$@"; }
status_of() { get -o /dev/null -w '%{http_code}' "$@"; }
gives() { # STATUS ARGUMENT...
	local want=$1 got
	shift
	got=$(status_of "$@")
	[ "$got" = "$want" ] || { echo "$got instead of $want: $*"; get -i "$@" | head -30; return 1; }
}
link() { as "$1" "$SONDE" open ${2:+"$2"}; }
let_in() { # UID JAR	a browser that opens the link
	gives 303 -c "$2" "$(link "$1")"
}
runs_over() { # ARGUMENT...	what the runs command shows
	get "$@" -H 'Content-Type: application/json' -d '{"argv":["runs","--json"]}' "$URL/api/v1/command" | jq -r 'select(.out) | .out' | jq -s -c 'map(.user) | sort'
}

# --- who it is ---
none() { gives 401 "$URL/api/v1/status" && gives 401 "$URL/api/v1/nothing" && get "$URL/api/v1/status" | holds '.error.message | contains("sonde open")'; }
ok "who shows nothing is told how to be let in" none
wrong() {
	local token
	for token in x sonde_ sonde_$(printf 'a%.0s' {1..43}) "$(printf 'a%.0s' {1..9000})"; do
		gives 401 -H "Authorization: Bearer $token" "$URL/api/v1/status" || return 1
	done
	gives 401 -H 'Authorization: Basic YTpi' "$URL/api/v1/status" && gives 401 -H "Cookie: sonde_$PORT=x" "$URL/api/v1/status"
}
ok "a token or a cookie that is none opens nothing" wrong
once() {
	local at
	at=$(link $ALICE) || return 1
	gives 303 -c "$T/alice" "$at" && gives 403 "$at" && get "$at" | grep -q 'sonde open' && gives 403 "$URL/open?code=" && gives 403 "$URL/open" &&
		gives 303 -b "$T/alice" "$at" # who has been let in goes on
}
ok "a link is good once" once
head_first() { # what only looks at a link does not use it up
	local at
	at=$(link $ALICE) || return 1
	gives 403 -I "$at" && gives 303 "$at"
}
ok "looking at a link does not use it up" head_first
cookie() {
	get -i "$(link $ALICE)" >"$T/head"
	grep -iq "^set-cookie: sonde_$PORT=[A-Za-z0-9_-]\{43\}; Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict" "$T/head" && grep -iq '^cache-control: no-store' "$T/head" &&
		grep -iq '^referrer-policy: no-referrer' "$T/head"
}
ok "the cookie is kept from scripts and from other sites" cookie
goes_to() {
	local at
	at=$(link $ALICE last) || return 1
	get -i "$at" | tr -d '\r' | grep -qE '^Location: /run/[0-9a-f]{32}$' || return 1
	for at in //evil.example 'http://evil.example' '/%0d%0aX-Evil:%201' '/%5cevil.example' '/api/v1/status' 'x'; do
		get -i "$(link $ALICE)&to=$at" | tr -d '\r' | grep -qx 'Location: /' || { echo "$at"; return 1; }
	done
	! link $ALICE 0123456789abcdef 2>/dev/null && link $ALICE 0123456789abcdef 2>&1 | grep -q 'no such run'
}
ok "a link leads to a run, and to no other host" goes_to
foreign_run() { # the other's run is none
	local id
	id=$(as $BOB "$SONDE" runs --daemon --json | jq -r .run_id)
	[ "${#id}" = 32 ] && ! link $ALICE "$id" 2>/dev/null && link $BOB "$id" | grep -q "/run/$id$"
}
ok "nobody gets a link to the run of another" foreign_run

page() { echo -H "Origin: $URL"; }
let_in $ALICE "$T/alice"
let_in $BOB "$T/bob"
let_in 0 "$T/root"
as_whom() {
	local status
	status=$(get -b "$T/alice" "$URL/api/v1/status")
	echo "$status" | holds '.uid == 61001 and .sees == "own"' && [ "$(runs_over -b "$T/alice" -H "Origin: $URL")" = '["alice"]' ] &&
		[ "$(runs_over -b "$T/bob" -H "Origin: $URL")" = '["bob"]' ] && [ "$(runs_over -b "$T/root" -H "Origin: $URL")" = '["alice","bob"]' ]
}
ok "a browser sees what its user may see, and no more" as_whom

# --- pages and names of others ---
names() {
	local host
	for host in evil.example "evil.example:$PORT" "127.0.0.1.evil.example" "localhost.evil.example:$PORT" "[::2]:$PORT" "localhost:99999" "x@localhost"; do
		gives 403 -b "$T/alice" -H "Host: $host" "$URL/api/v1/status" && gives 403 -H "Host: $host" "$URL/" && gives 403 -H "Host: $host" "$URL/open?code=x" || return 1
	done
	for host in localhost "localhost:$PORT" "LOCALHOST" "[::1]:$PORT" 127.0.0.1; do
		gives 200 -H "Cookie: $(awk -v p=sonde_$PORT '$6 == p { print $6 "=" $7 }' "$T/alice")" -H "Host: $host" "$URL/api/v1/status" || return 1
	done
}
ok "by a name that is not ours nothing is served" names
origins() {
	local origin
	for origin in https://evil.example null "http://localhost:$PORT" http://127.0.0.1:3000 "http://127.0.0.1:$PORT.evil.example" "ftp://127.0.0.1:$PORT"; do
		gives 403 -b "$T/alice" -H "Origin: $origin" "$URL/api/v1/status" || return 1
	done
	gives 200 -b "$T/alice" -H "Origin: $URL" "$URL/api/v1/status" && ! get -i -b "$T/alice" -H "Origin: $URL" "$URL/api/v1/status" | grep -qi '^access-control'
}
ok "a page of another origin gets nothing" origins
sites() {
	gives 401 -b "$T/alice" -H 'Sec-Fetch-Site: cross-site' "$URL/api/v1/status" && gives 401 -b "$T/alice" -H 'Sec-Fetch-Site: same-site' "$URL/api/v1/status" &&
		gives 200 -b "$T/alice" -H 'Sec-Fetch-Site: same-origin' "$URL/api/v1/status"
}
ok "nor does another port's page by the cookie" sites
changes() {
	local body='{"argv":["runs"]}'
	gives 403 -b "$T/alice" -H 'Content-Type: application/json' -d "$body" "$URL/api/v1/command" &&
		gives 415 -b "$T/alice" -H "Origin: $URL" -d "$body" "$URL/api/v1/command" &&
		gives 415 -b "$T/alice" -H "Origin: $URL" -H 'Content-Type: text/plain' -d "$body" "$URL/api/v1/command" &&
		gives 200 -b "$T/alice" -H "Origin: $URL" -H 'Content-Type: application/json; charset=utf-8' -d "$body" "$URL/api/v1/command"
}
ok "what a form could send changes nothing" changes
local_only() {
	gives 403 -b "$T/root" -H "Origin: $URL" -H 'Content-Type: application/json' -d '{}' "$URL/api/v1/open" &&
		gives 403 -b "$T/root" -H "Origin: $URL" -H 'Content-Type: application/json' -d '{"pid":1,"start_ns":1}' "$URL/api/v1/leave"
}
ok "what the kernel must vouch for is answered on the Unix socket only" local_only
ended() {
	let_in $ALICE "$T/other" && gives 204 -b "$T/other" -H "Origin: $URL" -H 'Content-Type: application/json' -d '{}' "$URL/api/v1/close" &&
		gives 401 -b "$T/other" "$URL/api/v1/status" && gives 200 -b "$T/alice" "$URL/api/v1/status"
}
ok "a session ends when it is told to, that one alone" ended

# --- tokens ---
token() { # NAME ARGUMENT...	a token into $T/NAME
	local name=$1
	shift
	"$SONDE" token add "$name" --db "$T/store/db" "$@" >"$T/$name" 2>"$T/token.err"
}
bearer() { echo "Authorization: Bearer $(cat "$T/$1")"; }
added() {
	token reader && token all --right read,content,export,write && grep -qE '^sonde_[A-Za-z0-9_-]{43}$' "$T/reader" && [ "$(stat -c '%u %a' "$T/store/tokens.json")" = "$OWN 600" ] &&
		! grep -q "$(cat "$T/reader")" "$T/store/tokens.json" && ! "$SONDE" token add reader --db "$T/store/db" 2>"$T/token.err" && grep -q 'token remove' "$T/token.err" && gives 200 -H "$(bearer reader)" "$URL/api/v1/status"
}
ok "a token is shown once, kept as a hash, its owner's alone, and holds at once" added
rights() {
	gives 403 -H "$(bearer reader)" "$URL/api/v1/live?follow=0" && get -H "$(bearer reader)" "$URL/api/v1/live?follow=0" | holds '.error.message | contains("content")' &&
		gives 403 -H "$(bearer reader)" -H 'Content-Type: application/json' -d '{"argv":["runs"]}' "$URL/api/v1/command" &&
		gives 200 -H "$(bearer all)" "$URL/api/v1/live?follow=0" && [ "$(runs_over -H "$(bearer all)")" = '["alice","bob"]' ] && ! token bad --right root
}
ok "without a right it is named" rights
of_user() {
	getent passwd nobody >/dev/null && token nobodys --user nobody --right read,content,export && [ "$(runs_over -H "$(bearer nobodys)")" = '[]' ] &&
		get -H "$(bearer nobodys)" "$URL/api/v1/status" | holds '.sees == "own" and (has("store") | not)'
}
ok "a token of one user sees that user's runs" of_user
listed() {
	"$SONDE" token list --db "$T/store/db" >"$T/list" && grep -q '^[0-9a-f]\{8\}  reader  .*read .*(all)' "$T/list" && grep -q 'nobodys.*nobody' "$T/list" && ! grep -q "$(cat "$T/reader")" "$T/list"
}
ok "they are listed, without what opens" listed
removed() {
	token short --days 1 && gives 200 -H "$(bearer short)" "$URL/api/v1/status" && "$SONDE" token remove short --db "$T/store/db" &&
		gives 401 -H "$(bearer short)" "$URL/api/v1/status" && ! "$SONDE" token remove short --db "$T/store/db" 2>/dev/null
}
ok "what is removed ends at once" removed
# login JAR TOKEN [HEADER...]	what a browser does with a token that was put into the page
login() {
	local jar=$1 token=$2
	shift 2
	status_of -c "$jar" -H 'Content-Type: application/json' "${@:--HOrigin: $URL}" -d "{\"token\":\"$token\"}" "$URL/api/v1/login"
}
login_tries() { # after a while without any
	within 20 eval '[ "$(login "$T/none" sonde_x)" = 401 ]'
}
logs_in() {
	token browser --right read,content --user nobody && [ "$(login "$T/logged" "$(cat "$T/browser")")" = 204 ] || return 1
	get -i -H "Origin: $URL" -H 'Content-Type: application/json' -d "{\"token\":\"$(cat "$T/browser")\"}" "$URL/api/v1/login" | tr -d '\r' >"$T/head"
	grep -iq "^set-cookie: sonde_$PORT=[A-Za-z0-9_-]\{43\}; Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict$" "$T/head" && grep -iq '^cache-control: no-store' "$T/head" &&
		! grep -q "$(cat "$T/browser")" "$T/head" "$T/store/sessions.json" && [ "$(stat -c '%u %a' "$T/store/sessions.json")" = "$OWN 600" ] &&
		get -b "$T/logged" "$URL/api/v1/me" | holds '.sees == "own" and .token == "browser" and .rights == ["read", "content"]' &&
		gives 403 -b "$T/logged" "$URL/api/v1/export?format=csv" && gives 401 -b "$T/logged" -H 'Sec-Fetch-Site: cross-site' "$URL/api/v1/me"
}
ok "a token is taken for a cookie, which may what the token may" logs_in
cookie_changes() { # the cookie of a token is a cookie: a change must name its page
	login_tries && token writer --right read,content,export,write && [ "$(login "$T/writer.jar" "$(cat "$T/writer")")" = 204 ] &&
		gives 403 -b "$T/writer.jar" -H 'Content-Type: application/json' -d '{"argv":["runs"]}' "$URL/api/v1/command" &&
		gives 200 -b "$T/writer.jar" -H "Origin: $URL" -H 'Content-Type: application/json' -d '{"argv":["runs"]}' "$URL/api/v1/command"
}
ok "but is no token: what changes something names its page" cookie_changes
no_login() { # nobody else's page logs a browser in
	login_tries && [ "$(login "$T/none" "$(cat "$T/browser")" -H "Origin: http://evil.example")" = 403 ] && [ "$(login "$T/none" "$(cat "$T/browser")" -H "X: y")" = 403 ] &&
		[ "$(login "$T/none" "$(cat "$T/browser")" -H "Origin: $URL" -H 'Host: evil.example')" = 403 ] && gives 401 "$URL/api/v1/login" &&
		gives 415 -H "Origin: $URL" -d "token=$(cat "$T/browser")" "$URL/api/v1/login" && gives 400 -H "Origin: $URL" -H 'Content-Type: application/json' -d '{}' "$URL/api/v1/login" &&
		gives 400 -H "Origin: $URL" -H 'Content-Type: application/json' -d '[' "$URL/api/v1/login" &&
		gives 413 -H "Origin: $URL" -H 'Content-Type: application/json' -d "{\"token\":\"$(head -c 70000 /dev/zero | tr '\0' a)\"}" "$URL/api/v1/login" &&
		[ "$(get --unix-socket "$T/run/sock" -o /dev/null -w '%{http_code}' -H 'Content-Type: application/json' -d '{"token":"x"}' http://localhost/api/v1/login)" = 403 ] &&
		[ "$(login "$T/none" "$(cat "$T/browser")x")" = 401 ] && ! grep -q "sonde_$PORT" "$T/none"
}
ok "no other page logs a browser in, nor a form, nor a token that is none" no_login
logged_out() {
	gives 200 -b "$T/logged" "$URL/api/v1/me" && "$SONDE" token remove browser --db "$T/store/db" && gives 401 -b "$T/logged" "$URL/api/v1/me" && gives 200 -b "$T/writer.jar" "$URL/api/v1/me"
}
ok "with the token the cookie ends" logged_out
guesses() { # ten at once, then two a second; who has a cookie goes on, and the right one is not tried either
	/usr/bin/python3 - "$PORT" "$(cat "$T/writer")" <<'PY' || return 1
import http.client, json, sys, time
time.sleep(6) # until there are ten again
c = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
def login(token):
    c.request("POST", "/api/v1/login", json.dumps({"token": token}), {"Content-Type": "application/json", "Origin": "http://127.0.0.1:" + sys.argv[1]})
    r = c.getresponse()
    r.read()
    return r.status, r.getheader("Retry-After"), r.getheader("Set-Cookie")
def refused():
    seen = [login("sonde_guess")]
    while len(seen) < 500 and seen[-1][0] != 429:
        seen.append(login("sonde_guess"))
    assert seen[-1] == (429, "1", None) and all(s[0] == 401 for s in seen[:-1]), seen[-3:]
    return len(seen) - 1
assert refused() >= 10
# On a slow machine the next one may be due already.
assert any(login(sys.argv[2])[0] == 429 for _ in range(20) if refused() >= 0)
PY
	gives 200 -b "$T/writer.jar" "$URL/api/v1/me" && gives 200 "$URL/" && within 20 eval '[ "$(login "$T/writer.jar" "$(cat "$T/writer")")" = 204 ]'
}
ok "who guesses is told to wait" guesses
readable() {
	chmod 644 "$T/store/tokens.json"
	gives 401 -H "$(bearer reader)" "$URL/api/v1/status" && ! "$SONDE" token list --db "$T/store/db" 2>"$T/token.err" && grep -q 'chmod 600' "$T/token.err" && grep -q 'chmod 600' "$T/server.err" || return 1
	chmod 600 "$T/store/tokens.json"
	gives 200 -H "$(bearer reader)" "$URL/api/v1/status"
}
ok "a file of tokens that others can read is not believed" readable
restart() {
	kill "$server"
	wait "$server"
	server_start "127.0.0.1:$PORT" && gives 200 -H "$(bearer reader)" "$URL/api/v1/status" && gives 200 -b "$T/alice" "$URL/api/v1/status" &&
		gives 200 -b "$T/writer.jar" "$URL/api/v1/status" &&
		[ "$(stat -c '%u %a' "$T/store/sessions.json")" = "$OWN 600" ] && ! grep -q "$(awk -v p=sonde_$PORT '$6 == p { print $7 }' "$T/alice")" "$T/store/sessions.json"
}
restart >"$T/step" 2>&1
restart_rc=$?
ok "tokens and sessions outlive the server" eval 'cat "$T/step"; [ "$restart_rc" = 0 ]'

# --- files ---
files() {
	get -i "$URL/runs" | tr -d '\r' >"$T/page" && grep -q '<div id="app">' "$T/page" && grep -q '^Content-Type: text/html' "$T/page" && grep -q '^Cache-Control: no-cache' "$T/page" &&
		gives 200 "$URL/run/0123abcd" && gives 404 "$URL/favicon.ico" && gives 404 "$URL/assets/nothing.js" && gives 405 -X DELETE -b "$T/alice" "$URL/api/v1/status"
}
ok "pages are served to everybody" files
assets() {
	local asset
	asset=$(grep -oE '/assets/[^"]+\.js' "$T/page" | head -1)
	get -i "$URL$asset" | tr -d '\r' >"$T/asset" 2>/dev/null
	grep -aq '^Cache-Control: public, max-age=31536000, immutable' "$T/asset" && grep -aq '^Content-Type: text/javascript' "$T/asset" &&
		get -D "$T/head" -H 'Accept-Encoding: gzip' -o "$T/packed" "$URL$asset" && grep -iq '^content-encoding: gzip' "$T/head" && gzip -dc "$T/packed" | cmp - <(get "$URL$asset") &&
		gives 304 -H "If-None-Match: $(tr -d '\r' <"$T/head" | awk 'tolower($1) == "etag:" { print $2 }')" "$URL$asset"
}
ok "their files are compressed, and kept by name" assets
security() {
	local path
	for path in / /assets/nothing.js /api/v1/status /open; do
		get -i "$URL$path" | tr -d '\r' >"$T/head"
		grep -q "^Content-Security-Policy: default-src 'self'; .*frame-ancestors 'none'; base-uri 'none'; form-action 'self'$" "$T/head" && grep -q '^X-Content-Type-Options: nosniff$' "$T/head" &&
			grep -q '^X-Frame-Options: DENY$' "$T/head" && grep -q '^Referrer-Policy: no-referrer$' "$T/head" && grep -q '^Cross-Origin-Opener-Policy: same-origin$' "$T/head" &&
			grep -q '^Cross-Origin-Resource-Policy: same-origin$' "$T/head" || { echo "$path"; return 1; }
	done
}
ok "every answer has the headers that keep it to itself" security
first_load() { # what index.html names, compressed: 250 KB at most
	local sum=0 n file
	for file in / $(grep -oE '/assets/[^"]+\.(js|css)' "$T/page"); do
		n=$(get -H 'Accept-Encoding: gzip' "$URL$file" | wc -c)
		sum=$((sum + n))
	done
	echo "$sum bytes"
	[ "$sum" -gt 1000 ] && [ "$sum" -le 256000 ]
}
ok "the first page is 250 KB at most" first_load
traversal() {
	local path
	for path in /../../../etc/passwd /..%2f..%2fetc/passwd /assets/../../etc/passwd /%2e%2e/%2e%2e/etc/passwd '//etc/passwd' '/assets/%00' '/..\..\etc\passwd' /.git/config; do
		get --path-as-is "$URL$path" >"$T/got"
		! grep -q root: "$T/got" || return 1
	done
}
ok "no path leads to a file" traversal

# --- what is thrown at it ---
ok "malformed requests are answered or cut off, and it lives" /usr/bin/python3 "$TOP/tests/e2e/malformed.py" "$PORT"
strangers() { # who says nothing makes room, and is cut off
	/usr/bin/python3 - "$PORT" <<'PY'
import socket, sys, time
port = int(sys.argv[1])
held = [socket.create_connection(("127.0.0.1", port)) for _ in range(150)]
for s in held:
    s.send(b"GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nX: ")
asked = socket.create_connection(("127.0.0.1", port), 5)
asked.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
assert b"200 OK" in asked.recv(4096)
begin, alive = time.time(), set(held)
while alive and time.time() - begin < 16:
    for s in list(alive):
        s.settimeout(0.001)
        try:
            s.send(b"y")  # now and then a byte
            if s.recv(1) == b"":
                alive.discard(s)
        except socket.timeout:
            pass
        except OSError:
            alive.discard(s)
    time.sleep(0.5)
assert not alive, f"{len(alive)} are still held after {time.time() - begin:.0f} s"
PY
}
ok "who takes too long over a request is cut off, however slowly it goes on" strangers
fast() { # the bucket: nobody asks without end
	/usr/bin/python3 - "$PORT" "$(cat "$T/reader")" <<'PY'
import http.client, sys
c = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
seen = set()
for _ in range(4000):
    c.request("GET", "/api/v1/nothing", headers={"Authorization": "Bearer " + sys.argv[2]})
    r = c.getresponse()
    r.read()
    seen.add(r.status)
    if r.status == 429:
        assert r.getheader("Retry-After") == "1"
        break
assert seen == {404, 429}, seen
PY
}
ok "who asks too often is told to wait" fast
others() { gives 200 -b "$T/bob" "$URL/api/v1/status" && gives 200 -H "$(bearer all)" "$URL/api/v1/status"; }
ok "and holds up nobody else" others

# --- live ---
/usr/bin/python3 - "$T/store/live" >"$T/hub" <<'PY' & # a capture, as cmd/live_hub.h has it
import json, os, socket, sys
os.makedirs(sys.argv[1], exist_ok=True)
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1] + "/1.sock")
listener.listen(8)
os.chown(sys.argv[1], 61000, 61000)
os.chown(sys.argv[1] + "/1.sock", 61000, 61000)
print("listens", flush=True)
lines = [{"n": n, "type": "piece", "uid": 61001 + n % 2, "run": "%032x" % n, "span": "%016x" % n, "kind": "text", "part": 0, "text": "t"} for n in range(1, 41)]
kept = []
while True:
    c, _ = listener.accept()
    f = c.makefile("rw")
    ask = json.loads(f.readline())
    if ask.get("op") == "status":
        c.close()
        continue
    f.write('{"n":40,"type":"hello","engine":1,"sonde":"0"}\n')
    for line in lines[ask["after"]:]:
        f.write(json.dumps(line, separators=(",", ":")) + "\n")
    f.flush()
    kept.append(c)
PY
pids+=($!)
within 60 test -s "$T/hub"
events() { get -H 'Accept: text/event-stream' "$@" "$URL/api/v1/live?follow=0"; }
count() { # N ARGUMENT...
	local want=$1
	shift
	[ "$(events "$@" | grep -c '^data: .*"piece"')" = "$want" ]
}
ok "events come over TCP, all to who sees all" within 60 count 40 -b "$T/root"
ok "and to a user those of their own runs" eval 'count 20 -b "$T/alice" && ! events -b "$T/alice" | grep -q 61002'
resume() {
	local id
	id=$(events -b "$T/bob" | sed -n 's/^id: //p' | sed -n 15p)
	[ -n "$id" ] && count 5 -b "$T/bob" -H "Last-Event-ID: $id"
}
ok "a listener goes on where it was" resume
removed_live() { # who listens by what is removed hears no more
	local by_token by_session jar=$T/leaver
	token passing --right read,content && let_in $ALICE "$jar" && login_tries && [ "$(login "$T/passing.jar" "$(cat "$T/passing")")" = 204 ] || return 1
	get -N --max-time 60 -H "$(bearer passing)" "$URL/api/v1/live" >"$T/by_token" &
	by_token=$!
	get -N --max-time 60 -b "$jar" "$URL/api/v1/live" >"$T/by_session" &
	by_session=$!
	get -N --max-time 60 -b "$T/passing.jar" "$URL/api/v1/live" >"$T/by_login" &
	within 60 grep -q piece "$T/by_login" && within 60 grep -q piece "$T/by_token" && within 60 grep -q piece "$T/by_session" && "$SONDE" token remove passing --db "$T/store/db" &&
		gives 204 -b "$jar" -H "Origin: $URL" -H 'Content-Type: application/json' -d '{}' "$URL/api/v1/close" || return 1
	SECONDS=0
	wait "$by_token" "$by_session" $! && [ "$SECONDS" -lt 20 ]
}
ok "who listens by a token or session that was removed hears no more" removed_live
listeners() { # of one user; of who sees all more
	/usr/bin/python3 - "$PORT" "$(awk -v p=sonde_$PORT '$6 == p { print $7 }' "$T/alice")" "$(awk -v p=sonde_$PORT '$6 == p { print $7 }' "$T/root")" <<'PY'
import socket, sys
def listen(cookie):
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10)
    s.sendall(f"GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nCookie: sonde_{sys.argv[1]}={cookie}\r\n\r\n".encode())
    return s, s.recv(20)
mine = [listen(sys.argv[2]) for _ in range(18)]
assert sum(b"200" in got for _, got in mine) == 16, [got for _, got in mine]
assert all(b"200" in got or b"429" in got for _, got in mine)
roots = [listen(sys.argv[3]) for _ in range(200)]
assert all(b"200" in got for _, got in roots), [got for _, got in roots]
PY
}
ok "one user has sixteen listeners, 200 of root's are served beside them" listeners
ok "when they have gone the next one is served" within 5 gives 200 -b "$T/alice" "$URL/api/v1/live?follow=0"

long() { # four commands of a user's that take long, whose client goes
	/usr/bin/python3 - "$PORT" "$(awk -v p=sonde_$PORT '$6 == p { print $7 }' "$T/bob")" <<'PY'
import json, socket, sys
body = json.dumps({"argv": ["query", "--timeout", "20", "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"]})
def start():
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
    s.sendall(f"POST /api/v1/command HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nContent-Type: application/json\r\n"
              f"Cookie: sonde_{sys.argv[1]}={sys.argv[2]}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
    return s, s.recv(4096).split(b"\r\n")[0]
busy = [start() for _ in range(4)]
assert all(b" 200 " in head for _, head in busy), busy
assert b" 429 " in start()[1]
PY
}
ok "a user has four commands at once" long
idle() { [ -z "$(pgrep -P "$server")" ]; }
ok "they end when who asked has gone" within 10 idle

# --- beyond this machine ---
open_world() {
	local empty=$T/empty
	mkdir -m 700 "$empty" && cp "$T/store/db" "$empty/db"
	! timeout 20 "$SONDE" serve --db "$empty/db" --listen 0.0.0.0:0 >"$T/out" 2>"$T/err" </dev/null && grep -q 'sonde token add' "$T/err" &&
		! timeout 20 "$SONDE" server --db "$empty/db" --socket "$T/x.sock" --api 0.0.0.0:0 2>"$T/err" && grep -q 'sonde token add' "$T/err"
}
ok "an address that others can reach is refused without a token" open_world
daemon_refuses() {
	printf '[daemon]\nstore = %s\nuser = nobody\nsocket = %s\n' "$T/d/store/db" "$T/d/run/sock" >"$T/conf"
	mkdir -m 755 "$T/d"
	! timeout 60 "$SONDE" daemon --config "$T/conf" --pid $$ --api 0.0.0.0:0 2>"$T/err" </dev/null && grep -q 'sonde token add' "$T/err"
}
ok "the daemon as well" daemon_refuses
. "$TOP/tests/e2e/steps.bash"
. "$TOP/tests/e2e/daemon.bash"
sleep 600 &
traced=$!
pids+=("$traced")
with_daemon() { # the port lives as long as the daemon, whatever it reads anew
	configure '[api]' 'listen = 127.0.0.1:0'
	daemon_start --pid "$traced" || return 1
	export SONDE_SOCKET=$T/run/sonde.sock
	within 60 eval '"$SONDE" open >"$T/link"'
	URL=$(sed 's#/open.*##' "$T/link")
	grep -q "sonde open" "$T/log" && gives 303 -c "$T/of_daemon" "$(cat "$T/link")" && get -b "$T/of_daemon" "$URL/api/v1/me" | holds '.sees == "all" and .daemon' &&
		"$SONDE" token add --db "$STORE" ci >"$T/ci" && gives 200 -H "$(bearer ci)" "$URL/api/v1/status" && [ "$(stat -c '%U %a' "$T/store/tokens.json")" = "nobody 600" ] || return 1
	kill -HUP "$daemon"
	sleep 1
	within 60 gives 200 -b "$T/of_daemon" "$URL/api/v1/me" && daemon_stop
}
mv "$T/store" "$T/store.own"
mv "$T/run" "$T/run.own"
step "sonde open leads into the daemon's, which keeps port and sessions when it reads its configuration anew" with_daemon
taken() { # the port that nobody asked for is somebody else's: tracing goes on without it
	/usr/bin/python3 -c '
import socket, time
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
try:
    s.bind(("127.0.0.1", 7780))
    s.listen()
except OSError:
    pass # by others already
print("taken", flush=True)
time.sleep(120)' >"$T/taken" &
	local holder=$! rc=0
	within 60 test -s "$T/taken"
	configure
	{ daemon_start --pid "$traced" && grep -q 'no web interface' "$T/log" && ! "$SONDE" open 2>"$T/err" && grep -q 'port was taken' "$T/err" && daemon_stop; } || rc=1
	kill $holder
	wait $holder 2>/dev/null
	return $rc
}
step "where the built-in port is taken the daemon traces without it, and says so" taken
off() {
	configure '[api]' 'listen = off'
	daemon_start --pid "$traced" && ! grep -q 'web' "$T/log" && ! "$SONDE" open 2>/dev/null && daemon_stop
}
step "it can be switched off" off
rm -rf "$T/store" "$T/run"
mv "$T/store.own" "$T/store"
mv "$T/run.own" "$T/run"
unset SONDE_SOCKET
serve_start() { # as a user with a store of their own
	mkdir -p "$T/home" && cp "$T/store/db" "$T/home/db" && chown -R $ALICE "$T/home"
	as_exec $ALICE "$SONDE" serve --db "$T/home/db" >"$T/serve" 2>"$T/serve.err" </dev/null &
	serve=$!
	pids+=("$serve")
	within 60 test -s "$T/serve"
}
serves() {
	serve_start || { cat "$T/serve.err"; return 1; }
	URL=$(sed 's#/open.*##' "$T/serve") PORT=${URL##*:}
	gives 303 -c "$T/served" "$(cat "$T/serve")" && gives 401 "$URL/api/v1/status" && [ "$(runs_over -b "$T/served" -H "Origin: $URL")" = '["alice","bob"]' ] &&
		get -b "$T/served" "$URL/api/v1/status" | holds '.uid == 61001 and .sees == "all"' && gives 200 -b "$T/served" "$URL/api/v1/live?follow=0" || return 1
	kill -INT "$serve"
	wait "$serve"
}
serves >"$T/step" 2>&1
serves_rc=$?
ok "sonde serve shows a user the store that the user can read, and ends cleanly" eval 'cat "$T/step" "$T/serve.err"; [ "$serves_rc" = 0 ]'
left() { [ "$(ls "$T/home")" = "$(ls "$T/empty")" ] || { ls "$T/home" "$T/empty"; return 1; }; }
ok "it leaves nothing behind but what reading a store does" left
no_daemon() { ! SONDE_SOCKET=$T/nobody "$SONDE" open 2>"$T/err" && grep -q 'sonde serve' "$T/err"; }
ok "where no daemon runs, open names serve" no_daemon
ok "the server lives" kill -0 "$server"
quiet() { [ "$(grep -vc 'chmod 600' "$T/server.err")" = 0 ] || { cat "$T/server.err"; return 1; }; }
ok "and has complained of nothing" quiet
finish
