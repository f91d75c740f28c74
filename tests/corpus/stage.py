"""Puts programs under trace and takes them off again: what all themes begin and end with."""
import json

from world import record
from agent import Conversation, Site
from transport import Pools


class Stage:
    """@theme: the name under which the score counts it."""

    def __init__(self, world, truth, theme, rng, case):
        self.world, self.truth, self.theme, self.rng, self.case = world, truth, theme, rng, case

    def scope(self, path, argv, trigger=None, reuse=False, **facts):
        """A tree under trace: its root process."""
        self.world.scopes = getattr(self.world, "scopes", 0) + 1
        trigger = trigger or self.rng.choice(("terminal", "cron", "ssh", "ci"))
        root = self.world.new_process(reuse=reuse)
        root.scope, root.trigger = self.world.scopes, trigger
        told = {"scope": root.scope, "kind": "run", "argv": argv, "cwd": "/proj", "uid": 1000, "gid": 1000, "user": "u"}
        told = {**told, "tty": trigger == "terminal", "owner": "user", "trigger": trigger, **facts}
        self.world.event(record.SCOPE, json.dumps(told).encode(), root)
        self.world.exec(root, path, argv, "/proj")
        return root

    def run(self, root, agent, **facts):
        """A run in the tree and its root step."""
        run = self.truth.run(self.theme, case=self.case, agent=agent, pid=root.pid, **{"trigger": root.trigger, **facts})
        step = self.truth.step(run, "agent", None, sub=False, pid=root.pid)
        return run, step

    def pools(self, process, kind):
        protocol = self.rng.choices(("http/1.1", "h2", "clear"), (60, 25, 15))[0]
        if kind.sockets and self.rng.random() < 0.4:
            protocol = "websocket"
        return Pools(self.world, process, self.rng, protocol)

    def site(self, process, kind, pools=None):
        return Site(self.world, self.truth, process, pools or self.pools(process, kind), kind, self.rng)

    def prompt(self):
        return f"Please do job {self.rng.getrandbits(48):012x} of the list."

    def conversation(self, site, run, agent, prompt):
        return Conversation(site, run, agent, prompt)

    def one_shot(self, kind, **facts):
        """A program that does one thing: its site and its conversation."""
        prompt = self.prompt()
        root = self.scope(*kind.program(prompt), **facts)
        run, agent = self.run(root, kind.agent, task=prompt)
        site = self.site(root, kind)
        return site, Conversation(site, run, agent, prompt)

    def interactive(self, kind):
        """A program that somebody sits at."""
        root = self.scope(*kind.interactive())
        site = self.site(root, kind)
        site.interactive = True
        return site

    def child(self, run, above, parent, kind, prompt):
        """A child of @parent that is an agent: its process, and whose step its calls are below."""
        path, argv = kind.program(prompt)
        process = self.world.spawn(parent, path, argv)
        step = process.step = self.truth.step(run, "process", above, pid=process.pid, start=process.start, argv=argv)
        if kind.known:  # else nothing tells that it is more than a program of the tree
            return process, self.truth.step(run, "agent", step, sub=False, pid=process.pid)
        return process, above

    def helpers(self, c):
        """What an agent runs for itself."""
        for path, argv in c.kind.helpers:
            yield self.rng.randrange(1, 10)
            process = self.world.spawn(c.site.process, path, argv)
            self.truth.step(c.run, "process", c.agent, pid=process.pid, start=process.start, argv=argv)
            yield self.rng.randrange(1, 10)
            self.world.exit(process, 0)

    def end(self, site, code=0, signal=0):
        yield self.rng.randrange(5, 60)
        site.pools.done()
        self.world.exit(site.process, code, signal)
