#!/usr/bin/env python3
"""Compares what sonde saw with the log of server.py, call by call, by the id in the answer's head: verify.py TRUTH SPANS"""
import json
import sys

USAGE = {
    "input": "gen_ai.usage.input_tokens",
    "output": "gen_ai.usage.output_tokens",
    "cache_read": "gen_ai.usage.cache_read.input_tokens",
    "cache_write": "gen_ai.usage.cache_creation.input_tokens",
    "web_searches": "sonde.usage.web_searches",
    "search_units": "sonde.usage.search_units",
}


def load(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.strip()]


truth, lines = load(sys.argv[1]), load(sys.argv[2])
spans = {s["span_id"]: s for s in lines if "span_id" in s}.values()
kind = lambda k: sorted((s for s in spans if s["attributes"].get("sonde.step.kind") == k), key=lambda s: int(s["start_time_unix_nano"]))
calls = kind("llm")
problems = []
if len(calls) != len(truth) or not truth:
    problems.append(f"{len(calls)} calls of {len(truth)}")
by_id = {s["attributes"].get("sonde.request.id"): s["attributes"] for s in calls}
for t in truth:
    a = by_id.get(t["id"], {})
    want = {"gen_ai.request.model": t["model"]}
    if "error" in t:
        want |= {"http.response.status_code": t["error"], "error.type": "ThrottlingException"}
    else:
        want |= {v: t["usage"].get(k) for k, v in USAGE.items()}
        want |= {"gen_ai.operation.name": t["operation"], "sonde.format": t["format"], "error.type": None}
        want["gen_ai.response.finish_reasons"] = [t["finish"]] if t["finish"] else None
    for k, v in want.items():
        if a.get(k) != v:
            problems.append(f"{t['path']}: {k}: got {a.get(k)!r}, want {v!r}")
tools = [[s["attributes"].get("gen_ai.tool.call.id"), s["attributes"].get("gen_ai.tool.name")] for s in kind("tool")]
wanted = [c for t in truth for c in t.get("calls", [])]
if sorted(map(str, tools)) != sorted(map(str, wanted)):
    problems.append(f"tools: got {tools}, want {wanted}")
print("\n".join(problems))
sys.exit(bool(problems))
