#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""MCP between processes in every way that bytes can go: stdio.py LOG. Writes to LOG what was asked and answered.

    stdio.py --serve        answers on its standard descriptors
    stdio.py --noise N      what pipes carry else: N bytes each of text, binary, JSON that is no JSON-RPC
"""
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading


def write_all(fd, data):
    while data:
        data = data[os.write(fd, data):]


def write_vectors(fd, data):
    while data:
        data = data[os.writev(fd, [data[:1], b"", data[1:100], data[100:]]):]


def write_pieces(fd, data):
    for i in range(0, len(data), 1000):
        write_all(fd, data[i:i + 1000])


def write_message(fd, data):
    with socket.socket(fileno=os.dup(fd)) as s:
        while data:
            data = data[s.sendmsg([data[:3], data[3:]]):]


def splice(fd, data):
    """No buffer of this process holds the bytes when they go."""
    with tempfile.TemporaryFile() as f:
        f.write(data)
        f.flush()
        f.seek(0)
        left = len(data)
        while left:
            left -= os.splice(f.fileno(), fd, left)


def read_some(fd):
    return os.read(fd, 65536)


def read_byte(fd):
    return os.read(fd, 1)


def read_vectors(fd):
    parts = [bytearray(3), bytearray(0), bytearray(70000)]
    n = os.readv(fd, parts)
    return b"".join(parts)[:n]


def read_message(fd):
    with socket.socket(fileno=os.dup(fd)) as s:
        return s.recvmsg(65536)[0]


def lines(fd, read):
    kept = b""
    while True:
        part = read(fd)
        if not part:
            return
        *whole, kept = (kept + part).split(b"\n")
        yield from whole


def answer_to(request):
    """None: to a notification."""
    if "id" not in request:
        return None
    if request["method"] == "initialize":
        result = {"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {"name": "ways", "version": "3"}}
    else:
        result = {"content": [{"type": "text", "text": "got " + request["params"]["arguments"]["pad"]}]}
    return json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}).encode() + b"\n"


def serve(fd_in, fd_out, read=read_some, write=write_all):
    for line in lines(fd_in, read):
        data = answer_to(json.loads(line))
        if data:
            write(fd_out, data)


class Client:
    def __init__(self, log, name, fd_in, fd_out, read=read_some, write=write_all):
        self.log, self.name, self.fd_out, self.write = log, name, fd_out, write
        self.lines, self.n = lines(fd_in, read), 0

    def ask(self, method, params):
        self.send(method, params)
        return json.loads(next(self.lines))["result"]

    def send(self, method, params):
        # As the SDKs print it: the version last.
        self.write(self.fd_out, json.dumps({"method": method, "params": params, "jsonrpc": "2.0", "id": self.n}).encode() + b"\n")
        self.n += 1

    def params(self, pad):
        return {"name": self.name, "arguments": {"n": self.n, "pad": pad}}

    def told(self, params, result):
        self.log.write(json.dumps({**params, "result": result}) + "\n")

    def run(self, *sizes):
        self.ask("initialize", {"protocolVersion": "2025-11-25", "clientInfo": {"name": "stdio", "version": "1"}})
        for n in sizes:
            params = self.params("p" * n)
            self.told(params, self.ask("tools/call", params))


def forked(action, *close):
    pid = os.fork()
    if pid == 0:
        for fd in close:
            os.close(fd)
        action()
        os._exit(0)
    return pid


def by_pipes(log, name, sizes, read=read_some, write=write_all):
    there, back = os.pipe(), os.pipe()
    pid = forked(lambda: serve(there[0], back[1], read, write), there[1], back[0])
    os.close(there[0])
    os.close(back[1])
    Client(log, name, back[0], there[1], read, write).run(*sizes)
    os.close(there[1])
    os.close(back[0])
    os.waitpid(pid, 0)


def by_sockets(log, name, sizes, read=read_some, write=write_all):
    a, b = socket.socketpair()
    pid = forked(lambda: serve(b.fileno(), b.fileno(), read, write), a.fileno())
    b.close()
    Client(log, name, a.fileno(), a.fileno(), read, write).run(*sizes)
    a.close()
    os.waitpid(pid, 0)


def by_exec(log, name, sizes):
    """Standard descriptors of another program."""
    with subprocess.Popen([sys.executable, __file__, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as p:
        Client(log, name, p.stdout.fileno(), p.stdin.fileno()).run(*sizes)
        p.stdin.close()


def by_fifos(log, name, sizes):
    with tempfile.TemporaryDirectory() as d:
        os.mkfifo(d + "/there")
        os.mkfifo(d + "/back")
        pid = forked(lambda: serve(os.open(d + "/there", os.O_RDONLY), os.open(d + "/back", os.O_WRONLY)))
        there, back = os.open(d + "/there", os.O_WRONLY), os.open(d + "/back", os.O_RDONLY)
        Client(log, name, os.dup(back), os.dup(there)).run(*sizes)
        os.closerange(3, 64)
        os.waitpid(pid, 0)


def by_threads(log, name, sizes):
    """A thread reads and another one writes, on both sides: a call is asked before the last one is answered."""
    there, back = os.pipe(), os.pipe()

    def server():
        t = threading.Thread(target=serve, args=(there[0], back[1]))
        t.start()
        t.join()

    pid = forked(server, there[1], back[0])
    os.close(there[0])
    os.close(back[1])
    c = Client(log, name, back[0], there[1])
    c.run()
    asked = []

    def ask():
        for n in sizes * 10:
            asked.append(c.params("t" * n))
            c.send("tools/call", asked[-1])

    t = threading.Thread(target=ask)
    t.start()
    got = [json.loads(next(c.lines)) for _ in range(10 * len(sizes))]
    t.join()
    for params, message in zip(asked, got):
        c.told(params, message["result"])
    os.close(there[1])
    os.waitpid(pid, 0)


def greeting(fd, data, said=[]):
    """A server that prints on its standard output what it should not."""
    if not said:
        said.append(write_all(fd, b"Server is listening\n[info] on stdio\n"))
    write_all(fd, data)


def by_greeting(log, name, sizes):
    there, back = os.pipe(), os.pipe()
    pid = forked(lambda: serve(there[0], back[1], read_some, greeting), there[1], back[0])
    os.close(back[1])
    c = Client(log, name, back[0], there[1])
    text = c.lines
    c.lines = (line for line in text if line.startswith(b"{"))
    c.run(*sizes)
    os.close(there[1])
    os.close(there[0])
    os.waitpid(pid, 0)


def by_twins(log, name, sizes):
    """Two conversations between the same two processes, over four pipes, with the same ids at the same time."""
    pipes = [(os.pipe(), os.pipe()) for _ in range(2)]

    def server():
        threads = [threading.Thread(target=serve, args=(there[0], back[1])) for there, back in pipes]
        for t in threads:
            t.start()
        for t in threads:
            t.join()

    pid = forked(server, *(fd for there, back in pipes for fd in (there[1], back[0])))
    clients = []
    for there, back in pipes:
        os.close(there[0])
        os.close(back[1])
        clients.append(Client(log, name, back[0], there[1]))
        clients[-1].run()
    for n in sizes:
        asked = [c.params("w" * (n + i)) for i, c in enumerate(clients)]
        for c, params in zip(clients, asked):
            c.send("tools/call", params)
        for c, params in zip(reversed(clients), reversed(asked)):
            c.told(params, json.loads(next(c.lines))["result"])
    for there, back in pipes:
        os.close(there[1])
        os.close(back[0])
    os.waitpid(pid, 0)


WAYS = (
    ("plain", by_pipes, (1, 5000, 100000, 3000000)),
    ("vectors", lambda *a: by_pipes(*a, read_vectors, write_vectors), (1, 5000, 200000)),
    ("pieces", lambda *a: by_pipes(*a, read_some, write_pieces), (1, 50000)),
    ("bytes", lambda *a: by_pipes(*a, read_byte, write_all), (1, 3000)),
    ("splice", lambda *a: by_pipes(*a, read_some, splice), (1, 5000, 100000)),
    ("sockets", by_sockets, (1, 5000, 1000000)),
    ("messages", lambda *a: by_sockets(*a, read_message, write_message), (1, 5000, 300000)),
    ("exec", by_exec, (1, 1000000)),
    ("greeting", by_greeting, (1, 5000)),
    ("threads", by_threads, (1, 30000)),
    ("twins", by_twins, (1, 5000, 100)),
    ("fifos", by_fifos, (1, 5000, 100000)),  # last: it closes everything
)


def noise(n):
    """Three pipes, each written by a child."""
    for unit in (b"a line of text\n", bytes(range(256)), b'{"level":"info","msg":"no rpc"}\n'):
        data = unit * (65536 // len(unit))
        r, w = os.pipe()
        pid = forked(lambda: [write_all(w, data) for _ in range(n // len(data))], r)
        os.close(w)
        while os.read(r, 65536):
            pass
        os.close(r)
        os.waitpid(pid, 0)


def main():
    if sys.argv[1] == "--serve":
        serve(0, 1)
        return
    if sys.argv[1] == "--noise":
        noise(int(sys.argv[2]))
        return
    log = os.fdopen(os.dup2(os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666), 100), "w")
    for name, way, sizes in WAYS:
        way(log, name, sizes)
        print(name)
    log.flush()


main()
