#!/usr/bin/env python3
"""A scripted LLM server for the demo and the end-to-end tests; standard library only.

    llm_server.py --http PORT --https PORT --certs DIR --log FILE [--scenario JSON] [--ready FILE]

Port 0 picks a free one; once it listens, "http PORT" and "https PORT" lines go to --ready (or standard output).
Speaks OpenAI Chat Completions and Responses, Anthropic Messages and Gemini (gemini.py), as JSON and as SSE; openai_rest.py
has what OpenAI offers beside them. What it did goes to the log,
one JSON object an exchange: that is the ground truth that tests compare with.

A request that offers tools is answered with tool calls until `tool_turns` rounds of results have come back, then with
a final text. Control, never logged: POST /__mock/reset {"scenario":{...},"log":"FILE"}.
"""
import argparse
import gzip
import http.server
import json
import re
import socket
import ssl
import threading
import time
import zlib

import gemini
import openai_rest
import plan
from websocket import WebSocket

try:
    import brotli
except ImportError:
    brotli = None
try:
    import zstandard
except ImportError:
    zstandard = None

SCENARIO = {
    "command": "echo hello-from-tool && ls",  # what the tool is asked to run; {call}: another in each call
    "tool": "",  # regexp of the tool to call where several are offered; else they are called in turn. A list: the first that fits
    "plans": [],  # what to call in which round, instead of the above: plan.py
    "mark": "",  # regexp: what of a request's body it finds is logged
    "tool_turns": 1,  # rounds of tool calls before the final answer
    "parallel": 1,  # tool calls a round
    "final_text": "The tool said hello-from-tool. Grüße, 世界 ✓ done.",
    "thinking": False,  # a reasoning block first
    "errors": [],  # statuses of the first model calls, e.g. [529, 500, 429]; then success
    "retry_after": None,
    "compress": None,  # gzip, deflate, raw-deflate, br, zstd; sent whatever the client accepts
    "fragment": 0,  # bytes of each write; 0: whole events
    "chunks": 4,  # pieces that a text is streamed in
    "chunk_delay_ms": 0,
    "latency_ms": 0,
    "cut_stream": 0,  # close the connection in the middle of the nth model call
    "close": False,  # no keep-alive
    "ws": False,  # Responses over WebSocket: True, "deflate", "no-takeover"; else such an upgrade gets a 426
    "gemini_ids": False,  # Gemini's function calls have ids
    "text_bytes": 0,  # pad the final text to this size
    "usage": {"input": 1000, "output": 50, "cached": 200, "cache_write": 30, "reasoning": 10},
    "geo": None,  # where Anthropic says that the model ran
    "usage_step": {"input": 100, "output": 5, "cached": 20, "cache_write": 3, "reasoning": 1},
}


class State:
    """What a reset sets back."""

    def __init__(self, log):
        self.lock = threading.Lock()
        self.log = log
        self.scenario = dict(SCENARIO)
        self.calls = 0
        self.seq = 0

    def reset(self, scenario, log):
        with self.lock:
            self.scenario = {**SCENARIO, **scenario}
            self.calls = 0
            if log:
                self.log = log

    def next_call(self):
        with self.lock:
            self.calls += 1
            return self.calls

    def write(self, record):
        with self.lock:
            self.seq += 1
            record["seq"] = self.seq
            if self.log:
                with open(self.log, "a", encoding="utf-8") as f:
                    f.write(json.dumps(record, ensure_ascii=False) + "\n")


def usage_of(scenario, n):
    """The tokens of the nth round, inclusive: input and output are totals."""
    usage = {k: scenario["usage"][k] + n * scenario["usage_step"][k] for k in scenario["usage"]}
    return {**usage, "geo": scenario["geo"]} if scenario.get("geo") else usage


