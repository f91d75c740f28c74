#!/bin/bash
# How fast a recording becomes a store, and how large that is beside what passed: a coding agent's 100-turn sessions.
#   SONDE=sonde replay.sh
set -u
cd "$(dirname "$0")/../.." || exit 1
SONDE=${SONDE:-$PWD/build/sonde}
T=$(mktemp -d /tmp/sonde-bench-XXXXXX)
trap 'rm -rf "$T"' EXIT
bad=0

read -r raw calls <<<"$(python3 tests/bench/session.py "$T/one")"
"$SONDE" replay -q --db "$T/one.db" "$T/one" || exit 1
seen=$("$SONDE" query --db "$T/one.db" --json "SELECT count(*) AS n FROM v_spans WHERE step = 'llm'" | jq -r .n)
stored=$(cat "$T"/one.db* | wc -c)
printf 'a session of %s calls: %s bytes passed, %s stored: 1/%s\n' "$calls" "$raw" "$stored" $((raw / stored))
[ "$seen" = "$calls" ] || { echo "  calls in the store: $seen"; bad=1; }
[ $((raw / stored)) -ge 20 ] || { echo "  over the limit: at most 1/20"; bad=1; }

read -r raw calls <<<"$(python3 tests/bench/session.py --sessions 8 "$T/many")"
best=
for i in 1 2 3; do
	start=$(date +%s%N)
	taskset -c 0 "$SONDE" replay -q --db "$T/many$i.db" "$T/many" || exit 1
	ns=$(($(date +%s%N) - start))
	[ -n "$best" ] && [ "$best" -le "$ns" ] || best=$ns
done
rate=$(awk "BEGIN { printf \"%.0f\", $(stat -c %s "$T/many") / 1e6 / ($best / 1e9) }")
printf 'replay on one core: %s MB/s, %s calls/s\n' "$rate" "$(awk "BEGIN { printf \"%.0f\", $calls / ($best / 1e9) }")"
[ "$rate" -ge 150 ] || { echo "  under the limit: at least 150 MB/s"; bad=1; }
exit $bad
