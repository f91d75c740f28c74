#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`sonde import`: the golden cases as several recorders write them, and what is odd in HAR files.

    test_import.py SONDE SCRATCH     prints TAP
"""
import base64
import copy
import gzip
import json
import os
import re
import subprocess
import sys
import zlib
from datetime import timedelta

import brotli
import make
import zstandard

SONDE, DIR = os.path.abspath(sys.argv[1]), sys.argv[2]
HOME = os.path.join(DIR, "home")
os.makedirs(HOME, exist_ok=True)
ENV = {"HOME": HOME, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
n = bad = 0


def ok(name, test, *args):
    global n, bad
    n += 1
    why = ""
    try:
        test(*args)
    except (AssertionError, subprocess.SubprocessError, KeyError, IndexError, TypeError, ValueError) as e:
        why = f"{type(e).__name__}: {e}"
    print(f"{'not ok' if why else 'ok'} {n} - {name}", flush=True)
    if why:
        bad += 1
        print("\n".join("# " + line[:400] for line in why.splitlines()[:12]))


def same(got, want, what=""):
    assert got == want, f"{what}: got {got!r}, want {want!r}"


def sonde(*args, status=0, data=None):
    p = subprocess.run([SONDE, *args], input=data, capture_output=True, timeout=120, check=False, env=ENV)
    assert p.returncode == status, f"{args[0]}: exit status {p.returncode}: {p.stderr.decode()}"
    return p.stdout.decode(), p.stderr.decode()


def write(name, content):
    path = os.path.join(DIR, name)
    with open(path, "wb") as f:
        f.write(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def lines(text):
    return [json.loads(line) for line in text.split("\n") if line]


def spans(db, *args):
    return lines(sonde("spans", "--db", db, "--json", "--content", *args)[0])


def calls(db):
    return spans(db, "--kind", "llm")


serial = 0


def imported(content, status=0, *args):
    """Its own store: the calls, the summary, what was said on stderr."""
    global serial
    serial += 1
    db = os.path.join(DIR, f"{serial}.db")
    path = write(f"{serial}.har", content)
    out, err = sonde("import", "--json", "--db", db, *args, path, status=status)
    return (calls(db) if os.path.exists(db) else []), next(x for x in lines(out) if x.get("type") == "import"), err


# --- the golden cases ---

COUNTS = {"input": "input", "output": "output", "cache_read": "cache_read.input", "cache_write": "cache_creation.input", "reasoning": "reasoning.output"}


def expected(text):
    """What call.txt says; None: no call."""
    first = re.match(r"(\S+) (\S+): (\S+) (.*) -> (.*)", text)
    if not first:
        return None
    fields = dict(re.findall(r"^  (\S.{8}) (.*)$", text, re.M))
    fields = {name.strip(): value for name, value in fields.items()}
    usage = dict(re.findall(r"(\w+)=(\d+)", fields.get("usage", "")))
    want = {"gen_ai.operation.name": first[1], "sonde.format": first[2], "gen_ai.provider.name": first[3], "gen_ai.request.model": first[4] or None,
            "gen_ai.response.model": first[5] or None, "gen_ai.response.id": fields.get("response#")}
    for ours, theirs in COUNTS.items():
        want[f"gen_ai.usage.{theirs}_tokens"] = int(usage[ours]) if ours in usage else None
    if "error" in fields:
        want["error.type"] = fields["error"].split(",")[0]
    want["answer"] = json.loads(fields["answer"]) if "answer" in fields else None
    want["reason"] = fields["finish"].split(" -> ")[0] if "finish" in fields else None
    return want


BECAME = {"media_type", "bytes", "sha256", "blob", "reason"}  # of bytes that a message carried: the store says it behind their digest


def as_said(value):
    if isinstance(value, list):
        return [as_said(v) for v in value]
    if isinstance(value, dict):
        return {k: as_said(v) for k, v in value.items() if not ("digest" in value and k in BECAME)}
    return value


def answer_of(attributes):
    messages = attributes.get("gen_ai.output.messages")
    return as_said(messages[0]) if messages else None


def header_tells(exchange, field):
    """Whether a header may be the only one who says that; one recorder has blanked them."""
    names = ["x-amzn-errortype", "grpc-status"] if field == "error.type" else []
    if field.startswith("gen_ai.usage."):
        names = ["x-amzn-bedrock-input-token-count", "x-amzn-bedrock-output-token-count"]
    return exchange.response is not None and any(exchange.response.header(n) for n in names)


def golden(dialect):
    db = os.path.join(DIR, dialect + ".db")
    sonde("import", "--db", db, write(dialect + ".har", make.golden_har(dialect)))
    found = {span["start_time_unix_nano"]: span for span in calls(db)}
    for name, exchange, text in make.golden_cases():
        span, want = found.pop(exchange.start_ns(), None), expected(text)
        if want is None:
            same(span, None, name)
            continue
        a = span["attributes"]
        # Whose account it is, and which tool's words they are, headers tell: one recorder has blanked them.
        for field, value in want.items():
            if field.startswith("gen_ai.usage.") and "sonde.duplicate_of" in a:
                continue  # one answer in several cases: it counts once
            if dialect == "blanked" and header_tells(exchange, field):
                continue
            if field == "answer":
                same(answer_of(a), value, f"{name} {field}")
            elif field == "reason":
                same(a.get("gen_ai.response.finish_reasons", [None])[0], value, f"{name} {field}")
            else:
                same(a.get(field), value, f"{name} {field}")
        same(a["sonde.source"], "har", name)
        length = span["end_time_unix_nano"] - span["start_time_unix_nano"]
        assert abs(length - make.TIME * 1e6) < 1e6, f"{name}: lasted {length} ns"
    same(found, {}, "too many")
    assert "is sound" in sonde("store", "check", "--db", db)[0]


for d in make.DIALECTS:
    ok(f"golden cases as {d} writes them", golden, d)

# --- one exchange, to be changed ---

REQUEST = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]}
ANSWER = {"id": "c1", "model": "gpt-4o-mini-2024-07-18", "choices": [{"index": 0, "message": {"role": "assistant", "content": "Grüße ✓"}, "finish_reason": "stop"}],
          "system_fingerprint": "fp_" + "0" * 40, "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}}
STREAM = "".join(f"data: {json.dumps(e)}\n\n" for e in (
    {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]},
    {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": {"content": "Grüße"}}]},
    {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 9, "completion_tokens": 3}},
)) + "data: [DONE]\n\n"


def entry(body=None, answer=None, answer_type="application/json", **more):
    body = json.dumps(body or REQUEST)
    answer = json.dumps(answer or ANSWER, ensure_ascii=False) if not isinstance(answer, str) else answer
    return {"startedDateTime": "2026-03-01T08:00:00Z", "time": 500, "timings": {"send": 1, "wait": 300, "receive": 199},
            "request": {"method": "POST", "url": "https://api.openai.com/v1/chat/completions", "headers": [{"name": "Content-Type", "value": "application/json"}],
                        "bodySize": len(body), "postData": {"mimeType": "application/json", "text": body}},
            "response": {"status": 200, "headers": [{"name": "Content-Type", "value": answer_type}], "bodySize": -1,
                         "content": {"size": len(answer.encode()), "mimeType": answer_type, "text": answer}}, **more}


def one(e, status=0):
    found, summary, err = imported(make.har([e]), status)
    same(len(found), 1, f"calls of {summary} {err}")
    return found[0], summary


def whole(e):
    """Everything of it was understood."""
    span, summary = one(e)
    a = span["attributes"]
    same((a["gen_ai.request.model"], a["gen_ai.usage.input_tokens"], a["gen_ai.usage.output_tokens"]), ("gpt-4o-mini", 9, 3))
    same(a["gen_ai.output.messages"][0]["parts"][0]["content"][:5], "Grüße")
    assert "sonde.cut" not in a and "sonde.response.damage" not in a, a
    same((summary["entries"], summary["calls"], summary["incomplete"], summary["not_understood"], summary["without_body"], summary["unreadable"]), (1, 1, 0, 0, 0, 0))
    return span


def changed(**changes):
    """An entry with response.content and response headers changed."""
    e = entry()
    e["response"]["content"].update(changes.get("content", {}))
    e["response"]["headers"] += [{"name": k, "value": v} for k, v in changes.get("headers", {}).items()]
    return e


PLAIN = json.dumps(ANSWER, ensure_ascii=False).encode()


def b64(data):
    return {"text": base64.b64encode(data).decode(), "encoding": "base64"}


BODIES = {
    "plain, though the header says gzip": {"headers": {"content-encoding": "gzip"}},
    "plain, though the header says br": {"headers": {"content-encoding": "br"}},
    "plain, though the header says zstd": {"headers": {"Content-Encoding": "zstd"}},
    "plain, of a coding that nobody knows": {"headers": {"content-encoding": "dcb"}},
    "base64 of gzip": {"content": b64(gzip.compress(PLAIN)), "headers": {"CONTENT-ENCODING": "gzip"}},
    "base64 of gzip that no header tells of": {"content": b64(gzip.compress(PLAIN))},
    "base64 of deflate": {"content": b64(zlib.compress(PLAIN)), "headers": {"content-encoding": "deflate"}},
    "base64 of br": {"content": b64(brotli.compress(PLAIN)), "headers": {"content-encoding": "br"}},
    "base64 of zstd": {"content": b64(zstandard.compress(PLAIN)), "headers": {"content-encoding": "zstd"}},
    "base64 of plain text, no header": {"content": b64(PLAIN)},
    "gzip as characters of Latin-1": {"content": {"text": gzip.compress(PLAIN).decode("latin-1")}, "headers": {"content-encoding": "gzip"}},
    "base64 without padding": {"content": {"text": base64.urlsafe_b64encode(PLAIN).decode().rstrip("="), "encoding": "BASE64"}},
}
for name, change in BODIES.items():
    ok(f"an answer's body: {name}", lambda c: whole(changed(**c)), change)

# --- what is missing ---


def no_answer_text():
    e = entry()
    del e["response"]["content"]["text"]
    span, summary = one(e)
    a = span["attributes"]
    same((a["sonde.response.damage"], a["sonde.cut"], summary["without_body"], summary["incomplete"]), ("not in the file", "not in the file", 1, 1))
    assert "gen_ai.usage.input_tokens" not in a, "what was not told is absent"


def no_request_text():
    e = entry()
    del e["request"]["postData"]
    span, summary = one(e)
    a = span["attributes"]
    same((a["sonde.request.damage"], a["gen_ai.response.model"], summary["without_body"]), ("not in the file", ANSWER["model"], 1))
    assert "gen_ai.request.model" not in a


def body_in_file():
    e = entry()
    e["response"]["content"] = {"size": 5, "mimeType": "application/json", "_file": "../../../etc/passwd"}
    span, summary = one(e)
    same((span["attributes"]["sonde.cut"], summary["without_body"]), ("kept in another file", 1))


def bad_base64():
    span, summary = one(changed(content={"text": "***", "encoding": "base64"}))
    same((span["attributes"]["sonde.response.damage"], summary["unreadable"]), ("bad base64", 1))


def cut_gzip():
    span, summary = one(changed(content=b64(gzip.compress(PLAIN)[:-20])))
    same((span["attributes"]["sonde.response.damage"], summary["unreadable"], summary["incomplete"]), ("gzip cut short", 1, 1))


def status_0():
    e = entry()
    e["response"] = {"status": 0, "headers": [], "content": {}, "_error": "net::ERR_CONNECTION_REFUSED"}
    span, summary = one(e)
    same((span["attributes"]["sonde.cut"], span["attributes"]["error.type"], summary["without_body"]), ("no response", "cut", 0))


def no_response():
    for nothing in (None, {}, "x", []):
        e = entry()
        e["response"] = nothing
        same(one(e)[0]["attributes"]["sonde.cut"], "no response", nothing)


def broken_off():
    e = entry(answer=STREAM[:-60], answer_type="text/event-stream")
    e["response"]["_error"] = "net::ERR_ABORTED"
    a = one(e)[0]["attributes"]
    same((a["sonde.cut"], a["error.type"], answer_of(a)["parts"][0]["content"]), ("connection closed", "cut", "Grüße"))


for name, test in {
    "an answer without content.text: said, and no count is made up": no_answer_text,
    "a request without postData": no_request_text,
    "a body that is kept in another file is not looked for": body_in_file,
    "base64 that is none": bad_base64,
    "gzip that is cut": cut_gzip,
    "status 0": status_0,
    "no response at all": no_response,
    "a stream that was broken off": broken_off,
}.items():
    ok(name, test)

# --- private members ---


def event_source():
    """Chrome keeps an event stream's messages apart, and may leave the text out."""
    e = entry({**REQUEST, "stream": True}, "", "text/event-stream")
    del e["response"]["content"]["text"]
    e["_eventSourceMessages"] = [{"time": 1772352000.4, "eventName": "message", "eventId": "", "data": line[6:]} for line in STREAM.split("\n\n") if line] + [{}, 7]
    whole(e)


