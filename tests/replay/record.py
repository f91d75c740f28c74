#!/usr/bin/env python3
"""Makes a recording out of a description, so that tests need no kernel.

    record.py [--chunk BYTES] [--cut BYTES] DESCRIPTION FILE

--chunk: DATA events carry at most so many bytes. --cut: the file is cut there. The file's format is that of
src/intake/record.c, the events are those of include/sonde/event.h. A description is lines of words; `#` starts a comment:

    host NAME [BOOT-ID]                         who recorded; with boot time and wall clock, always the first
    config JSON                                 what decides the store's content
    wait 250ms                                  time passes (TICKs come of themselves); else 1 ms per line
    scope PROCESS JSON                          its tree is traced; JSON as event.h has it
    fork PARENT CHILD                           names are free; pids are given in order
    exec PROCESS PATH [cwd=DIR] -- ARGV...
    exit PROCESS CODE | exit PROCESS signal N
    facts PROCESS JSON                          a PROC event
    open CONN PROCESS openssl|tcp|unix [ADDRESS:PORT or /PATH] [local=PORT] [tls] [server]
    link TLS SOCKET
    close CONN
    request CONN METHOD TARGET [OPTION...]      an HTTP message, its lines follow, each after `| `: headers, an empty
    answer CONN STATUS [OPTION...]              line, the body. Length and codings are added.
    raw CONN in|out                             bytes as they stand (lines after `| `)
    end CONN in|out                             the direction ends
    file PROCESS OPERATION PATH [PATH2] [bytes=N] [created] [errno=N]
                                                written, renamed, removed, folder_made, folder_removed, linked, refused
    artifact PROCESS PATH                       what stands in it (lines after `| `)
    connect PROCESS ADDRESS:PORT|/PATH [errno=N]
    loss COUNTER VALUE                          a LOSS event (number of the counter)
    attach JSON
    prober-lost

Options of messages: chunked; gzip, deflate; lf (each body line ends with LF, else they are joined without);
pace=20ms (one write per body line, that far apart); lose=FROM+BYTES (these bytes of the message are lost);
cut=BYTES (the message stops there).
"""
import argparse
import hashlib
import json
import shlex
import struct
import sys
import zlib

BOOT = 100_000_000_000
WALL = 1_795_000_000_000_000_000
TICK_NS = 100_000_000
SOURCES = {"openssl": 1, "tcp": 2, "unix": 3}
DIRECTIONS = {"in": 0, "out": 1}
HOST, CLOCK, CONFIG, TICK, END, SCOPE, FORK, EXEC, EXIT, PROC = 1, 2, 3, 4, 5, 6, 10, 11, 12, 13
DATA, GAP, OPEN, CLOSE, LINK, LOSS, ATTACH, PROBER_LOST = 20, 21, 22, 23, 24, 30, 31, 33
CONNECT, FILE, ARTIFACT = 25, 40, 41
OPERATIONS = ("written", "renamed", "removed", "folder_made", "folder_removed", "linked", "refused")
JSON_COMMANDS = ("config", "scope", "facts", "attach")


class Process:
    def __init__(self, number, start):
        self.pid, self.start, self.parent = number, start, (1, 1)


class Conn:
    def __init__(self, number, process, source):
        self.id, self.process, self.source, self.pos = number, process, source, [0, 0]
        self.local, self.server = 40000, False


