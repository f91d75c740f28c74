#!/bin/bash
# What a daemon's rules let in: users, programs, cgroups, exclusions; agents that run already and that begin; what is no agent leaves
# nothing. Only processes of this test: a user, programs and cgroups that nobody else has.
# long: it begins before those that are over soon.
# shellcheck disable=SC2016 # for inner shells
. "$(dirname "$0")/lib.sh"
need_root
mock_start
chmod 755 "$T/certs"
chmod 644 "$T/certs/ca.pem"
USER_ID=54399 # nobody else's: all that it runs is traced
AS=(setpriv --reuid "$USER_ID" --regid "$USER_ID" --clear-groups)
# Where an ordinary user can read them.
cp "$TOP/tests/demo/agent.py" "$T/agent-$$.py"
cp /usr/bin/curl "$T/curl-$$"
install -m 755 "$SONDE" "$T/sonde"
mkdir -m 777 "$T/work"

watch() { # RULES	the daemon, which listens on descriptor 9
	mkfifo "$T/orders"
	"$TOP/build/tests/e2e/watch" -d "$T/db" -r "$T/recording" -o "$T/log" "$1" <"$T/orders" >"$T/ready-watch" &
	watcher=$!
	pids+=("$watcher")
	exec 9>"$T/orders"
}
order() { # JSON
	echo "$1" >&9
	sleep 1.5
}
rules() { # RULES	from now on these
	order "{\"op\":\"watch\",\"watch\":$1}"
}
agent() { # COMMAND...	the demo agent with it
	(cd "$T/work" && env -i PATH=/usr/bin:/bin HOME="$T/work" SSL_CERT_FILE="$T/certs/ca.pem" ANTHROPIC_API_KEY=k OPENAI_API_KEY=k "$@" \
		/usr/bin/python3 "$T/agent-$$.py" --base "$HTTPS" --api messages --stream) >"$T/out" 2>&1 </dev/null
}
stored() { "$SONDE" runs --db "$T/db" --json --limit 100 2>/dev/null; }
n_runs() { stored | jq -s 'length'; }
# one_more BEFORE FILTER	there is one run more, of which it is true
one_more() {
	[ "$(n_runs)" = $(($1 + 1)) ] && stored | jq -s ".[0] | [select($2)]" | holds 'length == 1'
}
calls_are_whole() { # the newest run's
	local id
	id=$(stored | jq -rs '.[0].run_id')
	"$SONDE" export --db "$T/db" --format ndjson "$id" >"$T/spans" 2>/dev/null
	/usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans"
}
becomes() { # FILTER COMMAND...	that makes one run, whole from its first request
	local filter=$1 before
	shift
	mock_scenario '{}'
	before=$(n_runs)
	"$@" || { cat "$T/out"; return 1; }
	within 60 one_more "$before" "($filter) and .status == \"completed\"" >/dev/null || { stored | head -3; return 1; }
	calls_are_whole
}
makes_none() { # COMMAND...
	local before
	mock_scenario '{}'
	before=$(n_runs)
	"$@" || { cat "$T/out"; return 1; }
	sleep 2.5
	[ "$(n_runs)" = "$before" ] || { stored | head -2; return 1; }
}

# An agent that runs before the daemon does, and makes a call later.
mkfifo "$T/go"
# shellcheck disable=SC2094
(cd "$T/work" && env -i PATH=/usr/bin:/bin HOME="$T/work" SSL_CERT_FILE="$T/certs/ca.pem" ANTHROPIC_API_KEY=k "${AS[@]}" \
	sh -c 'read -r _ <"$0"; exec "$@"' "$T/go" /usr/bin/python3 "$T/agent-$$.py" --base "$HTTPS" --api messages >/dev/null 2>&1) &
pids+=($!)
chmod 666 "$T/go"

watch "{\"users\":[$USER_ID]}"
ok "a daemon begins" within 120 grep -q READY "$T/ready-watch"
ok "what ran already becomes a run with its first call" becomes '.uid == 54399' sh -c "echo >'$T/go'"
ok "an agent of that user is a run, from its first request on" becomes '.uid == 54399 and (.command | test("agent-"))' agent "${AS[@]}"
ok "below a shell that is no agent, too" becomes '.command | test("^[^ ]*python3 ")' agent "${AS[@]}" sh -c 'true; sleep 0.2; "$@"; exit 0' sh
ok "another user's is none" makes_none agent
none() { "${AS[@]}" sh -c 'ls /; echo x | cat; sleep 0.1' >"$T/out" 2>&1; }
ok "programs that call no model leave nothing" makes_none none

rules "{\"programs\":[\"curl-$$\"]}"
curl_it() {
	(cd "$T/work" && "${@:-env}" "$T/curl-$$" -s --cacert "$T/certs/ca.pem" "$HTTPS/v1/chat/completions" -H 'Content-Type: application/json' \
		-d '{"model":"gpt-4o","messages":[{"role":"user","content":"now"}]}') >"$T/out" 2>&1
}
ok "a program is known by its name before it begins" becomes '.command | test("curl-")' curl_it
ok "the user's agents are not traced any more" makes_none agent "${AS[@]}"
rules "{\"programs\":[\"agent-$$.py\"]}"
ok "what an interpreter runs is known by its name" becomes '.command | test("agent-")' agent env
rules "{\"programs\":[\"$T/agent-*\"],\"not_users\":[$USER_ID]}"
ok "by its path, too" becomes '.command | test("agent-")' agent env
ok "what is excluded is so whatever lets it in" makes_none agent "${AS[@]}"
rules "{\"users\":[$USER_ID],\"not_programs\":[\"agent-$$*\"]}"
ok "an excluded script of a user is not traced" makes_none agent "${AS[@]}"
ok "but other programs of that user are" becomes '.command | test("curl-")' curl_it "${AS[@]}"

