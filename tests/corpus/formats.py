"""Four APIs' requests and answers, made of one neutral conversation.

A message is {"role": "user", "text"}, {"role": "assistant", "text", "calls": [{"id", "name", "args"}]} or
{"role": "tool", "results": [{"id", "name", "text", "error"}]}. An answer is an assistant's message with "id" and "usage";
usage has input and output as totals, cache_read and cache_write as parts of the input.
"""
import json

PRICES = {  # USD per million tokens, whole ones, so that the cost is exact in 10^-12 USD
    "input": 3,
    "output": 15,
    "cache_read": 1,
    "cache_write": 4,
}


def price_file():
    return {
        "format": 1,
        "version": "corpus",
        "models": [{"model": f.model, "prices": PRICES} for f in FORMATS.values()]
        + [{"model": f.small, "prices": {"input": 1, "output": 5, "cache_read": 1, "cache_write": 1}} for f in FORMATS.values()],
    }


def cost_of(small, usage):
    """In 10^-12 USD."""
    p = {"input": 1, "output": 5, "cache_read": 1, "cache_write": 1} if small else PRICES
    plain = usage["input"] - usage["cache_read"] - usage["cache_write"]
    return 10**6 * (
        plain * p["input"] + usage["cache_read"] * p["cache_read"] + usage["cache_write"] * p["cache_write"] + usage["output"] * p["output"]
    )


def dumps(o):
    return json.dumps(o, separators=(",", ":"))


