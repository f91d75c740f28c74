"""A proxy on the same machine: one call has an agent's end, the proxy's two ends, and is paid once."""
from transport import Exchange1, Pool1
from world import IN, OUT


class Served(Exchange1):
    """At the end that has accepted."""

    sends, hears = IN, OUT


class Accepting(Pool1):
    """The proxy's ends of the connections that the agent opens."""

    def exchange(self):
        if self.free:
            return self.free.pop()
        x = Served(self, self.world.connect(self.process, "tcp", "127.0.0.1:41000", "local=4000", "server"), None)
        self.all.append(x)
        return x


class Relayed:
    """An exchange that the agent begins; what passes is seen at each end, in the order in which it passes."""

    def __init__(self, pool):
        self.pool = pool
        self.ends = [p.exchange() for p in pool.pools]
        self.owners = None

    def ask(self, method, target, headers, body, owner):
        self.owners = [owner]
        self.ends[0].ask(method, target, headers, body, owner)
        for x in self.ends[1:]:
            self.owners.append(self.pool.copy_of(owner))
            x.ask(method, target, headers, body, self.owners[-1])

    def back(self):
        return reversed(list(zip(self.ends, self.owners)))

    def head(self, status, headers, _owner, body=None):
        for x, owner in self.back():
            x.head(status, headers, owner, body)

    def piece(self, data, _owner):
        for x, owner in self.back():
            x.piece(data, owner)

    def end(self, _owner):
        for x, owner in self.back():
            x.end(owner)


class Proxied:
    """The pool of an agent whose base URL is the proxy."""

    def __init__(self, stage, run, process, proxy):
        world, rng = stage.world, stage.rng
        self.truth, self.run, self.proxy = stage.truth, run, proxy
        self.pools = (
            Pool1(world, process, rng, None, "127.0.0.1:4000"),
            Accepting(world, proxy, rng, None, ""),
            Pool1(world, proxy, rng, "api.example.com", "10.0.0.1:443"),
        )

    def exchange(self, _host):
        return Relayed(self)

    def copy_of(self, owner):
        root = self.run["steps"][0]
        return self.truth.call(self.run, root, self.proxy.pid, copy_of=owner["key"], conversation=owner["conversation"])

    def done(self):
        for pool in self.pools:
            pool.done()
