#!/usr/bin/env python3
"""The places that `sonde doctor` names in a file, as uprobes of a kernel without sonde.

    points.py events DOCTOR-JSON PATH    what to write to tracefs' uprobe_events; PATH is the file's in the guest
    points.py compare LOG                whether what the probes saw is what the program says that it called

The log has the program's lines, "call DIRECTION OBJECT BUFFER RESULT", and the trace after them.
"""
import json
import re
import sys


def events(doctor, path):
    with open(doctor, encoding="utf-8") as f:
        points = next(d["points"] for d in map(json.loads, f) if "points" in d)
    for i, p in enumerate(points):
        if p["direction"] == "life":
            continue
        name = {"write": "out", "read": "in"}[p["direction"]]
        print(f"p:{name}_enter{i} {path}:{p['offset']:#x} object=%x0 buffer=%x1")
        if "exit_offset" in p:
            print(f"p:{name}_leave{i} {path}:{p['exit_offset']:#x} result=%x0:s32")
        else:
            print(f"r:{name}_leave{i} {path}:{p['offset']:#x} result=$retval:s32")


def compare(log):
    with open(log, encoding="utf-8", errors="replace") as f:
        text = f.read()
    said = [(d, int(o, 16), int(b, 16), int(r) > 0) for d, o, b, r in re.findall(r"call (in|out) (\S+) (\S+) (-?\d+)", text)]
    seen, inside = [], []
    for direction, what, values in re.findall(r" (in|out)_(enter|leave)\d+: \(.*?\) (.*)", text):
        v = dict(p.split("=") for p in values.split())
        if what == "enter":
            inside.append((direction, int(v["object"], 16), int(v["buffer"], 16)))
        elif inside and inside[-1][0] == direction:
            seen.append((*inside.pop(), int(v["result"]) > 0))
    print(f"{len(said)} calls, {len(seen)} seen, {sum(a == b for a, b in zip(said, seen))} of them right")
    return not said or said != seen or bool(inside)


sys.exit(events(*sys.argv[2:]) if sys.argv[1] == "events" else compare(sys.argv[2]))