cgroups=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
IN_GROUP=(sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"') # FOLDER COMMAND...
group=$cgroups/sonde-rules-$$.slice
if [ -n "$cgroups" ] && mkdir "$group" 2>/dev/null; then
	rules "{\"cgroups\":[\"$group\"]}"
	mkdir -p "$group/made/later"
	ok "a cgroup that is made below one that is traced" becomes '.command | test("agent-")' agent "${IN_GROUP[@]}" "$group/made/later"
	rules "{\"units\":[\"sonde-unit-*-$$\"]}"
	mkdir "$group/sonde-unit-7-$$.service" "$group/other-$$.service"
	ok "a unit that is made later, by its name" becomes '.command | test("agent-")' agent "${IN_GROUP[@]}" "$group/sonde-unit-7-$$.service"
	ok "other units are not traced" makes_none agent "${IN_GROUP[@]}" "$group/other-$$.service"
	rules "{\"cgroups\":[\"$group\"],\"not_units\":[\"other-*\"]}"
	ok "an excluded unit inside of it" makes_none agent "${IN_GROUP[@]}" "$group/other-$$.service"
	id=$(printf '%064x' $$)
	mkdir "$group/docker-$id.scope"
	rules "{\"containers\":[\"${id:50}\",\"${id:0:60}\"]}"
	ok "a container, by the begin of its id" becomes '.command | test("agent-")' agent "${IN_GROUP[@]}" "$group/docker-$id.scope"
	order "{\"op\":\"leave_container\",\"container\":\"$id\"}"
	ok "a container that is to be left" makes_none agent "${IN_GROUP[@]}" "$group/docker-$id.scope"
	rmdir "$group/made/later" "$group"/*/ "$group"
fi

# Another sonde: the same program as the one that traces.
printf '#!/bin/sh\n"%s" -x 2>/dev/null\nls / >/dev/null\nexit 0\n' "$TOP/build/tests/e2e/watch" >"$T/job-$$"
printf '#!/bin/sh\nsleep 30 &\nwait\n' >"$T/wait-$$"
chmod 755 "$T/job-$$" "$T/wait-$$"
rules "{\"programs\":[\"job-$$\",\"wait-$$\"]}"
spans_of() { # FILTER	of the newest run of which it is true, once that has ended
	local id
	id=$(stored | jq -rs "[.[] | select(($1) and .status != \"running\")][0].run_id // empty")
	[ -n "$id" ] && "$SONDE" export --db "$T/db" --format ndjson "$id" >"$T/spans" 2>/dev/null
}
another() {
	"$T/job-$$" || return 1
	within 60 spans_of ".command | test(\"job-$$\")" || { stored | head -2; return 1; }
	jq -s '[.[] | select(.type != "run" and .name? == "watch") | .attributes."sonde.traced_by"]' "$T/spans" | holds '. == ["sonde"]' &&
		jq -s '[.[] | select(.type != "run" and .name? == "ls")]' "$T/spans" | holds 'length == 1'
}
mkfifo "$T/go2"
(cd "$T/work" && exec env -i PATH=/usr/bin:/bin HOME="$T/work" SSL_CERT_FILE="$T/certs/ca.pem" ANTHROPIC_API_KEY=k \
	sh -c 'read -r _ <"$0"; sh -c "sleep 1.2; \"\$@\"; exit 0" sh "$@"; exit 0' "$T/go2" /usr/bin/python3 "$T/agent-$$.py" --base "$HTTPS" --api messages >/dev/null 2>&1) &
pids+=($!)
named=$!
by_pid() { # with what it starts, also after the same rules have come once more
	mock_scenario '{}'
	echo >"$T/go2"
	sleep 0.5
	echo "{\"op\":\"watch\",\"watch\":{\"pids\":[$named]}}" >&9
	within 60 spans_of ".pid == $named" || { stored | head -2; return 1; }
	/usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans"
}
rules "{\"pids\":[$named]}"
ok "a process by its number, with what it starts" by_pid
rules "{\"programs\":[\"job-$$\",\"wait-$$\"]}"
ok "another sonde is a step, and what it traces is its own" another
"$T/wait-$$" &
waits=$!
pids+=("$waits")
hand_over() { # as /proc has its start, in ticks
	sleep 2
	stored | jq -s "[.[] | select(.command | test(\"wait-$$\"))] | .[0].status" | holds '. == "running"' || return 1
	echo "{\"op\":\"leave\",\"pid\":$waits,\"start_ns\":$(awk '{ print $22 "0000000" }' "/proc/$waits/stat")}" >&9
	within 60 spans_of ".command | test(\"wait-$$\")" || { stored | head -2; return 1; }
	jq -s '.[] | select(.type == "run") | .status' "$T/spans" | holds '. == "incomplete"'
}
ok "what another one traces is left to it" hand_over
kill "$waits"
exec 9>&-
ok "it ends" within 90 sh -c "! kill -0 $watcher 2>/dev/null"
ok "and has said nothing" test ! -s "$T/log"
finish
