#!/usr/bin/env python3
"""A small agent, as people write them: a loop of model calls and a shell tool. Standard library only.

    agent.py [--api chat|responses|messages] [--stream] [--base URL] PROMPT

Key and address come from the environment as with the vendors' SDKs (OPENAI_API_KEY, OPENAI_BASE_URL,
ANTHROPIC_API_KEY, ANTHROPIC_BASE_URL). It knows nothing of tracing.
"""
import argparse
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

SCHEMA = {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]}


def post(url, headers, body, stream):
    for attempt in range(6):
        data = json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"Content-Type": "application/json", **headers})
        try:
            with urllib.request.urlopen(request) as response:
                return list(events(response)) if stream else json.load(response)
        except urllib.error.HTTPError as e:
            e.read()
            if e.code not in (429, 500, 529) or attempt == 5:
                raise
            time.sleep(0.05)
    return None


def events(response):
    """The JSON of each `data:` line."""
    for line in response:
        if line.startswith(b"data: ") and line.strip() != b"data: [DONE]":
            yield json.loads(line[6:])


def run_tool(arguments):
    command = json.loads(arguments)["command"]
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


class Chat:
    def __init__(self, base, prompt):
        self.url = base + "/v1/chat/completions"
        self.headers = {"Authorization": "Bearer " + os.environ.get("OPENAI_API_KEY", "dummy")}
        self.messages = [{"role": "system", "content": "You are a helpful agent."}, {"role": "user", "content": prompt}]

    def call(self, stream):
        tool = {"type": "function", "function": {"name": "bash", "description": "Runs a command.", "parameters": SCHEMA}}
        body = {"model": "gpt-4o", "messages": self.messages, "tools": [tool]}
        if stream:
            body.update(stream=True, stream_options={"include_usage": True})
        answer = post(self.url, self.headers, body, stream)
        message = self.join(answer) if stream else answer["choices"][0]["message"]
        self.messages.append(message)
        calls = [(c["id"], c["function"]["arguments"]) for c in message.get("tool_calls") or []]
        return calls, message.get("content")

    @staticmethod
    def join(chunks):
        message = {"role": "assistant", "content": ""}
        for chunk in chunks:
            for choice in chunk["choices"]:
                message["content"] += choice["delta"].get("content") or ""
                for c in choice["delta"].get("tool_calls") or []:
                    if "id" in c:
                        message.setdefault("tool_calls", []).append(c)
                    else:
                        message["tool_calls"][c["index"]]["function"]["arguments"] += c["function"]["arguments"]
        for c in message.get("tool_calls", []):
            c.pop("index")
        return message

    def result(self, call_id, text):
        self.messages.append({"role": "tool", "tool_call_id": call_id, "content": text})


class Responses:
    def __init__(self, base, prompt):
        self.url = base + "/v1/responses"
        self.headers = {"Authorization": "Bearer " + os.environ.get("OPENAI_API_KEY", "dummy")}
        self.items = [{"role": "user", "content": prompt}]

    def call(self, stream):
        tool = {"type": "function", "name": "bash", "description": "Runs a command.", "parameters": SCHEMA}
        body = {"model": "gpt-5", "instructions": "You are a helpful agent.", "input": self.items, "tools": [tool]}
        answer = post(self.url, self.headers, {**body, "stream": stream}, stream)
        if stream:
            answer = answer[-1]["response"]
        self.items += answer["output"]
        calls = [(i["call_id"], i["arguments"]) for i in answer["output"] if i["type"] == "function_call"]
        texts = [p["text"] for i in answer["output"] if i["type"] == "message" for p in i["content"]]
        return calls, "".join(texts)

    def result(self, call_id, text):
        self.items.append({"type": "function_call_output", "call_id": call_id, "output": text})


class Messages:
    def __init__(self, base, prompt):
        self.url = base + "/v1/messages"
        self.headers = {"x-api-key": os.environ.get("ANTHROPIC_API_KEY", "dummy"), "anthropic-version": "2023-06-01"}
        self.messages = [{"role": "user", "content": prompt}]
        self.results = []

    def call(self, stream):
        if self.results:
            self.messages.append({"role": "user", "content": self.results})
            self.results = []
        body = {
            "model": "claude-sonnet-4-6",
            "max_tokens": 1024,
            "system": "You are a helpful agent.",
            "messages": self.messages,
            "tools": [{"name": "bash", "description": "Runs a command.", "input_schema": SCHEMA}],
        }
        answer = post(self.url, self.headers, {**body, "stream": stream}, stream)
        content = self.join(answer) if stream else answer["content"]
        self.messages.append({"role": "assistant", "content": content})
        calls = [(b["id"], json.dumps(b["input"])) for b in content if b["type"] == "tool_use"]
        return calls, "".join(b["text"] for b in content if b["type"] == "text")

    @staticmethod
    def join(stream):
        blocks = []
        for e in stream:
            if e["type"] == "content_block_start":
                blocks.append({**e["content_block"], "json": ""})
            elif e["type"] == "content_block_delta":
                d, b = e["delta"], blocks[e["index"]]
                for key in ("text", "thinking", "signature"):
                    if key in d:
                        b[key] = b.get(key, "") + d[key]
                b["json"] += d.get("partial_json", "")
        for b in blocks:
            text = b.pop("json")
            if b["type"] == "tool_use":
                b["input"] = json.loads(text or "{}")
        return blocks

    def result(self, call_id, text):
        self.results.append({"type": "tool_result", "tool_use_id": call_id, "content": text})


APIS = {
    "chat": (Chat, "OPENAI_BASE_URL"),
    "responses": (Responses, "OPENAI_BASE_URL"),
    "messages": (Messages, "ANTHROPIC_BASE_URL"),
}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--api", choices=APIS, default="messages")
    p.add_argument("--stream", action="store_true")
    p.add_argument("--base")
    p.add_argument("prompt", nargs="?", default="Run the tool, then say what it printed.")
    args = p.parse_args()
    api, variable = APIS[args.api]
    base = args.base or os.environ.get(variable, "https://localhost")
    base = base[:-3] if base.endswith("/v1") else base
    conversation = api(base, args.prompt)
    for _ in range(20):
        calls, text = conversation.call(args.stream)
        if not calls:
            print(text)
            return 0
        for call_id, arguments in calls:
            conversation.result(call_id, run_tool(arguments))
    return 1


if __name__ == "__main__":
    sys.exit(main())
