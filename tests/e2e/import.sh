#!/bin/bash
# HAR files become the calls that they hold, whoever wrote them, and whatever is odd in them.
. "$(dirname "$0")/lib.sh"
/usr/bin/python3 "$TOP/tests/har/test_import.py" "$SONDE" "$T"
