#!/usr/bin/env python3
"""Every call of a crowd has the answer that was given to it: pairs.py TRUTH SPANS; each call names another model."""
import json
import sys


def load(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.strip()]


truth = {t["model"]: t["id"] for t in load(sys.argv[1]) if t["call"]}
calls = [s["attributes"] for s in load(sys.argv[2]) if s.get("attributes", {}).get("sonde.step.kind") == "llm"]
seen = {a["gen_ai.request.model"]: a.get("gen_ai.response.id") for a in calls}
wrong = [model for model in truth if seen.get(model) != truth[model]]
print(f"{len(truth)} calls, {len(calls)} seen, {len(wrong)} with another answer or none: {wrong[:5]}")
sys.exit(len(calls) != len(truth) or bool(wrong))
