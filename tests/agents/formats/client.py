"""Official Python SDKs at work: client.py bedrock|cohere|ollama|mistral BASE-URL. Prints "fine" at the end."""
import json
import sys

name, base = sys.argv[1:]
SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}}
FUNCTIONS = [{"type": "function", "function": {"name": n, "description": "A tool", "parameters": SCHEMA}} for n in ("look", "now")]


def bedrock():
    import boto3
    from botocore.config import Config
    from botocore.exceptions import ClientError

    config = Config(retries={"max_attempts": 1, "mode": "standard"})
    c = boto3.client("bedrock-runtime", region_name="eu-west-1", endpoint_url=base, config=config)
    model = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
    tools = {"tools": [{"toolSpec": {"name": n, "description": "A tool", "inputSchema": {"json": SCHEMA}}} for n in ("look", "now")]}
    messages = [{"role": "user", "content": [{"text": "Go"}]}]
    for _ in range(2):
        message = c.converse(modelId=model, messages=messages, toolConfig=tools)["output"]["message"]
        uses = [b["toolUse"] for b in message["content"] if "toolUse" in b]
        results = [{"toolResult": {"toolUseId": u["toolUseId"], "content": [{"json": {"ok": 1}}]}} for u in uses]
        messages += [message, {"role": "user", "content": results or [{"text": "More"}]}]
    for _ in c.converse_stream(modelId=model, messages=messages[:1], toolConfig=tools)["stream"]:
        pass
    arn = "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-x"
    for _ in c.converse_stream(modelId=arn, messages=messages[:1])["stream"]:
        pass
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": [{"role": "user", "content": "Go"}]}
    with_tools = {**body, "tools": [{"name": "look", "input_schema": SCHEMA}]}
    c.invoke_model(modelId=model, body=json.dumps(body))["body"].read()
    for _ in c.invoke_model_with_response_stream(modelId=model, body=json.dumps(with_tools))["body"]:
        pass
    llama = {"prompt": "Go", "max_gen_len": 9}
    c.invoke_model(modelId="meta.llama3-8b-instruct-v1:0", body=json.dumps(llama))["body"].read()
    for _ in c.invoke_model_with_response_stream(modelId="meta.llama3-8b-instruct-v1:0", body=json.dumps(llama))["body"]:
        pass
    c.invoke_model(modelId="amazon.titan-embed-text-v2:0", body=json.dumps({"inputText": "a"}))["body"].read()
    try:
        c.converse(modelId="fail.anthropic.x", messages=messages[:1])
    except ClientError:
        return
    raise SystemExit("no error")


def cohere():
    import cohere as sdk

    c = sdk.ClientV2(api_key="dummy", base_url=base)
    messages = [{"role": "user", "content": "Go"}]
    answer = c.chat(model="command-a-03-2025", messages=messages, tools=FUNCTIONS).message
    messages.append(answer)
    messages += [{"role": "tool", "tool_call_id": t.id, "content": "ok"} for t in answer.tool_calls]
    c.chat(model="command-a-03-2025", messages=messages, tools=FUNCTIONS)
    for more in ({}, {"tools": FUNCTIONS}):
        for _ in c.chat_stream(model="command-a-03-2025", messages=messages[:1], **more):
            pass
    c.embed(model="embed-v4.0", texts=["a"], input_type="search_query", embedding_types=["float"])
    c.rerank(model="rerank-v3.5", query="a", documents=["b"])


def ollama():
    import ollama as sdk

    c = sdk.Client(host=base)
    messages = [{"role": "user", "content": "Go"}]
    answer = c.chat(model="qwen3:8b", messages=messages, tools=FUNCTIONS).message
    messages += [answer, *({"role": "tool", "tool_name": t.function.name, "content": "ok"} for t in answer.tool_calls)]
    c.chat(model="qwen3:8b", messages=messages, tools=FUNCTIONS)
    for _ in c.chat(model="qwen3:8b", messages=messages[:1], tools=FUNCTIONS, stream=True):
        pass
    c.generate(model="qwen3:8b", prompt="Go")
    for _ in c.generate(model="qwen3:8b", prompt="Go", stream=True):
        pass
    c.embed(model="nomic-embed-text", input=["a"])


def mistral():
    try:
        from mistralai import Mistral
    except ImportError:
        from mistralai.client import Mistral

    c = Mistral(api_key="dummy", server_url=base)
    messages = [{"role": "user", "content": "Go"}]
    c.chat.complete(model="mistral-large-latest", messages=messages, tools=FUNCTIONS)
    for _ in c.chat.stream(model="mistral-large-latest", messages=messages, tools=FUNCTIONS):
        pass
    c.fim.complete(model="codestral-latest", prompt="def f(", suffix="x")
    for _ in c.fim.stream(model="codestral-latest", prompt="def f("):
        pass
    c.beta.conversations.start(model="mistral-medium-latest", inputs="Go")
    with c.beta.conversations.start_stream(model="mistral-medium-latest", inputs="Go") as events:
        for _ in events:
            pass


{"bedrock": bedrock, "cohere": cohere, "ollama": ollama, "mistral": mistral}[name]()
print("fine")
