"""The openai SDK for Python, as an agent: openai_sdk.py chat|responses json|stream
$PICTURE: a file that goes with the prompt."""
import base64
import json
import os
import subprocess
import sys

import openai

PARAMETERS = {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]}
PROMPT = os.environ.get("PROMPT", "Run the tool, then say what it printed.")


def prompt(kind):
    if "PICTURE" not in os.environ:
        return PROMPT
    with open(os.environ["PICTURE"], "rb") as f:
        url = "data:image/png;base64," + base64.b64encode(f.read()).decode()
    if kind == "chat":
        return [{"type": "text", "text": PROMPT}, {"type": "image_url", "image_url": {"url": url}}]
    return [{"type": "input_text", "text": PROMPT}, {"type": "input_image", "image_url": url}]


def run(arguments):
    return subprocess.run(json.loads(arguments)["command"], shell=True, capture_output=True, text=True).stdout


def chat(client, stream):
    messages = [{"role": "system", "content": "You are an agent."}, {"role": "user", "content": prompt("chat")}]
    tools = [{"type": "function", "function": {"name": "bash", "description": "Runs it.", "parameters": PARAMETERS}}]
    while True:
        request = {"model": "gpt-4o", "messages": messages, "tools": tools}
        if stream:
            with client.chat.completions.stream(**request, stream_options={"include_usage": True}) as s:
                message = s.get_final_completion().choices[0].message
        else:
            message = client.chat.completions.create(**request).choices[0].message
        kept = {"role": "assistant", "content": message.content}
        if message.tool_calls:
            kept["tool_calls"] = [
                {"id": c.id, "type": "function", "function": {"name": c.function.name, "arguments": c.function.arguments}}
                for c in message.tool_calls
            ]
        messages.append(kept)
        if not message.tool_calls:
            return message.content
        for c in message.tool_calls:
            messages.append({"role": "tool", "tool_call_id": c.id, "content": run(c.function.arguments)})


def responses(client, stream):
    items = [{"role": "user", "content": prompt("responses")}]
    tools = [{"type": "function", "name": "bash", "description": "Runs it.", "parameters": PARAMETERS, "strict": False}]
    while True:
        request = {"model": "gpt-5", "instructions": "You are an agent.", "input": items, "tools": tools}
        if stream:
            with client.responses.stream(**request) as s:
                s.until_done()
                answer = s.get_final_response()
        else:
            answer = client.responses.create(**request)
        calls = [i for i in answer.output if i.type == "function_call"]
        items += [i.model_dump(exclude_none=True, exclude={"parsed_arguments", "parsed"}) for i in answer.output if i in calls]
        if not calls:
            return answer.output_text
        for c in calls:
            items.append({"type": "function_call_output", "call_id": c.call_id, "output": run(c.arguments)})


api, mode = sys.argv[1:3]
print((responses if api == "responses" else chat)(openai.OpenAI(max_retries=5), mode == "stream"))
