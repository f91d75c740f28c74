"""The MCP SDK for Python on both sides of a pipe: mcp_sdk.py LOG. Writes what it asked and was told."""
import asyncio
import json
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


def serve():
    from mcp.server.mcpserver import MCPServer

    server = MCPServer("sonde-python", version="0.1")

    @server.tool()
    def add(a: int, b: int) -> int:
        print("a log line", file=sys.stderr)
        return a + b

    @server.tool()
    def repeat(text: str, n: int) -> str:
        return text * n

    @server.tool()
    def fail() -> str:
        raise ValueError("as it should")

    server.run("stdio")


async def main(log):
    out = open(log, "w")

    async def call(session, name, arguments):
        result = await session.call_tool(name, arguments)
        entry = {"name": name, "arguments": arguments, "result": result.model_dump(mode="json", by_alias=True, exclude_unset=True)}
        out.write(json.dumps(entry) + "\n")

    params = StdioServerParameters(command=sys.executable, args=[__file__, "--serve"])
    async with stdio_client(params) as (reader, writer):
        async with ClientSession(reader, writer) as session:
            await session.initialize()
            await session.list_tools()
            await call(session, "add", {"a": 1, "b": 2})
            await call(session, "fail", {})
            await call(session, "repeat", {"text": "xyz\u2603 ", "n": 300000})
            await call(session, "repeat", {"text": "q" * (1 << 20), "n": 1})
            await asyncio.gather(*(call(session, "add", {"a": i, "b": i}) for i in range(8)))
    out.close()


if sys.argv[1] == "--serve":
    serve()
else:
    asyncio.run(main(sys.argv[1]))
