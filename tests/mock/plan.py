"""Scenarios in which several agents ask, each for something else.

`plans` of a scenario: a list of {"when": REGEXP, "rounds": [[CALL...]...]}. The first whose regexp is found in the request's
body tells the calls of each round; behind its last round, and for who has none, comes the final text. A CALL is
{"tool": REGEXP, "command": TEXT} for a shell tool, or {"tool": REGEXP, "arguments": OBJECT}; "{agent_ids}" in a list there
stands for the ids that spawned agents have got. What is said goes with it: "say" and "think" have a text per round (empty:
none), "final" is what ends it.
"""
import re

AGENT_ID = re.compile(rb'agent_id\\*"\s*:\s*\\*"([0-9a-f-]{36})')


def filled(value, ids):
    if isinstance(value, dict):
        return {k: filled(v, ids) for k, v in value.items()}
    if value == ["{agent_ids}"]:
        return ids
    return value


def find(plans, raw):
    return next((p for p in plans if re.search(p["when"].encode(), raw)), None)


def words(plans, rounds, raw):
    """What is said, and what is thought, in a round; the last is behind those that have calls. None: as the scenario has it."""
    found = find(plans, raw) or {}
    say = found.get("say", [])
    text = say[rounds] if rounds < len(say) else None
    if rounds >= len(found.get("rounds", [])):
        text = found.get("final", text)
    think = found.get("think", [])
    return text, think[rounds] if rounds < len(think) else None


def calls(plans, rounds, offered, raw):
    """Tuples of a tool, its arguments or None, and its command or None."""
    found = find(plans, raw)
    if not found or rounds >= len(found["rounds"]):
        return []
    ids = list(dict.fromkeys(i.decode() for i in AGENT_ID.findall(raw)))
    out = []
    for c in found["rounds"][rounds]:
        tool = next((t for t in offered if t and re.search(c["tool"], t)), None)
        if tool:
            out.append((tool, filled(c["arguments"], ids) if "arguments" in c else None, c.get("command")))
    return out
