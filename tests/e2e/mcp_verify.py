#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Compares MCP spans with what the client says: mcp_verify.py SPANS LOG. Each call once, with equal arguments and result."""
import collections
import hashlib
import json
import sys


def key(call):
    return hashlib.sha256(json.dumps(call, sort_keys=True).encode()).hexdigest()


def told(entry):
    if "error" in entry:
        return key([entry["name"], entry["arguments"], "error", entry["error"]["code"]])
    return key([entry["name"], entry["arguments"], entry["result"]])


def seen(span):
    a = span["attributes"]
    arguments = json.loads(a.get("gen_ai.tool.call.arguments", "{}"))
    if "rpc.response.status_code" in a:
        return key([a["gen_ai.tool.name"], arguments, "error", int(a["rpc.response.status_code"])])
    return key([a["gen_ai.tool.name"], arguments, json.loads(a.get("gen_ai.tool.call.result", "null"))])


spans = [s for s in map(json.loads, open(sys.argv[1])) if s["attributes"]["mcp.method.name"] == "tools/call"]
want = [json.loads(line) for line in open(sys.argv[2])]
a = collections.Counter(told(e) for e in want)
b = collections.Counter(seen(s) for s in spans)
print(f"{len(want)} calls made, {len(spans)} seen, {sum((a & b).values())} equal")
for e in want:
    if told(e) not in b:
        print("not seen:", json.dumps(e)[:300])
for s in spans:
    if seen(s) not in a:
        print("not made:", json.dumps(s)[:1500])
lost = sum(s["attributes"].get("sonde.lost.bytes", 0) for s in spans)
if lost:
    print("lost", lost)
sys.exit(a != b or lost > 0 or not want)
