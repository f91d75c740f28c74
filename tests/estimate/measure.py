#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""How far llm/estimate.c is off: measure.py GOLDEN HAR...

Takes recorded exchanges (HAR 1.2) whose answers tell their usage, guesses it from what was said as
if they did not, and prints quantiles of the relative error. GOLDEN is build/tests/golden/golden.
Calls with reasoning are left out of the output's error: reasoning that is not shown is not guessed.
"""
import base64
import json
import os
import subprocess
import sys
import tempfile
from urllib.parse import urlsplit


def write_exchange(entry, directory):
    request, response = entry["request"], entry["response"]
    url = urlsplit(request["url"])
    path = url.path + ("?" + url.query if url.query else "")
    body = (request.get("postData") or {}).get("text") or ""
    kind = next((h["value"] for h in request["headers"] if h["name"].lower() == "content-type"), "application/json")
    with open(os.path.join(directory, "request.http"), "wb") as f:
        f.write(f"{request['method']} {path} HTTP/1.1\nHost: {url.netloc}\nContent-Type: {kind}\n\n".encode())
        f.write(body.encode())
    content = response["content"]
    text = content.get("text") or ""
    data = base64.b64decode(text) if content.get("encoding") == "base64" else text.encode()
    with open(os.path.join(directory, "response.http"), "wb") as f:
        f.write(f"HTTP/1.1 {response['status']} OK\nContent-Type: {content.get('mimeType', '')}\n\n".encode())
        f.write(data)


def calls(golden, har):
    with open(har, encoding="utf-8") as f:
        entries = json.load(f)["log"]["entries"]
    for entry in entries:
        with tempfile.TemporaryDirectory() as directory:
            write_exchange(entry, directory)
            out = subprocess.run([golden, "--estimate", directory], capture_output=True, text=True, check=False).stdout
        for line in out.splitlines():
            words = line.split()
            if len(words) == 6 and all(w.lstrip("-").isdigit() for w in words[1:]):
                yield words[0], *map(int, words[1:])


def quantiles(errors):
    errors = sorted(errors)
    at = lambda q: errors[min(len(errors) - 1, int(q * len(errors)))]
    return " ".join(f"{name} {at(q):.3f}" for name, q in (("50%", 0.5), ("75%", 0.75), ("90%", 0.9), ("95%", 0.95), ("max", 1)))


def report(name, pairs):
    if not pairs:
        return
    errors = [abs(guess - told) / max(told, 1) for told, guess in pairs]
    bias = sum(guess - told for told, guess in pairs) / max(1, sum(told for told, _ in pairs))
    print(f"{name:28} {len(pairs):4} calls  error {quantiles(errors)}  sum {bias:+.3f}")


def main():
    golden, hars = sys.argv[1], sys.argv[2:]
    inputs, outputs = {}, {}
    for har in hars:
        for name, told_in, guess_in, told_out, guess_out, reasoning in calls(golden, har):
            if os.environ.get("VERBOSE"):
                print(os.path.basename(har), name, told_in, guess_in, told_out, guess_out, reasoning)
            if told_in > 0 and guess_in >= 0:
                inputs.setdefault(name, []).append((told_in, guess_in))
            if told_out > 0 and guess_out >= 0 and reasoning <= 0:
                outputs.setdefault(name, []).append((told_out, guess_out))
    for what, table in (("input", inputs), ("output", outputs)):
        for name in sorted(table):
            report(f"{what} {name}", table[name])
        report(f"{what} of all", [p for pairs in table.values() for p in pairs])


main()
