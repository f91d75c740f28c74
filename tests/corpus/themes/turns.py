"""Many runs in one process: somebody types, or requests come in."""
from kinds import SCRIPTS, Claude, Codex, Kind, Opencode, new_uuid
from transport import Inbound

from .registry import pick, theme


def typed(s, root):
    """Somebody thinks, and presses return."""
    s.world.waits(root, 0)
    yield s.rng.randrange(500, 20000)
    s.world.waits(root, 1)
    yield 3


def turn(s, site, c, session):
    """A run for what was typed; in the conversation @c, or in a new one."""
    prompt = s.prompt()
    run, agent = s.run(site.process, site.kind.agent, task=prompt, session=session)
    if c is None:
        c = s.conversation(site, run, agent, prompt)
    else:
        c.run, c.agent = run, agent
        c.say(prompt)
    c.turn_id = new_uuid(s.rng)
    c.toolbox.spawns = s.rng.random() < 0.3
    return c


@theme(2)
def interactive(s):
    kind = pick(s, (Claude, Codex, Opencode, Kind))
    root = s.scope(*kind.interactive())
    site, c, session = s.site(root, kind), None, len(s.truth.runs)
    yield 50
    for _ in range(s.rng.randrange(2, 5)):
        yield from typed(s, root)
        c = turn(s, site, c, session)
        yield from c.work(s.rng.randrange(0, 3), 1)
        yield 20
    yield from typed(s, root)
    yield from s.end(site)


@theme()
def broken_off(s):
    """What runs is stopped by the one who asked, and something else is asked."""
    kind = pick(s, (Claude, Codex, Kind))
    root = s.scope(*kind.interactive())
    site, session = s.site(root, kind), len(s.truth.runs)
    yield 50
    yield from typed(s, root)
    c = turn(s, site, None, session)
    yield from c.ask_for(c.toolbox.some())
    yield from c.broken_try()
    yield from typed(s, root)
    c.untold = []
    c = turn(s, site, c, session)
    yield from c.work(1)
    yield from typed(s, root)
    yield from s.end(site)


@theme(2)
def serving(s):
    """A run for each request that comes in; several at once."""
    kind = pick(s, SCRIPTS)
    root = s.scope("/usr/bin/python3.11", ["python3", "/srv/service.py"], trigger="systemd")
    site = s.site(root, kind)

    def serve(ms):
        yield ms
        prompt, inbound = s.prompt(), Inbound(s.world, root)
        run, agent = s.run(root, kind.agent, task=prompt)
        inbound.ask("/ask", b'{"q":"%s"}' % prompt.encode())
        yield 3
        yield from s.conversation(site, run, agent, prompt).work()
        yield 3
        inbound.answer(b'{"ok":true}')

    apart = s.rng.choice((400, 5000))
    yield [serve(100 + i * s.rng.randrange(1, apart)) for i in range(s.rng.randrange(2, 6))]
    yield from s.end(site)
