#!/bin/bash
# Running again what 'sonde run' had started: by the command and over 'sonde serve', exactly as it was, for its own user alone.
# shellcheck disable=SC1003,SC2016,SC2015,SC2086 # a backslash; for inner shells; a failed test shows why; words
. "$(dirname "$0")/lib.sh"
need_root
unset SONDE_DB SONDE_SOCKET SONDE_DAEMON SUDO_UID SUDO_GID SUDO_USER
export HOME=$T PATH=/usr/bin:/bin
cp "$SONDE" "$T/sonde" # where others may run it
chmod 755 "$T/sonde"
STORE=$T/db
mkdir "$T/a folder" "$T/other"

# What it was called with and where goes to a file: one more line each time. It waits where it is told to.
cat >"$T/tell.py" <<-PY
	import json, os, sys, time
	with open("$T/told", "a") as f:
	    f.write(json.dumps([os.getcwd(), os.getuid(), sys.argv[1:]]) + "\n")
	for _ in range(600):
	    if not os.path.exists("$T/wait"):
	        break
	    time.sleep(0.1)
PY
: >"$T/told"
chmod 666 "$T/told"
ARGS=('two words' "it's" 'say "hi"' $'line one\nline two' '' '--flag=$HOME `x`' 'naïve ☃' '\' '')
start() { # COMMAND...	under sonde, in the folder
	(cd "$T/a folder" && exec "$SONDE" run --quiet --no-live --no-tree ${RUN_OPTIONS-} --db "$STORE" -- "$@") </dev/null
}
tell() { start /usr/bin/python3 "$T/tell.py" "$@"; }
runs() { "$SONDE" runs --json --db "$STORE"; }
newest() { runs | head -1 | jq -r .run_id; }
told() { wc -l <"$T/told"; }
same_told() { # the last line is the one before, and the newest run says whose other go it is
	tail -2 "$T/told"
	[ "$(tail -1 "$T/told")" = "$(tail -2 "$T/told" | head -1)" ] && is_of "$(newest)" "$1"
}
is_of() { # NEW OLD
	"$SONDE" show --json --db "$STORE" "$1" | jq -es --arg old "$2" 'any(.[]; .attributes["sonde.run.retry_of"] == $old)' >/dev/null &&
		"$SONDE" show --db "$STORE" "$1" | grep "retry   of ${2:0:8}"
}

as_it_was() {
	local args
	tell "${ARGS[@]}" || return 1
	args=$(/usr/bin/python3 -c 'import json, sys; print(json.dumps(sys.argv[1:]))' "${ARGS[@]}")
	tail -1 "$T/told" | jq -e --argjson args "$args" '.[2] == $args'
}
ok "a run with arguments of every kind" as_it_was
A=$(newest)
again() {
	local n
	n=$(told)
	(cd / && "$SONDE" retry --db "$STORE" "${A:0:8}" 2>"$T/err") && [ "$(told)" = $((n + 1)) ] && same_told "$A" &&
		grep -q "runs again in '$T/a folder': /usr/bin/python3 $T/tell.py 'two words'" "$T/err" || { cat "$T/err"; return 1; }
}
ok "is run again: the same arguments to the last byte, in the same folder, and says whose other go it is" again
only_said() {
	local n line
	n=$(told)
	line=$("$SONDE" retry -n --db "$STORE" "$A") || return 1
	[ "$(told)" = "$n" ] || return 1
	(
		sonde() { "${@:3}"; } # run --
		cd / && eval "$line"
	) && [ "$(tail -1 "$T/told")" = "$(tail -2 "$T/told" | head -1)" ]
}
ok "or only said, so that a shell would do the same" only_said
passes_on() {
	start sh -c 'exit 7'
	[ $? = 7 ] || return 1
	"$SONDE" retry -q --db "$STORE" last
	[ $? = 7 ]
}
ok "its status is the command's" passes_on

# refused WORDS REF	with a reason, and nothing was run
refused() {
	local n rc=0
	n=$(told)
	"$SONDE" retry --db "${3-$STORE}" "$2" 2>"$T/err" || rc=$?
	[ "$rc" = 125 ] && [ "$(told)" = "$n" ] && grep "not run again: .*$1" "$T/err" || { echo "$rc"; cat "$T/err"; return 1; }
}
cut() {
	tell "$(head -c 9000 /dev/zero | tr '\0' x)" && refused 'not kept whole' last
}
ok "refused: arguments that were too long to be kept" cut
secret() {
	tell --api-key sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCD && refused 'not kept whole' last
}
ok "refused: a secret in them" secret
bytes() {
	tell $'\xff\xfe' && refused 'not kept whole' last
}
ok "refused: bytes that are no text" bytes
little() {
	RUN_OPTIONS='--content minimal' tell x && refused 'not kept whole' last
}
ok "refused: content level minimal" little
moved() {
	(cd "$T/other" && "$SONDE" run -q --no-live --no-tree --db "$STORE" -- /usr/bin/python3 "$T/tell.py") && rmdir "$T/other" && refused "not there any more: '$T/other'" last
}
ok "refused: its folder has gone" moved
joined() {
	local pid rc
	sleep 30 &
	pid=$!
	pids+=("$pid")
	"$SONDE" run -q --no-tree --db "$STORE" --pid "$pid" 2>"$T/err" &
	rc=$!
	within 60 eval '[ "$(runs | head -1 | jq -r .pid)" = '"$pid"' ]' || { cat "$T/err"; return 1; }
	kill "$pid"
	wait "$rc"
	refused "not started by 'sonde run'" last
}
ok "refused: what 'sonde run' found running" joined
elsewhere() {
	unshare --uts sh -c 'hostname elsewhere; exec "$@"' sh "$SONDE" run -q --no-live --no-tree --db "$T/db2" -- true && refused "another machine, 'elsewhere'" last "$T/db2"
}
ok "refused: of another machine" elsewhere
# The store is nobody's, with what it says; root does not do that, nor nobody what root's run was.
another() {
	mkdir -p "$T/n" && chown nobody "$T/n"
	sqlite3 "$STORE" ".backup '$T/n/db'" && chown nobody "$T/n/db" && refused 'others can write the store' "$A" "$T/n/db" || return 1
	chmod 666 "$STORE"
	refused 'others can write the store' "$A"
	rc=$?
	chmod 600 "$STORE"
	[ "$rc" = 0 ] || return 1
	setpriv --reuid nobody --regid nogroup --clear-groups "$T/sonde" retry --db "$T/n/db" "$A" 2>"$T/err"
	[ $? = 125 ] && grep 'ran as user 0' "$T/err"
}
ok "refused: another's store, and another's run" another
wrong_ids() {
	! "$SONDE" run -q --no-store --retry-of 1234 -- true 2>"$T/err" && grep -q 'retry-of' "$T/err"
}
ok "refused: what is no run's id" wrong_ids

# --- over serve ---

# serve_start NAME COMMAND...	its address in base, with a session in $T/NAME.jar
serve_start() {
	local name=$1 url
	shift
	"$@" >"$T/$name.url" 2>"$T/$name.log" </dev/null &
	serving=$!
	pids+=("$serving")
	within 60 test -s "$T/$name.url" || { cat "$T/$name.log"; return 1; }
	url=$(head -1 "$T/$name.url")
	base=${url%%/open*} jar=$T/$name.jar
	curl -sf -c "$jar" -o /dev/null "$url"
}
plan() { curl -s -b "$jar" "$base/api/v1/runs/$1/retry"; }
# post STATUS RUN BODY [CURL-OPTION...]
post() {
	local got wanted=$1 run=$2 body=$3
	shift 3
	got=$(curl -s -o "$T/answer" -w '%{http_code}' -H 'Content-Type: application/json' "$@" "$base/api/v1/runs/$run/retry" -d "$body")
	[ "$got" = "$wanted" ] || { echo "$got"; cat "$T/answer"; return 1; }
}
browser() { post "$@" -b "$jar" -H "Origin: $base"; }
confirm() { echo "{\"confirm\":\"$1\"}"; }
reader=$("$SONDE" token add reader --right read,content --db "$STORE" 2>/dev/null) writer=$("$SONDE" token add writer --right read,write --db "$STORE" 2>/dev/null)
serve_start root "$SONDE" serve --db "$STORE"
R=$serving
planned() {
	plan "$A" >"$T/plan"
	cat "$T/plan"
	jq -e --arg cwd "$T/a folder" --arg id "$A" '.can and .cwd == $cwd and (.by_hand | endswith($id)) and (has("retry_of") | not)' "$T/plan" &&
		(cd "$T/a folder" && eval "$(jq -r .command "$T/plan")") && [ "$(tail -1 "$T/told" | jq -c '.[2]')" = "$(head -1 "$T/told" | jq -c '.[2]')" ]
}
ok "the API says what it would be" planned
unasked() {
	local n
	n=$(told)
	browser 400 "$A" '{}' && browser 400 "$A" '{"confirm":"last"}' && browser 400 "${A:0:8}" "$(confirm "${A:0:8}")" &&
		post 403 "$A" "$(confirm "$A")" -b "$jar" && post 403 "$A" "$(confirm "$A")" -b "$jar" -H 'Origin: http://evil.example' &&
		post 401 "$A" "$(confirm "$A")" -H "Origin: $base" && post 403 "$A" "$(confirm "$A")" -H "Authorization: Bearer $reader" &&
		grep -q "'write' is missing" "$T/answer" && browser 404 "${A:0:31}$([ "${A:31}" = 0 ] && echo 1 || echo 0)" "$(confirm "${A:0:31}$([ "${A:31}" = 0 ] && echo 1 || echo 0)")" &&
		[ "$(told)" = "$n" ]
}
ok "not without the whole id, from another page, without a session, or without the right to write" unasked
touch "$T/wait"
under_way() {
	local n
	n=$(told)
	browser 200 "$A" "$(confirm "$A")" && cat "$T/answer" || { cat "$T/root.log" "$STORE"-retry-*.log; return 1; }
	NEW=$(jq -r '.run_id // empty' "$T/answer")
	within 60 eval '[ "$(told)" = '$((n + 1))' ]' && is_of "$NEW" "$A" && [ "$(plan "$NEW" | jq -r .retry_of)" = "$A" ] && same_told "$A"
}
step_new() { NEW=$(jq -r .run_id "$T/answer") PID=$(jq -r .pid "$T/answer"); }
ok "confirmed on our own page it is run again, and the answer says the new run" under_way
step_new
one_at_a_time() { browser 409 "$A" "$(confirm "$A")" && grep -q 'already' "$T/answer"; }
ok "but not twice at once" one_at_a_time
audited() {
	grep "user 0 (browser) asked to run $A again: process $PID" "$T/root.log" && grep -q "asked for by user 0 (browser)" "$STORE"-retry-0.log &&
		[ "$(stat -c %a "$STORE"-retry-0.log)" = 600 ]
}
ok "a line in the server's log and above the command's output says who asked" audited
by_token() {
	local n
	n=$(told)
	rm "$T/wait"
	within 60 eval '! kill -0 "$PID" 2>/dev/null' || return 1
	touch "$T/wait"
	within 60 post 200 "$A" "$(confirm "$A")" -H "Authorization: Bearer $writer" || return 1 # once the first is reaped
	within 60 eval '[ "$(told)" = '$((n + 1))' ]' && grep 'user 0 (token writer) asked' "$T/root.log"
}
ok "a token with the right to write does as well, once the first has ended" by_token
step_new
refusals() {
	browser 409 "$(runs | jq -r 'select(.cwd == "'"$T/other"'").run_id' | head -1)" "$(confirm "$(runs | jq -r 'select(.cwd == "'"$T/other"'").run_id' | head -1)")" &&
		grep -q 'not there any more' "$T/answer" && grep 'not done: the folder' "$T/root.log"
}
ok "what is refused says why, here and in the log" refusals
outlives() {
	kill "$R" && wait "$R"
	sleep 1
	kill -0 "$PID" && [ "$("$SONDE" runs --json --db "$STORE" | jq -r "select(.run_id == \"$NEW\").status")" = running ] || return 1
	rm "$T/wait"
	within 60 eval '[ "$("$SONDE" runs --json --db "$STORE" | jq -r "select(.run_id == \"$NEW\").status")" = completed ]'
}
ok "it goes on when the server ends, and ends in good order" outlives

# As of a user who has no privileges, and of one for whom sudo made us root.
nobodys() {
	export SUDO_UID=65534 SUDO_GID=65534 SUDO_USER=nobody
	rm -f "$T/n"/db*
	STORE=$T/n/db start /usr/bin/python3 "$T/tell.py" nobody
	N=$("$SONDE" runs --json --db "$T/n/db" | head -1 | jq -r .run_id)
	serve_start sudo "$SONDE" serve --db "$T/n/db"
	unset SUDO_UID SUDO_GID SUDO_USER
}
nobodys
for_them() {
	local n
	n=$(told)
	[ "$(tail -1 "$T/told" | jq '.[1]')" = 65534 ] || return 1
	browser 200 "$N" "$(confirm "$N")" && [ "$(told)" = $((n + 1)) ] && [ "$(tail -1 "$T/told" | jq '.[1]')" = 65534 ] &&
		[ "$(stat -c %U "$T/n"/db-retry-0.log)" = nobody ] || { tail -3 "$T/told"; cat "$T/sudo.log"; ls -l "$T/n"; return 1; }
}
ok "under sudo it is run as the user who called sudo" for_them
not_by_others() {
	local token
	token=$("$SONDE" token add theirs --user nobody --right read,write --db "$T/n/db" 2>/dev/null)
	post 403 "$N" "$(confirm "$N")" -H "Authorization: Bearer $token" && grep 'only who has started' "$T/answer"
}
ok "but not for who has not started the server, even where the run is theirs" not_by_others
kill "$serving"
serve_start plain setpriv --reuid nobody --regid nogroup --clear-groups env HOME="$T/n" "$T/sonde" serve --db "$T/n/db"
powerless() {
	local n
	n=$(told)
	browser 503 "$N" "$(confirm "$N")" && grep 'probes need root' "$T/answer" && [ "$(told)" = "$n" ]
}
ok "without privileges the answer has the words of 'sonde run'" powerless
kill "$serving"

# The daemon's server, over the same store.
"$SONDE" server --db "$STORE" --socket "$T/sock" 2>"$T/err" &
pids+=($!)
not_by_the_daemon() {
	within 60 test -S "$T/sock" || return 1
	curl -s --unix-socket "$T/sock" "http://sonde/api/v1/runs/$A/retry" >"$T/plan"
	jq -e --arg id "$A" '(.can | not) and .by_hand == "sonde retry " + $id and (.why_not | test("daemon starts no commands"))' "$T/plan" || { cat "$T/plan"; return 1; }
	[ "$(curl -s -o "$T/answer" -w '%{http_code}' --unix-socket "$T/sock" -H 'Content-Type: application/json' "http://sonde/api/v1/runs/$A/retry" -d "$(confirm "$A")")" = 503 ]
}
ok "the daemon starts nothing for others: it says the command instead" not_by_the_daemon
finish