def pieces(text, n):
    size = max(1, -(-len(text) // max(1, n)))
    return [text[i : i + size] for i in range(0, len(text), size)] or [""]


def final_text(scenario):
    text = scenario["final_text"]
    return text + "x" * max(0, scenario["text_bytes"] - len(text.encode()))


# How known agents' shell tools want their command; every other tool gets {"command": ...}.
ARGUMENTS = {
    "Bash": lambda command: {"command": command, "description": "Runs a command"},
    "exec_command": lambda command: {"cmd": command},
    "shell": lambda command: {"command": ["bash", "-lc", command]},
    "run_shell_command": lambda command: {"command": command, "description": "Runs a command"},
}


def arguments_for(tool, command):
    if tool.endswith("echo"):  # of the reference tool servers
        return json.dumps({"message": command})
    return json.dumps(ARGUMENTS.get(tool, lambda c: {"command": c})(command))


def tools_wanted(scenario, tools):
    """Those that the scenario names; all of them where it names none, nothing where none of the named is offered."""
    wanted = scenario["tool"] if isinstance(scenario["tool"], list) else [scenario["tool"]]
    fitting = ([t for t in tools if t and re.search(w, t)] for w in wanted)
    return next((f for f in fitting if f), [])


def sse(obj, event=None):
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {json.dumps(obj, ensure_ascii=False)}\n\n".encode()


class Chat:
    """OpenAI Chat Completions."""

    name = "openai.chat"

    def read(self, body):
        rounds, results, after_tool = 0, [], False
        for m in body.get("messages", []):
            if m.get("role") == "tool":
                results.append(m.get("tool_call_id"))
                rounds += not after_tool
            after_tool = m.get("role") == "tool"
        tools = [t[t.get("type") or "function"]["name"] for t in body.get("tools") or []]
        return rounds, results, tools

    def usage(self, u):
        return {
            "prompt_tokens": u["input"],
            "completion_tokens": u["output"],
            "total_tokens": u["input"] + u["output"],
            "prompt_tokens_details": {"cached_tokens": u["cached"]},
            "completion_tokens_details": {"reasoning_tokens": u["reasoning"]},
        }

    def truth(self, u):
        return {k: u[k] for k in ("input", "output", "cached", "reasoning")}

    def head(self, a):
        return {"id": a["id"], "created": int(time.time()), "model": a["model"], "system_fingerprint": "fp_mock"}

    def json(self, a):
        message = {"role": "assistant", "content": a["text"], "refusal": None}
        if a["calls"]:
            message["tool_calls"] = [
                {"id": c["id"], "type": "function", "function": {"name": c["name"], "arguments": c["arguments"]}}
                for c in a["calls"]
            ]
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if a["calls"] else "stop"}
        return {"object": "chat.completion", **self.head(a), "choices": [choice], "usage": self.usage(a["usage"])}

    def stream(self, a, body):
        wants_usage = (body.get("stream_options") or {}).get("include_usage")

        def chunk(delta, finish=None):
            c = {"object": "chat.completion.chunk", **self.head(a)}
            c["choices"] = [{"index": 0, "delta": delta, "finish_reason": finish}]
            if wants_usage:
                c["usage"] = None
            return sse(c)

        yield chunk({"role": "assistant", "content": None if a["calls"] else ""})
        if a["text"] is not None:
            for p in pieces(a["text"], a["chunks"]):
                yield chunk({"content": p})
        for i, c in enumerate(a["calls"]):
            first = {"index": i, "id": c["id"], "type": "function", "function": {"name": c["name"], "arguments": ""}}
            yield chunk({"tool_calls": [first]})
            for p in pieces(c["arguments"], a["chunks"]):
                yield chunk({"tool_calls": [{"index": i, "function": {"arguments": p}}]})
        yield chunk({}, "tool_calls" if a["calls"] else "stop")
        if wants_usage:
            last = {"object": "chat.completion.chunk", **self.head(a), "choices": [], "usage": self.usage(a["usage"])}
            yield sse(last)
        yield b"data: [DONE]\n\n"

    def streamed_truth(self, u, body):
        return self.truth(u) if (body.get("stream_options") or {}).get("include_usage") else None

    def error(self, status):
        return {"error": {"message": f"mock error {status}", "type": "server_error", "param": None, "code": str(status)}}


class Responses:
    """OpenAI Responses."""

    name = "openai.responses"

    def read(self, body):
        rounds, results, after_tool = 0, [], False
        items = body.get("input")
        for m in items if isinstance(items, list) else []:
            is_output = m.get("type") == "function_call_output"
            if is_output:
                results.append(m.get("call_id"))
                rounds += not after_tool
            after_tool = is_output
        return rounds, results, list(self.names(body.get("tools") or []))

    def names(self, tools):
        """NAMESPACE/TOOL where a client groups them."""
        for t in tools:
            if t.get("type") == "function":
                yield t["name"]
            elif t.get("type") == "namespace":
                yield from (t["name"] + "/" + u["name"] for u in t.get("tools") or [] if u.get("type") == "function")

    def usage(self, u):
        return {
            "input_tokens": u["input"],
            "input_tokens_details": {"cached_tokens": u["cached"]},
            "output_tokens": u["output"],
            "output_tokens_details": {"reasoning_tokens": u["reasoning"]},
            "total_tokens": u["input"] + u["output"],
        }

    def truth(self, u):
        return {k: u[k] for k in ("input", "output", "cached", "reasoning")}

    def items(self, a):
        out = []
        if a["thinking"]:
            summary = [{"type": "summary_text", "text": a["thinking"]}]
            out.append({"id": "rs_" + a["id"], "type": "reasoning", "summary": summary})
        if a["text"] is not None:
            part = {"type": "output_text", "text": a["text"], "annotations": [], "logprobs": []}
            out.append(
                {"id": "msg_" + a["id"], "type": "message", "status": "completed", "role": "assistant", "content": [part]}
            )
        for c in a["calls"]:
            namespace, _, name = c["name"].rpartition("/")
            out.append(
                {
                    "id": "fc_" + c["id"],
                    "type": "function_call",
                    "status": "completed",
                    "call_id": c["id"],
                    **({"namespace": namespace} if namespace else {}),
                    "name": name,
                    "arguments": c["arguments"],
                }
            )
        return out

    def json(self, a):
        return {
            "id": a["id"],
            "object": "response",
            "created_at": int(time.time()),
            "status": "completed",
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "model": a["model"],
            "output": self.items(a),
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": self.usage(a["usage"]),
        }

    def stream(self, a, body):
        seq = 0

        def event(kind, **fields):
            nonlocal seq
            seq += 1
            return sse({"type": kind, "sequence_number": seq, **fields}, kind)

        whole = self.json(a)
        empty = {**whole, "status": "in_progress", "output": [], "usage": None}
        yield event("response.created", response=empty)
        yield event("response.in_progress", response=empty)
        for i, item in enumerate(whole["output"]):
            at = {"output_index": i, "item_id": item["id"]}
            if item["type"] == "function_call":
                yield event("response.output_item.added", output_index=i, item={**item, "arguments": "", "status": "in_progress"})
                for p in pieces(item["arguments"], a["chunks"]):
                    yield event("response.function_call_arguments.delta", **at, delta=p)
                yield event("response.function_call_arguments.done", **at, name=item["name"], arguments=item["arguments"])
            elif item["type"] == "message":
                part = item["content"][0]
                yield event("response.output_item.added", output_index=i, item={**item, "content": [], "status": "in_progress"})
                yield event("response.content_part.added", **at, content_index=0, part={**part, "text": ""})
                for p in pieces(part["text"], a["chunks"]):
                    yield event("response.output_text.delta", **at, content_index=0, delta=p, logprobs=[])
                yield event("response.output_text.done", **at, content_index=0, text=part["text"], logprobs=[])
                yield event("response.content_part.done", **at, content_index=0, part=part)
            else:
                part, at["summary_index"] = item["summary"][0], 0
                yield event("response.output_item.added", output_index=i, item={**item, "summary": []})
                yield event("response.reasoning_summary_part.added", **at, part={**part, "text": ""})
                for p in pieces(part["text"], a["chunks"]):
                    yield event("response.reasoning_summary_text.delta", **at, delta=p)
                yield event("response.reasoning_summary_text.done", **at, text=part["text"])
                yield event("response.reasoning_summary_part.done", **at, part=part)
            yield event("response.output_item.done", output_index=i, item=item)
        yield event("response.completed", response=whole)

    def streamed_truth(self, u, body):
        return self.truth(u)

    error = Chat.error


class Messages:
    """Anthropic Messages."""

    name = "anthropic.messages"

    def read(self, body):
        rounds, results = 0, []
        for m in body.get("messages", []):
            blocks = m["content"] if isinstance(m.get("content"), list) else []
            ids = [b.get("tool_use_id") for b in blocks if b.get("type") == "tool_result"]
            results += ids
            rounds += bool(ids)
        return rounds, results, [t["name"] for t in body.get("tools") or []]

    def usage(self, u):
        return {
            "input_tokens": u["input"] - u["cached"] - u["cache_write"],
            "cache_read_input_tokens": u["cached"],
            "cache_creation_input_tokens": u["cache_write"],
            "cache_creation": {"ephemeral_5m_input_tokens": u["cache_write"], "ephemeral_1h_input_tokens": 0},
            "output_tokens": u["output"],
            "service_tier": "standard",
            **({"inference_geo": u["geo"]} if "geo" in u else {}),
        }

    def truth(self, u):
        return {k: u[k] for k in ("input", "output", "cached", "cache_write", "geo") if k in u}

    def blocks(self, a):
        out = []
        if a["thinking"]:
            out.append({"type": "thinking", "thinking": a["thinking"], "signature": "c2lnbmF0dXJl"})
        if a["text"] is not None:
            out.append({"type": "text", "text": a["text"]})
        out += [
            {"type": "tool_use", "id": c["id"], "name": c["name"], "input": json.loads(c["arguments"])} for c in a["calls"]
        ]
        return out

    def json(self, a):
        return {
            "id": a["id"],
            "type": "message",
            "role": "assistant",
            "model": a["model"],
            "content": self.blocks(a),
            "stop_reason": "tool_use" if a["calls"] else "end_turn",
            "stop_sequence": None,
            "usage": self.usage(a["usage"]),
        }

    def stream(self, a, body):
        whole = self.json(a)
        start = {**whole, "content": [], "stop_reason": None, "usage": {**whole["usage"], "output_tokens": 1}}
        yield sse({"type": "message_start", "message": start}, "message_start")
        yield sse({"type": "ping"}, "ping")
        for i, b in enumerate(whole["content"]):
            field, delta, text = {
                "text": ("text", "text_delta", b.get("text")),
                "thinking": ("thinking", "thinking_delta", b.get("thinking")),
                "tool_use": ("partial_json", "input_json_delta", json.dumps(b.get("input"))),
            }[b["type"]]
            shell = {**b, **({"input": {}} if b["type"] == "tool_use" else {field: ""})}
            shell.pop("signature", None)
            yield sse({"type": "content_block_start", "index": i, "content_block": shell}, "content_block_start")
            for p in pieces(text, a["chunks"]):
                yield sse({"type": "content_block_delta", "index": i, "delta": {"type": delta, field: p}}, "content_block_delta")
            if b["type"] == "thinking":
                d = {"type": "signature_delta", "signature": b["signature"]}
                yield sse({"type": "content_block_delta", "index": i, "delta": d}, "content_block_delta")
            yield sse({"type": "content_block_stop", "index": i}, "content_block_stop")
        delta = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
        usage = {"output_tokens": whole["usage"]["output_tokens"]}
        yield sse({"type": "message_delta", "delta": delta, "usage": usage}, "message_delta")
        yield sse({"type": "message_stop"}, "message_stop")

    def streamed_truth(self, u, body):
        return self.truth(u)

    def error(self, status):
        kind = {429: "rate_limit_error", 529: "overloaded_error"}.get(status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": f"mock error {status}"}, "request_id": "req_mock"}


APIS = {"/v1/chat/completions": Chat(), "/v1/responses": Responses(), "/v1/messages": Messages()}


class Encoder:
    """One content coding, as a stream: every add() is flushed so that events go out at once."""

    def __init__(self, coding):
        self.coding = coding
        if coding == "gzip":
            self.z = zlib.compressobj(wbits=31)
        elif coding == "deflate":
            self.z = zlib.compressobj(wbits=15)
        elif coding == "raw-deflate":
            self.z = zlib.compressobj(wbits=-15)
        elif coding == "br":
            self.z = brotli.Compressor()
        elif coding == "zstd":
            self.z = zstandard.ZstdCompressor().compressobj()

    def add(self, data):
        if self.coding == "br":
            return self.z.process(data) + self.z.flush()
        if self.coding == "zstd":
            return self.z.compress(data) + self.z.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
        return self.z.compress(data) + self.z.flush(zlib.Z_SYNC_FLUSH)

    def end(self):
        if self.coding == "br":
            return self.z.finish()
        return self.z.flush()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state = None

    def log_message(self, *args):
        pass

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            out = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                out += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
        else:
            out = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.wire_bytes = len(out)
        coding = self.headers.get("Content-Encoding")
        if coding == "gzip":
            out = gzip.decompress(out)
        elif coding == "deflate":
            out = zlib.decompress(out)
        elif coding == "br":
            out = brotli.decompress(out)
        elif coding == "zstd":
            out = zstandard.ZstdDecompressor().decompressobj().decompress(out)
        return out

    def put(self, data):
        """To the wire, in pieces where the scenario wants that."""
        n = self.scenario["fragment"] or len(data)
        for i in range(0, len(data), max(1, n)):
            self.wfile.write(data[i : i + n])
            self.wfile.flush()

    def start(self, status, headers):
        self.send_response(status)
        for k, v in headers.items():
            if v is not None:
                self.send_header(k, str(v))
        if self.scenario["close"]:
            self.send_header("Connection", "close")
            self.close_connection = True

    def reply(self, status, obj, headers=None):
        data = obj if isinstance(obj, bytes) else json.dumps(obj, ensure_ascii=False).encode()
        coding = self.scenario["compress"]
        if coding:
            e = Encoder(coding)
            data = e.add(data) + e.end()
        self.start(status, {"Content-Type": "application/json", **(headers or {})})
        if coding:
            self.send_header("Content-Encoding", coding.removeprefix("raw-"))
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.put(data)
        return len(data)

    def reply_stream(self, events, headers, cut):
        coding = self.scenario["compress"]
        encoder = Encoder(coding) if coding else None
        self.start(200, {"Content-Type": "text/event-stream; charset=utf-8", **headers})
        if coding:
            self.send_header("Content-Encoding", coding.removeprefix("raw-"))
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        sent = 0
        for i, data in enumerate(events):
            if cut and i == 3:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return sent
            if encoder:
                data = encoder.add(data)
            sent += len(data)
            if data:
                self.put(b"%x\r\n%s\r\n" % (len(data), data))
            if self.scenario["chunk_delay_ms"]:
                time.sleep(self.scenario["chunk_delay_ms"] / 1000)
        tail = encoder.end() if encoder else b""
        if tail:
            self.put(b"%x\r\n%s\r\n" % (len(tail), tail))
        self.put(b"0\r\n\r\n")
        return sent + len(tail)

    def planned(self, rounds, offered, raw, n):
        """The round's calls, as plan.py has them."""
        calls = plan.calls(self.scenario["plans"], rounds, offered, raw)
        made = []
        for i, (tool, arguments, command) in enumerate(calls):
            command = command and command.replace("{call}", f"{n}-{i}")
            arguments = json.dumps(arguments) if arguments is not None else arguments_for(tool, command)
            made.append({"id": f"call_{n}_{i}", "name": tool, "command": command, "arguments": arguments})
        return made

    def answer(self, api, body, raw=b""):
        """What the model says: tool calls while rounds are left, then the final text."""
        rounds, results, offered = api.read(body)
        tools = tools_wanted(self.scenario, offered)
        n = self.state.next_call()
        calling = tools and rounds < self.scenario["tool_turns"]

        def call(i):
            command = self.scenario["command"].replace("{call}", f"{n}-{i}")
            tool = tools[i % len(tools)]
            return {"id": f"call_{n}_{i}", "name": tool, "command": command, "arguments": arguments_for(tool, command)}

        calls = [call(i) for i in range(self.scenario["parallel"])] if calling else []
        if self.scenario["plans"]:
            calls = self.planned(rounds, offered, raw, n)
        text, thinking = plan.words(self.scenario["plans"], rounds, raw)
        return {
            "n": n,
            "id": f"mock-{n}-{int(time.time() * 1000)}",
            "model": body.get("model", "mock"),
            "calls": calls,
            "text": text or (None if calls else final_text(self.scenario)),
            "thinking": thinking or ("Let me think about it." if self.scenario["thinking"] else None),
            "usage": usage_of(self.scenario, rounds),
            "chunks": self.scenario["chunks"],
            "results": results,
        }

    def do_model(self, api, raw, record):
        body = json.loads(raw)
        if hasattr(api, "complete"):
            api.complete(body)
        a = self.answer(api, body, raw)
        errors = self.scenario["errors"]
        stream = bool(body.get("stream"))
        headers = {
            "x-request-id": f"req_{a['n']}",
            "request-id": f"req_{a['n']}",
            "x-ratelimit-remaining-tokens": 100000 - a["n"],
        }
        record.update(api=api.name, model=body.get("model"), stream=stream, results=a["results"], call=True)
        record["operation"] = getattr(api, "operation", "chat")
        if self.scenario["mark"]:
            found = re.search(self.scenario["mark"].encode(), raw)
            record["mark"] = found and found[0].decode()
        if getattr(api, "content_type", None):
            headers["Content-Type"] = api.content_type
        time.sleep(self.scenario["latency_ms"] / 1000)
        if a["n"] <= len(errors):
            status = errors[a["n"] - 1]
            record.update(status=status, response_bytes=0)
            self.reply(status, api.error(status), {**headers, "retry-after": self.scenario["retry_after"]})
            return
        cut = self.scenario["cut_stream"] == a["n"]
        record.update(status=200, id=a["id"], text=a["text"] if a["text"] and len(a["text"]) < 1000 else None)
        record["calls"] = a["calls"]
        record["call_ids"] = getattr(api, "ids", True)
        record["usage"] = api.streamed_truth(a["usage"], body) if stream else api.truth(a["usage"])
        if stream:
            record["response_bytes"] = self.reply_stream(api.stream(a, body), headers, cut)
            record["cut"] = cut
        else:
            record["response_bytes"] = self.reply(200, api.json(a), headers)

    def do_rest(self, raw, record, made=None):
        """What openai_rest.py knows; @made: its answer, where it is there already."""
        n = self.state.next_call()
        answer, truth = made or openai_rest.PATHS[self.path.split("?")[0]](raw, n)
        record.update(status=200, call=truth is not None, attributes=truth, stream=isinstance(answer, list))
        if raw:
            record["model"] = openai_rest.model_of(raw)
        if isinstance(answer, list):
            events = [sse(e, e.get("type")) if isinstance(e, dict) else f"data: {e}\n\n".encode() for e in answer]
            record["response_bytes"] = self.reply_stream(events, {}, False)
        else:
            kind = {"Content-Type": "audio/mpeg"} if isinstance(answer, bytes) else None
            record["response_bytes"] = self.reply(200, answer, kind)

    def do_POST(self):
        path, _, query = self.path.partition("?")
        self.scenario = self.state.scenario
        raw = self.body()
        if path == "/__mock/reset":
            wanted = json.loads(raw or b"{}")
            self.state.reset(wanted.get("scenario", {}), wanted.get("log"))
            self.scenario = self.state.scenario
            self.reply(200, {})
            return
        record = {
            "t": time.time(),
            "path": self.path,
            "call": False,
            "request_bytes": len(raw),
            "request_wire_bytes": self.wire_bytes,
            "user_agent": self.headers.get("User-Agent"),
            "port": self.client_address[1],
            "tls": isinstance(self.connection, ssl.SSLSocket),
        }
        try:
            api = APIS.get(path) or gemini.of_path(path, query, self.scenario)
            if path in openai_rest.PATHS:
                self.do_rest(raw, record)
            elif path == "/v1/responses" and json.loads(raw).get("background"):
                self.do_rest(raw, record, openai_rest.in_background(json.loads(raw), self.state.next_call()))
            elif api:
                self.do_model(api, raw, record)
            elif path.endswith(":countTokens"):
                record["status"] = 200
                self.reply(200, {"totalTokens": 17})
            elif path == "/v1/messages/count_tokens":
                record["status"] = 200
                self.reply(200, {"input_tokens": 17})
            else:
                record["status"] = 404
                self.reply(404, {"error": {"message": "no such path", "type": "invalid_request_error"}})
        finally:
            record["t_end"] = time.time()
            self.state.write(record)

    def one_turn(self, ws, api, inputs, raw):
        """One response.create; @inputs: what each earlier response was the answer to, and it."""
        body = json.loads(raw)
        body["input"] = inputs.get(body.get("previous_response_id"), []) + body.get("input", [])
        record = {"t": time.time(), "path": self.path, "ws": True, "stream": True, "call": body.get("generate", True)}
        if not record["call"]:
            warm = {"id": f"warm-{time.time_ns()}", "object": "response", "status": "completed", "output": [], "usage": None}
            inputs[warm["id"]] = body["input"]
            ws.send(json.dumps({"type": "response.completed", "response": warm}).encode())
            return
        a = self.answer(api, body)
        inputs[a["id"]] = body["input"] + api.items(a)
        record.update(api=api.name, model=body.get("model"), results=a["results"], status=200, id=a["id"], text=a["text"])
        record.update(calls=a["calls"], usage=api.truth(a["usage"]))
        for event in api.stream(a, body):
            ws.send(event.split(b"data: ", 1)[1].strip())
            time.sleep(self.scenario["chunk_delay_ms"] / 1000)
        record["t_end"] = time.time()
        self.state.write(record)

    def do_websocket(self):
        ws = WebSocket(self, self.scenario["ws"] if self.scenario["ws"] is not True else False, self.scenario["fragment"])
        self.close_connection = True
        if self.path.startswith("/v1/realtime"):
            record = {"path": self.path, "call": True, "ws": True, "stream": True, "status": 200}
            openai_rest.realtime(ws, lambda model, truth: self.state.write({**record, "t": time.time(), "model": model, "attributes": truth}))
            return
        inputs = {}
        while (raw := ws.receive()) is not None:
            self.scenario = self.state.scenario
            self.one_turn(ws, APIS["/v1/responses"], inputs, raw)

    def do_GET(self):
        self.scenario = self.state.scenario
        if self.headers.get("Upgrade", "").lower() == "websocket":
            if self.scenario["ws"]:
                self.do_websocket()
            else:
                self.reply(426, {"error": {"message": "no WebSocket here"}})
            return
        made = openai_rest.poll(self.path) if self.path.startswith("/v1/responses/") else None
        if made:
            record = {"t": time.time(), "path": self.path}
            self.do_rest(b"", record, made)
            self.state.write(record)
            return
        self.reply(200, {"object": "list", "data": [{"id": "mock", "object": "model"}]})

    def do_HEAD(self):
        self.scenario = self.state.scenario
        self.start(200, {"Content-Length": 1234})
        self.end_headers()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port, tls):
        super().__init__(("127.0.0.1", port), Handler)
        self.tls = tls

    def handle_error(self, request, client_address):
        pass  # clients that hang up are part of the tests

    def finish_request(self, request, client_address):
        if self.tls:  # here, in the connection's own thread, so that a slow handshake blocks nobody
            request = self.tls.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--http", type=int)
    p.add_argument("--https", type=int)
    p.add_argument("--certs")
    p.add_argument("--log")
    p.add_argument("--scenario", default="{}")
    p.add_argument("--ready")
    args = p.parse_args()
    Handler.state = State(args.log)
    Handler.state.reset(json.loads(args.scenario), None)
    lines = []
    if args.http is not None:
        server = Server(args.http, None)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        lines.append(f"http {server.server_address[1]}\n")
    if args.https is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(f"{args.certs}/server.pem", f"{args.certs}/server.key")
        server = Server(args.https, tls)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        lines.append(f"https {server.server_address[1]}\n")
    if args.ready:
        with open(args.ready, "w", encoding="ascii") as f:
            f.writelines(lines)
    else:
        print("".join(lines), end="", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
