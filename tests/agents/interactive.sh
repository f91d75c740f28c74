#!/bin/bash
# Agents at the terminal: what they show, keys, job control, window size, the same under sonde as without.
. "$(dirname "$0")/lib.sh"
mock_start
export AGENTS SONDE TRUTH HTTP
/usr/bin/python3 "$TOP/tests/agents/interactive.py" "$T"
