#!/usr/bin/env python3
"""Compares how calls and tools hang together with what the mock server did, where it logged a mark of each conversation.

    verify_talks.py TRUTH SPANS MARK...

The conversations have to have been under way at the same time, else the test is worth nothing.
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


def overlap(a, b):
    return any(x["t"] < y["t_end"] and y["t"] < x["t_end"] for x in a for y in b)


def check_tool(call, span, asked, told, below):
    a = span["attributes"] if span else {}
    check(f"tool {call['id']}: asked by", a.get("sonde.tool.asked_by"), asked["span_id"])
    check(f"tool {call['id']}: answered to", a.get("sonde.tool.answered_to"), told and told["span_id"])
    check(f"tool {call['id']}: found by", a.get("sonde.process.evidence"), "argv")
    lines = [s["attributes"].get("process.command_line", "") for s in below]
    if not lines or not all(call["command"] in line for line in lines):
        problems.append(f"tool {call['id']}: not only what ran {call['command']!r} is below it: {lines}")


def main():
    truth = sorted((t for t in load(sys.argv[1]) if t["call"] and t["status"] == 200), key=lambda t: t["t"])
    spans = {s["span_id"]: s for s in load(sys.argv[2]) if "span_id" in s}.values()
    by_answer = {s["attributes"].get("gen_ai.response.id"): s for s in spans}
    tools = {s["attributes"].get("gen_ai.tool.call.id"): s for s in spans}
    talks = [[t for t in truth if t["mark"] == mark] for mark in sys.argv[3:]]
    check("marked calls", sum(map(len, talks)), len(truth))
    check("under way at the same time", overlap(*talks[:2]), True)
    for talk in talks:
        before = None
        for i, t in enumerate(talk):
            span = by_answer[t["id"]]
            check(f"{t['mark']}, call {i}: goes on from", span["attributes"].get("sonde.conversation.continues"), before and before["span_id"])
            told = by_answer[talk[i + 1]["id"]] if i + 1 < len(talk) else None
            for call in t["calls"]:
                tool = tools.get(call["id"])
                below = [s for s in spans if tool and s.get("parent_span_id") == tool["span_id"]]
                check_tool(call, tool, span, told, below)
            before = span
    flagged = [s["name"] for s in spans if s["attributes"].get("sonde.unexplained")]
    check("flagged", flagged, [])
    for p in problems:
        print(p)
    return bool(problems)


sys.exit(main())
