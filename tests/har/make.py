#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""HAR files of the golden cases, as several recorders would have written them.

	make.py DIALECT		all cases as one file on standard output

A dialect is a function of an exchange to an entry: what the recorders differ in is the form of times, headers and
bodies.
"""
import base64
import gzip
import json
import os
import sys
from datetime import datetime, timedelta, timezone

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../mock"))
import event_stream  # noqa: E402

GOLDEN = os.path.join(HERE, "../golden")
BEGIN = datetime(2026, 3, 1, 8, 0, 0, tzinfo=timezone.utc)
STEP = timedelta(seconds=10)  # from one exchange to the next
BLOCKED, SEND, WAIT, RECEIVE = 2.5, 0.25, 740.5, 1200.75  # ms
TIME = BLOCKED + SEND + WAIT + RECEIVE


class Message:
    def __init__(self, data):
        head, _, self.body = data.partition(b"\n\n")
        self.first, *lines = head.decode().split("\n")
        self.headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines]

    def header(self, name):
        return next((v for n, v in self.headers if n.lower() == name), "")

    def on_the_wire(self):
        return gzip.compress(self.body, mtime=0) if self.header("content-encoding") == "gzip" else self.body


class Exchange:
    """A request, and an answer or None, at a time."""

    def __init__(self, request, response, number=0):
        self.request, self.response = request, response
        self.method, self.target, _ = request.first.split(" ", 2)
        self.host = request.header("host")
        self.url = f"https://{self.host}{self.target}"
        self.status = int(response.first.split(" ")[1]) if response else 0
        self.start = BEGIN + number * STEP

    def start_ns(self):
        return int(self.start.timestamp()) * 10**9 + self.start.microsecond * 1000


def read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except FileNotFoundError:
        return None


def golden_cases():
    """(name, exchange, expected text) of the cases that a file can hold: nothing in them is lost on the way."""
    number = 0
    for folder, _, files in sorted(os.walk(GOLDEN)):
        if "request.http" not in files:
            continue
        request, response = (read(os.path.join(folder, name)) for name in ("request.http", "response.http"))
        if b"\nTest-" in request.partition(b"\n\n")[0] or b"\nTest-" in (response or b"").partition(b"\n\n")[0]:
            continue
        exchange = Exchange(Message(request), Message(response) if response else None, number)
        if response and exchange.response.header("content-type") == "application/vnd.amazon.eventstream":
            exchange.response.body = event_stream.encode(exchange.response.body.decode())
        yield os.path.relpath(folder, GOLDEN), exchange, read(os.path.join(folder, "call.txt")).decode()
        number += 1


# --- forms ---


def pairs(headers, change=str):
    return [{"name": change(n), "value": v} for n, v in headers]


def text_or_base64(body):
    try:
        return {"text": body.decode()}
    except UnicodeDecodeError:
        return {"text": base64.b64encode(body).decode(), "encoding": "base64"}


def timings(**more):
    return {"blocked": BLOCKED, "dns": -1, "connect": -1, "ssl": -1, "send": SEND, "wait": WAIT, "receive": RECEIVE, **more}


def no_response(**more):
    return {"status": 0, "statusText": "", "httpVersion": "", "headers": [], "cookies": [], "redirectURL": "", "headersSize": -1,
            "bodySize": -1, "content": {"size": 0, "mimeType": "x-unknown"}, **more}


def request_of(x, headers, **more):
    out = {"method": x.method, "url": x.url, "httpVersion": "HTTP/1.1", "headers": headers, "cookies": [], "queryString": [],
           "headersSize": -1, "bodySize": len(x.request.body), **more}
    if x.request.body:
        out["postData"] = {"mimeType": x.request.header("content-type"), **text_or_base64(x.request.body)}
    return out


def response_of(x, headers, content, **more):
    return {"status": x.status, "statusText": "", "httpVersion": "HTTP/1.1", "headers": headers, "cookies": [], "redirectURL": "",
            "headersSize": -1, "bodySize": len(x.response.on_the_wire()), "content": content, **more}


def type_of(message):
    return message.header("content-type") or "x-unknown"


# --- dialects: what one is called, and an exchange as its entry ---


def chrome(x):
    """HTTP/2 with pseudo headers, lower case, decoded bodies, private members."""
    pseudo = [{"name": ":authority", "value": x.host}, {"name": ":method", "value": x.method}, {"name": ":path", "value": x.target},
              {"name": ":scheme", "value": "https"}]
    kept = [h for h in x.request.headers if h[0].lower() != "host"]
    response = no_response(_transferSize=0, _error="net::ERR_FAILED")
    if x.response:
        content = {"size": len(x.response.body), "mimeType": type_of(x.response).split(";")[0], **text_or_base64(x.response.body)}
        response = response_of(x, pairs(x.response.headers, str.lower), content, httpVersion="http/2.0", bodySize=-1, _transferSize=500, _error=None)
    return {"_connectionId": "7", "_initiator": {"type": "script"}, "_priority": "High", "_resourceType": "fetch", "cache": {}, "connection": "443",
            "request": request_of(x, pseudo + pairs(kept, str.lower), httpVersion="http/2.0"), "response": response,
            "serverIPAddress": "[2001:db8::7]", "startedDateTime": x.start.strftime("%Y-%m-%dT%H:%M:%S.") + "000Z", "time": TIME + 0.0001,
            "timings": timings(_blocked_queueing=1.25)}


def firefox(x):
    """Times with an offset, whole milliseconds, headers as they are."""
    response = no_response()
    if x.response:
        content = {"mimeType": type_of(x.response), "size": len(x.response.body), **text_or_base64(x.response.body)}
        response = response_of(x, pairs(x.response.headers), content)
    zone = timezone(timedelta(hours=2))
    return {"pageref": "page_1", "startedDateTime": x.start.astimezone(zone).isoformat(timespec="milliseconds"), "request": request_of(x, pairs(x.request.headers)),
            "response": response, "cache": {}, "timings": {"blocked": 3, "dns": 0, "connect": 0, "ssl": 0, "send": 0, "wait": 740, "receive": 1201},
            "time": 1944, "_securityState": "secure", "serverIPAddress": "192.0.2.7", "connection": "443"}


def mitmproxy(x):
    """Microseconds, upper-case names, no _error; binary bodies as base64."""
    response = no_response(headers=[])
    if x.response:
        content = {"size": len(x.response.body), "compression": 0, "mimeType": type_of(x.response), **text_or_base64(x.response.body)}
        response = response_of(x, pairs(x.response.headers, str.upper), content, httpVersion="HTTP/2.0")
    return {"startedDateTime": x.start.isoformat(timespec="microseconds"), "time": TIME, "request": request_of(x, pairs(x.request.headers, str.title)),
            "response": response, "cache": {}, "timings": timings(), "serverIPAddress": "192.0.2.7"}


def raw(x):
    """Bodies as they crossed the wire, in base64; no total time; finer than nanoseconds."""
    response = no_response()
    if x.response:
        wire = base64.b64encode(x.response.on_the_wire()).decode()
        content = {"size": len(x.response.body), "mimeType": "", "text": "\n".join(wire[i : i + 76] for i in range(0, len(wire), 76)), "encoding": "base64"}
        response = response_of(x, pairs(x.response.headers), content)
    return {"startedDateTime": x.start.strftime("%Y-%m-%dT%H:%M:%S.000000000000Z"), "time": -1, "request": request_of(x, pairs(x.request.headers)),
            "response": response, "cache": {}, "timings": timings(comment="")}


def blanked(x):
    """A cassette turned into a HAR: header values hidden, headers as an object, only content.mimeType is true."""
    hidden = {n: "**REDACTED**" for n, _ in x.request.headers}
    response = no_response(headers={})
    if x.response:
        names = {n: "**REDACTED**" for n, _ in x.response.headers}
        content = {"mimeType": type_of(x.response), **text_or_base64(x.response.body)}
        response = response_of(x, {**names, "content-encoding": "br"}, content, bodySize=-1)
    return {"startedDateTime": x.start.strftime("%Y-%m-%d %H:%M:%SZ"), "time": TIME, "request": request_of(x, hidden), "response": response,
            "timings": {"send": 0, "wait": 0, "receive": TIME}}


DIALECTS = {
    "chrome": ({"name": "WebInspector", "version": "537.36"}, chrome),
    "firefox": ({"name": "Firefox", "version": "143.0"}, firefox),
    "mitmproxy": ({"name": "mitmproxy", "version": "12.1.1", "comment": ""}, mitmproxy),
    "raw": ({"name": "recorder", "version": ""}, raw),
    "blanked": ({"name": "cassette"}, blanked),
}


def har(entries, creator=None, **more):
    return {"log": {"version": "1.2", "creator": creator or {"name": "test", "version": "1"}, "pages": [], "entries": entries, **more}}


def golden_har(dialect):
    creator, entry_of = DIALECTS[dialect]
    return har([entry_of(exchange) for _, exchange, _ in golden_cases()], creator)


if __name__ == "__main__":
    json.dump(golden_har(sys.argv[1]), sys.stdout, indent=1, ensure_ascii=False)
