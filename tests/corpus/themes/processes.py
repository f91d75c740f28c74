"""Processes, numbers and clocks that are not what they seem."""
from agent import Conversation
from kinds import ALL, SCRIPTS, Kind
from tools import Shell

from .registry import pick, theme


@theme()
def fork_without_exec(s):
    """A worker that is a copy of its parent makes calls of its own."""
    site, c = s.one_shot(pick(s, SCRIPTS))

    def worker():
        yield s.rng.randrange(1, 50)
        child = s.world.spawn(site.process)
        own = s.site(child, site.kind)
        yield from Conversation(own, c.run, c.agent, s.prompt()).work()
        own.pools.done()
        s.world.exit(child, 0)

    yield [c.work(), *(worker() for _ in range(s.rng.randrange(1, 4)))]
    yield from s.end(site)


class Reusing:
    """The world, where each new process takes a number that was free."""

    def __init__(self, world):
        self.world = world

    def __getattr__(self, name):
        return getattr(self.world, name)

    def spawn(self, *args):
        return self.world.spawn(*args, reuse=True)


@theme()
def pid_reuse(s):
    """Numbers of processes that have ended come again."""
    site, c = s.one_shot(pick(s, ALL), reuse=True)
    for _ in range(3):
        wanted = [Shell(c) for _ in range(2)]
        for tool in wanted:
            tool.world = Reusing(s.world)
        yield from c.ask_for(wanted)
    yield from c.finish()
    yield from s.end(site)


@theme()
def clock_steps(s):
    """The wall clock is set while an agent works."""
    site, c = s.one_shot(pick(s, ALL))

    def set_clock():
        yield s.rng.randrange(10, 300)
        s.world.step_clock(s.rng.choice((-7200, -1, 3, 86400)) * 10**9)

    yield [c.work(s.rng.randrange(1, 3)), set_clock()]
    yield from s.end(site)


@theme()
def script_with_curl(s):
    """A shell script that asks with a program of its own for each call, and runs the commands itself."""
    kind, prompt = Kind(), s.prompt()
    kind.agent, kind.user_agent = "bash", "curl/7.88.1"
    root = s.scope("/bin/bash", ["bash", "agent.sh", prompt])
    run, agent = s.run(root, kind.agent, task=prompt)
    site = s.site(root, kind, Curls(s, run, agent, root))
    yield from s.conversation(site, run, agent, prompt).work(s.rng.randrange(1, 3))
    s.world.exit(root, 0)


class Curls:
    """A pool that starts a process for each exchange."""

    def __init__(self, stage, run, agent, root):
        self.stage, self.run, self.agent, self.root = stage, run, agent, root

    def exchange(self, host):
        argv = ["curl", "-s", "https://api.openai.com/v1/chat/completions", "-d", "@-"]
        process = self.stage.world.spawn(self.root, "/usr/bin/curl", argv)
        self.stage.truth.step(self.run, "process", self.agent, pid=process.pid, start=process.start, argv=argv)
        return Once(self, process, host)


class Once:
    def __init__(self, pool, process, host):
        self.pool, self.process = pool, process
        self.inner = pool.stage.pools(process, Kind())
        self.exchange = self.inner.exchange(host)
        self.head, self.piece = self.exchange.head, self.exchange.piece

    def ask(self, method, target, headers, body, owner):
        owner["pid"] = self.process.pid
        return self.exchange.ask(method, target, headers, body, owner)

    def end(self, owner):
        self.exchange.end(owner)
        self.inner.done()
        self.pool.stage.world.exit(self.process, 0)
