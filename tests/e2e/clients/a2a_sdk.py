"""The A2A SDK for Python on both sides: a2a_sdk.py LOG BINDING VERSION [stream]. BINDING: JSONRPC or HTTP+JSON; VERSION: 1.0 or
0.3. The server writes to LOG a line for each message: its context, its task and how that ended.

    a2a_sdk.py --serve LOG BINDING VERSION   the server alone; prints its address
"""
import asyncio
import json
import socket
import subprocess
import sys
import uuid

import httpx
from a2a.client.card_resolver import A2ACardResolver
from a2a.client.client import ClientConfig
from a2a.client.client_factory import ClientFactory
from a2a.helpers.proto_helpers import get_message_text, new_task_from_user_message, new_text_part
from a2a.server.agent_execution import AgentExecutor
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes.agent_card_routes import create_agent_card_routes
from a2a.server.routes.jsonrpc_routes import create_jsonrpc_routes
from a2a.server.routes.rest_routes import create_rest_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, Message, Role, SendMessageRequest


class Executor(AgentExecutor):
    def __init__(self, log):
        self.log = log

    async def execute(self, context, event_queue):
        task = context.current_task or new_task_from_user_message(context.message)
        await event_queue.enqueue_event(task)
        updater = TaskUpdater(event_queue, task.id, task.context_id)
        await updater.start_work()
        failed = "fail" in get_message_text(context.message)
        with open(self.log, "a") as out:
            out.write(json.dumps({"context": task.context_id, "task": task.id, "state": "failed" if failed else "completed"}) + "\n")
        if failed:
            await updater.failed()
            return
        await updater.add_artifact([new_text_part("an answer")])
        await updater.complete()

    async def cancel(self, context, event_queue):
        raise NotImplementedError


def serve(log, binding, version):
    import uvicorn
    from starlette.applications import Starlette

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    card = AgentCard(
        name="helper", description="Helps", version="7", capabilities=AgentCapabilities(streaming=True),
        supported_interfaces=[AgentInterface(url=url, protocol_binding=binding, protocol_version=version)],
        default_input_modes=["text/plain"], default_output_modes=["text/plain"],
    )
    handler = DefaultRequestHandler(Executor(log), InMemoryTaskStore(), card)
    make = create_jsonrpc_routes if binding == "JSONRPC" else create_rest_routes
    where = {"rpc_url": "/"} if binding == "JSONRPC" else {}
    routes = create_agent_card_routes(card) + make(handler, enable_v0_3_compat=version != "1.0", **where)
    print(url, flush=True)
    uvicorn.run(Starlette(routes=routes), host="127.0.0.1", port=port, log_level="error")


async def run(url, binding, stream):
    async with httpx.AsyncClient() as http:
        card = await A2ACardResolver(http, url).get_agent_card()
        client = ClientFactory(ClientConfig(streaming=stream, httpx_client=http, supported_protocol_bindings=[binding])).create(card)
        for text in ("hello", "please fail", "again"):
            message = Message(role=Role.ROLE_USER, message_id=str(uuid.uuid4()), context_id="context-" + text.split()[-1], parts=[new_text_part(text)])
            async for _ in client.send_message(SendMessageRequest(message=message)):
                pass


def both(log, binding, version, stream=""):
    server = subprocess.Popen([sys.executable, __file__, "--serve", log, binding, version], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    url = server.stdout.readline().decode().strip()
    try:
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", int(url.rsplit(":")[-1]))).close()
                break
            except OSError:
                asyncio.run(asyncio.sleep(0.05))
        asyncio.run(run(url, binding, bool(stream)))
    finally:
        server.terminate()
        server.wait()


if sys.argv[1] == "--serve":
    serve(*sys.argv[2:])
else:
    both(*sys.argv[1:])
