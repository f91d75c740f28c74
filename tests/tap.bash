# shellcheck shell=bash
# Sourced by the tests that are shell scripts: TAP, and what is said in JSON.
tap_n=0 tap_bad=0

# ok NAME COMMAND...	one test: passes where the command does; its output is shown where it does not
ok() {
	local name=$1 out
	shift
	tap_n=$((tap_n + 1))
	if out=$("$@" 2>&1); then
		echo "ok $tap_n - $name"
	else
		echo "not ok $tap_n - $name"
		printf '%s\n' "$out" | head -40 | sed 's/^/# /'
		tap_bad=$((tap_bad + 1))
	fi
}

# finish	the last line of a script
finish() {
	echo "1..$tap_n"
	exit $((tap_bad > 0))
}

# holds FILTER [FILE...]	whether there is any JSON at all and the filter is true of each value (jq -e passes where
# there is none); shows what it is not true of
holds() {
	local filter=$1 rc=0 value
	shift
	value=$(cat -- "$@")
	jq -en "[inputs] | length > 0 and all(.[]; $filter)" <<<"$value" >/dev/null || rc=$?
	[ "$rc" = 0 ] || printf '%s\n' "$value"
	return "$rc"
}
