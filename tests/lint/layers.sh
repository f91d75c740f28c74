#!/bin/sh
# Fails if a file in src/ includes a header of a layer it may not know.
# The table is the architecture: a layer, then the layers it may include besides itself.
# include/sonde, the types the layers hand each other, is open to all.
set -eu
cd "$(dirname "$0")/../.."
bad=0
while read -r layer deps; do
	[ -d "src/$layer" ] || continue
	ok=$(echo "$layer $deps sonde" | tr ' ' '|')
	if grep -rnE '^#include "[a-z/]+/' "src/$layer" | grep -vE "\"($ok)/"; then
		echo "^ src/$layer may include: $deps" >&2
		bad=1
	fi
done <<TABLE
base
probe base proc
probe/elf base
probe/finder probe/elf base
intake base
proc base
price base
stream base
proto base
llm base proto
policy base
config base llm policy
mcp base proto
trace base proc llm mcp price policy
store base
export base store proto config llm
api base config export store price
enrich base
TABLE
# A library belongs to the layer that wraps it.
only() { # HEADER-PATTERN LAYER...
	pattern=$1
	shift
	ok=$(echo "$@" | tr ' ' '|')
	if grep -rnE "^#include <$pattern" src | grep -vE "^src/($ok)/"; then
		echo "^ <$pattern> only in: $*" >&2
		bad=1
	fi
}
only 'bpf/' probe intake
only '(libelf|gelf|elf)\.h' probe
only sqlite3 store
only Zydis probe
only capstone probe
only ini config
only 'curl/' export enrich
only microhttpd api
exit $bad