def toolkit():
    e = entry()
    del e["request"]["postData"]
    e["request"]["_content"] = {"size": 3, **b64(json.dumps(REQUEST).encode())}
    whole(e)


ok("an event stream whose events stand apart", event_source)
ok("a request body that stands apart", toolkit)

# --- times ---


def timed(e):
    span = whole(e)
    return span["start_time_unix_nano"], span["end_time_unix_nano"], span["attributes"].get("gen_ai.response.time_to_first_chunk")


def started():
    second = 1772352000 * 10**9
    for text, ns in {
        "2026-03-01T08:00:00Z": 0, "2026-03-01T08:00:00.5Z": 5 * 10**8, "2026-03-01T08:00:00.123456789Z": 123456789, "2026-03-01T08:00:00.1234567891234Z": 123456789,
        "2026-03-01T10:30:00.25+02:30": 25 * 10**7, "2026-03-01T00:00:00-08:00": 0, "2026-03-01T00:00:00-0800": 0, "2026-03-01t08:00:00z": 0, "2026-03-01 08:00:00": 0,
        "2026-03-01T08:00Z": 0, "2026-02-28T23:00:00.000-09:00": 0,
    }.items():
        same(timed(entry(startedDateTime=text))[0], second + ns, text)


def durations():
    for time, timings, length in (
        (12.5, {}, 12_500_000), (0.0001, {}, 100), (-1, {"blocked": -1, "send": 1, "wait": 2.25, "receive": 3, "ssl": 99}, 6_250_000),
        (None, {"send": 1, "wait": 2, "receive": 3}, 6_000_000), (1e3, {}, 10**9), (0, {"wait": 7}, 0),
    ):
        start, end, _ = timed(entry(time=time, timings=timings))
        same(end - start, length, (time, timings))
    e = entry(time=-1, timings={"wait": -1})
    span, summary = one(e)
    same((span["end_time_unix_nano"] - span["start_time_unix_nano"], summary["without_duration"]), (0, 1))


