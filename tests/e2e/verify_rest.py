#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Compares the calls that sonde saw with the log of the mock server's openai_rest.py: verify_rest.py TRUTH SPANS

Every call has to be there once, with its model and with each attribute as the server says it (null: absent).
"""
import json
import sys

problems = []


def check(what, got, want):
    if got != want:
        problems.append(f"{what}: got {got!r}, want {want!r}")


def load(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.strip()]


def main():
    truth = sorted((t for t in load(sys.argv[1]) if t["call"]), key=lambda t: t["t"])
    lines = load(sys.argv[2])
    spans = {s["span_id"]: s for s in lines if "span_id" in s}.values()
    calls = [s for s in spans if s["attributes"].get("sonde.step.kind") == "llm"]
    calls.sort(key=lambda s: int(s["start_time_unix_nano"]))
    check("calls", len(calls), len(truth))
    for span, t in zip(calls, truth):
        a, name = span["attributes"], f"{t['path']} {t.get('model')}"
        check(f"{name}: model", a.get("gen_ai.request.model"), t.get("model"))
        check(f"{name}: status", a.get("http.response.status_code"), t["status"])
        check(f"{name}: lost bytes", a.get("sonde.lost.bytes", 0), 0)
        check(f"{name}: error", a.get("error.type"), None)
        check(f"{name}: cut", a.get("sonde.cut"), None)
        for key, want in t["attributes"].items():
            check(f"{name}: {key}", a.get(key), want)
    for key in ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"):
        told = [t["attributes"][key] for t in truth if t["attributes"].get(key) is not None]
        run = [l for l in lines if l.get("type") == "run"][-1]
        check(f"run: {key}", run["usage"].get(key.rsplit(".", 1)[1]), sum(told))
    health = [l for l in lines if l.get("type") == "health"][-1]
    check("totals that differ", health["llm_total_mismatch_by_host"], {})
    print("\n".join(problems))
    return bool(problems)


sys.exit(main())
