"""Many runs in one process: somebody types, or requests come in."""
from kinds import SCRIPTS, Claude, Codex, Kind, Opencode, new_uuid
from transport import Inbound

from .registry import pick, theme


def typed(s, process):
    """Somebody thinks, and presses return."""
    s.world.waits(process, 0)
    yield s.rng.randrange(500, 20000)
    s.world.waits(process, 1)
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
    c.turn_id, c.untold = new_uuid(s.rng), []
    c.toolbox.spawns = s.rng.random() < 0.3
    return c


@theme(2)
def interactive(s):
    site = s.interactive(pick(s, (Claude, Codex, Opencode, Kind)))
    c = None
    yield 50
    for _ in range(s.rng.randrange(2, 5)):
        yield from typed(s, site.process)
        c = turn(s, site, c, f"{s.case}")
        yield from c.work(s.rng.randrange(0, 3), 1)
        yield 20
    yield from typed(s, site.process)
    yield from s.end(site)


@theme()
def cleared(s):
    """Somebody begins again with an empty history: another session, in the same process."""
    site = s.interactive(pick(s, (Claude, Codex, Opencode)))
    yield 50
    for number in range(s.rng.randrange(2, 4)):
        c = None
        for _ in range(s.rng.randrange(1, 3)):
            yield from typed(s, site.process)
            c = turn(s, site, c, f"{s.case}/{number}")
            yield from c.work(s.rng.randrange(0, 2))
            yield 20
    yield from typed(s, site.process)
    yield from s.end(site)


@theme()
def broken_off(s):
    """What runs is stopped by the one who asked, and something else is asked."""
    site = s.interactive(pick(s, (Claude, Codex, Kind)))
    yield 50
    yield from typed(s, site.process)
    c = turn(s, site, None, f"{s.case}")
    yield from c.ask_for(c.toolbox.some())
    yield from c.broken_try()
    c.run["status"] = "cancelled"
    yield from typed(s, site.process)
    c = turn(s, site, c, f"{s.case}")
    yield from c.work(1)
    yield from typed(s, site.process)
    yield from s.end(site)


def service(s):
    root = s.scope("/usr/bin/python3.11", ["python3", "/srv/service.py"], trigger="systemd")
    kind = pick(s, SCRIPTS)
    if not kind.named:
        kind.agent = "python3"
    return s.site(root, kind)


def serve(s, site, ms, talk=None):
    """One request that comes in; what it begins, or goes on with in @talk."""
    yield ms
    prompt, inbound = s.prompt(), Inbound(s.world, site.process)
    facts = {"session": talk["session"]} if talk else {}
    run, agent = s.run(site.process, site.kind.agent, task=prompt, trigger=None, **facts)  # the request may be what began it
    inbound.ask("/ask", b'{"q":"%s"}' % prompt.encode())
    yield 3
    if talk and talk["c"]:
        c = talk["c"]
        c.run, c.agent = run, agent
        c.say(prompt)
    else:
        c = s.conversation(site, run, agent, prompt)
    if talk:
        talk["c"] = c
    yield from c.work()
    yield 3
    inbound.answer(b'{"ok":true}')


@theme(2)
def serving(s):
    """A run for each request that comes in; several at once."""
    site = service(s)
    apart = s.rng.choice((400, 5000))
    yield [serve(s, site, 100 + i * s.rng.randrange(1, apart)) for i in range(s.rng.randrange(2, 6))]
    yield from s.end(site)


@theme()
def chat_service(s):
    """Several people talk to one service, in turns."""
    site = service(s)

    def person():
        talk = {"c": None, "session": f"{s.case}/{s.rng.getrandbits(32)}"}
        for _ in range(s.rng.randrange(1, 4)):
            yield from serve(s, site, s.rng.randrange(50, 3000), talk)

    yield [person() for _ in range(s.rng.randrange(2, 4))]
    yield from s.end(site)
