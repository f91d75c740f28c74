#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Compares MCP spans with what the server says: mcp_server_log.py SPANS LOG. Each call that it carried out once, with its text."""
import collections
import json
import sys


def key(name, arguments):
    return name + json.dumps(arguments, sort_keys=True)


def said(result):
    return "".join(c.get("text", "") for c in result.get("content", []))


spans = [s["attributes"] for s in map(json.loads, open(sys.argv[1]))]
log = [json.loads(line) for line in open(sys.argv[2])]
seen, texts = collections.Counter(), collections.defaultdict(list)
for a in spans:
    k = key(a["gen_ai.tool.name"], json.loads(a.get("gen_ai.tool.call.arguments", "{}")))
    seen[k] += 1
    texts[k].append(said(json.loads(a.get("gen_ai.tool.call.result", "{}"))))
done = collections.Counter(key(e["name"], e["arguments"]) for e in log)
for e in log:
    text = e["text"] if "text" in e else said(e.get("result", {}))
    if not any(text in t for t in texts[key(e["name"], e["arguments"])]):
        print("another text:", json.dumps(e)[:200])
        done[""] += 1
print(f"{sum(done.values())} carried out, {sum(seen.values())} seen")
sys.exit(done != seen or not done)
