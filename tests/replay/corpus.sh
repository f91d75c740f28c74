#!/bin/bash
# Agents at work whose truth is known (tests/corpus): one kept case of each theme, and some hundreds that are made now.
# shellcheck source=tests/replay/common.bash
. "$(dirname "$0")/common.bash"
corpus=$HERE/../corpus
export SONDE

kept() { # THEME
	gunzip -c "$HERE/corpus/$1.rec.gz" >"$T/rec" && replay "$T/db" "$T/rec" &&
		/usr/bin/python3 "$corpus/show.py" "$T/db" >"$T/tree" && same "$HERE/corpus/$1.want" "$T/tree"
}
for want in "$HERE"/corpus/*.want; do
	theme=$(basename "$want" .want)
	ok "kept: ${theme//_/ }" kept "$theme"
done

made() { # LOSS SEED
	/usr/bin/python3 "$corpus/generate.py" --cases 300 --loss "$1" --seed "$2" "$T/made$1" || return
	/usr/bin/python3 "$corpus/score.py" --quiet --faults "$T/faults" "$T/made$1" && return
	head -20 "$T/faults"
	return 1
}
ok "300 cases: runs, links, tools, tokens and cost are the truth's" made 0 2
ok "with 1 % of the records lost: no wrong link, what is hurt says so, the rest is exact" made 1 3

same_again() {
	/usr/bin/python3 "$corpus/generate.py" --cases 40 "$T/one" && /usr/bin/python3 "$corpus/generate.py" --cases 40 "$T/two" &&
		cmp "$T/one/000.rec" "$T/two/000.rec" && cmp "$T/one/000.json" "$T/two/000.json"
}
ok "the same seed gives the same bytes" same_again
finish
