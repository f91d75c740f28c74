#!/usr/bin/env python3
"""Writes the recording of a coding agent's sessions, for the replay benchmark.

    session.py FILE [--turns 100] [--sessions 1]     prints the raw bytes (HTTP, both directions) and the calls

Each turn resends the whole history, as agents do: system prompt and tools, then a growing list of messages with tool
calls and their results, the cache mark on the newest message; the answer is a stream. Words are drawn from a small
vocabulary, so that text compresses like text. The format is that of include/sonde/event.h and src/intake/record.c.
"""
import argparse
import json
import random
import struct

BOOT = 1_000_000_000_000
WORDS = (
    "the file function returns error when buffer length exceeds limit test passes after change in parser module reads "
    "header value from socket stream and writes result to output table index row column branch commit merge review line "
    "static const struct int char size pointer null check loop while if else switch case break continue return void"
).split()
TOOLS = [
    {
        "name": f"tool_{i}",
        "description": f"Tool number {i}. " + "It does what its name says and returns text. " * 20,
        "input_schema": {"type": "object", "properties": {"command": {"type": "string", "description": "What to do. " * 10}}},
    }
    for i in range(20)
]


class Recording:
    def __init__(self, path):
        self.f = open(path, "wb")
        header = struct.pack("<8sIIII32s72s72s", b"sonderec", 200, 1, 1, 0, b"0", b"", b"")
        self.f.write(header)
        self.now = BOOT
        self.who = (0, 0)

    def event(self, kind, payload=b"", who=None):
        tgid, start = who or self.who
        size = 32 + len(payload)
        self.f.write(struct.pack("<QQIIIHH", self.now, start, tgid, tgid, size, kind, 0) + payload)
        self.f.write(b"\0" * (-size % 8))

    def data(self, conn, pos, direction, data):
        for i in range(0, len(data), 16384):
            piece = data[i : i + 16384]
            self.event(20, struct.pack("<QQIIBBHI", conn, pos + i, len(piece), len(data), direction, 1, 0, 0) + piece)
        return pos + len(data)

    def exec(self, argv, cwd, parent):
        path = argv[0].encode() + b"\0"
        args = b"".join(a.encode() + b"\0" for a in argv)
        where = cwd.encode() + b"\0"
        fixed = struct.pack(
            "<QQIIIIHHHH16s", parent[1], 1, parent[0], 1000, 1000, 0, len(path), len(where), len(args), 0, b"agent"
        )
        self.event(11, fixed + path + where + args)


def text(rnd, n):
    out = []
    while n > 0:
        w = rnd.choice(WORDS)
        out.append(w)
        n -= len(w) + 1
    return " ".join(out)


def answer(turn, model, say, command):
    """One streamed answer: a text and a tool call."""

    def event(kind, **fields):
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()

    usage = {"input_tokens": 12, "cache_read_input_tokens": 20000 + 900 * turn, "cache_creation_input_tokens": 900, "output_tokens": 1}
    yield event("message_start", message={"id": f"msg_{turn}", "type": "message", "role": "assistant", "model": model, "content": [], "usage": usage})
    yield event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    for i in range(0, len(say), 24):
        yield event("content_block_delta", index=0, delta={"type": "text_delta", "text": say[i : i + 24]})
    yield event("content_block_stop", index=0)
    yield event("content_block_start", index=1, content_block={"type": "tool_use", "id": f"toolu_{turn}", "name": "tool_1", "input": {}})
    arguments = json.dumps({"command": command})
    for i in range(0, len(arguments), 24):
        yield event("content_block_delta", index=1, delta={"type": "input_json_delta", "partial_json": arguments[i : i + 24]})
    yield event("content_block_stop", index=1)
    yield event("message_delta", delta={"stop_reason": "tool_use"}, usage={"output_tokens": 180})
    yield event("message_stop")


def session(rec, number, turns, rnd):
    """Returns the raw bytes of its calls."""
    model, conn, raw = "claude-sonnet-4-6", 100 + number, 0
    who = (2000 + number, rec.now)
    rec.who = who
    scope = {"scope": number + 1, "kind": "run", "argv": ["agent", f"task {number}"], "cwd": "/home/u/project", "uid": 1000, "user": "u"}
    rec.event(6, json.dumps(scope).encode())
    rec.exec(["/usr/bin/agent", f"task {number}"], "/home/u/project", (1, 1))
    rec.event(22, struct.pack("<QIBBHHH16s16s108s", conn, 2, 1, 0, 0, 0, 0, b"", b"", b""))
    system = [{"type": "text", "text": f"Session {number}. " + text(rnd, 12000), "cache_control": {"type": "ephemeral"}}]
    messages = [{"role": "user", "content": [{"type": "text", "text": text(rnd, 300)}]}]
    out_pos = in_pos = 0
    for turn in range(turns):
        marked = messages[:-1] + [{**messages[-1], "content": [{**messages[-1]["content"][0], "cache_control": {"type": "ephemeral"}}]}]
        body = json.dumps(
            {"model": model, "max_tokens": 32000, "stream": True, "system": system, "tools": TOOLS, "messages": marked}
        ).encode()
        head = f"POST /v1/messages HTTP/1.1\r\nHost: api.anthropic.com\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        request = head.encode() + body
        rec.now += 20_000_000
        out_pos = rec.data(conn, out_pos, 1, request)
        raw += len(request)
        say, command = text(rnd, 300), f"grep -n {rnd.choice(WORDS)} src/{rnd.choice(WORDS)}.c"
        response = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        in_pos = rec.data(conn, in_pos, 0, response)
        raw += len(response)
        for e in [*answer(turn, model, say, command), b""]:
            rec.now += 2_000_000
            chunk = b"%x\r\n%s\r\n" % (len(e), e)
            in_pos = rec.data(conn, in_pos, 0, chunk)
            raw += len(chunk)
        messages.append(
            {"role": "assistant", "content": [{"type": "text", "text": say}, {"type": "tool_use", "id": f"toolu_{turn}", "name": "tool_1", "input": {"command": command}}]}
        )
        result = text(rnd, 4000)
        messages.append({"role": "user", "content": [{"type": "tool_result", "tool_use_id": f"toolu_{turn}", "content": result}]})
        rec.event(4)
    rec.event(12, struct.pack("<QQii", 10**9, 10**8, 0, 0))
    return raw


def main():
    p = argparse.ArgumentParser()
    p.add_argument("file")
    p.add_argument("--turns", type=int, default=100)
    p.add_argument("--sessions", type=int, default=1)
    args = p.parse_args()
    rnd = random.Random(1)
    rec = Recording(args.file)
    host = {"boot_id": "00000000-0000-0000-0000-000000000001", "hostname": "bench", "kernel": "6.1", "arch": "x86_64", "sonde_version": "0", "event_version": 1}
    rec.event(1, json.dumps(host).encode())
    rec.event(2, struct.pack("<Q", 1_795_000_000_000_000_000))
    rec.event(3, json.dumps({"content": "full", "content_limit": 5000, "content_llm": True, "content_memory": True, "content_tools": True}).encode())
    raw = sum(session(rec, i, args.turns, rnd) for i in range(args.sessions))
    rec.who = (0, 0)
    rec.event(5)
    print(raw, args.turns * args.sessions)


main()
