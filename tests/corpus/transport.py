"""How requests travel: HTTP/1.1 connections that are kept, and streams of one HTTP/2 connection, under TLS or in the clear.

Pools are shared by all conversations of a process, and give exchanges with the same verbs: ask, head, piece, end.
"""
from world import IN, OUT

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, DATA, RST, SETTINGS = 1, 0, 3, 4
END_STREAM, END_HEADERS = 1, 4


def open_connection(world, process, address, server):
    """The connection that carries plaintext, and the socket below it. @server: its name; None: no TLS."""
    if not server:
        return world.connect(process, "tcp", address), None
    sock = world.connect(process, "tcp", address, "tls")
    world.hello(sock, server)
    conn = world.connect(process, "openssl")
    world.link(conn.id, sock.id)
    return conn, sock


class Exchange1:
    sends, hears = OUT, IN

    def __init__(self, pool, conn, sock):
        self.pool, self.world, self.conn, self.sock, self.chunked = pool, pool.world, conn, sock, False

    def ask(self, method, target, headers, body, owner):
        lines = [f"{method} {target} HTTP/1.1", *(f"{k}: {v}" for k, v in headers), f"Content-Length: {len(body)}", "", ""]
        return self.world.send(self.conn, self.sends, "\r\n".join(lines).encode() + body, owner)

    def head(self, status, headers, owner, body=None):
        """@body None: it comes in pieces."""
        self.chunked = body is None
        length = "Transfer-Encoding: chunked" if self.chunked else f"Content-Length: {len(body)}"
        lines = [f"HTTP/1.1 {status} Status", *(f"{k}: {v}" for k, v in headers), length, "", ""]
        self.world.send(self.conn, self.hears, "\r\n".join(lines).encode() + (body or b""), owner)

    def piece(self, data, owner):
        self.world.send(self.conn, self.hears, b"%x\r\n%s\r\n" % (len(data), data), owner)

    def end(self, owner):
        if self.chunked:
            self.world.send(self.conn, self.hears, b"0\r\n\r\n", owner)
        self.pool.free.append(self)

    def abort(self):
        self.pool.close(self)  # whoever is in the middle of an answer is not free


class Pool1:
    """As many connections as are asked for at once; whoever comes takes one that is free."""

    def __init__(self, world, process, rng, server, address):
        self.world, self.process, self.rng, self.server, self.address = world, process, rng, server, address
        self.free, self.all = [], []

    def exchange(self):
        if self.free:
            return self.free.pop(self.rng.randrange(len(self.free)))
        x = Exchange1(self, *open_connection(self.world, self.process, self.address, self.server))
        self.all.append(x)
        return x

    def close(self, x):
        self.world.close(x.conn)
        if x.sock:
            self.world.close(x.sock)
        self.all.remove(x)

    def done(self):
        for x in list(self.all):
            self.close(x)
        self.free = []


def literal(name, value):
    """A header field that leaves no trace in the compression's table."""
    n, v = name.lower().encode(), str(value).encode()
    return b"\0" + length(len(n)) + n + length(len(v)) + v


def length(n):
    if n < 127:
        return bytes([n])
    out, n = [127], n - 127
    while n >= 128:
        out.append(n % 128 + 128)
        n //= 128
    return bytes([*out, n])


def frame(kind, flags, stream, payload):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


class Exchange2:
    def __init__(self, pool, stream):
        self.pool, self.world, self.stream = pool, pool.world, stream
        self.conn = pool.conn

    def send(self, direction, data, owner):
        if not self.world.send(self.conn, direction, data, owner):
            self.pool.hurt = True
            for other in self.pool.open.values():
                other["near"] = True

    def ask(self, method, target, headers, body, owner):
        host = next(v for k, v in headers if k == "Host")
        self.pool.open[self.stream] = owner
        if self.pool.hurt:
            owner["near"] = True
        fields = [(":method", method), (":scheme", "https"), (":authority", host), (":path", target)]
        fields += [(k, v) for k, v in headers if k != "Host"]
        block = b"".join(literal(k, v) for k, v in fields)
        self.send(OUT, frame(HEADERS, END_HEADERS, self.stream, block) + frame(DATA, END_STREAM, self.stream, body), owner)

    def head(self, status, headers, owner, body=None):
        block = b"".join(literal(k, v) for k, v in [(":status", status), *headers])
        data = frame(HEADERS, END_HEADERS, self.stream, block)
        self.send(IN, data + (frame(DATA, END_STREAM, self.stream, body) if body is not None else b""), owner)
        self.open = body is None

    def piece(self, data, owner):
        self.send(IN, frame(DATA, 0, self.stream, data), owner)

    def end(self, owner):
        if self.open:
            self.send(IN, frame(DATA, END_STREAM, self.stream, b""), owner)
        self.pool.open.pop(self.stream)

    def abort(self):
        self.world.send(self.conn, OUT, frame(RST, 0, self.stream, b"\0\0\0\x08"))
        self.pool.open.pop(self.stream)