class Recording:
    """Events, as bytes of a file."""

    def __init__(self, chunk=16384):
        self.out = bytearray(struct.pack("<8sIIII32s72s72s", b"sonderec", 200, 1, 1, 0, b"", b"", b""))
        self.chunk, self.now, self.next_tick = chunk, BOOT, BOOT + TICK_NS
        self.processes, self.conns = {}, {}

    def event(self, kind, payload=b"", process=None):
        pid, start = (process.pid, process.start) if process else (0, 0)
        size = 32 + len(payload)
        self.out += struct.pack("<QQIIIHH", self.now, start, pid, pid, size, kind, 0) + payload
        self.out += b"\0" * (-size % 8)

    def wait(self, ns):
        until = self.now + ns
        while self.next_tick <= until:
            self.now = self.next_tick
            self.event(TICK)
            self.next_tick += TICK_NS
        self.now = until

    def process(self, name):
        if name not in self.processes:
            self.processes[name] = Process(1000 + len(self.processes), self.now)
        return self.processes[name]

    def fork(self, parent, child):
        p, c = self.process(parent), self.process(child)
        c.parent = (p.pid, p.start)
        self.event(FORK, struct.pack("<QII", c.start, c.pid, 1), p)

    def exec(self, name, path, argv, cwd):
        p = self.process(name)
        texts = [path.encode() + b"\0", cwd.encode() + b"\0", b"".join(a.encode() + b"\0" for a in argv)]
        comm = path.rsplit("/", 1)[-1].encode()[:15]
        fixed = struct.pack("<QQIIIIHHHH16s", p.parent[1], 1, p.parent[0], 1000, 1000, 0, *map(len, texts), 0, comm)
        self.event(EXEC, fixed + b"".join(texts), p)

    def exit(self, name, code, signal):
        self.event(EXIT, struct.pack("<QQii", 5_000_000, 1_000_000, code, signal), self.process(name))

    def conn_event(self, kind, c, address="", flags=0):
        host, _, port = address.rpartition(":")
        is_unix = c.source == SOURCES["unix"]
        v4 = b"" if is_unix or not host else bytes(map(int, host.split(".")))
        fixed = (c.id, flags, c.source, 1 if is_unix else 2 if v4 else 0, 0, c.local if v4 else 0, int(port) if v4 else 0)
        path = address.encode() if is_unix else b""
        self.event(kind, struct.pack("<QIBBHHH16s16s108s", *fixed, b"\x7f\0\0\1" if v4 else b"", v4, path), c.process)

    def open(self, name, process, source, words):
        c = self.conns[name] = Conn(1 + len(self.conns), self.process(process), SOURCES[source])
        c.server = "server" in words
        c.local = next((int(w[6:]) for w in words if w.startswith("local=")), c.local)
        address = next((w for w in words if ":" in w or w.startswith("/")), "")
        flags = (4 if c.server else 2) | (8 if "tls" in words else 0)
        self.conn_event(OPEN, c, address, 0 if source == "openssl" else flags)

    def link(self, tls, sock):
        a, b = self.conns[tls], self.conns[sock]
        self.event(LINK, struct.pack("<QQII", a.id, b.id, 1, 0), a.process)

    def data(self, name, direction, data, lost=range(0)):
        """One call of the program; @lost: which of its bytes were not seen."""
        c = self.conns[name]
        at = 0
        while at < len(data):
            pos = c.pos[direction] + at
            if at in lost:
                n = min(lost.stop, len(data)) - at
                self.event(GAP, struct.pack("<QQQBBB5s", c.id, pos, n, direction, c.source, 1, b""), c.process)
            else:
                n = min(self.chunk, (lost.start if at < lost.start else len(data)) - at, len(data) - at)
                fixed = struct.pack("<QQIIBBHI", c.id, pos, n, len(data), direction, c.source, 0, 0)
                self.event(DATA, fixed + data[at : at + n], c.process)
            at += n
        c.pos[direction] += len(data)

    def eof(self, name, direction):
        c = self.conns[name]
        self.event(DATA, struct.pack("<QQIIBBHI", c.id, c.pos[direction], 0, 0, direction, c.source, 1, 0), c.process)