def first_token():
    e = entry({**REQUEST, "stream": True}, STREAM, "text/event-stream", time=500, timings={"blocked": 10, "dns": -1, "connect": 20, "ssl": 15, "send": 1, "wait": 300, "receive": 169})
    same(timed(e)[2], 0.331)
    for unknown in ({"send": 1, "wait": 0, "receive": 499}, {"wait": -1}, {}, None, {"wait": 501}):
        e["timings"] = unknown
        same(timed(e)[2], None, unknown)
    same(timed(entry())[2], None, "an answer in one piece has no first token")


def tool_times():
    """Only what comes first came with the first byte: a tool that is asked for later was asked for at the end."""
    deltas = [{"content": "Well"}, {"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": {"name": "ls", "arguments": "{}"}}]}, {}]
    stream = "".join(f"data: {json.dumps({'id': 'c1', 'model': 'm', 'choices': [{'index': 0, 'delta': d, 'finish_reason': None if d else 'tool_calls'}]})}\n\n" for d in deltas)
    asks = entry({**REQUEST, "stream": True}, stream, "text/event-stream")
    told = entry({**REQUEST, "messages": [*REQUEST["messages"], {"role": "assistant", "content": "Well", "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "ls", "arguments": "{}"}}]},
                  {"role": "tool", "tool_call_id": "call_1", "content": "a b"}]}, startedDateTime="2026-03-01T08:00:02Z")
    imported(make.har([asks, told]))
    tool = spans(os.path.join(DIR, f"{serial}.db"), "--kind", "tool")[0]
    same((tool["start_time_unix_nano"], tool["end_time_unix_nano"]), (1772352000_500000000, 1772352002_000000000))
    same(tool["attributes"]["gen_ai.tool.call.result"], "a b")


def no_time():
    first, second, third = entry(), entry(), entry()
    del second["startedDateTime"]
    third["startedDateTime"] = "yesterday"
    found, summary, _ = imported(make.har([first, second, third]))
    starts = sorted(c["start_time_unix_nano"] for c in found)
    same(([s - starts[0] for s in starts], summary["without_time"]), ([0, 500_000_000, 1_000_000_000], 2))


def out_of_order():
    """Later first, as some recorders list them: the conversation is the same."""
    turn = entry({**REQUEST, "messages": [*REQUEST["messages"], {"role": "assistant", "content": "Grüße ✓"}, {"role": "user", "content": "And?"}]}, startedDateTime="2026-03-01T08:00:01Z")
    for order in ([entry(), turn], [turn, entry()]):
        found, _, _ = imported(make.har(order))
        newest = max(found, key=lambda c: c["start_time_unix_nano"])["attributes"]
        same(newest["sonde.conversation.continues"], min(found, key=lambda c: c["start_time_unix_nano"])["span_id"])


def at_once():
    """More under way at once than are held."""
    found, summary, _ = imported(make.har([entry(time=10_000 + i) for i in range(600)]))
    same((len(found), summary["calls"], summary["incomplete"]), (600, 600, 0))
    same(sorted({c["end_time_unix_nano"] - c["start_time_unix_nano"] for c in found})[-1], 10_599_000_000)


for name, test in {
    "startedDateTime with any offset and any number of digits": started,
    "durations: time, else the sum of the phases, else unknown": durations,
    "the first token of a stream, where the recorder has measured": first_token,
    "tools that a stream asks for": tool_times,
    "entries without a time": no_time,
    "entries in any order": out_of_order,
    "600 calls at once": at_once,
}.items():
    ok(name, test)

# --- odd files ---


def no_call():
    page = entry()
    page["request"].update(method="GET", url="https://example.com/index.html")
    form = entry()
    form["request"].update(url="https://example.com/login", postData={"mimeType": "application/x-www-form-urlencoded", "params": [{"name": "a", "value": "b&c"}]})
    found, summary, _ = imported(make.har([page, form, {"x": 1}, 7, None]))
    same((found, summary["entries"], summary["calls"], summary["not_understood"]), ([], 5, 0, 3))


def odd_json():
    e = entry()
    e["request"]["headers"] += [{"name": "x-null", "value": None}, {"name": "x-number", "value": 7}, {"value": "nameless"}, "text", {}]
    e["_custom"] = {"deep": [[[[]]], {"": {}}]}
    whole(e)
    for text in (json.dumps(make.har([e])), json.dumps({"log": {"entries": [e], "creator": {"name": "late"}}}), json.dumps({"entries": [e]}),
                 json.dumps(make.har([e]), indent="\t").replace("/", "\\/")):
        found, summary, _ = imported(text.encode())
        same((len(found), summary["calls"]), (1, 1))


def escapes():
    """Names and values that are spelled with escapes."""
    text = json.dumps(make.har([entry()])).replace("api.openai.com", "api.\\u006fpenai.com")
    same(len(imported(text.encode())[0]), 1)


def mark():
    text = b"\xef\xbb\xbf" + json.dumps(make.har([entry()])).encode()
    same(len(imported(text)[0]), 1)


def nothing():
    for content in ({"log": {"version": "1.2", "creator": {}, "entries": []}}, {"log": {"entries": []}}):
        found, summary, _ = imported(content)
        same((found, summary["entries"], "run_id" in summary), ([], 0, False))


def refused():
    for content, word in (
        (b"", "empty"), (b"{}", "no HAR"), (b"[1,2]", "no HAR"), (b"hello", "no HAR"), (b'{"log":{"entries":{}}}', "no HAR"), (b"PK\x03\x04" + b"x" * 40, "ZIP"),
        (gzip.compress(b"{}"), "gzip -dc"), ("{}".encode("utf-16"), "UTF-16"),
    ):
        _, _, err = imported(content, 1)
        assert word in err and err.count("\n") == 1, (content, err)


def cut_file():
    text = json.dumps(make.har([entry(), entry(startedDateTime="2026-03-01T08:00:09Z")]), ensure_ascii=False).encode()
    cut = text[: len(text) - 300]
    found, summary, err = imported(cut, 1)
    same((len(found), summary["broken_at"] <= len(cut)), (1, True))
    assert f"at byte {summary['broken_at']}" in err and "what precedes it was used" in err, err


def broken_entry():
    text = json.dumps(make.har([entry(), entry(), entry(startedDateTime="2026-03-01T08:00:09Z")]))
    at = text.index('"time"', text.index('"time"') + 10)
    found, summary, err = imported((text[:at] + '"nan": NaN, ' + text[at:]).encode(), 1)
    same((len(found), summary["not_understood"], summary["broken_at"]), (2, 1, at + len('"nan": ')))
    assert re.search(rf":1:{summary['broken_at'] + 1}: not valid JSON at byte {summary['broken_at']}; the entry was left out", err), err


def deep():
    e = entry()
    e["_deep"] = "@"
    text = json.dumps(make.har([e])).replace('"@"', "[" * 400 + "]" * 400)
    same(imported(text.encode(), 1)[1]["calls"], 0)


def secrets():
    e = entry()
    key = "SecretOfTheTest0123456789"
    e["request"]["url"] += f"?key={key}A&api-version=1"
    e["request"]["headers"] += [{"name": ":path", "value": f"/v1/chat/completions?key={key}A&api-version=1"}]
    e["request"]["headers"] += [{"name": "AUTHORIZATION", "value": f"Bearer {key}B"}, {"name": "cookie", "value": f"session={key}C"}, {"name": "x-api-key", "value": key + "D"}]
    e["request"]["cookies"] = [{"name": "session", "value": key + "C"}]
    e["request"]["postData"]["text"] = json.dumps({**REQUEST, "messages": [{"role": "user", "content": f"my key is {key}B"}]})
    e["response"]["headers"].append({"name": "set-cookie", "value": f"t={key}E; Path=/"})
    e["response"]["headers"].append({"name": ":status", "value": "200"})
    raw = json.loads(whole(e)["attributes"]["sonde.http.raw"])
    assert not [name for side in ("request", "response") for name, _ in raw[side]["headers"] if name.startswith(":")], raw
    for name in os.listdir(DIR):
        if name.startswith(f"{serial}.db"):
            with open(os.path.join(DIR, name), "rb") as f:
                assert key.encode() not in f.read(), name
    out, _ = sonde("import", "--dry-run", "--json", os.path.join(DIR, f"{serial}.har"))
    assert key not in out


def forms():
    """A form's fields are put together again; a model call is none."""
    e = entry()
    e["request"]["postData"] = {"mimeType": "multipart/form-data; boundary=zz", "params": [{"name": "model", "value": "whisper-1"}, {"name": "file", "fileName": "a.wav"}]}
    e["request"]["url"] = "https://example.com/upload"
    same(imported(make.har([e]))[1]["without_body"], 0)


def many():
    """One large file: its size costs no memory."""
    body = json.dumps(entry())
    path = os.path.join(DIR, "large.har")
    with open(path, "w", encoding="utf-8") as f:
        f.write('{"log":{"entries":[')
        blob = json.dumps({"startedDateTime": "2026-03-01T08:00:00Z", "request": {"method": "GET", "url": "https://example.com/video"}, "response": {"status": 200, "content": {"text": "A" * (4 << 20)}}})
        for _ in range(64):
            f.write(blob + ",")
        f.write(body + "]}}")
    p = subprocess.run(["bash", "-c", 'ulimit -v 800000; exec "$@"', "-", SONDE, "import", "--json", "-n", path], capture_output=True, check=True, env=ENV)
    same([x["calls"] for x in lines(p.stdout.decode()) if x.get("type") == "import"], [1])
    os.unlink(path)


for name, test in {
    "what is no inference is no call": no_call,
    "odd but valid JSON": odd_json,
    "escapes in URLs": escapes,
    "a byte order mark": mark,
    "no entries: no run": nothing,
    "what is no HAR: one line says what it is": refused,
    "a file that was cut: what precedes is used, and where it broke is said": cut_file,
    "an entry that is no JSON is left out": broken_entry,
    "an entry that is nested too deep is left out": deep,
    "keys, tokens and cookies are removed": secrets,
    "forms": forms,
    "256 MiB with 800 MB of address space": many,
}.items():
    ok(name, test)

# --- WebSockets ---


def responses_socket():
    created = {"type": "response.created", "response": {"id": "resp_1"}}
    done = {"type": "response.completed", "response": {"id": "resp_1", "model": "gpt-5-2025", "status": "completed", "usage": {"input_tokens": 20, "output_tokens": 4, "total_tokens": 24},
            "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello"}]}]}}
    ask = {"type": "response.create", "model": "gpt-5", "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}]}
    unfinished = {**ask, "model": "gpt-5-mini"}
    messages = [("send", 1772352001.5, ask), ("receive", 1772352002.25, created), ("receive", 1772352003.125, done), ("send", 1772352004, unfinished)]
    e = {"startedDateTime": "2026-03-01T08:00:00Z", "time": 100, "_resourceType": "websocket",
         "request": {"method": "GET", "url": "wss://api.openai.com/v1/responses", "headers": [{"name": "Upgrade", "value": "websocket"}, {"name": "Authorization", "value": "Bearer SocketSecret0123456789"}]},
         "response": {"status": 101, "headers": [], "content": {}},
         "_webSocketMessages": [{"type": t, "time": s, "opcode": 1, "data": json.dumps(m)} for t, s, m in messages] + [{"type": "receive", "time": 1772352004.5, "opcode": 2, "data": "AAEC"}, {"odd": 1}, 7]}
    found, summary, _ = imported(make.har([e]))
    same((len(found), summary["calls"], summary["incomplete"]), (2, 2, 1))
    second, first = (c["attributes"] for c in found)
    same((first["gen_ai.request.model"], first["gen_ai.usage.input_tokens"], answer_of(first)["parts"][0]["content"]), ("gpt-5", 20, "Hello"))
    same((found[1]["start_time_unix_nano"], found[1]["end_time_unix_nano"]), (1772352001500000000, 1772352003125000000))
    same((second["gen_ai.request.model"], second["sonde.cut"]), ("gpt-5-mini", "recording ended"))


ok("model calls on a WebSocket, as Chrome writes its messages", responses_socket)

# --- the command ---


def twice():
    content = make.golden_har("chrome")
    db, path = os.path.join(DIR, "twice.db"), write("twice.har", content)
    sonde("import", "--db", db, path)
    before = spans(db)
    out, _ = sonde("import", "--db", db, path)
    same(spans(db), before)
    assert "again" in out, out
    sonde("import", "--db", db, write("copy-of-twice.har", content))
    same(len(spans(db)), len(before), "the name of the file is not what it is")
    assert "is sound" in sonde("store", "check", "--db", db)[0]


def run_of_file():
    db = os.path.join(DIR, "run.db")
    path = write("chat of monday.har", make.har([entry(), entry(startedDateTime="2026-03-01T08:01:00Z")], {"name": "WebInspector", "version": "537.36"}))
    out, _ = sonde("import", "--db", db, path)
    run = lines(sonde("runs", "--db", db, "--json")[0])[0]
    assert re.fullmatch(rf"{re.escape(path)}: 2 entries, 2 calls; run {run['run_id'][:8]}\n", out), out
    same((run["agent"], run["status"], run["trigger"], run["llm_calls"], run["start_time_unix_nano"], run["end_time_unix_nano"]),
         ("chat of monday.har", "completed", "import", 2, 1772352000 * 10**9, 1772352060 * 10**9 + 500_000_000))
    assert not {"pid", "exit_code", "writable_by_agent", "cwd"} & set(run), run
    root = next(s for s in spans(db) if s["parent_span_id"] is None)["attributes"]
    same((root["sonde.source"], root["sonde.recorder"]), ("har", "WebInspector 537.36"))
    assert not any(name.startswith("process.") for name in root), root
    assert "chat of monday" in sonde("show", "--db", db, "last")[0]


def several():
    a, b = write("a.har", make.har([entry()])), write("b.har", make.har([entry(startedDateTime="2026-03-02T08:00:00Z")]))
    db = os.path.join(DIR, "several.db")
    out, err = sonde("import", "--db", db, a, os.path.join(DIR, "missing.har"), b, DIR, status=1)
    assert "missing.har" in err and "is a directory" in err and "4 files: 2 entries, 2 calls" in out, (out, err)
    same(len(calls(db)), 2)


def standard_input():
    db = os.path.join(DIR, "stdin.db")
    out, _ = sonde("import", "--db", db, "-", data=json.dumps(make.har([entry()])).encode())
    assert out.startswith("stdin: 1 entry, 1 call; run "), out
    same(len(calls(db)), 1)


def dry_run():
    path = write("dry.har", make.har([entry()]))
    out, _ = sonde("import", "--dry-run", path)
    assert "gpt-4o-mini" in out and "1 entry, 1 call\n" in out, out
    same(os.listdir(HOME), [])
    kinds = [x.get("type") or x["name"] for x in lines(sonde("import", "-n", "--json", path)[0])]
    assert "chat gpt-4o-mini" in kinds and "run" in kinds and kinds[-1] == "import", kinds
    same(sonde("import", "-q", "-n", path), ("", ""))


def own_store():
    sonde("import", write("own.har", make.har([entry()])))
    same([run["agent"] for run in lines(sonde("runs", "--json")[0])], ["own.har"])


def usage():
    sonde("import", status=2)
    sonde("import", "--nonsense", "x.har", status=2)
    assert "Exit status" in sonde("import", "--help")[0]


def one_line():
    """A client that sends its tools over many lines: an object of --json still is one."""
    e = entry()
    e["request"]["postData"]["text"] = json.dumps({**REQUEST, "tools": [{"type": "function", "function": {"name": "f"}}]}, indent=2)
    same(whole(e)["attributes"]["gen_ai.tool.definitions"][0]["function"]["name"], "f")


def choices():
    e = entry({**REQUEST, "n": 2}, {**ANSWER, "choices": [*ANSWER["choices"], {"index": 1, "message": {"role": "assistant", "content": "x"}, "finish_reason": "length"}]})
    a = whole(e)["attributes"]
    same(a["gen_ai.response.finish_reasons"], ["stop", "length"])
    same([m["parts"][0]["content"] for m in a["gen_ai.output.messages"]], ["Grüße ✓", "x"])


def same_id():
    """Servers that give all answers one id: each call counts."""
    found, _, _ = imported(make.har([entry(), entry(startedDateTime="2026-03-01T08:00:00.1Z")]))
    same([c["attributes"].get("sonde.duplicate_of") for c in found], [None, None])


def zone():
    """Another offset of the same moment is another file, and the same calls."""
    e = copy.deepcopy(entry())
    moment = make.BEGIN + timedelta(hours=5)
    e["startedDateTime"] = moment.strftime("%Y-%m-%dT%H:%M:%S+05:00")
    same(timed(e)[0], timed(entry())[0])


def checker():
    """check.py, by which recordings with known truth are judged, sees what is wrong and nothing else."""
    folder = os.path.join(DIR, "truth")
    os.makedirs(folder)
    write("truth/a.har", make.har([entry()]))
    truth = {"file": "a.har", "index": 0, "started": "2026-03-01T08:00:00.000Z", "family": "chat", "provider": ["openai"], "request_model": "gpt-4o-mini", "response_model": ANSWER["model"],
             "response_id": "c1", "in_total": 9, "out_total": 3, "cache_read": None, "cache_write": None, "reasoning": None, "tool_calls": [], "finish_reasons": ["stop"], "error": None}
    wrong = {"provider": ["x"], "request_model": "x", "response_model": None, "response_id": "x", "in_total": 8, "out_total": None, "cache_read": 0, "cache_write": 0, "reasoning": 0,
             "tool_calls": [{"id": "a", "name": "b", "arguments": None}], "finish_reasons": ["length"], "error": {"type": "x"}, "started": "2026-03-01T08:00:01.000Z"}
    for change in ({}, *({k: v} for k, v in wrong.items())):
        write("truth/truth.jsonl", {**truth, **change})
        p = subprocess.run([sys.executable, os.path.join(os.path.dirname(make.__file__), "check.py"), "--sonde", SONDE, folder], capture_output=True, text=True, check=False)
        same((p.returncode, p.stdout.count("wrong: ")), (0, 0) if not change else (1, 2 if "started" in change else 1), (change, p.stdout, p.stderr))


for name, test in {
    "recordings with known truth are compared": checker,
    "the same file twice is there once": twice,
    "a file is a run, named after it": run_of_file,
    "several files, some of which are none": several,
    "standard input": standard_input,
    "--dry-run stores nothing": dry_run,
    "the user's own store, where none is named": own_store,
    "usage": usage,
    "--json gives one line per object": one_line,
    "one message and one finish reason per choice": choices,
    "answers with one id": same_id,
    "the same moment in another zone": zone,
}.items():
    ok(name, test)

print(f"1..{n}")
sys.exit(bad > 0)
