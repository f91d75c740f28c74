"""Several conversations of one program, and calls that are none."""
from agent import Conversation
from kinds import SCRIPTS, Claude, Codex, Kind, Opencode
from proxy import Proxied

from .registry import pick, theme


@theme(2)
def many_in_one(s):
    """Side by side, on the connections that they share."""
    site, first = s.one_shot(pick(s, SCRIPTS))
    others = []
    for _ in range(s.rng.randrange(1, 6)):
        system = first.system if s.rng.random() < 0.7 else s.prompt()
        others.append(Conversation(site, first.run, first.agent, s.prompt(), system=system))
    yield [c.work() for c in (first, *others)]
    yield from s.end(site)


@theme()
def same_question(s):
    """Asked twice at once, answered differently: what follows tells them apart."""
    site, a = s.one_shot(pick(s, SCRIPTS))
    b = Conversation(site, a.run, a.agent, a.messages[0]["text"])
    b.format = a.format
    yield [c.work(s.rng.randrange(1, 3)) for c in (a, b)]
    yield from s.end(site)


@theme()
def same_text(s):
    """The same words on both sides, and no ids: which of the two goes on cannot be told."""
    site, a = s.one_shot(Kind())
    b = Conversation(site, a.run, a.agent, a.messages[0]["text"])

    def talk(c, ms):
        yield ms
        yield from c.call("Yes.", tools=[])
        c.say("And then?")
        yield 900
        yield from c.call(c.words("that"), tools=[])
        c.last["unsure"] = True

    yield [talk(a, 0), talk(b, 3)]
    yield from s.end(site)


@theme()
def side_calls(s):
    """Titles, and a probe of the quota: no turns of the conversation."""
    site, c = s.one_shot(pick(s, (Opencode, Claude)))
    if c.kind.agent == "claude-code":
        probe = Conversation(site, c.run, c.agent, "quota", c)
        probe.system = ""
        yield from probe.call("ok", tools=[], small=True, side="probe")
    title = Conversation(site, c.run, c.agent, c.messages[0]["text"], c)
    title.system = "Write a title of at most five words for this conversation."
    yield [title.call("A title", tools=[], small=True, side="title"), c.work(2)]
    yield from s.end(site)


@theme()
def compaction(s):
    """The history is made shorter; with a session's id, or with none."""
    site, c = s.one_shot(pick(s, (Claude, Codex, Kind)))
    yield from c.work(s.rng.randrange(1, 3))
    c.say("Write a summary of this conversation, to go on from.")
    summary = "Summary: " + c.words("all that was done so far")
    yield from c.call(summary)
    c.messages = [{"role": "user", "text": "This goes on from a conversation before. " + summary + " Go on."}]
    c.bridges = True
    yield from c.work(s.rng.randrange(1, 3))
    yield from s.end(site)


@theme()
def local_proxy(s):
    """Agent, proxy and provider on one machine: a call is seen three times."""
    kind, prompt = pick(s, (Kind, Claude)), s.prompt()
    root = s.scope("/bin/bash", ["bash", "both.sh"])
    run, agent = s.run(root, kind.agent, task=prompt)
    argv = ["python3", "/usr/bin/litellm", "--port", "4000"]
    proxy = s.world.spawn(root, "/usr/bin/python3.11", argv)
    s.truth.step(run, "process", agent, pid=proxy.pid, start=proxy.start, argv=argv)
    yield 50
    process, agent = s.child(run, agent, root, kind, prompt)
    site = s.site(process, kind, Proxied(s, run, process, proxy))
    yield from s.conversation(site, run, agent, prompt).work(s.rng.randrange(1, 3))
    site.pools.done()
    s.world.exit(process, 0)
    yield 10
    s.world.exit(proxy, 0, 15)
    yield 10
    s.world.exit(root, 0)
