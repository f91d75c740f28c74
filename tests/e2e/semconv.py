#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Checks what a receiver took (otlp_receiver.py) against the OpenTelemetry GenAI and MCP conventions 1.41, written down here as a table:
names, types, span kinds, what is required of which operation, message schemas. Prints what does not hold.

  semconv.py [--latest] FILE
"""
import collections, json, sys

S, I, D, B, L = "string", "int", "double", "bool", "strings"

# Every attribute of the conventions that may be there, and its type. Others begin with "sonde.".
ATTRIBUTES = {
    "gen_ai.operation.name": S, "gen_ai.provider.name": S, "gen_ai.conversation.id": S, "gen_ai.output.type": S, "gen_ai.data_source.id": S,
    "gen_ai.request.choice.count": I, "gen_ai.request.model": S, "gen_ai.request.seed": I, "gen_ai.request.stream": B,
    "gen_ai.request.frequency_penalty": D, "gen_ai.request.max_tokens": I, "gen_ai.request.presence_penalty": D,
    "gen_ai.request.stop_sequences": L, "gen_ai.request.temperature": D, "gen_ai.request.top_k": D, "gen_ai.request.top_p": D,
    "gen_ai.request.encoding_formats": L, "gen_ai.embeddings.dimension.count": I,
    "gen_ai.response.finish_reasons": L, "gen_ai.response.id": S, "gen_ai.response.model": S, "gen_ai.response.time_to_first_chunk": D,
    "gen_ai.usage.input_tokens": I, "gen_ai.usage.output_tokens": I, "gen_ai.usage.cache_read.input_tokens": I,
    "gen_ai.usage.cache_creation.input_tokens": I, "gen_ai.usage.reasoning.output_tokens": I,
    "gen_ai.system_instructions": S, "gen_ai.input.messages": S, "gen_ai.output.messages": S, "gen_ai.tool.definitions": S,
    "gen_ai.tool.name": S, "gen_ai.tool.call.id": S, "gen_ai.tool.type": S, "gen_ai.tool.description": S,
    "gen_ai.tool.call.arguments": S, "gen_ai.tool.call.result": S,
    "gen_ai.agent.id": S, "gen_ai.agent.name": S, "gen_ai.agent.description": S, "gen_ai.agent.version": S, "gen_ai.prompt.name": S,
    "gen_ai.workflow.name": S, "openai.request.service_tier": S, "openai.response.service_tier": S, "openai.response.system_fingerprint": S,
    "openai.api.type": S, "aws.bedrock.guardrail.id": S, "aws.bedrock.knowledge_base.id": S, "aws.bedrock.agent.id": S,
    "mcp.method.name": S, "mcp.session.id": S, "mcp.protocol.version": S, "mcp.resource.uri": S, "jsonrpc.request.id": S,
    "jsonrpc.protocol.version": S, "rpc.response.status_code": S, "network.transport": S, "network.protocol.name": S,
    "network.protocol.version": S, "network.peer.address": S, "network.peer.port": I, "server.address": S, "server.port": I,
    "client.address": S, "client.port": I, "error.type": S, "session.id": S, "user_agent.original": S, "url.path": S, "url.full": S,
    "http.request.method": S, "http.response.status_code": I, "http.request.body.size": I, "http.response.body.size": I,
    "process.pid": I, "process.parent_pid": I, "process.executable.name": S, "process.executable.path": S, "process.command_line": S,
    "process.command_args": L, "process.working_directory": S, "process.exit.code": I, "process.exit.time": S, "file.path": S, "file.size": I,
    "event.name": S,
}
LATEST = {"gen_ai.usage.cache_write.input_tokens": I, "gen_ai.request.top_k": I, "gen_ai.request.previous_response.id": S,
          "gen_ai.request.reasoning.level": S, "gen_ai.usage.audio.input_tokens": I, "gen_ai.usage.audio.output_tokens": I,
          "gen_ai.usage.image.input_tokens": I, "gen_ai.usage.image.output_tokens": I}
INTERNAL, SERVER, CLIENT = 1, 2, 3
INFERENCE = {"chat", "generate_content", "text_completion"}

# step: kinds, required attributes
STEPS = {
    "agent": ({INTERNAL}, {"gen_ai.operation.name"}),
    "llm": ({CLIENT, SERVER}, {"gen_ai.operation.name", "gen_ai.provider.name"}),
    "tool": ({INTERNAL}, {"gen_ai.operation.name", "gen_ai.tool.name"}),
    "mcp": ({CLIENT, SERVER}, set()),
    "process": ({INTERNAL}, {"process.executable.name", "process.pid"}),
    "http": ({CLIENT, SERVER}, {"http.request.method"}),
    "file": ({INTERNAL}, {"file.path"}),
    "network": ({CLIENT, SERVER}, {"network.transport"}),
}
OPERATIONS = INFERENCE | {"embeddings", "retrieval", "create_agent", "invoke_agent", "invoke_workflow", "execute_tool"}
METRICS = {
    "gen_ai.client.token.usage": ("histogram", "{token}", [4 ** i for i in range(14)], {"gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.token.type"}),
    "gen_ai.client.operation.duration": ("histogram", "s", [0.01 * 2 ** i for i in range(14)], {"gen_ai.operation.name", "gen_ai.provider.name"}),
    "gen_ai.client.operation.time_to_first_chunk": ("histogram", "s", [0.01 * 2 ** i for i in range(14)], {"gen_ai.operation.name", "gen_ai.provider.name"}),
    "mcp.client.operation.duration": ("histogram", "s", [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300], {"mcp.method.name"}),
}
EVENTS = {"gen_ai.client.inference.operation.details": 9, "gen_ai.client.operation.exception": 13, "sonde.step.error": 17}
METRIC_ATTRIBUTES = {"gen_ai.token.type": S, "exception.type": S, "exception.message": S}

problems = collections.Counter()
latest = "--latest" in sys.argv
if latest:
    ATTRIBUTES.update(LATEST)


def wrong(where, what):
    problems["%s: %s" % (where, what)] += 1


def check_names(where, attributes, more={}):
    for name, v in attributes.items():
        want = ATTRIBUTES.get(name, more.get(name))
        if name.startswith("sonde."):
            continue
        if not want:
            wrong(where, "no attribute %s" % name)
        elif v["type"] != want:
            wrong(where, "%s is %s, not %s" % (name, v["type"], want))
    if latest and "gen_ai.usage.cache_creation.input_tokens" in attributes:
        wrong(where, "a name that was renamed")


def check_parts(where, parts):
    if not isinstance(parts, list):
        return wrong(where, "no list of parts")
    need = {"text": {"content"}, "reasoning": {"content"}, "tool_call": {"name"}, "tool_call_response": {"response"}, "blob": {"modality", "content"},
            "uri": {"modality", "uri"}, "file": {"modality", "file_id"}}
    for p in parts:
        if not isinstance(p.get("type"), str):
            wrong(where, "a part without a type")
        elif need.get(p["type"], set()) - set(p):
            wrong(where, "a part %s without %s" % (p["type"], need[p["type"]] - set(p)))


def check_content(where, attributes):
    get = lambda name: json.loads(attributes[name]["value"]) if name in attributes else []
    for name in ("gen_ai.input.messages", "gen_ai.output.messages"):
        for m in get(name):
            if m.get("role") not in ("system", "user", "assistant", "tool"):
                wrong(where, "%s: role %s" % (name, m.get("role")))
            check_parts(where + " " + name, m.get("parts"))
            if name == "gen_ai.output.messages" and not isinstance(m.get("finish_reason"), str):
                wrong(where, "an output message without finish_reason")
    check_parts(where + " system", get("gen_ai.system_instructions"))
    for t in get("gen_ai.tool.definitions"):
        if not isinstance(t.get("type"), str) or not isinstance(t.get("name"), str):
            wrong(where, "a tool without type or name")


def check_call(where, a, x):
    operation = a["gen_ai.operation.name"]["value"]
    if x["status"] == 2 and "error.type" not in a:
        wrong(where, "failed, without error.type")
    if operation in INFERENCE and x["signal"] == "span":
        model = a.get("gen_ai.request.model", {}).get("value")
        if x["name"] != (operation + " " + model if model else operation):
            wrong(where, "is called " + x["name"])
    if "server.address" in a and "server.port" not in a:
        wrong(where, "server.address without server.port")
    if "gen_ai.response.time_to_first_chunk" in a and not a.get("gen_ai.request.stream", {}).get("value"):
        wrong(where, "time_to_first_chunk of what was no stream")
    count = lambda n: a.get("gen_ai.usage." + n, {}).get("value", 0)
    cached = count("cache_read.input_tokens") + count("cache_creation.input_tokens") + count("cache_write.input_tokens")
    if "gen_ai.usage.input_tokens" in a and cached > count("input_tokens"):
        wrong(where, "more tokens cached than there are")
    if "gen_ai.usage.output_tokens" in a and count("reasoning.output_tokens") > count("output_tokens"):
        wrong(where, "more tokens of reasoning than there are")


def check_span(x):
    a = x["attributes"]
    step = a.get("sonde.step.kind", {}).get("value")
    operation = a.get("gen_ai.operation.name", {}).get("value")
    where = "%s %s" % (step, operation or "")
    kinds, required = STEPS[step]
    if x["kind"] not in kinds:
        wrong(where, "kind %s" % x["kind"])
    for name in required - set(a):
        wrong(where, "no %s" % name)
    check_names(where, a)
    check_content(where, a)
    if operation and operation not in OPERATIONS and step != "llm":
        wrong(where, "no such operation")
    if x["end"] < x["start"] or not x["start"]:
        wrong(where, "times")
    if x["status"] == 1:
        wrong(where, "status OK is not for instrumentation to set")
    if x["status"] != 2 and x["message"]:
        wrong(where, "a message without an error")
    if step == "llm" and not required - set(a):
        check_call(where, a, x)
    if step == "agent" and not (x["name"] + " ").startswith("invoke_agent "):
        wrong(where, "is called " + x["name"])
    if step == "tool" and x["name"] != "execute_tool " + a.get("gen_ai.tool.name", {}).get("value", ""):
        wrong(where, "is called " + x["name"])
    if step == "mcp" and "mcp.method.name" in a:
        target = a.get("gen_ai.tool.name") or a.get("gen_ai.prompt.name")
        if x["name"] != a["mcp.method.name"]["value"] + (" " + target["value"] if target else ""):
            wrong(where, "is called " + x["name"])
    if not x["parent_span_id"] and step != "agent":
        wrong(where, "a root that is no agent")


def check_metric(x):
    where = x["name"]
    want = METRICS.get(x["name"])
    if want:
        kind, unit, bounds, required = want
        if (x["type"], x["unit"]) != (kind, unit):
            wrong(where, "type or unit")
    for p in x["points"]:
        check_names(where, p["attributes"], METRIC_ATTRIBUTES)
        if want and [round(b, 9) for b in p["bounds"]] != [round(b, 9) for b in bounds]:
            wrong(where, "bounds %s" % p["bounds"])
        if want and required - set(p["attributes"]):
            wrong(where, "no %s" % (required - set(p["attributes"])))
        if not 0 < p["start"] <= p["time"]:
            wrong(where, "times")
    if not want and x["name"].startswith("gen_ai.") and not latest:
        wrong(where, "no such metric")


seen = collections.Counter()
for line in open(sys.argv[-1]):
    x = json.loads(line)
    seen[x["signal"]] += 1
    # What was imported happened on a machine that nobody told.
    imported = x["signal"] == "metric" or x["signal"] == "log" or "sonde.source" in x["attributes"] or "--imported" in sys.argv
    for name, kind in (("service.name", S),) + (() if imported else (("host.name", S),)):
        if x["resource"].get(name, {}).get("type") != kind:
            wrong("resource", "no " + name)
    if x["schema_url"] != "https://opentelemetry.io/schemas/" + ("gen-ai/1.42.0" if latest else "1.41.0") or x["scope"] != "sonde":
        wrong("scope", "%s %s" % (x["scope"], x["schema_url"]))
    if x["signal"] == "span":
        check_span(x)
    elif x["signal"] == "metric":
        check_metric(x)
    else:
        if EVENTS.get(x["event"]) != x["severity"]:
            wrong("log", "%s %s" % (x["event"], x["severity"]))
        check_names("log " + x["event"], x["attributes"], METRIC_ATTRIBUTES)
        if x["event"].endswith(".details"):
            check_content("log", x["attributes"])
for text, n in problems.most_common():
    print("%6d  %s" % (n, text))
print(", ".join("%d %ss" % (n, s) for s, n in sorted(seen.items())))
sys.exit(bool(problems) or not seen)
