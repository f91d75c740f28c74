#!/bin/bash
# What it costs a build that its files are looked at: 10,000 small files by 500 processes, traced with and without, in turn.
#   SONDE=sonde BENCH=dir-of-build files.sh [ROUNDS]
# The best of each counts, as what disturbs only ever adds: processor time, and how long it took. Fails over 5 %.
set -u
cd "$(dirname "$0")/../.." || exit 1
SONDE=${SONDE:-$PWD/build/sonde}
BENCH=${BENCH:-$PWD/build/tests/bench}
rounds=${1:-5}
[ "$(id -u)" = 0 ] || { echo "bench: needs root" >&2; exit 1; }
T=$(mktemp -d /tmp/sonde-bench-XXXXXX)
# In memory: a disk would be what is measured.
mkdir "$T/tree"
mount -t tmpfs none "$T/tree" || exit 1
trap 'umount "$T/tree"; rm -rf "$T"' EXIT
declare -A best

# one NAME COMMAND...	a round; keeps the best
one() {
	local name=$1 line kind value
	shift
	find "$T/tree" -mindepth 1 -delete
	line=$("$@" "$BENCH/build" "$T/tree" 500 10000) || { echo "$name failed"; exit 1; }
	for kind in cpu wall; do
		value=$(tr ' ' '\n' <<<"$line" | sed -n "s/^$kind=//p")
		[ "$value" -ge "${best[$name $kind]:-$((value + 1))}" ] || best[$name $kind]=$value
	done
}
traced() { # OPTION... -- COMMAND...
	"$SONDE" run -q --db "$T/db" "$@" 2>"$T/err"
}
for _ in $(seq "$rounds"); do
	one none env
	one without traced --no-files --
	one with traced --
	one minimal traced --content minimal --
	rm -f "$T"/db*
done
a_file() { # us that each of the files costs
	awk -v a="${best[with cpu]}" -v b="${best[without cpu]}" 'BEGIN { printf "%.1f", (a - b) / 10000 }'
}
ms() { # NAME KIND
	echo $((${best[$1 $2]} / 1000))
}
percent() { # OF TO
	awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1f", (a / b - 1) * 100 }'
}
for kind in cpu wall; do
	printf 'build, %-4s: untraced %s ms, traced without files %s ms, with %s ms, with at level minimal %s ms: files add %s %%\n' $kind \
		"$(ms none $kind)" "$(ms without $kind)" "$(ms with $kind)" "$(ms minimal $kind)" \
		"$(percent "${best[with $kind]}" "${best[without $kind]}")"
done
echo "build: $(a_file) us of processor time a file, with what else its processes do"
awk -v a="${best[with cpu]}" -v b="${best[without cpu]}" 'BEGIN { exit !(a <= b * 1.05) }' && exit
echo "  over the limit: at most 5 %"
exit 1
