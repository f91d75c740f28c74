"""Tools that a model may want, and what really happens when they run."""
import json

from transport import Pool1

COMMANDS = ("ls -l", "git status --short", "make test", "grep -rn needle", "python3 -m pytest -q", "cat notes.txt", "find . -name x", "wc -l")
WRAPPERS = ("timeout 30", "env LC_ALL=C", "nice -n 5")  # programs that run the rest of their command


class Tool:
    """One call: `call` is what the model says, `step` the truth's."""

    def __init__(self, c, name, args):
        self.c, self.name, self.args = c, name, args
        self.rng, self.world = c.rng, c.site.world
        ident = c.format.call_prefix + "%014x" % c.rng.getrandbits(56) if c.kind.call_ids or c.format.name != "gemini" else None
        self.call = {"id": ident, "name": name, "args": args}

    def open(self):
        self.step = self.call["step"] = self.c.site.truth.step(
            self.c.run, "tool", self.c.agent, id=self.call["id"], name=self.name, args=self.args, carriers=[], asked=None
        )

    def told(self):
        return {"id": self.call["id"], "name": self.name}

    def result(self):
        return f"result {self.rng.getrandbits(40):010x}"

    def run(self):
        yield self.rng.randrange(1, 30)
        return self.result(), False

    def process_step(self, process, argv, parent, **facts):
        return self.c.site.truth.step(self.c.run, "process", parent, pid=process.pid, start=process.start, argv=argv, **facts)


class Read(Tool):
    """Done by the agent itself."""

    def __init__(self, c):
        super().__init__(c, c.kind.read_tool, {"file_path": f"/proj/src/{c.rng.randrange(10**6)}.c"})


class Write(Tool):
    def __init__(self, c):
        self.path = f"/proj/out/{c.rng.randrange(10**9)}.txt"
        super().__init__(c, c.kind.write_tool, {"file_path": self.path, "content": "text"})

    def run(self):
        yield self.rng.randrange(1, 10)
        own = self.c.site.process.step
        self.c.site.truth.step(self.c.run, "file", self.step, path=self.path, by=own and own["key"])
        self.world.file(self.c.site.process, 1, self.path, size=4)
        yield 2
        return self.result(), False


class Shell(Tool):
    """A command: a child that runs a shell, with programs below it."""

    def __init__(self, c, command=None):
        self.command = command or f"{c.rng.choice(COMMANDS)} {c.rng.getrandbits(32):08x}"
        if not command and c.rng.random() < 0.2:
            self.command = c.rng.choice(WRAPPERS) + " " + self.command
        super().__init__(c, c.kind.shell_tool, {c.kind.shell_arg: self.command})

    def run(self):
        yield self.rng.randrange(1, 15)
        process, step = self.start()
        code = yield from self.below(process, step)
        self.world.exit(process, code)
        step["exit"] = code
        yield self.rng.randrange(1, 10)
        return self.result(), code != 0

    def start(self):
        programs = self.c.kind.shell(self.command)
        own = self.c.site.process
        process = self.world.spawn(own)
        step = self.process_step(process, programs[-1][1], self.step, by=own.step and own.step["key"])
        for path, argv in programs:
            self.world.exec(process, path, argv, "/proj")
        self.step["carriers"].append(step["key"])
        return process, step

    def below(self, shell, step):
        words = self.command.split()
        child = self.world.spawn(shell, "/usr/bin/" + words[0], words)
        below = self.process_step(child, words, step)
        yield self.rng.randrange(5, 200)
        if self.rng.random() < 0.2:
            path = f"/proj/made/{self.rng.randrange(10**9)}"
            self.c.site.truth.step(self.c.run, "file", self.owner(below), path=path, by=below["key"])
            self.world.file(child, 1, path, size=9)
        if self.rng.random() < 0.1:
            address, port = self.world.peer()
            self.c.site.truth.step(self.c.run, "network", self.owner(below), peer=f"{address}:{port}", by=below["key"])
            self.world.attempt(child, address, port, -111)
        code = 1 if self.rng.random() < 0.15 else 0
        self.world.exit(child, code)
        below["exit"] = code
        yield 1
        return code

    def owner(self, _process):
        """Of what a program of it does."""
        return self.step


class Same(Shell):
    """One of several equal commands at once: which process is whose cannot be decided."""

    def run(self):
        self.step["undecidable"] = True
        return (yield from super().run())

    def process_step(self, process, argv, parent, **facts):
        return super().process_step(process, argv, parent, **facts, **({"unsure": True} if parent is self.step else {}))

    def owner(self, process):
        return process


class Spawn(Tool):
    """A sub-agent in the agent's own process."""

    def __init__(self, c, depth=1):
        self.prompt = f"Look at part {c.rng.getrandbits(48):012x} of it and say what is wrong."
        self.depth = depth
        args = {"description": "look", c.kind.spawn_arg: self.prompt}
        super().__init__(c, c.kind.spawn_tool, args)

    def run(self):
        yield self.rng.randrange(2, 20)
        sub = self.c.sub(self.prompt, self.step)
        yield from sub.work(self.rng.randrange(0, 3), self.depth - 1)
        yield 3
        return sub.messages[-1]["text"], False


