#!/usr/bin/env python3
"""Is the agent known for what it is?

    identity.py SPANS AGENT VERSION SESSION

SPANS are the lines of `sonde run --json`. Prints each difference; exits 1 if there is any.
"""
import json
import sys

spans, agent, version, session = sys.argv[1:]
problems = []


def check(what, got, want):
    if got != want:
        problems.append(f"{what}: got {got!r}, want {want!r}")


with open(spans, encoding="utf-8") as f:
    lines = [json.loads(line) for line in f if line.strip()]
run = [l for l in lines if l.get("type") == "run"][-1]
last = {l["span_id"]: l["attributes"] for l in lines if "span_id" in l}
check("run: agent", (run["agent"], run["agent_version"]), (agent, version))
check("run: status", run["status"], "completed")
for a in last.values():
    kind = a["sonde.step.kind"]
    if kind in ("agent", "llm", "tool"):
        check(f"{kind}: agent", (a.get("gen_ai.agent.name"), a.get("gen_ai.agent.version")), (agent, version))
        check(f"{kind}: session", a.get("sonde.session.id"), run["session_id"])
    if kind == "llm":
        check("conversation", a.get("gen_ai.conversation.id"), session)
for p in problems:
    print(p)
sys.exit(bool(problems))
