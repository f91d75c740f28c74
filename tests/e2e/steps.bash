# shellcheck shell=bash
# Sourced, after lib.sh, by tests that trace what runs already: clients that ask when they are told to.
# shellcheck disable=SC2016,SC2015 # for inner shells; a failed test shows why

# until CONDITION...	waits for it
until_ok() {
	within 60 "$@" 2>/dev/null || { echo "never: $*"; return 1; }
}

# client_start [PREFIX...]	sets client (pid); its input is descriptor 8, its answers are in $T/answers
client_start() {
	rm -f "$T/in"
	mkfifo "$T/in"
	: >"$T/answers"
	"$@" <"$T/in" >"$T/answers" &
	exec 8>"$T/in"
	until_ok grep -q '^ready' "$T/answers" || return 1
	client=$(awk '/^ready/ { print $2 }' "$T/answers" | tail -1)
	pids+=("$client")
}

# ask N	the Nth request, until it is answered
ask() {
	echo "turn $1" >&8
	until_ok grep -q "^$1 200" "$T/answers"
}

# attach OPTION...	sonde run, until it traces; sets tracer
attach() {
	rm -f "$T/spans" "$T/err" "$T"/db* # or the last one's words would be taken for this one's
	SONDE_DB=$T/db "${AS[@]}" "$SONDE" run --json -o "$T/spans" "$@" >"$T/out" 2>"$T/err" 8>&- </dev/null &
	tracer=$!
	until_ok grep -q '^tracing' "$T/err" || { cat "$T/err"; return 1; }
}
AS=(env)

# traced_calls N	what was traced are N calls, whole; the run is told
traced_calls() {
	local n
	n=$(jq -es '[.[] | select(.attributes."gen_ai.operation.name" == "chat")] | unique_by(.span_id) | length' "$T/spans")
	[ "$n" = "$1" ] || { echo "$n calls"; cat "$T/spans" "$T/err"; return 1; }
	jq -es 'any(.type == "run" and (.notes | tostring | test("ran already")))' "$T/spans" >/dev/null || { tail -2 "$T/spans"; return 1; }
}

both_end() {
	wait "$client" || { echo "the client was harmed: $?"; return 1; }
	wait "$tracer" || { echo "sonde: $?"; cat "$T/err"; return 1; }
}

# open_connection COMMAND...	a client whose connection is open when tracing begins: its second and third call are seen, whole
open_connection() {
	mock_scenario '{}'
	client_start "$@" || return 1
	# The server writes its log after it has answered.
	ask 1 && until_ok test -s "$TRUTH" || return 1
	: >"$TRUTH"
	attach --pid "$client" || return 1
	ask 2 && ask 3 || return 1
	exec 8>&-
	both_end || return 1
	traced_calls 2 && /usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans"
}
# In the midst of an answer: the rest of it is nobody's call, the next one is whole.
midway() { # COMMAND...
	mock_scenario '{"chunks": 25, "text_bytes": 400000}'
	client_start "$@" || return 1
	echo stream >&8
	until_ok grep -q '^1 begins' "$T/answers" || return 1
	attach --pid "$client" || return 1
	echo >&8
	until_ok grep -q '^1 200' "$T/answers" && until_ok test -s "$TRUTH" || return 1
	mock_scenario '{}'
	ask 2 || return 1
	exec 8>&-
	both_end || return 1
	traced_calls 1 && /usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans"
}

# many COMMAND...	five open connections, ten calls over them
many() {
	mock_scenario '{"latency_ms": 50}'
	client_start "$@" || return 1
	echo many >&8
	until_ok grep -q '^1 200' "$T/answers" && until_ok sh -c "[ \$(wc -l <'$TRUTH') = 5 ]" || return 1
	: >"$TRUTH"
	attach --pid "$client" || return 1
	echo many >&8
	until_ok grep -q '^2 200' "$T/answers" || return 1
	echo many >&8
	until_ok grep -q '^3 200' "$T/answers" || return 1
	exec 8>&-
	both_end || return 1
	traced_calls 10 && /usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans"
}
