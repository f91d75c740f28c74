"""Agents below agents: in the same process, or as programs of their own."""
from kinds import Claude, Codex, GeminiCli, Kind, Opencode
from tools import Child, Spawn

from .registry import pick, theme


@theme(2)
def sub_agents(s):
    """In the same process, up to two deep."""
    site, c = s.one_shot(pick(s, (Claude, Codex, Opencode, Kind, GeminiCli)))
    c.toolbox.spawns = True
    yield from c.ask_for([Spawn(c, depth=2)])
    yield from c.work(1, 1)
    yield from s.end(site)


@theme()
def parallel_sub_agents(s):
    site, c = s.one_shot(pick(s, (Claude, Codex, Opencode, Kind)))
    c.toolbox.spawns = True
    yield from c.ask_for([Spawn(c, depth=2) for _ in range(s.rng.randrange(2, 5))])
    yield from c.finish()
    yield from s.end(site)


@theme()
def child_agents(s):
    """An agent that a command starts as a program of its own."""
    site, c = s.one_shot(pick(s, (Claude, Kind, GeminiCli)))

    def make(above, shell, step, prompt):
        kind = Claude()
        child, agent = s.child(above.run, step, shell, kind, prompt)
        own = s.site(child, kind)
        return child, s.conversation(own, above.run, agent, prompt)

    yield from c.ask_for([Child(c, make) for _ in range(s.rng.randrange(1, 3))])
    yield from c.finish()
    yield from s.end(site)
