"""Gemini for the scripted server: .../models/M:generateContent and :streamGenerateContent, as SSE or as a JSON array.

Function calls have ids only where the scenario says so ("gemini_ids"), as the real one's had none for long.
"""
import json
import re

PATH = re.compile(r"/(v1|v1beta)/models/([^/:]+):(generateContent|streamGenerateContent)$")


def either(value, camel, snake):
    return value.get(camel) or value.get(snake)


class Gemini:
    name = "google.gemini"
    operation = "generate_content"

    def __init__(self, model, stream, sse, ids):
        self.model = model
        self.streams = stream
        self.sse = sse
        self.ids = ids
        self.content_type = None if sse else "application/json; charset=UTF-8"

    def complete(self, body):
        """What other interfaces have in the body and this one in the path."""
        body.update(model=self.model, stream=self.streams)

    def read(self, body):
        rounds, results = 0, []
        for content in body.get("contents", []):
            found = [either(p, "functionResponse", "function_response") for p in content.get("parts", [])]
            found = [f for f in found if f]
            results += [f.get("id") or f.get("name") for f in found]
            rounds += bool(found)
        declared = [either(t, "functionDeclarations", "function_declarations") or [] for t in body.get("tools") or []]
        return rounds, results, [d["name"] for group in declared for d in group]

    def usage(self, u):
        return {
            "promptTokenCount": u["input"],
            "cachedContentTokenCount": u["cached"],
            "candidatesTokenCount": u["output"] - u["reasoning"],
            "thoughtsTokenCount": u["reasoning"],
            "totalTokenCount": u["input"] + u["output"],
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": u["input"]}],
        }

    def truth(self, u):
        return {k: u[k] for k in ("input", "output", "cached", "reasoning")}

    def answer(self, a, parts, usage, last=True):
        candidate = {"content": {"role": "model", "parts": parts}, "index": 0}
        if last:
            candidate["finishReason"] = "STOP"
        return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": a["model"], "responseId": a["id"]}

    def thoughts(self, a):
        return [{"text": a["thinking"], "thought": True}] if a["thinking"] else []

    def calls(self, a):
        def call(c):
            with_id = {"id": c["id"]} if self.ids else {}
            return {"functionCall": {**with_id, "name": c["name"], "args": json.loads(c["arguments"])}, "thoughtSignature": "c2ln"}

        return [call(c) for c in a["calls"]]

    def json(self, a):
        text = [{"text": a["text"]}] if a["text"] is not None else []
        return self.answer(a, self.thoughts(a) + text + self.calls(a), self.usage(a["usage"]))

    def stream(self, a, body):
        size = max(1, len(a["text"] or "") // a["chunks"])
        texts = [{"text": a["text"][i : i + size]} for i in range(0, len(a["text"] or ""), size)]
        parts = self.thoughts(a) + texts + self.calls(a)
        early = {"promptTokenCount": a["usage"]["input"] + 1, "totalTokenCount": a["usage"]["input"] + 1}
        for i, part in enumerate(parts):
            last = i == len(parts) - 1
            text = json.dumps(self.answer(a, [part], self.usage(a["usage"]) if last else early, last), ensure_ascii=False)
            if self.sse:
                yield f"data: {text}\r\n\r\n".encode()
            else:
                yield (("[" if i == 0 else ",\r\n") + text + ("]" if last else "")).encode()

    def streamed_truth(self, u, body):
        return self.truth(u)

    def error(self, status):
        return {"error": {"code": status, "message": f"mock error {status}", "status": "UNAVAILABLE"}}


def of_path(path, query, scenario):
    """The interface that a path names, or None."""
    m = PATH.match(path)
    if not m:
        return None
    return Gemini(m[2], m[3] == "streamGenerateContent", "alt=sse" in query, scenario["gemini_ids"])
