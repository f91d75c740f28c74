"""The Anthropic SDK for Python, as an agent: anthropic_sdk.py messages json|stream
$PICTURE: a file that goes with the prompt and with what tools give."""
import base64
import os
import subprocess
import sys

import anthropic

SCHEMA = {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]}
client = anthropic.Anthropic(max_retries=5)


def with_picture(text):
    if "PICTURE" not in os.environ:
        return text
    with open(os.environ["PICTURE"], "rb") as f:
        source = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(f.read()).decode()}
    return [{"type": "text", "text": text}, {"type": "image", "source": source}]


messages = [{"role": "user", "content": with_picture(os.environ.get("PROMPT", "Run the tool, then say what it printed."))}]
while True:
    request = {
        "model": "claude-sonnet-4-6",
        "max_tokens": 1024,
        "system": "You are an agent.",
        "messages": messages,
        "tools": [{"name": "bash", "description": "Runs a command.", "input_schema": SCHEMA}],
    }
    if sys.argv[2] == "stream":
        with client.messages.stream(**request) as s:
            answer = s.get_final_message()
    else:
        answer = client.messages.create(**request)
    messages.append({"role": "assistant", "content": [b.model_dump(exclude_none=True) for b in answer.content]})
    calls = [b for b in answer.content if b.type == "tool_use"]
    if not calls:
        print("".join(b.text for b in answer.content if b.type == "text"))
        break
    results = []
    for c in calls:
        done = subprocess.run(c.input["command"], shell=True, capture_output=True, text=True, check=False)
        results.append({"type": "tool_result", "tool_use_id": c.id, "content": with_picture(done.stdout)})
    messages.append({"role": "user", "content": results})
