#!/usr/bin/env python3
"""An agent for the interface's tests: it has more tools than the demo's, sub-agents, images, and a session. Standard library only.

    agent.py [OPTION...] PROMPT

What the model says is the mock server's business (tests/mock/plan.py). Key and address come from the environment.
"""
import argparse
import base64
import json
import os
import pathlib
import subprocess
import sys
import time
import urllib.error
import urllib.request

TEXT = {"type": "string"}
TOOLS = {
    "Bash": {"command": TEXT},
    "Write": {"file_path": TEXT, "content": TEXT},
    "Read": {"file_path": TEXT},
    "Task": {"description": TEXT, "prompt": TEXT},
    "WebSearch": {"query": TEXT},  # offered, never used
}


def schema(fields):
    return {"type": "object", "properties": fields, "required": list(fields)}


def post(url, headers, body):
    for attempt in range(4):
        request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json", **headers})
        try:
            with urllib.request.urlopen(request, timeout=300) as response:
                if not body.get("stream"):
                    return json.load(response)
                return [json.loads(line[6:]) for line in response if line.startswith(b"data: {")]
        except urllib.error.HTTPError as e:
            e.read()
            if e.code not in (429, 500, 529) or attempt == 3:
                raise
            time.sleep(0.05)
    return None


class Messages:
    path = "/v1/messages"

    def __init__(self, args, prompt, image=None):
        content = [{"type": "text", "text": prompt}]
        if image:
            data = base64.b64encode(pathlib.Path(image).read_bytes()).decode()
            content.append({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}})
        self.args, self.messages = args, [{"role": "user", "content": content}]

    def body(self):
        tools = [{"name": n, "description": f"The tool {n}.", "input_schema": schema(f)} for n, f in TOOLS.items()]
        system = "You are a careful agent. Say what you do, and do it."
        return {"max_tokens": 4096, "system": system, "messages": self.messages, "tools": tools}

    def take(self, answer):
        """The calls as (id, name, arguments), and what was said."""
        content = self.join(answer) if self.args.stream else answer["content"]
        self.messages.append({"role": "assistant", "content": content})
        calls = [(b["id"], b["name"], b["input"]) for b in content if b["type"] == "tool_use"]
        return calls, "".join(b["text"] for b in content if b["type"] == "text")

    @staticmethod
    def join(events):
        blocks = []
        for e in events:
            if e["type"] == "content_block_start":
                blocks.append({**e["content_block"], "json": ""})
            elif e["type"] == "content_block_delta":
                block, delta = blocks[e["index"]], e["delta"]
                for field in ("text", "thinking", "signature"):
                    if field in delta:
                        block[field] = block.get(field, "") + delta[field]
                block["json"] += delta.get("partial_json", "")
        for b in blocks:
            text = b.pop("json")
            if b["type"] == "tool_use":
                b["input"] = json.loads(text or "{}")
        return blocks

    def results(self, results):
        self.messages.append({"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": i, "content": text, "is_error": bad} for i, text, bad in results]})


class Chat:
    path = "/v1/chat/completions"

    def __init__(self, args, prompt, image=None):
        self.args, self.messages = args, [{"role": "system", "content": "You are an agent."}, {"role": "user", "content": prompt}]

    def body(self):
        tools = [{"type": "function", "function": {"name": n, "description": f"The tool {n}.", "parameters": schema(f)}}
                 for n, f in TOOLS.items()]
        return {"messages": self.messages, "tools": tools, **({"stream_options": {"include_usage": True}} if self.args.stream else {})}

    def take(self, answer):
        message = self.join(answer) if self.args.stream else answer["choices"][0]["message"]
        self.messages.append(message)
        calls = [(c["id"], c["function"]["name"], json.loads(c["function"]["arguments"])) for c in message.get("tool_calls") or []]
        return calls, message.get("content") or ""

    @staticmethod
    def join(chunks):
        message = {"role": "assistant", "content": ""}
        for choice in (c for chunk in chunks for c in chunk["choices"]):
            message["content"] += choice["delta"].get("content") or ""
            for c in choice["delta"].get("tool_calls") or []:
                if "id" in c:
                    message.setdefault("tool_calls", []).append(c)
                else:
                    message["tool_calls"][c["index"]]["function"]["arguments"] += c["function"]["arguments"]
        for c in message.get("tool_calls", []):
            c.pop("index")
        return message

    def results(self, results):
        self.messages += [{"role": "tool", "tool_call_id": i, "content": text} for i, text, _ in results]


def headers(args):
    key = os.environ.get("AGENT_TOKEN")
    out = {"User-Agent": args.name} if args.name else {}
    if args.api == "chat":
        out["Authorization"] = "Bearer " + os.environ.get("OPENAI_API_KEY", "dummy")
    elif key:
        out["Authorization"] = "Bearer " + key
    else:
        out["x-api-key"] = os.environ.get("ANTHROPIC_API_KEY", "dummy")
    if args.session:
        out["x-claude-code-session-id" if "claude" in args.name else "session_id"] = args.session
    return out


def use(args, name, given):
    """What a tool says, and whether that is an error."""
    if name == "Bash":
        done = subprocess.run(given["command"], shell=True, capture_output=True, text=True, check=False)
        return (done.stdout + done.stderr) or "(nothing)", done.returncode != 0
    if name == "Task":
        return converse(args, given["prompt"]), False
    try:
        path = pathlib.Path(given["file_path"])
        if name == "Write":
            content = given["content"]
            path.write_bytes(base64.b64decode(content[7:]) if content.startswith("base64:") else content.encode())
            return f"{path} is written", False
        return path.read_text(), False
    except (OSError, KeyError) as e:
        return f"{name}: {e}", True


def converse(args, prompt, image=None):
    conversation = (Messages if args.api == "messages" else Chat)(args, prompt, image)
    base = os.environ["ANTHROPIC_BASE_URL" if args.api == "messages" else "OPENAI_BASE_URL"].removesuffix("/v1")
    for _ in range(args.rounds):
        body = {"model": args.model, **conversation.body(), "stream": args.stream}
        calls, text = conversation.take(post(base + conversation.path, headers(args), body))
        if not calls:
            return text
        conversation.results([(i, *use(args, name, given)) for i, name, given in calls])
    return "too many rounds"


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--api", choices=("messages", "chat"), default="messages")
    p.add_argument("--model", default="claude-sonnet-4-5")
    p.add_argument("--name", default="", help="the User-Agent")
    p.add_argument("--session")
    p.add_argument("--image", help="a file that goes with the prompt")
    p.add_argument("--stream", action="store_true")
    p.add_argument("--rounds", type=int, default=200)
    p.add_argument("--besides", help="a command that no model asked for")
    p.add_argument("prompt")
    args = p.parse_args()
    text = converse(args, args.prompt, args.image)
    if args.besides:
        subprocess.run(args.besides, shell=True, check=False, stdout=subprocess.DEVNULL)
    print(text)


if __name__ == "__main__":
    sys.exit(main())
