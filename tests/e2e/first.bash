# shellcheck shell=bash
# Sourced, after lib.sh, by tests of the first request of short programs: each is started N times, and none may be missed.
# shellcheck disable=SC2015 # a failed test shows why
N=${N:-15}

# A command that starts clients again and again: what it starts is not on its command line.
cat >"$T/again" <<'EOS'
#!/bin/sh
n=$1
shift
while [ "$n" -gt 0 ]; do
	"$@" || exit
	n=$((n - 1))
done
EOS
chmod 755 "$T/again"

seen() { # how many calls of the mock's are in the spans
	jq -es '[.[] | select(.attributes."gen_ai.operation.name" == "chat" and (.attributes."http.response.status_code" == 200))] | unique_by(.span_id) | length' "$T/spans"
}

# One run for each 50 starts.
none_missed() { # COUNT COMMAND...
	local left=$1
	shift
	while [ "$left" -gt 0 ]; do
		batch $((left < 50 ? left : 50)) "$@" || return 1
		left=$((left - 50))
	done
}

batch() { # COUNT COMMAND...
	local n=$1 made got
	shift
	mock_scenario '{}'
	traced "$HTTPS" "$T/again" "$n" "$@" || return 1
	made=$(grep -c . "$TRUTH")
	got=$(seen)
	[ "$made" -ge "$n" ] && [ "$got" = "$made" ] || { echo "$n starts, $made calls, $got seen"; jq -c 'select(.type == "run") | .notes' "$T/spans" | tail -1; return 1; }
}

load_start() {
	local _
	for _ in $(seq "$(nproc)"); do
		while :; do :; done &
		loads+=($!)
	done
	pids+=("${loads[@]}")
}
load_stop() {
	kill "${loads[@]}"
	wait "${loads[@]}" 2>/dev/null
}
loads=()
