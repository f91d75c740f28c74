"""The MCP SDK for Python on both sides of HTTP: mcp_http.py LOG MODE. Client and server write to LOG.client and LOG.server
what was asked and told. MODE: modern (2026-07-28: no session, input in rounds), legacy (initialize and a session), json, sse.

    mcp_http.py --serve LOG MODE     the server alone; prints its address
    mcp_http.py --call LOG URL MODE  the client alone
"""
import asyncio
import json
import socket
import subprocess
import sys

import mcp_types as types
from mcp.client.client import Client
from mcp.client.sse import sse_client


def dump(model):
    return model.model_dump(mode="json", by_alias=True, exclude_unset=True)


def server_of(log):
    from mcp.server.mcpserver import Context, MCPServer

    out = open(log, "w")
    server = MCPServer("sonde-python-http", version="0.2")

    def told(name, arguments, text):
        out.write(json.dumps({"name": name, "arguments": arguments, "text": text}) + "\n")
        out.flush()
        return text

    @server.tool()
    def add(a: int, b: int) -> str:
        """Adds two numbers"""
        return told("add", {"a": a, "b": b}, str(a + b))

    @server.tool()
    def repeat(text: str, n: int) -> str:
        return told("repeat", {"text": text, "n": n}, text * n)

    @server.tool()
    def fail() -> str:
        told("fail", {}, "")
        raise ValueError("as it should")

    @server.tool()
    async def slow(ctx: Context) -> str:
        for i in range(3):
            await ctx.report_progress(i, 3)
        return told("slow", {}, "done")

    @server.tool()
    async def name_it(what: str, ctx: Context) -> str | types.InputRequiredResult:
        """Since 2026-07-28 a server asks by its answer; before, by a request of its own."""
        if not ctx.input_responses:
            ask = types.ElicitRequest(params=types.ElicitRequestFormParams(
                message="Which name?", requested_schema={"type": "object", "properties": {"name": {"type": "string"}}}))
            return types.InputRequiredResult(input_requests={"name": ask}, request_state="state of " + what)
        answer = ctx.input_responses["name"]
        return told("name_it", {"what": what}, what + " is " + answer.content["name"])

    @server.resource("test://one/resource")
    def resource() -> str:
        return "a resource"

    @server.prompt()
    def greeting(who: str) -> str:
        return "Hello " + who

    return server


def serve(log, mode):
    server = server_of(log)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    print(f"http://127.0.0.1:{port}/{'sse' if mode == 'sse' else 'mcp'}", flush=True)
    if mode == "sse":
        server.run("sse", port=port)
    else:
        server.run("streamable-http", port=port, json_response=mode == "json")


async def elicited(context, params):
    return types.ElicitResult(action="accept", content={"name": "Ada"})


async def run(log, url, mode):
    out = open(log, "w")

    async def call(client, name, arguments, **more):
        result = await client.call_tool(name, arguments, **more)
        out.write(json.dumps({"name": name, "arguments": arguments, "result": dump(result)}) + "\n")
        out.flush()

    async def progress(done, total, message):
        pass

    transport = sse_client(url) if mode == "sse" else url
    modes = {"modern": "2026-07-28"}
    async with Client(transport, mode=modes.get(mode, "legacy"), elicitation_callback=elicited) as client:
        await client.list_tools()
        await call(client, "add", {"a": 1, "b": 2})
        await call(client, "fail", {})
        await call(client, "repeat", {"text": "xyz\u2603 ", "n": 20000})
        await call(client, "repeat", {"text": "q" * (1 << 18), "n": 1})
        await asyncio.gather(*(call(client, "add", {"a": i, "b": i}) for i in range(8)))
        if mode != "json":
            await call(client, "slow", {}, progress_callback=progress)
        if mode == "modern":
            await call(client, "name_it", {"what": "it"})
        await client.read_resource("test://one/resource")
        await client.get_prompt("greeting", {"who": "you"})
    out.close()


def reachable(url):
    host, port = url.split("/")[2].split(":")
    for _ in range(600):
        try:
            socket.create_connection((host, int(port))).close()
            return
        except OSError:
            asyncio.run(asyncio.sleep(0.05))
    raise TimeoutError(url)


def both(log, mode):
    server = subprocess.Popen([sys.executable, __file__, "--serve", log + ".server", mode], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    url = server.stdout.readline().decode().strip()
    reachable(url)
    try:
        asyncio.run(run(log + ".client", url, mode))
    finally:
        server.terminate()
        server.wait()


if sys.argv[1] == "--serve":
    serve(*sys.argv[2:])
elif sys.argv[1] == "--call":
    asyncio.run(run(*sys.argv[2:]))
else:
    both(*sys.argv[1:])