class Child(Shell):
    """Another agent, as a program of its own that a command runs."""

    def __init__(self, c, make):
        self.make = make
        self.prompt = f"Answer question {c.rng.getrandbits(48):012x} in one word."
        super().__init__(c, f"claude -p '{self.prompt}'")

    def below(self, shell, step):
        child, conversation = self.make(self.c, shell, step, self.prompt)
        yield from conversation.work(self.rng.randrange(0, 2))
        conversation.site.pools.done()
        self.world.exit(child, 0)
        yield 1
        return 0


class Background(Shell):
    """Its shell goes on; the model is told at once that it runs."""

    def run(self):
        yield self.rng.randrange(1, 15)
        self.process, _ = self.start()
        yield self.rng.randrange(1, 10)
        return self.result(), False

    def stop(self):
        self.world.exit(self.process, 0, 15)


class Fetch(Tool):
    """A page that the agent gets by itself."""

    def __init__(self, c):
        self.host, self.page = f"site{c.rng.randrange(100)}.example", f"/{c.rng.getrandbits(48):012x}.html"
        super().__init__(c, "fetch", {"url": f"http://{self.host}{self.page}"})

    def run(self):
        yield self.rng.randrange(1, 10)
        pool = Pool1(self.world, self.c.site.process, self.rng, None, "10.4.0.1:80")
        x = pool.exchange()
        self.c.site.truth.step(self.c.run, "http", self.step)
        x.ask("GET", self.page, [("Host", self.host), ("Accept", "text/html")], b"", None)
        yield self.rng.randrange(5, 90)
        x.head(200, [("Content-Type", "text/html")], None, b"<p>a page</p>")
        pool.done()
        return self.result(), False


class Mcp(Tool):
    """A call at a tool server that talks over pipes."""

    def __init__(self, c, server):
        self.server, self.plain = server, c.rng.choice(server.tools)
        super().__init__(c, server.decorated(c.kind, self.plain), {"q": f"{c.rng.getrandbits(48):012x}"})

    def run(self):
        yield self.rng.randrange(1, 10)
        step = self.c.site.truth.step(self.c.run, "mcp", self.step, name=self.plain)
        text = self.result()
        yield from self.server.call(self.plain, self.args, text, step)
        yield 2
        return text, False


class McpServer:
    """A child of the agent, at the other end of a pair of sockets; both ends are one connection."""

    tools = ("find", "fetch", "store")

    def __init__(self, c, name="search"):
        site = self.site = c.site
        self.world, self.name, self.number = site.world, name, 0
        argv = ["node", f"/srv/{name}-server.js"]
        self.process = self.world.spawn(site.process, "/usr/bin/node", argv)
        site.truth.step(c.run, "process", c.agent, pid=self.process.pid, start=self.process.start, argv=argv)
        self.conn = self.world.talk(site.process, self.process)

    def decorated(self, kind, tool):
        form = {"claude-code": "mcp__{}__{}", "gemini-cli": "mcp_{}_{}"}.get(kind.agent, "{}_{}")
        return form.format(self.name, tool)

    def line(self, direction, message, owner=None):
        # The talk's directions are those of the agent's end, whoever acts.
        self.world.send(self.conn, direction, json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n", owner)

    def exchange(self, method, params, result, ms, owner=None):
        self.number += 1
        number = self.number
        self.line(1, {"id": number, "method": method, "params": params}, owner)
        yield ms
        self.line(0, {"id": number, "result": result}, owner)

    def begin(self):
        yield 5
        hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": self.site.kind.agent, "version": "1"}}
        me = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": self.name, "version": "2"}}
        yield from self.exchange("initialize", hello, me, 3)
        self.line(1, {"method": "notifications/initialized"})
        offered = [{"name": t, "inputSchema": {"type": "object"}} for t in self.tools]
        yield from self.exchange("tools/list", {}, {"tools": offered}, 3)

    def call(self, name, arguments, text, step):
        params = {"name": name, "arguments": arguments}
        yield from self.exchange("tools/call", params, {"content": [{"type": "text", "text": text}]}, self.site.rng.randrange(2, 40), step)

    def end(self):
        self.world.close(self.conn)
        self.world.exit(self.process, 0)


class Toolbox:
    """What a conversation offers its model."""

    def __init__(self, c):
        self.c, self.server, self.child = c, None, None
        self.spawns = False

    def names(self):
        kind = self.c.kind
        own = [kind.shell_tool, kind.read_tool, kind.write_tool]
        if self.spawns:
            own.append(kind.spawn_tool)
        return own + ([self.server.decorated(kind, t) for t in self.server.tools] if self.server else [])

    def one(self, depth):
        rng, makers = self.c.rng, [Shell, Shell, Read, Write]
        if self.server:
            makers.append(lambda c: Mcp(c, self.server))
        if self.spawns and depth > 0:
            makers.append(lambda c: Spawn(c, depth))
        return rng.choice(makers)(self.c)

    def some(self, depth=0, most=3):
        return [self.one(depth) for _ in range(self.c.rng.randrange(1, most + 1))]

