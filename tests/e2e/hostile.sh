#!/bin/bash
# What a traced process does to be a nuisance is bounded: others are traced as if it were not there.
. "$(dirname "$0")/lib.sh"
need_root
mock_start

ok "it is built" gcc -O2 -o "$T/flood" "$TOP/tests/e2e/clients/flood.c"

# Each look at it takes long, and it asks for one all the time.
maps_all_the_time() {
	mock_scenario '{"tool_turns":2}'
	# shellcheck disable=SC2016 # for the inner shell
	traced "$HTTPS" sh -c '"$0" /usr/bin/true 60000 3 & "$@"; rc=$?; wait; exit $rc' "$T/flood" /usr/bin/python3 "$TOP/tests/demo/agent.py" --stream || return 1
	/usr/bin/python3 "$TOP/tests/e2e/verify.py" "$TRUTH" "$T/spans" && ! noted "were lost|not looked at"
}
ok "it maps files all the time, the agent beside it is whole and nothing is lost" maps_all_the_time
finish
