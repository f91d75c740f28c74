#!/usr/bin/env python3
"""A scripted server for the interfaces of Bedrock, Cohere, Ollama and Mistral; standard library only.

    server.py --certs DIR --log FILE --ready FILE

Listens on loopback, in the clear and over TLS; "http PORT" and "https PORT" go to --ready. What it did goes to the log,
one JSON object a call: the truth that verify.py compares with. A request that offers tools and holds no result of one is
answered with calls of two tools. Counts differ from call to call.
"""
import argparse
import http.server
import json
import os
import ssl
import sys
import threading
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../mock"))
from event_stream import event, wrapped

CALLS = [("look", {"path": "/tmp", "deep": True}), ("now", {})]
TEXT = "Grüße, 世界 ✓ done."


def chunk(payload):
    return event("chunk", wrapped(json.dumps(payload).encode()))


def sse(payload, name=None):
    return (f"event: {name}\n" if name else "").encode() + b"data: " + json.dumps(payload).encode() + b"\n\n"


def line(payload):
    return json.dumps(payload).encode() + b"\n"


def halves(text):
    return text[: len(text) // 2], text[len(text) // 2 :]


class Call:
    """What the model does with one request."""

    def __init__(self, n, body):
        text = json.dumps(body)
        answered = any(w in text for w in ('"toolResult"', '"tool_result"', '"role": "tool"'))
        tools = any(body.get(k) for k in ("tools", "toolConfig")) and not answered
        self.n, self.body = n, body
        self.calls = [(f"c{n:04d}x{i:03d}", name, arguments) for i, (name, arguments) in enumerate(CALLS)] if tools else []
        self.input, self.output, self.read, self.write = 1000 + n, 50 + n, 200 + n, 30 + n

    def truth(self, **more):
        return {"input": self.input, "output": self.output, **more}


# Each: (operation, format, truth of usage, how it ended, the whole answer or its stream, a media type).


def converse(c, stream):
    usage = {
        "inputTokens": c.input - c.read - c.write,
        "outputTokens": c.output,
        "totalTokens": c.input + c.output,
        "cacheReadInputTokens": c.read,
        "cacheWriteInputTokens": c.write,
        "cacheDetails": [{"ttl": "5m", "inputTokens": c.write}],
    }
    truth = c.truth(cache_read=c.read, cache_write=c.write)
    stop = "tool_use" if c.calls else "end_turn"
    facts = ("chat", "bedrock.converse", truth, stop)
    if not stream:
        content = [{"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}}, {"text": TEXT}]
        content += [{"toolUse": {"toolUseId": i, "name": n, "input": a}} for i, n, a in c.calls]
        message = {"role": "assistant", "content": content}
        return *facts, {"output": {"message": message}, "stopReason": stop, "usage": usage, "metrics": {"latencyMs": 5}}, None
    out = [event("messageStart", {"role": "assistant", "p": "abc"})]
    out += [event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": t}}) for t in halves(TEXT)]
    out.append(event("contentBlockStop", {"contentBlockIndex": 0}))
    for k, (i, n, a) in enumerate(c.calls, 1):
        out.append(event("contentBlockStart", {"contentBlockIndex": k, "start": {"toolUse": {"toolUseId": i, "name": n}}}))
        out += [event("contentBlockDelta", {"contentBlockIndex": k, "delta": {"toolUse": {"input": t}}}) for t in halves(json.dumps(a))]
        out.append(event("contentBlockStop", {"contentBlockIndex": k}))
    out += [event("messageStop", {"stopReason": stop}), event("metadata", {"usage": usage, "metrics": {"latencyMs": 5}})]
    return *facts, out, "application/vnd.amazon.eventstream"


def invoke_anthropic(c, stream):
    usage = {"input_tokens": c.input - c.read, "cache_read_input_tokens": c.read, "cache_creation_input_tokens": 0}
    stop = "tool_use" if c.calls else "end_turn"
    facts = ("chat", "anthropic.messages", c.truth(cache_read=c.read, cache_write=0), stop)
    blocks = [{"type": "tool_use", "id": i, "name": n, "input": a} for i, n, a in c.calls] or [{"type": "text", "text": TEXT}]
    shell = {"id": f"msg_{c.n}", "type": "message", "role": "assistant", "model": "claude-x"}
    if not stream:
        return *facts, {**shell, "content": blocks, "stop_reason": stop, "usage": {**usage, "output_tokens": c.output}}, None
    out = [{"type": "message_start", "message": {**shell, "content": [], "usage": {**usage, "output_tokens": 1}}}]
    for k, b in enumerate(blocks):
        tool = b["type"] == "tool_use"
        out.append({"type": "content_block_start", "index": k, "content_block": {**b, "input": {}} if tool else {"type": "text", "text": ""}})
        delta = {"type": "input_json_delta", "partial_json": json.dumps(b["input"])} if tool else {"type": "text_delta", "text": TEXT}
        out += [{"type": "content_block_delta", "index": k, "delta": delta}, {"type": "content_block_stop", "index": k}]
    out.append({"type": "message_delta", "delta": {"stop_reason": stop}, "usage": {"output_tokens": c.output}})
    # Bedrock's own count is another one: the maker's is right.
    out.append({"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 7, "outputTokenCount": 7, "invocationLatency": 5}})
    return *facts, [chunk(e) for e in out], "application/vnd.amazon.eventstream"


def invoke_llama(c, stream):
    facts = ("text_completion", "bedrock.text", c.truth(), "stop")
    if not stream:  # its counts are in the headers
        return *facts, {"generation": TEXT, "stop_reason": "stop"}, None
    a, b = halves(TEXT)
    out = [
        {"generation": a, "prompt_token_count": c.input, "generation_token_count": 1, "stop_reason": None},
        {"generation": b, "prompt_token_count": None, "generation_token_count": c.output, "stop_reason": "stop"},
    ]
    return *facts, [chunk(e) for e in out], "application/vnd.amazon.eventstream"


def invoke_titan_embed(c, _):
    return "embeddings", "bedrock.text", {"input": c.input}, None, {"embedding": [0.5], "inputTextTokenCount": c.input}, None


def cohere_chat(c, stream):
    usage = {
        "billed_units": {"input_tokens": c.input, "output_tokens": c.output},
        "tokens": {"input_tokens": 9000, "output_tokens": 900},
        "cached_tokens": 208,
    }
    stop = "TOOL_CALL" if c.calls else "COMPLETE"
    facts = ("chat", "cohere.chat", c.truth(), stop)
    calls = [{"id": i, "type": "function", "function": {"name": n, "arguments": json.dumps(a)}} for i, n, a in c.calls]
    if not stream:
        message = {"role": "assistant", "content": [{"type": "text", "text": TEXT}]}
        if calls:
            message = {"role": "assistant", "tool_plan": "I look.", "tool_calls": calls}
        return *facts, {"id": f"c{c.n}", "finish_reason": stop, "message": message, "usage": usage}, None
    wrap = lambda kind, index, **message: {"type": kind, "index": index, "delta": {"message": message}}
    out = [{"type": "message-start", "id": f"c{c.n}", "delta": {"message": {"role": "assistant"}}}]
    if calls:
        out.append({"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "I look."}}})
    else:
        out.append(wrap("content-start", 0, content={"type": "text", "text": ""}))
        out += [wrap("content-delta", 0, content={"text": t}) for t in halves(TEXT)] + [{"type": "content-end", "index": 0}]
    for k, call in enumerate(calls):
        arguments = call["function"].pop("arguments")
        out.append(wrap("tool-call-start", k, tool_calls={**call, "function": {**call["function"], "arguments": ""}}))
        out += [wrap("tool-call-delta", k, tool_calls={"function": {"arguments": t}}) for t in halves(arguments)]
        out.append({"type": "tool-call-end", "index": k})
    out.append({"type": "message-end", "delta": {"finish_reason": stop, "usage": usage}})
    return *facts, [sse(e, e["type"]) for e in out] + [b"data: [DONE]\n\n"], "text/event-stream"


def cohere_embed(c, _):
    meta = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": c.input}}
    body = {"id": f"e{c.n}", "embeddings": {"float": [[0.5]]}, "texts": ["a"], "response_type": "embeddings_by_type", "meta": meta}
    return "embeddings", "cohere.embed", {"input": c.input}, None, body, None


def cohere_rerank(c, _):
    body = {"id": f"k{c.n}", "results": [{"index": 0, "relevance_score": 0.5}], "meta": {"billed_units": {"search_units": 1}}}
    return "rerank", "rerank", {"search_units": 1}, None, body, None


def ollama(c, stream, said, wanted):
    last = {"done": True, "done_reason": "stop", "total_duration": 9, "prompt_eval_count": c.input, "eval_count": c.output}
    head = {"model": c.body["model"], "created_at": "2026-01-01T00:00:00Z"}
    facts = (*wanted, c.truth(), "stop")
    if not stream:
        return *facts, {**head, **said(TEXT, c.calls), **last}, None
    out = [{**head, **said(t, []), "done": False} for t in halves(TEXT)]
    out += [{**head, **said("", [call]), "done": False} for call in c.calls]
    return *facts, [line(e) for e in [*out, {**head, **said("", []), **last}]], "application/x-ndjson"


def ollama_chat(c, stream):
    def said(text, calls):
        message = {"role": "assistant", "content": text}
        if calls:
            message["tool_calls"] = [{"function": {"name": n, "arguments": a}} for _, n, a in calls]
        return {"message": message}

    return ollama(c, stream, said, ("chat", "ollama.chat"))


def ollama_generate(c, stream):
    return ollama(c, stream, lambda text, _: {"response": text}, ("text_completion", "ollama.generate"))


def ollama_embed(c, _):
    body = {"model": c.body["model"], "embeddings": [[0.5]], "prompt_eval_count": c.input}
    return "embeddings", "ollama.embed", {"input": c.input}, None, body, None


def mistral_chat(c, stream, operation="chat", name="openai.chat"):
    usage = {"prompt_tokens": c.input, "completion_tokens": c.output, "total_tokens": c.input + c.output}
    usage["prompt_tokens_details"] = {"cached_tokens": c.read}
    stop = "tool_calls" if c.calls else "stop"
    facts = (operation, name, c.truth(cache_read=c.read), stop)
    head = {"id": f"m{c.n}", "created": 1, "model": c.body["model"]}
    calls = [{"id": i, "function": {"name": n, "arguments": json.dumps(a)}} for i, n, a in c.calls]
    if not stream:
        message = {"role": "assistant", "content": TEXT, "tool_calls": calls or None}
        choice = {"index": 0, "message": message, "finish_reason": stop}
        return *facts, {**head, "object": "chat.completion", "choices": [choice], "usage": usage}, None
    deltas = [{"role": "assistant", "content": ""}, *({"content": t} for t in halves(TEXT))]
    out = [{**head, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": d, "finish_reason": None}]} for d in deltas]
    last = {"index": 0, "delta": {"content": "", **({"tool_calls": calls} if calls else {})}, "finish_reason": stop}
    out.append({**head, "object": "chat.completion.chunk", "choices": [last], "usage": usage})
    return *facts, [sse(e) for e in out] + [b"data: [DONE]\n\n"], "text/event-stream"


def mistral_fim(c, stream):
    return mistral_chat(c, stream, "text_completion", "mistral.fim")


def mistral_conversation(c, stream):
    usage = {"prompt_tokens": c.input - 500, "completion_tokens": c.output, "total_tokens": c.input + c.output}
    usage |= {"connector_tokens": 500, "connectors": {"web_search": 2}}
    facts = ("chat", "mistral.conversations", c.truth(web_searches=2), None)
    outputs = [{"type": "message.output", "role": "assistant", "model": c.body["model"], "content": TEXT}]
    if not stream:
        return *facts, {"object": "conversation.response", "conversation_id": f"v{c.n}", "outputs": outputs, "usage": usage}, None
    out = [{"type": "conversation.response.started", "created_at": "2026-01-01T00:00:00Z", "conversation_id": f"v{c.n}"}]
    delta = {"type": "message.output.delta", "id": "o", "output_index": 0, "content_index": 0, "role": "assistant"}
    out += [{**delta, "model": c.body["model"], "content": t} for t in halves(TEXT)]
    out.append({"type": "conversation.response.done", "created_at": "2026-01-01T00:00:00Z", "usage": usage})
    return *facts, [sse(e, e["type"]) for e in out], "text/event-stream"


BEDROCK = {"anthropic": invoke_anthropic, "meta": invoke_llama, "amazon": invoke_titan_embed}
PATHS = {
    "/v2/chat": cohere_chat,
    "/v2/embed": cohere_embed,
    "/v2/rerank": cohere_rerank,
    "/api/chat": ollama_chat,
    "/api/generate": ollama_generate,
    "/api/embed": ollama_embed,
    "/v1/chat/completions": mistral_chat,
    "/v1/fim/completions": mistral_fim,
    "/v1/conversations": mistral_conversation,
}


def route(path):
    """What answers, the model and whether it is streamed (None: the body says)."""
    path = path.split("?")[0].split("#")[0]
    if path.startswith("/model/"):
        model, operation = path.removeprefix("/model/").rsplit("/", 1)
        model = urllib.parse.unquote(model)
        maker = next((f for maker, f in BEDROCK.items() if maker + "." in model), None)
        return converse if operation.startswith("converse") else maker, model, operation.endswith("stream")
    return PATHS.get(path), None, None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    lock = threading.Lock()
    n = 0
    log = None

    def log_message(self, *args):
        pass

    def body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        out = b""
        while size := int(self.rfile.readline(), 16):
            out += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return out

    def reply(self, status, data, headers):
        self.send_response(status)
        for k, v in headers.items():
            self.send_header(k, str(v))
        if isinstance(data, bytes):
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in data:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def write(self, record):
        with Handler.lock, open(Handler.log, "a", encoding="utf-8") as f:
            f.write(json.dumps(record) + "\n")

    def do_POST(self):
        answer, model, stream = route(self.path)
        body = json.loads(self.body() or b"{}")
        with Handler.lock:
            Handler.n += 1
            n = Handler.n
        if not answer or "fail" in (model or body.get("model", "")):
            self.write({"id": f"r{n}", "error": 429, "model": model or body.get("model"), "path": self.path})
            headers = {"x-amzn-errortype": "ThrottlingException", "x-amzn-RequestId": f"r{n}", "Content-Type": "application/json"}
            self.reply(429, b'{"message":"Too many requests"}', headers)
            return
        call = Call(n, body)
        if stream is None:
            stream = body.get("stream", self.path.startswith("/api/"))
        operation, name, usage, finish, data, media = answer(call, stream)
        self.write(
            {
                "id": f"r{n}",
                "model": model or body.get("model"),
                "operation": operation,
                "format": name,
                "usage": usage,
                "finish": finish,
                "calls": [[None if name == "ollama.chat" else i, tool] for i, tool, _ in call.calls],
                "path": self.path,
            }
        )
        headers = {"Content-Type": media or "application/json", "x-amzn-RequestId": f"r{n}"}
        if name == "bedrock.text" and not stream:
            headers |= {"X-Amzn-Bedrock-Input-Token-Count": call.input}
            if operation == "text_completion":
                headers |= {"X-Amzn-Bedrock-Output-Token-Count": call.output}
        self.reply(200, data if stream and media else json.dumps(data).encode(), headers)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    tls = None

    def handle_error(self, request, client_address):
        pass

    def finish_request(self, request, client_address):
        if self.tls:
            request = self.tls.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--certs", required=True)
    p.add_argument("--log", required=True)
    p.add_argument("--ready", required=True)
    args = p.parse_args()
    Handler.log = args.log
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(f"{args.certs}/server.pem", f"{args.certs}/server.key")
    lines = []
    for name, context in (("http", None), ("https", tls)):
        server = Server(("127.0.0.1", 0), Handler)
        server.tls = context
        threading.Thread(target=server.serve_forever, daemon=True).start()
        lines.append(f"{name} {server.server_address[1]}\n")
    with open(args.ready, "w", encoding="ascii") as f:
        f.writelines(lines)
    threading.Event().wait()


if __name__ == "__main__":
    main()
