#!/bin/bash
# The command owns the terminal: keys, signals, job control, window size, pipes, exit status, as without sonde.
. "$(dirname "$0")/lib.sh"
need_root
cleanup_all() { rm -rf "$T"; }
trap cleanup_all EXIT
/usr/bin/python3 "$TOP/tests/e2e/terminal.py" "$SONDE" "$T"
