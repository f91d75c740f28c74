#!/usr/bin/env python3
"""Compares what sonde saw with what the mock server did.

    verify.py TRUTH SPANS [--no-processes] [--runs=N]

TRUTH is the server's log, SPANS the lines of `sonde run --json`. Prints each difference; exits 1 if there is any.
"""
import json
import sys

# USD per million tokens: input, output, cache read, cache write. Kept apart from sonde's own table on purpose.
# A model that is not here must be called unpriced.
PRICES = {
    "gpt-4o": (2.5, 10, 1.25, 0),
    "gpt-5": (1.25, 10, 0.125, 0),
    "gpt-5-codex": (1.25, 10, 0.125, 0),
    "claude-sonnet-4-6": (3, 15, 0.3, 3.75),
    "claude-opus-5-5": (4, 20, 0.2, 5),
}
USAGE = {
    "input": "gen_ai.usage.input_tokens",
    "output": "gen_ai.usage.output_tokens",
    "cached": "gen_ai.usage.cache_read.input_tokens",
    "cache_write": "gen_ai.usage.cache_creation.input_tokens",
    "reasoning": "gen_ai.usage.reasoning.output_tokens",
}
problems = []


def check(what, got, want):
    if got != want:
        problems.append(f"{what}: got {got!r}, want {want!r}")


def load(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.strip()]


def cost_of(model, u):
    price_in, price_out, price_read, price_write = PRICES[model]
    read, write = u.get("cached", 0), u.get("cache_write", 0)
    factor = 1.1 if u.get("geo") == "us" else 1
    return factor * ((u["input"] - read - write) * price_in + u["output"] * price_out + read * price_read + write * price_write) / 1e6


def programs(attributes):
    """Everything that a process was, as command lines: an agent may exec several times."""
    return [attributes.get("process.command_line", ""), *attributes.get("sonde.process.programs", [])]


def check_estimate(name, a):
    """Of an answer that told no usage."""
    check(f"{name}: estimate is marked", a.get("sonde.usage.estimated"), True)
    for key in USAGE:
        check(f"{name}: {USAGE[key]}", a.get(USAGE[key]), None)
    if "sonde.cost.usd" in a:
        check(f"{name}: cost is an estimate", a.get("sonde.cost.source"), "estimated")


def check_call(i, span, truth):
    a = span["attributes"]
    name = f"call {i} ({truth['api']}, {truth['status']})"
    check(f"{name}: model", a.get("gen_ai.request.model"), truth["model"])
    check(f"{name}: span name", span["name"], f"{truth.get('operation', 'chat')} {truth['model']}")
    check(f"{name}: lost bytes", a.get("sonde.lost.bytes", 0), 0)
    if truth["status"] != 200:
        check(f"{name}: error.type", a.get("error.type") is not None, True)
        check(f"{name}: status", a.get("http.response.status_code"), truth["status"])
        return
    if truth.get("cut"):
        check(f"{name}: cut is said", a.get("error.type") is not None, True)
        return
    check(f"{name}: response id", a.get("gen_ai.response.id"), truth["id"])
    if truth["stream"]:
        check(f"{name}: time to first token is known", "gen_ai.response.time_to_first_chunk" in a, True)
    usage = truth["usage"]
    if not usage:
        check_estimate(name, a)
        return
    for key, attribute in USAGE.items():
        check(f"{name}: {attribute}", a.get(attribute), usage.get(key))
    check(f"{name}: facts are no estimates", a.get("sonde.usage.estimated", False), False)
    if truth["model"] not in PRICES:
        check(f"{name}: cost of {truth['model']}", a.get("sonde.cost.usd"), None)
        check(f"{name}: says why there is no cost", "sonde.cost.unknown" in a, True)
    else:
        check(f"{name}: cost", round(a.get("sonde.cost.usd", -1), 9), round(cost_of(truth["model"], usage), 9))


def pair(calls, truth):
    """Each of the server's calls with the span of it: by response id, which calls at the same instant share with nobody, else in order."""
    ids = {t.get("id") for t in truth} - {None}
    id_of = lambda s: s["attributes"].get("gen_ai.response.id")
    by_id = {id_of(s): s for s in calls if id_of(s) in ids}
    others = [s for s in calls if id_of(s) not in ids]
    for t in truth:
        span = by_id.pop(t.get("id"), None) or (others.pop(0) if others else None)
        if span:
            yield span, t


def tools_by_id(spans, truth):
    """Calls whose wire has no ids stand in order; their results must have been found nevertheless."""
    nameless = [c["id"] for t in truth if not t.get("call_ids", True) for c in t["calls"]]
    tools = {}
    for s in sorted(spans, key=lambda s: int(s["start_time_unix_nano"])):
        id = s["attributes"].get("gen_ai.tool.call.id")
        if not id and nameless:
            id = nameless.pop(0)
            check(f"tool {id}: status", s["attributes"].get("sonde.tool.status"), "completed")
        tools[id] = s
    return tools


def main():
    truth = sorted((t for t in load(sys.argv[1]) if t["call"]), key=lambda t: t["t"])
    lines = load(sys.argv[2])
    runs = [l for l in lines if l.get("type") == "run"]
    spans = {l["span_id"]: l for l in lines if "span_id" in l}.values()
    kind = lambda k: [s for s in spans if s["attributes"].get("sonde.step.kind") == k]
    calls = sorted(kind("llm"), key=lambda s: int(s["start_time_unix_nano"]))
    check("model calls", len(calls), len(truth))
    for i, (span, t) in enumerate(pair(calls, truth)):
        check_call(i, span, t)

    claimed = {c["id"]: c for t in truth for c in t.get("calls", []) if not t.get("cut")}
    tools = tools_by_id(kind("tool"), truth)
    check("tool calls", sorted(map(str, tools)), sorted(claimed))
    ids = {s["span_id"] for s in spans}
    roots = [s for s in spans if not s.get("parent_span_id")]
    n_runs = next((int(a[7:]) for a in sys.argv if a.startswith("--runs=")), 1)
    check("roots", len(roots), n_runs)
    for s in spans:
        if s.get("parent_span_id") and s["parent_span_id"] not in ids:
            problems.append(f"span {s['name']} has an unknown parent")
    for call_id, span in tools.items():
        t = claimed.get(call_id)
        if not t:
            continue
        check(f"tool {call_id}: name", span["attributes"].get("gen_ai.tool.name"), t["name"].replace("/", "__"))
        if "--no-processes" not in sys.argv:
            below = [s for s in kind("process") if s.get("parent_span_id") == span["span_id"]]
            command = t["command"]
            argv = [line for s in below for line in programs(s["attributes"])]
            if not any(command in line for line in argv):
                problems.append(f"tool {call_id}: no process that ran it; below it: {argv}")
    check("run lines", len({r["run_id"] for r in runs}), n_runs)
    for p in problems:
        print(p)
    return bool(problems)


sys.exit(main())
