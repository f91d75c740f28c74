#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What arrived against what the store has.

  otlp_verify.py spans DB FILE...	each final span of the store arrived, and none twice (receiver's lines, or NDJSON); with --again: twice
                        	where it is the same
    otlp_verify.py metrics DB FILE	the last values are the store's sums, since one beginning; with --two: two send them
"""
import collections, json, sqlite3, sys

words = [w for w in sys.argv[1:] if w[0] != "-"]
what, db, files = words[0], sqlite3.connect("file:%s?mode=ro" % words[1], uri=True), words[2:]
bad = []


def lines():
    for name in files:
        for line in open(name):
            yield json.loads(line)


def spans():
    stored = {(r.hex(), s.hex()) for r, s in db.execute("SELECT run, id FROM spans WHERE final")}
    got, contents = collections.Counter(), collections.defaultdict(set)
    for x in lines():
        if x.get("signal", "span") != "span" or x.get("type") == "run":
            continue
        got[x["trace_id"], x["span_id"]] += 1
        contents[x["trace_id"], x["span_id"]].add(json.dumps(x, sort_keys=True))
    doubled = [k for k, n in got.items() if n > 1]
    if not stored:
        bad.append("the store has no spans")
    if stored - set(got):
        bad.append("%d of %d are missing" % (len(stored - set(got)), len(stored)))
    if set(got) - stored:
        bad.append("%d that the store does not have" % len(set(got) - stored))
    if doubled and "--again" not in sys.argv:
        bad.append("%d are doubled" % len(doubled))
    # What comes again is the same, or says that it is a correction.
    if "--grows" not in sys.argv and any(len(c) > 1 and not any("sonde.span.version" in x for x in c) for c in contents.values()):
        bad.append("what came again was another")
    print("%d spans, %d came again" % (len(got), len(doubled)))


ONCE = "(attrs IS NULL OR json_extract(attrs, '$.\"sonde.duplicate_of\"') IS NULL)"


def metrics():
    last = {}
    starts = collections.defaultdict(set)
    for x in lines():
        if x["signal"] == "metric":
            last[x["name"]] = x["points"]
            starts[x["name"]].update(p["start"] for p in x["points"])
    value = lambda name: sum(p["value"] for p in last.get(name, []))
    of_type = lambda t: [p for p in last.get("gen_ai.client.token.usage", []) if p["attributes"]["gen_ai.token.type"]["value"] == t]
    one = lambda sql: db.execute(sql).fetchone()[0] or 0
    pairs = [
        ("input tokens", sum(p["sum"] for p in of_type("input")), one("SELECT sum(input) FROM spans WHERE seq AND step = 2")),
        ("output tokens", sum(p["sum"] for p in of_type("output")), one("SELECT sum(output) FROM spans WHERE seq AND step = 2")),
        ("calls", value("sonde.llm.calls"), one("SELECT count(*) FROM spans WHERE seq AND step = 2 AND " + ONCE)),
        ("tool calls", value("sonde.tool.calls"), one("SELECT count(*) FROM spans WHERE seq AND step = 3")),
        ("cost", round(value("sonde.cost.usd"), 6), round(one("SELECT sum(cost_pico_usd) FROM spans WHERE seq AND step = 2 AND NOT cost_equivalent") / 1e12, 6)),
    ]
    for name, got, want in pairs:
        if got != want:
            bad.append("%s: %s, the store has %s" % (name, got, want))
    if not pairs[0][1]:
        bad.append("no metrics")
    if any(len(s) > (2 if "--two" in sys.argv else 1) for s in starts.values()):
        bad.append("the sums began again")


{"spans": spans, "metrics": metrics}[what]()
for b in bad:
    print(b)
sys.exit(bool(bad))
