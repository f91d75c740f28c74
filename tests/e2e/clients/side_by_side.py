"""Conversations side by side in one process, on one event loop and one client, as an agent: side_by_side.py chat|responses|messages json|stream PROMPT..."""
import asyncio
import json
import sys

import anthropic
import openai

PARAMETERS = {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]}
SYSTEM = "You are an agent."


async def run(command):
    p = await asyncio.create_subprocess_shell(command, stdout=asyncio.subprocess.PIPE)
    return (await p.communicate())[0].decode()


async def results(calls):
    """Of pairs of an id and a command, all at once."""
    return zip([id for id, _ in calls], await asyncio.gather(*(run(command) for _, command in calls)))


async def chat(client, stream, prompt):
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": prompt}]
    tools = [{"type": "function", "function": {"name": "bash", "description": "Runs it.", "parameters": PARAMETERS}}]
    while True:
        request = {"model": "gpt-4o", "messages": messages, "tools": tools}
        if stream:
            async with client.chat.completions.stream(**request, stream_options={"include_usage": True}) as s:
                message = (await s.get_final_completion()).choices[0].message
        else:
            message = (await client.chat.completions.create(**request)).choices[0].message
        if not message.tool_calls:
            return message.content
        calls = [{"id": c.id, "type": "function", "function": {"name": c.function.name, "arguments": c.function.arguments}} for c in message.tool_calls]
        messages.append({"role": "assistant", "content": message.content, "tool_calls": calls})
        done = await results([(c.id, json.loads(c.function.arguments)["command"]) for c in message.tool_calls])
        messages += [{"role": "tool", "tool_call_id": id, "content": text} for id, text in done]


async def responses(client, stream, prompt):
    items = [{"role": "user", "content": prompt}]
    tools = [{"type": "function", "name": "bash", "description": "Runs it.", "parameters": PARAMETERS, "strict": False}]
    while True:
        request = {"model": "gpt-5", "instructions": SYSTEM, "input": items, "tools": tools}
        if stream:
            async with client.responses.stream(**request) as s:
                answer = await s.get_final_response()
        else:
            answer = await client.responses.create(**request)
        calls = [i for i in answer.output if i.type == "function_call"]
        if not calls:
            return answer.output_text
        items += [i.model_dump(exclude_none=True, exclude={"parsed_arguments", "parsed"}) for i in calls]
        done = await results([(c.call_id, json.loads(c.arguments)["command"]) for c in calls])
        items += [{"type": "function_call_output", "call_id": id, "output": text} for id, text in done]


async def messages(client, stream, prompt):
    said = [{"role": "user", "content": prompt}]
    tools = [{"name": "bash", "description": "Runs a command.", "input_schema": PARAMETERS}]
    while True:
        request = {"model": "claude-sonnet-4-6", "max_tokens": 1024, "system": SYSTEM, "messages": said, "tools": tools}
        if stream:
            async with client.messages.stream(**request) as s:
                answer = await s.get_final_message()
        else:
            answer = await client.messages.create(**request)
        said.append({"role": "assistant", "content": [b.model_dump(exclude_none=True) for b in answer.content]})
        calls = [b for b in answer.content if b.type == "tool_use"]
        if not calls:
            return "".join(b.text for b in answer.content if b.type == "text")
        done = await results([(c.id, c.input["command"]) for c in calls])
        said.append({"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": text} for id, text in done]})


async def main(api, mode, *prompts):
    client = (anthropic.AsyncAnthropic if api == "messages" else openai.AsyncOpenAI)(max_retries=5)
    talk = {"chat": chat, "responses": responses, "messages": messages}[api]
    for answer in await asyncio.gather(*(talk(client, mode == "stream", p) for p in prompts)):
        print(answer)


asyncio.run(main(*sys.argv[1:]))
