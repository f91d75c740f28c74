"""An agent at work: conversations that ask, run what the model wants, and tell the result."""
import formats
from kinds import new_uuid
from tools import Toolbox


class Site:
    """What the conversations of one process share."""

    def __init__(self, world, truth, process, pools, kind, rng):
        self.world, self.truth, self.process, self.pools, self.kind, self.rng = world, truth, process, pools, kind, rng
        self.interactive = False


class Conversation:
    """@run: of the truth. @agent: the step whose calls these are."""

    def __init__(self, site, run, agent, prompt, above=None, system=None):
        self.site, self.run, self.agent, self.above = site, run, agent, above
        self.kind, self.rng = site.kind, site.rng
        self.format = above.format if above else formats.FORMATS[self.rng.choice(self.kind.formats)]
        self.system = system or f"You are {self.kind.agent}, an agent that works."
        self.messages = [{"role": "user", "text": prompt}]
        self.session = above.session if above else new_uuid(self.rng)
        self.agent_id, self.turn_id = None, new_uuid(self.rng)
        self.last = None  # the call whose answer is the newest in the history
        self.chained = self.format.name == "responses" and self.kind.agent != "codex" and self.rng.random() < 0.5
        self.previous = None
        self.untold = []  # tools whose results the next request brings
        self.bridges = False  # its next request has another history
        self.failures = ()  # statuses of the next tries
        self.size = self.rng.randrange(200, 2000)
        site.truth.conversations += 1
        self.number = site.truth.conversations
        self.toolbox = Toolbox(self)

    # --- one call ---

    def request(self, tools, stream, small):
        return {
            "model": self.format.small if small else self.format.model,
            "max_tokens": self.rng.randrange(256, 32000),
            "system": self.system,
            "messages": self.messages,
            "tools": tools,
            "stream": stream,
            "marks": self.kind.marks,
            "chained": self.chained,
            "previous": self.previous,
            "extra": self.kind.extra(self),
        }

    def usage(self):
        rng = self.rng
        self.size += rng.randrange(20, 300)
        read = rng.randrange(self.size) if rng.random() < 0.6 else 0
        write = rng.randrange(self.size - read) if self.format.has_cache_write and rng.random() < 0.5 else 0
        return {"input": self.size, "output": rng.randrange(1, 400), "cache_read": read, "cache_write": write}

    def send(self, request, step):
        x = self.site.pools.exchange(self.format.host)
        headers = [("Host", self.format.host), ("Content-Type", "application/json"), *self.kind.headers(self)]
        step["at"] = self.site.world.wall()
        x.ask("POST", self.format.target(request), headers, formats.dumps(self.format.request(request)).encode(), step)
        return x

    def answer(self, text, calls):
        name = {"anthropic": "msg_", "chat": "chatcmpl-", "responses": "resp_", "gemini": ""}[self.format.name]
        ident = name + "%020x" % self.rng.getrandbits(80)
        return {"role": "assistant", "id": ident, "text": text, "calls": calls, "usage": self.usage()}

    def new_step(self, **facts):
        step = self.site.truth.call(self.run, self.agent, self.site.process.pid, **facts)
        step["after"] = self.last and self.last["key"]
        if self.bridges:
            step["bridge"] = True
        for tool in self.untold:
            tool["told_to"] = step["key"]
        self.untold = []
        return step

    def failed_try(self, request, status, tried):
        """@tried: the try before, which failed too."""
        step = self.new_step(error=status, conversation=self.number)
        step["retry_of"] = tried and tried["key"]
        x = self.send(request, step)
        yield self.rng.randrange(20, 80)
        body = formats.dumps(self.format.error(status)).encode()
        x.head(status, [("Content-Type", "application/json"), ("request-id", "req_%d" % step["key"])], step, body)
        x.end(step)
        yield self.rng.randrange(100, 900)
        return step

    def broken_try(self):
        """An answer that begins and never ends."""
        request = self.request(self.toolbox.names(), True, False)
        step = self.new_step(conversation=self.number, cut=True)
        x = self.send(request, step)
        yield self.rng.randrange(30, 90)
        x.head(200, [("Content-Type", "text/event-stream")], step)
        answer = self.answer("this breaks off " + self.words("here"), [])
        step["id"] = answer["id"]
        for piece in self.format.stream(answer, request["model"], request)[:2]:
            x.piece(piece, step)
            yield 5
        x.abort()
        yield self.rng.randrange(100, 500)

    def call(self, text, calls=(), tools=None, small=False, side=None, while_ending=()):
        """Asks and hears; retries before it are made first. Returns what @while_ending gave, which begins before the end."""
        tools = self.toolbox.names() if tools is None else tools
        stream = self.rng.random() < self.kind.streams
        request = self.request(tools, stream, small)
        tried = None
        for status in self.failures:
            tried = yield from self.failed_try(request, status, tried)
        self.failures = ()
        step = self.new_step(conversation=self.number, **({"side": side} if side else {}))
        step["retry_of"] = tried and tried["key"]
        x = self.send(request, step)
        yield self.rng.randrange(30, 300)
        answer = self.answer(text, list(calls))
        step["id"] = answer["id"]
        self.site.truth.price(step, small, answer["usage"])
        for c in calls:
            c["step"]["asked"] = step["key"]
        results = yield from self.hear(x, step, answer, request, while_ending)
        if not side:
            self.messages.append(answer)
            self.last, self.bridges = step, False
            if self.chained:
                self.previous = answer["id"]
        return results

    def hear(self, x, step, answer, request, while_ending):
        head = [("request-id", "req_%d" % step["key"])]
        if not request["stream"]:
            body = formats.dumps(self.format.answer(answer, request["model"], request)).encode()
            x.head(200, [("Content-Type", "application/json"), *head], step, body)
            x.end(step)
            yield self.rng.randrange(2, 10)
            return (yield list(while_ending))
        x.head(200, [("Content-Type", "text/event-stream"), *head], step)
        pieces = self.format.stream(answer, request["model"], request)
        early = self.kind.early and self.rng.random() < 0.5
        for piece in pieces[:-2]:
            x.piece(piece, step)
            yield self.rng.randrange(1, 12)
        rest = self.rest(x, step, pieces[-2:])
        if early:
            return (yield [*while_ending, rest])[: len(while_ending)]
        yield from rest
        yield self.rng.randrange(2, 10)
        return (yield list(while_ending))

    def rest(self, x, step, pieces):
        for piece in pieces:
            x.piece(piece, step)
            yield self.rng.randrange(1, 12)
        x.end(step)

    # --- work ---

    def ask_for(self, wanted, text=None):
        """The model wants tools (of tools.py); they run, and their results are told with the next call."""
        for tool in wanted:
            tool.open()
        calls = [t.call for t in wanted]
        results = yield from self.call(text or self.words("now"), calls, while_ending=[t.run() for t in wanted])
        self.messages.append({"role": "tool", "results": [{**t.told(), "text": text, "error": bad} for t, (text, bad) in zip(wanted, results)]})
        self.untold = [t.step for t in wanted]
        yield self.rng.randrange(1, 20)

    def finish(self, text=None):
        yield from self.call(text or self.words("done"))

    def work(self, rounds=None, depth=0):
        """Some rounds of tools and a final answer."""
        for _ in range(self.rng.randrange(0, 4) if rounds is None else rounds):
            yield from self.ask_for(self.toolbox.some(depth))
        yield from self.finish()

    def words(self, what):
        return f"{what} {self.rng.getrandbits(40):010x}."

    def say(self, text):
        self.messages.append({"role": "user", "text": text})

    def sub(self, prompt, tool_step, sure=True):
        """A sub-agent in the same process, started by a tool call."""
        truth = self.site.truth
        agent = truth.step(self.run, "agent", tool_step, sub=True, **({} if sure else {"unsure": True}))
        c = Conversation(self.site, self.run, agent, prompt, self, f"You are a helper, number {self.rng.randrange(10**6)}, that does one thing.")
        if self.kind.sub_headers:
            c.agent_id = new_uuid(self.rng)
        return c
