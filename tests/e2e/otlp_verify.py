#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What arrived against what the store has.

  otlp_verify.py spans DB FILE...	each final span of the store arrived, and none twice (receiver's lines, or NDJSON); with --again: twice
                        	where it is the same
    otlp_verify.py metrics DB FILE	the last values are the store's sums, since one beginning, none of them falls; with --two: two send them
  otlp_verify.py resources DB FILE	what is of a run has its resource; sums have it as well, without what is another with each start
  otlp_verify.py place DB	runs of the store get places: two pods of one deployment, a container, another user
"""
import collections, json, sqlite3, sys

words = [w for w in sys.argv[1:] if w[0] != "-"]
what, files = words[0], words[2:]
db = sqlite3.connect("file:%s?mode=%s" % (words[1], "rw" if what == "place" else "ro"), uri=True)
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
    last, streams = {}, {} # of streams: the last value and when; a resource, a name and attributes are one
    starts = collections.defaultdict(set)
    for x in lines():
        if x["signal"] == "metric":
            resource = json.dumps(x["resource"], sort_keys=True)
            last[x["name"], resource] = x["points"]
            starts[x["name"]].update(p["start"] for p in x["points"])
            for p in x["points"] if "--two" not in sys.argv else []:
                stream, n = (x["name"], resource, json.dumps(p["attributes"], sort_keys=True)), p.get("value", p.get("count"))
                if n < streams.get(stream, (0, 0))[0]:
                    bad.append("falls: %s %s" % stream[::2])
                if p["time"] == streams.get(stream, (0, 0))[1]:
                    bad.append("twice in a request: %s %s" % stream[::2])
                streams[stream] = n, p["time"]
    points = lambda name: [p for (n, _), ps in last.items() if n == name for p in ps]
    value = lambda name: sum(p["value"] for p in points(name))
    of_type = lambda t: [p for p in points("gen_ai.client.token.usage") if p["attributes"]["gen_ai.token.type"]["value"] == t]
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


INSTANCE = ("container.id", "k8s.pod.name", "k8s.pod.uid")


def resources():
    runs = {r.hex(): dict(json.loads(j or "{}"), **{"process.owner": user, "host.name": host, "service.name": agent})
            for r, j, user, host, agent in db.execute("SELECT id, resource, user, host, agent FROM runs")}
    places = {json.dumps({k: v for k, v in r.items() if v and k not in INSTANCE}, sort_keys=True) for r in runs.values()}
    seen, told = collections.Counter(), set()
    for x in lines():
        got = {k: v["value"] for k, v in x["resource"].items()}
        if x["signal"] == "metric":
            told.add(json.dumps({k: v for k, v in got.items() if k != "service.version"}, sort_keys=True))
            continue
        for name, value in runs[x["trace_id"]].items():
            if value and got.get(name) != value:
                bad.append("%s: %s is %s, the store has %s" % (x["signal"], name, got.get(name), value))
        seen[x["signal"]] += 1
    if told - places:
        bad.append("sums of places that no run has: %s" % (told - places))
    if len(told) < 4 or not any("k8s.deployment.name" in t for t in told):
        bad.append("sums of too few places: %s" % told)
    if not seen["span"] or not seen["log"]:
        bad.append("no spans or no logs")


def place():
    pod = lambda n: json.dumps({k: v for k, v in sorted({"container.id": "c%d" % n, "k8s.pod.name": "bot-%d" % n, "k8s.namespace.name": "agents",
                                                               "k8s.deployment.name": "bot"}.items(), reverse=n > 1)})
    places = [pod(1), pod(2), json.dumps({"container.id": "c3", "container.runtime.name": "podman", "container.name": "dev"}), None]
    for name in ("times", "times_sum"): # the store's own, of sums that nothing here looks at
        db.create_function(name, 2, lambda a, b: None)
    for n, (row,) in enumerate(db.execute("SELECT n FROM runs").fetchall()):
        db.execute("UPDATE runs SET resource = ?, user = ? WHERE n = ?", (places[n % 4], "ann" if n % 8 == 3 else "u", row))
    db.commit()


{"spans": spans, "metrics": metrics, "resources": resources, "place": place}[what]()
for b in bad:
    print(b)
sys.exit(bool(bad))
