#!/bin/bash
# Calls in Connect envelopes, both ways on streams of one HTTP/2 connection, as Cursor's agent makes them: model,
# conversation and end are known, tokens are not.
. "$(dirname "$0")/lib.sh"
need_root
"$TOP/tests/e2e/clients/install.sh" "$CLIENTS" || exit 1
"$TOP/tests/mock/certs.sh" "$T/certs"
"$NODE" "$CLIENTS/connect.mjs" serve "$T/certs" "$T/port" &
pids+=($!)
within 60 test -s "$T/port"

seen() { # CALLS
	traced x "$NODE" "$CLIENTS/connect.mjs" ask "https://localhost:$(cat "$T/port")" "$1" &&
		/usr/bin/python3 - "$T/spans" "$1" <<-'X'
			import json, sys

			with open(sys.argv[1], encoding="utf-8") as f:
			    spans = {s["span_id"]: s for s in map(json.loads, f) if "span_id" in s}.values()
			calls = [s["attributes"] for s in spans if s["attributes"].get("sonde.step.kind") == "llm"]
			assert len(calls) == int(sys.argv[2]), calls
			for a in calls:
			    n = a["gen_ai.conversation.id"].removeprefix("conversation-")
			    assert (a["gen_ai.provider.name"], a["gen_ai.request.model"]) == ("cursor", "composer-2"), a
			    assert a.get("error.type") == ("resource_exhausted" if n == "2" else None), a
			    assert not any("usage" in k and "tokens" in k for k in a), a
			    assert "sonde.cost.usd" not in a, a
			    assert a.get("sonde.lost.bytes", 0) == 0, a
			assert len({a["gen_ai.conversation.id"] for a in calls}) == len(calls)
		X
}
ok "one call" seen 1
ok "eight at once" seen 8
finish
