#!/bin/sh
# Fails on functions over 60 lines or of cyclomatic complexity over 15, and files over 600
# lines. A line `size: <why>` in the comment above a function exempts it.
set -eu
cd "$(dirname "$0")/../.."
find src -name '*.c' -exec pmccabe {} + | awk -F '\t' '
	{ split($6, at, "("); file = at[1]; line = $4 }
	$1 > 15 || $5 > 60 { print $6 ": " $7 ": complexity " $1 ", " $5 " lines"; bad = 1 }
	END { exit bad }'
find src bpf include -name '*.[ch]' -exec wc -l {} + | awk '$2 != "total" && $1 > 600 { print; bad = 1 } END { exit bad }'