def number_of(text):
    """What stands for a file's inode number: the same for the same path."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")


def file_op(rec, name, op, words):
    options = dict(w.split("=", 1) for w in words if "=" in w)
    paths = [w for w in words if w.startswith("/")]
    texts = [p.encode() + b"\0" for p in paths] + [b""] * (2 - len(paths))
    size = int(options.get("bytes", 0))
    fixed = (8, number_of(paths[-1]), size, size, 1 + OPERATIONS.index(op), -int(options.get("errno", 0)))
    lengths = (len(texts[0]), len(texts[1]), 1 if "created" in words else 0, 0)
    rec.event(FILE, struct.pack("<QQQQIiHHHH", *fixed, *lengths) + b"".join(texts), rec.process(name))


def artifact(rec, name, path, content):
    text = path.encode() + b"\0"
    fixed = (8, number_of(path), len(content), hashlib.sha256(content).digest(), 0, len(content), len(text), 1, b"")
    rec.event(ARTIFACT, struct.pack("<QQQ32sIIHB5s", *fixed) + text + content, rec.process(name))


def connect(rec, name, peer, words):
    options = dict(w.split("=", 1) for w in words)
    host, _, port = peer.rpartition(":")
    is_unix = peer.startswith("/")
    address = b"" if is_unix else bytes(map(int, host.split(".")))
    fixed = (-int(options.get("errno", 0)), 1 if is_unix else 2, 0, 0 if is_unix else int(port), address)
    rec.event(CONNECT, struct.pack("<iBBH16s108sI", *fixed, peer.encode() if is_unix else b"", 0), rec.process(name))


def duration(text):
    for unit, ns in (("ms", 10**6), ("us", 10**3), ("s", 10**9)):
        if text.endswith(unit):
            return int(float(text[: -len(unit)]) * ns)
    raise SystemExit(f"record.py: not a time: {text}")


def pack(pieces, words):
    """The content coding; each piece can be unpacked when it arrives."""
    packer = zlib.compressobj(wbits=31 if "gzip" in words else 15)
    packed = [packer.compress(p) + packer.flush(zlib.Z_SYNC_FLUSH) for p in pieces[:-1]]
    return packed + [packer.compress(pieces[-1]) + packer.flush()]


def http_writes(start, lines, words, paced):
    """The writes that make an HTTP message: all at once, or its head and then a write per body line."""
    blank = lines.index("") if "" in lines else len(lines)
    headers, body = lines[:blank], [(s + ("\n" if "lf" in words else "")).encode() for s in lines[blank + 1 :]]
    pieces = body if paced and body else [b"".join(body)]
    if "gzip" in words or "deflate" in words:
        headers.append("Content-Encoding: " + ("gzip" if "gzip" in words else "deflate"))
        pieces = pack(pieces, words)
    if "chunked" in words:
        headers.append("Transfer-Encoding: chunked")
        pieces = [b"%x\r\n%s\r\n" % (len(p), p) for p in pieces if p] + [b"0\r\n\r\n"]
    elif any(pieces) or not start.startswith("GET"):
        headers.append(f"Content-Length: {sum(map(len, pieces))}")
    head = "\r\n".join([start, *headers, "", ""]).encode()
    return [head, *(p for p in pieces if p)] if paced else [head + b"".join(pieces)]


def message(rec, name, direction, start, lines, words):
    options = dict(w.split("=", 1) for w in words if "=" in w)
    lost_from, _, lost_bytes = options.get("lose", "0+0").partition("+")
    left, at = int(options.get("cut", 1 << 60)), 0
    for i, w in enumerate(http_writes(start, lines, words, "pace" in options)):
        if i and "pace" in options:
            rec.wait(duration(options["pace"]))
        first = int(lost_from) - at
        rec.data(name, direction, w[:left], range(max(first, 0), max(first + int(lost_bytes), 0)))
        left -= min(left, len(w))
        at += len(w)


def run_line(rec, name, words, rest, lines):
    """One line of a description; @words: what follows its name, @lines: what stood after `| ` below it."""

    def json_after(n):
        return rest.split(None, n)[n].encode()

    def host():
        told = {"boot_id": (words + ["00000000-0000-0000-0000-000000000001"])[1], "hostname": words[0], "kernel": "6.1", "arch": "x86_64"}
        rec.event(HOST, json.dumps({**told, "sonde_version": "0", "event_version": 1}).encode())
        rec.event(CLOCK, struct.pack("<Q", WALL))

    def run_exec():
        at = words.index("--")
        cwd = next((w[4:] for w in words[2:at] if w.startswith("cwd=")), "/proj")
        rec.exec(words[0], words[1], words[at + 1 :], cwd)

    def loss():
        rec.event(LOSS, struct.pack("<16Q", *(int(words[1]) if i == int(words[0]) else 0 for i in range(16))))

    known = {
        "host": host,
        "config": lambda: rec.event(CONFIG, rest.encode()),
        "wait": lambda: rec.wait(duration(words[0])),
        "scope": lambda: rec.event(SCOPE, json_after(1), rec.process(words[0])),
        "fork": lambda: rec.fork(*words),
        "exec": run_exec,
        "exit": lambda: rec.exit(words[0], *((0, int(words[2])) if words[1] == "signal" else (int(words[1]), 0))),
        "facts": lambda: rec.event(PROC, json_after(1), rec.process(words[0])),
        "open": lambda: rec.open(words[0], words[1], words[2], words[3:]),
        "link": lambda: rec.link(*words),
        "close": lambda: rec.conn_event(CLOSE, rec.conns[words[0]]),
        "request": lambda: message(rec, words[0], 0 if rec.conns[words[0]].server else 1, f"{words[1]} {words[2]} HTTP/1.1", lines, words[3:]),
        "answer": lambda: message(rec, words[0], 1 if rec.conns[words[0]].server else 0, f"HTTP/1.1 {words[1]} Status", lines, words[2:]),
        "raw": lambda: rec.data(words[0], DIRECTIONS[words[1]], "\n".join(lines).encode()),
        "end": lambda: rec.eof(words[0], DIRECTIONS[words[1]]),
        "file": lambda: file_op(rec, words[0], words[1], words[2:]),
        "artifact": lambda: artifact(rec, words[0], words[1], "\n".join(lines + [""]).encode()),
        "connect": lambda: connect(rec, words[0], words[1], words[2:]),
        "loss": loss,
        "attach": lambda: rec.event(ATTACH, rest.encode()),
        "prober-lost": lambda: rec.event(PROBER_LOST),
    }
    if name not in known:
        raise SystemExit(f"record.py: what is '{name}'?")
    known[name]()


def describe(rec, text):
    lines = text.splitlines()
    i = 0
    while i < len(lines):
        line = lines[i]
        i += 1
        if not line.strip() or line.startswith("#"):
            continue
        follow = []
        while i < len(lines) and lines[i].startswith("|"):
            follow.append(lines[i][2:])
            i += 1
        name, _, rest = line.partition(" ")
        run_line(rec, name, rest.split() if name in JSON_COMMANDS else shlex.split(rest), rest, follow)
        rec.wait(1_000_000)
    rec.event(END)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("description")
    p.add_argument("file")
    p.add_argument("--chunk", type=int, default=16384)
    p.add_argument("--cut", type=int)
    args = p.parse_args()
    rec = Recording(args.chunk)
    with sys.stdin if args.description == "-" else open(args.description, encoding="utf-8") as f:
        describe(rec, f.read())
    with open(args.file, "wb") as f:
        f.write(rec.out[: args.cut])


if __name__ == "__main__":
    main()
