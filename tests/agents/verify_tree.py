#!/usr/bin/env python3
"""Compares the tree of a run that has sub-agents with what the mock server did.

    verify_tree.py TRUTH SPANS MAIN

The server has logged a mark of each request: MAIN is the main agent's, any other that of the sub-agent whose call has the
mark in its arguments. Each sub-agent's calls are below an agent of its own, which is below that call.
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


class Tree:
    def __init__(self, truth, spans, main):
        self.main, self.spans = main, {s["span_id"]: s for s in spans}
        self.talks = {}
        for t in truth:
            self.talks.setdefault(t["mark"], []).append(t)
        self.calls = {self.attr(s, "gen_ai.response.id"): s for s in spans if self.attr(s, "sonde.step.kind") == "llm"}
        self.tools = {self.attr(s, "gen_ai.tool.call.id"): s for s in spans if self.attr(s, "sonde.step.kind") == "tool"}
        self.root = next(s for s in spans if not s.get("parent_span_id"))
        self.agents = {main: self.root["span_id"]}

    @staticmethod
    def attr(span, name):
        return span["attributes"].get(name)

    def find_agents(self):
        """The span of each sub-agent: the only one of its kind below the call that started it."""
        for talk in self.talks.values():
            for call in (c for t in talk for c in t["calls"]):
                marks = [m for m in self.talks if m != self.main and m in call["arguments"]]
                tool = self.tools.get(call["id"])
                if call["command"] or not marks or not tool:
                    continue
                below = [s for s in self.spans.values() if s.get("parent_span_id") == tool["span_id"]]
                subs = [s["span_id"] for s in below if self.attr(s, "sonde.agent.sub")]
                check(f"agents below the call for {marks[0]}", len(subs), 1)
                self.agents[marks[0]] = subs[0] if subs else None
        subs = [s for s in self.spans.values() if self.attr(s, "sonde.agent.sub")]
        check("sub-agents", len(subs), len(self.talks) - 1)

    def check_talk(self, mark, talk):
        check(f"{mark}: its agent is known", bool(self.agents.get(mark)), True)
        before = None
        for i, t in enumerate(talk):
            span = self.calls.get(t["id"])
            if not span:
                problems.append(f"{mark}: call {i} is missing")
                continue
            check(f"{mark}, call {i}: whose it is", span.get("parent_span_id"), self.agents.get(mark))
            check(f"{mark}, call {i}: goes on from", self.attr(span, "sonde.conversation.continues"), before)
            told = self.calls.get(talk[i + 1]["id"]) if i + 1 < len(talk) else None
            for call in t["calls"]:
                self.check_tool(mark, call, span, told)
            before = span["span_id"]

    def check_tool(self, mark, call, asked, told):
        tool, what = self.tools.get(call["id"]), f"{mark}, tool {call['name']} {call['id']}"
        if not tool:
            problems.append(f"{what}: missing")
            return
        check(f"{what}: whose it is", tool.get("parent_span_id"), self.agents.get(mark))
        check(f"{what}: asked by", self.attr(tool, "sonde.tool.asked_by"), asked["span_id"])
        check(f"{what}: answered to", self.attr(tool, "sonde.tool.answered_to"), told and told["span_id"])
        if not call["command"]:
            return
        check(f"{what}: found by", self.attr(tool, "sonde.process.evidence"), "argv")
        below = [s for s in self.spans.values() if s.get("parent_span_id") == tool["span_id"]]
        lines = [self.attr(s, "process.command_line") or "" for s in below if self.attr(s, "sonde.step.kind") == "process"]
        chains = [" ".join(self.attr(s, "sonde.process.programs") or []) for s in below]
        if not any(call["command"] in line for line in lines + chains):
            problems.append(f"{what}: no process that ran {call['command']!r}; below it: {lines}")


def main():
    truth = sorted((t for t in load(sys.argv[1]) if t["call"] and t["status"] == 200), key=lambda t: t["t"])
    spans = list({s["span_id"]: s for s in load(sys.argv[2]) if "span_id" in s}.values())
    tree = Tree([t for t in truth if t["mark"]], spans, sys.argv[3])
    tree.find_agents()
    for mark, talk in tree.talks.items():
        tree.check_talk(mark, talk)
    check("calls", len(tree.calls), len(truth))
    check("roots", len([s for s in spans if not s.get("parent_span_id")]), 1)
    check("flagged", [s["name"] for s in spans if s["attributes"].get("sonde.unexplained")], [])
    for p in problems:
        print(p)
    return bool(problems)


sys.exit(main())