def halves(s):
    return [s[: len(s) // 2], s[len(s) // 2 :]]


def events(objects, named=False):
    """Server-sent events, one piece each."""
    return [((f"event: {o['type']}\n" if named else "") + f"data: {o if isinstance(o, str) else dumps(o)}\n\n").encode() for o in objects]


class Anthropic:
    name, host, model, small = "anthropic", "api.anthropic.com", "corpus-opus", "corpus-haiku"
    has_cache_write, call_prefix = True, "toolu_"

    @staticmethod
    def target(_request):
        return "/v1/messages?beta=true"

    @staticmethod
    def message(m):
        if m["role"] == "user":
            return {"role": "user", "content": [{"type": "text", "text": m["text"]}]}
        if m["role"] == "tool":
            return {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": r["id"], "content": r["text"], **({"is_error": True} if r["error"] else {})}
                    for r in m["results"]
                ],
            }
        text = [{"type": "text", "text": m["text"]}] if m["text"] else []
        return {"role": "assistant", "content": text + [{"type": "tool_use", "id": c["id"], "name": c["name"], "input": c["args"]} for c in m["calls"]]}

    @classmethod
    def request(cls, r):
        messages = [cls.message(m) for m in r["messages"]]
        if r["marks"] and messages[-1]["content"]:  # the mark moves on with every request
            messages[-1]["content"][-1]["cache_control"] = {"type": "ephemeral"}
        return {
            "model": r["model"],
            "max_tokens": r["max_tokens"],
            **({"system": [{"type": "text", "text": r["system"]}]} if r["system"] else {}),
            **({"tools": [{"name": t, "input_schema": {"type": "object"}} for t in r["tools"]]} if r["tools"] else {}),
            **({"stream": True} if r["stream"] else {}),
            **r["extra"],
            "messages": messages,
        }

    @staticmethod
    def usage(u):
        return {
            "input_tokens": u["input"] - u["cache_read"] - u["cache_write"],
            "cache_read_input_tokens": u["cache_read"],
            "cache_creation_input_tokens": u["cache_write"],
            "output_tokens": u["output"],
        }

    @classmethod
    def answer(cls, a, model, _request):
        return {
            "id": a["id"],
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": cls.message(a)["content"],
            "stop_reason": "tool_use" if a["calls"] else "end_turn",
            "usage": cls.usage(a["usage"]),
        }

    @classmethod
    def stream(cls, a, model, request):
        whole = cls.answer(a, model, request)
        start = {**whole, "content": [], "stop_reason": None, "usage": {**whole["usage"], "output_tokens": 1}}
        out = [{"type": "message_start", "message": start}]
        for i, block in enumerate(whole["content"]):
            text = block["type"] == "text"
            empty = {**block, "text": ""} if text else {**block, "input": {}}
            out.append({"type": "content_block_start", "index": i, "content_block": empty})
            for half in halves(block["text"] if text else dumps(block["input"])):
                delta = {"type": "text_delta", "text": half} if text else {"type": "input_json_delta", "partial_json": half}
                out.append({"type": "content_block_delta", "index": i, "delta": delta})
            out.append({"type": "content_block_stop", "index": i})
        last = {"stop_reason": whole["stop_reason"]}
        out.append({"type": "message_delta", "delta": last, "usage": {"output_tokens": a["usage"]["output"]}})
        return events(out + [{"type": "message_stop"}], named=True)

    @staticmethod
    def error(status):
        kind = {529: "overloaded_error", 429: "rate_limit_error", 400: "invalid_request_error"}.get(status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": "not now"}}


class Chat:
    name, host, model, small = "chat", "api.openai.com", "corpus-gpt", "corpus-gpt-mini"
    has_cache_write, call_prefix = False, "call_"

    @staticmethod
    def target(_request):
        return "/v1/chat/completions"

    @staticmethod
    def messages(m):
        if m["role"] == "user":
            return [{"role": "user", "content": m["text"]}]
        if m["role"] == "tool":
            return [{"role": "tool", "tool_call_id": r["id"], "content": r["text"]} for r in m["results"]]
        calls = [{"id": c["id"], "type": "function", "function": {"name": c["name"], "arguments": dumps(c["args"])}} for c in m["calls"]]
        return [{"role": "assistant", "content": m["text"] or None, **({"tool_calls": calls} if calls else {})}]

    @classmethod
    def request(cls, r):
        messages = [{"role": "system", "content": r["system"]}] if r["system"] else []
        for m in r["messages"]:
            messages += cls.messages(m)
        tools = [{"type": "function", "function": {"name": t, "parameters": {"type": "object"}}} for t in r["tools"]]
        return {
            "model": r["model"],
            "max_completion_tokens": r["max_tokens"],
            "messages": messages,
            **({"tools": tools} if tools else {}),
            **({"stream": True, "stream_options": {"include_usage": True}} if r["stream"] else {}),
            **r["extra"],
        }

    @staticmethod
    def usage(u):
        return {
            "prompt_tokens": u["input"],
            "completion_tokens": u["output"],
            "total_tokens": u["input"] + u["output"],
            "prompt_tokens_details": {"cached_tokens": u["cache_read"]},
        }

    @classmethod
    def answer(cls, a, model, _request):
        return {
            "id": a["id"],
            "object": "chat.completion",
            "created": 1,
            "model": model,
            "choices": [{"index": 0, "message": cls.messages(a)[0], "finish_reason": "tool_calls" if a["calls"] else "stop"}],
            "usage": cls.usage(a["usage"]),
        }

    @classmethod
    def stream(cls, a, model, _request):
        head = {"id": a["id"], "object": "chat.completion.chunk", "created": 1, "model": model}

        def chunk(delta, finish=None):
            return {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], "usage": None}

        out = [chunk({"role": "assistant", "content": ""})]
        out += [chunk({"content": half}) for half in halves(a["text"]) if half]
        for i, c in enumerate(a["calls"]):
            out.append(chunk({"tool_calls": [{"index": i, "id": c["id"], "type": "function", "function": {"name": c["name"], "arguments": ""}}]}))
            out += [chunk({"tool_calls": [{"index": i, "function": {"arguments": half}}]}) for half in halves(dumps(c["args"]))]
        out.append(chunk({}, "tool_calls" if a["calls"] else "stop"))
        return events([*out, {**head, "choices": [], "usage": cls.usage(a["usage"])}, "[DONE]"])

    @staticmethod
    def error(status):
        return {"error": {"message": "not now", "type": "server_error", "code": str(status), "param": None}}


class Responses:
    name, host, model, small = "responses", "api.openai.com", "corpus-codex", "corpus-codex-mini"
    has_cache_write, call_prefix = False, "call_"

    @staticmethod
    def target(_request):
        return "/v1/responses"

    @staticmethod
    def items(m):
        if m["role"] == "user":
            return [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": m["text"]}]}]
        if m["role"] == "tool":
            return [{"type": "function_call_output", "call_id": r["id"], "output": r["text"]} for r in m["results"]]
        text = [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": m["text"]}]}] if m["text"] else []
        return text + [{"type": "function_call", "call_id": c["id"], "name": c["name"], "arguments": dumps(c["args"])} for c in m["calls"]]

    @classmethod
    def request(cls, r):
        chained = {"previous_response_id": r["previous"]} if r["previous"] else {}
        # Where the server keeps the conversation only what is new is sent.
        new = r["messages"][-1:] if r["previous"] else r["messages"]
        tools = [{"type": "function", "name": t, "parameters": {"type": "object"}} for t in r["tools"]]
        return {
            "model": r["model"],
            "max_output_tokens": r["max_tokens"],
            "instructions": r["system"],
            "input": [i for m in new for i in cls.items(m)],
            **({"tools": tools} if tools else {}),
            **({"stream": True} if r["stream"] else {}),
            "store": bool(r["chained"]),
            **chained,
            **r["extra"],
        }

    @staticmethod
    def usage(u):
        return {
            "input_tokens": u["input"],
            "input_tokens_details": {"cached_tokens": u["cache_read"]},
            "output_tokens": u["output"],
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": u["input"] + u["output"],
        }

    @classmethod
    def answer(cls, a, model, request):
        items = [{**item, "id": f"{a['id']}_{i}", "status": "completed"} for i, item in enumerate(cls.items(a))]
        return {
            "id": a["id"],
            "object": "response",
            "created_at": 1,
            "status": "completed",
            "model": model,
            "previous_response_id": request["previous"] or None,
            "output": items,
            "usage": cls.usage(a["usage"]),
        }

    @classmethod
    def stream(cls, a, model, request):
        whole = cls.answer(a, model, request)
        empty = {**whole, "status": "in_progress", "output": [], "usage": None}
        out = [{"type": "response.created", "response": empty}]
        for i, item in enumerate(whole["output"]):
            at = {"output_index": i, "item_id": item["id"]}
            if item["type"] == "message":
                text = item["content"][0]["text"]
                out.append({"type": "response.output_item.added", **at, "item": {**item, "content": []}})
                out += [{"type": "response.output_text.delta", **at, "content_index": 0, "delta": half} for half in halves(text)]
            else:
                out.append({"type": "response.output_item.added", **at, "item": {**item, "arguments": ""}})
                out += [{"type": "response.function_call_arguments.delta", **at, "delta": half} for half in halves(item["arguments"])]
            out.append({"type": "response.output_item.done", **at, "item": item})
        return events([*out, {"type": "response.completed", "response": whole}], named=True)

    error = Chat.error


class Gemini:
    name, host, model, small = "gemini", "generativelanguage.googleapis.com", "corpus-gemini", "corpus-flash"
    has_cache_write, call_prefix = False, "fc_"

    @staticmethod
    def target(r):
        return f"/v1beta/models/{r['model']}:" + ("streamGenerateContent?alt=sse" if r["stream"] else "generateContent")

    @staticmethod
    def content(m):
        if m["role"] == "user":
            return {"role": "user", "parts": [{"text": m["text"]}]}
        if m["role"] == "tool":
            return {
                "role": "user",
                "parts": [
                    {"functionResponse": {**({"id": r["id"]} if r["id"] else {}), "name": r["name"], "response": {"output": r["text"]}}}
                    for r in m["results"]
                ],
            }
        text = [{"text": m["text"]}] if m["text"] else []
        calls = [{"functionCall": {**({"id": c["id"]} if c["id"] else {}), "name": c["name"], "args": c["args"]}} for c in m["calls"]]
        return {"role": "model", "parts": text + calls}

    @classmethod
    def request(cls, r):
        tools = [{"functionDeclarations": [{"name": t} for t in r["tools"]]}]
        return {
            "contents": [cls.content(m) for m in r["messages"]],
            **({"systemInstruction": {"parts": [{"text": r["system"]}]}} if r["system"] else {}),
            **({"tools": tools} if r["tools"] else {}),
            "generationConfig": {"maxOutputTokens": r["max_tokens"]},
            **r["extra"],
        }

    @classmethod
    def chunk(cls, a, model, parts, finish):
        u = a["usage"]
        return {
            "candidates": [{"index": 0, "content": {"role": "model", "parts": parts}, **({"finishReason": finish} if finish else {})}],
            "usageMetadata": {
                "promptTokenCount": u["input"],
                "cachedContentTokenCount": u["cache_read"],
                "candidatesTokenCount": u["output"],
                "totalTokenCount": u["input"] + u["output"],
            },
            "modelVersion": model,
            "responseId": a["id"],
        }

    @classmethod
    def answer(cls, a, model, _request):
        return cls.chunk(a, model, cls.content(a)["parts"], "STOP")

    @classmethod
    def stream(cls, a, model, _request):
        parts = []
        for part in cls.content(a)["parts"]:
            parts += [{"text": half} for half in halves(part["text"]) if half] if "text" in part else [part]
        return events([cls.chunk(a, model, [p], "STOP" if i == len(parts) - 1 else None) for i, p in enumerate(parts)])

    @staticmethod
    def error(status):
        return {"error": {"code": status, "message": "not now", "status": "UNAVAILABLE"}}


FORMATS = {f.name: f for f in (Anthropic, Chat, Responses, Gemini)}
