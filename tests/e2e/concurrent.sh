#!/bin/bash
# Eight runs at once into one store: each equals its own server's log.
. "$(dirname "$0")/lib.sh"
need_root
N=8
mkdir "$T/r"
for i in $(seq $N); do
	mkdir "$T/r/$i"
	"$TOP/tests/mock/certs.sh" "$T/certs"
	/usr/bin/python3 "$TOP/tests/mock/llm_server.py" --https 0 --certs "$T/certs" --log "$T/r/$i/truth" --ready "$T/r/$i/ready" \
		--scenario "{\"tool_turns\":3,\"command\":\"echo hello-from-tool $i\"}" &
	pids+=($!)
done
for i in $(seq $N); do
	within 60 test -s "$T/r/$i/ready"
done
jobs=()
for i in $(seq $N); do
	base=https://localhost:$(awk '/^https/ { print $2 }' "$T/r/$i/ready")
	# shellcheck disable=SC2046 # words
	env -i $(client_env "$base") timeout 180 "$SONDE" run --db "$T/db" --json -o "$T/r/$i/spans" -- \
		/usr/bin/python3 "$TOP/tests/demo/agent.py" --stream "task $i" >"$T/r/$i/out" 2>"$T/r/$i/err" </dev/null &
	jobs+=($!)
done
for i in $(seq $N); do
	wait "${jobs[i - 1]}"
	ok "run $i ended well" test $? = 0
	ok "run $i equals its log" /usr/bin/python3 "$TOP/tests/e2e/verify.py" "$T/r/$i/truth" "$T/r/$i/spans"
done
all_stored() {
	local runs calls
	runs=$("$SONDE" runs --db "$T/db" --json | jq -r .run_id | sort -u | wc -l)
	calls=$("$SONDE" spans --db "$T/db" --json | jq -r 'select(.attributes["sonde.step.kind"] == "llm") | .span_id' | sort -u | wc -l)
	echo "$runs runs, $calls calls"
	[ "$runs" = "$N" ] && [ "$calls" = $((N * 4)) ]
}
ok "the store holds all of them" all_stored
ok "the store is sound" "$SONDE" store check --db "$T/db"
finish
