#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Imports the HAR files of a folder and compares the calls with what is known to be true.

	check.py FOLDER [--sonde PROGRAM] [--family NAME]...

FOLDER has truth.jsonl, one line per model call, and the files that it names. Its members: file, index (of the
entry), started (its startedDateTime), family, provider (a list of fine values), request_model, request_model_alt,
response_model, response_id, in_total, out_total, cache_read, cache_write, reasoning (inclusive; null: not on the
wire, so the attribute must be absent), alt (other fine values by field), tool_calls, server_tools (what the
provider ran itself), finish_reasons (one per choice), error and cost_reported (USD).

Prints a table per family and what differs; exits 1 where anything does, or where a call is missing or too much.
"""
import argparse
import collections
import json
import os
import subprocess
import sys
import tempfile
from datetime import datetime

COUNTS = {
    "in_total": "gen_ai.usage.input_tokens",
    "out_total": "gen_ai.usage.output_tokens",
    "cache_read": "gen_ai.usage.cache_read.input_tokens",
    "cache_write": "gen_ai.usage.cache_creation.input_tokens",
    "reasoning": "gen_ai.usage.reasoning.output_tokens",
}
FIELDS = ["provider", "request_model", "response_model", "response_id", *COUNTS, "tool_calls", "finish_reasons", "error", "cost_reported"]
# What one provider calls it, and the one word for it.
REASONS = {
    "completed": "stop", "end_turn": "stop", "stop_sequence": "stop", "eos": "stop", "STOP": "stop", "COMPLETE": "stop",
    "max_tokens": "length", "max_output_tokens": "length", "MAX_TOKENS": "length", "model_length": "length",
    "tool_use": "tool_call", "tool_calls": "tool_call", "function_call": "tool_call", "TOOL_CALL": "tool_call",
    "guardrail_intervened": "content_filter", "content_filtered": "content_filter", "SAFETY": "content_filter",
}


def nanoseconds(text):
    t = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return int(t.timestamp()) * 10**9 + t.microsecond * 1000


def word(reason):
    return REASONS.get(reason, reason)


def arguments(value):
    """None, "" and {} are the same; a text is what it holds."""
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.strip() else None
        except ValueError:
            pass
    return value or None


def tools_of(span, server):
    found = []
    for message in span["attributes"].get("gen_ai.output.messages", []):
        for part in message["parts"]:
            if part["type"] == ("server_tool_call" if server else "tool_call"):
                found.append({"id": part.get("id"), "name": part.get("name"), "arguments": arguments(part.get("arguments"))})
    return found


def actual(span):
    a = span["attributes"]
    got = {name: a.get(attribute) for name, attribute in COUNTS.items()}
    got["provider"] = a.get("gen_ai.provider.name")
    for name in "request.model", "response.model", "response.id":
        got[name.replace(".", "_")] = a.get("gen_ai." + name)
    got["tool_calls"] = tools_of(span, False)
    got["finish_reasons"] = a.get("gen_ai.response.finish_reasons", [])
    got["error"] = a.get("error.type")
    got["cost_reported"] = a.get("sonde.cost.usd") if a.get("sonde.cost.source") == "provider_reported" else None
    return got


def fine(field, truth, got):
    want, alt = truth.get(field), truth.get("alt", {}).get(field, [])
    alt = alt if isinstance(alt, list) else [alt]
    if field == "provider":
        return got in want
    if field in ("request_model", "response_model", "response_id"):
        return (got or None) in [want or None, *alt, *truth.get(field + "_alt", [])]
    if field == "tool_calls":
        return got == [{**t, "arguments": arguments(t["arguments"])} for t in want or []]
    if field == "finish_reasons":
        return [word(r) for r in got] == [word(r) for r in want or [] if r] or ("error" in got and bool(truth["error"]))
    if field == "error":
        return bool(got) == bool(want) and (not want or got in (want.get("type"), want.get("code"), str(want.get("status"))))
    if field == "cost_reported":
        return want is None or (got is not None and abs(got - want) < 1e-9)
    return got == want or got in alt


def calls_of(sonde, path, folder):
    """The calls by the time of their start."""
    db = os.path.join(folder, "store.db")
    for name in os.listdir(folder):
        os.unlink(os.path.join(folder, name))
    subprocess.run([sonde, "import", "-q", "--db", db, path], check=True)
    out = subprocess.run([sonde, "spans", "--db", db, "--kind", "llm", "--json", "--limit", "0", "--content"], check=True, capture_output=True, text=True).stdout
    return {span["start_time_unix_nano"]: span for span in map(json.loads, filter(None, out.split("\n")))}


def check_file(path, truths, calls, note):
    """note(truth, field, want, got) for each field; got is a problem where it differs."""
    for truth in truths:
        span = calls.pop(nanoseconds(truth["started"]), None)
        if span is None:
            note(truth, "call", "a call", None)
            continue
        note(truth, "call", None, None)
        got = actual(span)
        for field in FIELDS:
            right = fine(field, truth, got[field])
            note(truth, field, None if right else truth.get(field), None if right else got[field], right)
    for span in calls.values():
        note({"file": path, "index": "?", "family": truths[0]["family"]}, "call", "no call", span["name"])


def print_table(rows, wrong):
    print(f"{'family':26}{'calls':>7}" + "".join(f"{f[:13]:>15}" for f in FIELDS))
    for family, counts in sorted(rows.items()):
        print(f"{family:26}{counts['call']:>7}" + "".join(f"{counts[f]:>15}" for f in FIELDS))
    for truth, field, want, got in wrong:
        print(f"wrong: {truth['file']}[{truth['index']}] {truth['family']} {field}: want {json.dumps(want)}, got {json.dumps(got)}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--sonde", default=os.environ.get("SONDE") or os.path.join(os.path.dirname(__file__), "../../build/sonde"))
    parser.add_argument("--family", action="append")
    options = parser.parse_args()
    by_file = collections.defaultdict(list)
    with open(os.path.join(options.folder, "truth.jsonl"), encoding="utf-8") as lines:
        for truth in map(json.loads, lines):
            if not options.family or truth["family"] in options.family:
                by_file[truth["file"]].append(truth)
    rows, wrong = collections.defaultdict(collections.Counter), []

    def note(truth, field, want, got, right=None):
        right = want is None if right is None else right
        rows[truth["family"]][field] += right
        if not right:
            wrong.append((truth, field, want, got))

    with tempfile.TemporaryDirectory() as folder:
        for file, truths in by_file.items():
            check_file(file, truths, calls_of(options.sonde, os.path.join(options.folder, file), folder), note)
    print_table(rows, wrong)
    sys.exit(bool(wrong) or not by_file)


if __name__ == "__main__":
    main()