class Pool2:
    """One connection, a stream for each exchange. A loss in it may hurt whoever shares it."""

    def __init__(self, world, process, _rng, server, address):
        self.world, self.process = world, process
        self.conn, self.sock = open_connection(world, process, address, server)
        self.next, self.hurt, self.open = 1, False, {}
        world.send(self.conn, OUT, PREFACE + frame(SETTINGS, 0, 0, b""))
        world.send(self.conn, IN, frame(SETTINGS, 0, 0, b""))

    def exchange(self):
        x = Exchange2(self, self.next)
        self.next += 2
        return x

    def done(self):
        self.world.close(self.conn)
        if self.sock:
            self.world.close(self.sock)


def masked(data):
    """A client's frame of text."""
    n, key = len(data), b"\x5a\x12\xc3\x07"
    size = bytes([128 | n]) if n < 126 else bytes([128 | 126]) + n.to_bytes(2, "big") if n < 65536 else bytes([128 | 127]) + n.to_bytes(8, "big")
    return b"\x81" + size + key + bytes(b ^ key[i % 4] for i, b in enumerate(data))


def unmasked(data):
    n = len(data)
    return b"\x81" + (bytes([n]) if n < 126 else bytes([126]) + n.to_bytes(2, "big")) + data


class ExchangeW:
    """One question and its answer on a WebSocket: the request's body is a message, and so is each event."""

    def __init__(self, pool):
        self.pool, self.world = pool, pool.world

    def ask(self, _method, target, headers, body, owner):
        self.thread = dict(headers).get("thread-id")
        if self.thread not in self.pool.conns:
            self.pool.upgrade(self.thread, target, headers)
            owner["at"] = self.world.wall()
        self.conn = self.pool.conns[self.thread][0]
        self.world.send(self.conn, OUT, masked(b'{"type":"response.create",' + body[1:]), owner)

    def head(self, status, _headers, owner, body=None):
        if status != 200:
            self.world.send(self.conn, IN, unmasked(b'{"type":"error","status":%d,' % status + body[1:]), owner)

    def piece(self, data, owner):
        self.world.send(self.conn, IN, unmasked(data.partition(b"data: ")[2].strip()), owner)

    def end(self, _owner):
        pass

    def abort(self):
        self.pool.close(self.thread)


class PoolW:
    """A WebSocket for each thread."""

    def __init__(self, world, process, _rng, server, address):
        self.world, self.process, self.server, self.address, self.conns = world, process, server, address, {}

    def exchange(self):
        return ExchangeW(self)

    def upgrade(self, thread, target, headers):
        conn, sock = self.conns[thread] = open_connection(self.world, self.process, self.address, self.server)
        lines = [f"GET {target} HTTP/1.1", *(f"{k}: {v}" for k, v in headers if not k.startswith("Content")), "Upgrade: websocket"]
        lines += ["Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "", ""]
        self.world.send(conn, OUT, "\r\n".join(lines).encode())
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
        lines += ["Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "", ""]
        self.world.send(conn, IN, "\r\n".join(lines).encode())

    def close(self, thread):
        for c in self.conns.pop(thread):
            self.world.close(c)

    def done(self):
        for thread in list(self.conns):
            self.close(thread)


class Pools:
    """The pools of one process, one for each server; all of one protocol."""

    def __init__(self, world, process, rng, protocol):
        self.world, self.process, self.rng, self.protocol, self.by_host = world, process, rng, protocol, {}

    def exchange(self, host):
        if host not in self.by_host:
            self.by_host[host] = self.pool(host, f"10.0.{len(self.by_host)}.1")
        return self.by_host[host].exchange()

    def pool(self, host, address):
        if self.protocol == "clear":
            return Pool1(self.world, self.process, self.rng, None, address + ":80")
        return {"h2": Pool2, "websocket": PoolW}.get(self.protocol, Pool1)(self.world, self.process, self.rng, host, address + ":443")

    def done(self):
        for pool in self.by_host.values():
            pool.done()


class Inbound:
    """A connection that a server has accepted, with one request on it."""

    def __init__(self, world, process, port=8080, address=None):
        self.world = world
        self.conn = world.connect(process, "tcp", address or f"10.9.0.1:{50000 + world.next_conn % 9000}", f"local={port}", "server")

    def ask(self, target, body, headers=()):
        lines = [f"POST {target} HTTP/1.1", "Host: localhost", "Content-Type: application/json", *(f"{k}: {v}" for k, v in headers)]
        self.world.send(self.conn, IN, "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body)

    def answer(self, body, kind="application/json"):
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        self.world.send(self.conn, OUT, head.encode() + body)
        self.world.close(self.conn)

