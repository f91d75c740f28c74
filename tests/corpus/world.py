"""A machine that exists only as its events: processes, connections, files, and a clock that everybody shares.

What happens is written as generators: `yield 5` lets 5 ms pass, `yield [a, b]` runs generators side by side until all have
ended. So any number of agents are at work at once and one seed always gives one recording.
"""
import heapq
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "replay"))
import record  # noqa: E402

CONNECT, HELLO, USE, FILE, SIGNAL, WAIT = 25, 26, 27, 40, 42, 43
WRITTEN, RENAMED, REMOVED = 1, 2, 3
OUT, IN = 1, 0
LOSS_EVENTS, LOSS_BYTES = 0, 1
MS = 1_000_000


class Task:
    def __init__(self, routine, parent=None):
        self.routine, self.parent, self.waits_for, self.result = routine, parent, 0, None


class World(record.Recording):
    def __init__(self, rng, loss=0.0):
        super().__init__()
        self.rng, self.loss_rate = rng, loss
        self.queue, self.queued = [], 0
        self.free_pids, self.next_pid, self.next_conn, self.next_inode, self.next_peer = [], 1000, 0, 1, 0
        self.lost_events = self.lost_bytes = 0
        self.records = 0
        host = '{"boot_id":"00000000-0000-0000-0000-%012d","hostname":"corpus","kernel":"6.1","arch":"x86_64",' % rng.randrange(10**9)
        self.event(record.HOST, (host + '"sonde_version":"0","event_version":1}').encode())
        self.event(record.CLOCK, struct.pack("<Q", record.WALL))
        self.wall_at = (self.now, record.WALL)
        self.event(
            record.CONFIG,
            b'{"content":"full","content_limit":5000,"content_llm":true,"content_memory":true,"content_tools":true,"price_digest":""}',
        )

    # --- time ---

    def event(self, kind, payload=b"", process=None):
        self.now += 1  # no two events at one time: a time names what happened
        super().event(kind, payload, process)

    def wall(self):
        """What the next event's time will be called."""
        return self.wall_at[1] + (self.now + 1 - self.wall_at[0])

    def step_clock(self, ns):
        self.now += 1
        self.wall_at = (self.now + 1, self.wall_at[1] + (self.now + 1 - self.wall_at[0]) + ns)
        self.event(record.CLOCK, struct.pack("<Q", self.wall_at[1]))

    def later(self, ms, task):
        self.queued += 1
        heapq.heappush(self.queue, (self.now + int(ms * MS), self.queued, task))

    def begin(self, routine, ms=0):
        self.later(ms, Task(routine))

    def run(self):
        """Until nothing is left to happen."""
        while self.queue:
            at, _, task = heapq.heappop(self.queue)
            if at > self.now:
                self.wait(at - self.now)
            self.advance(task)
        self.wait(3_000 * MS)
        self.event(record.END)

    def advance(self, task):
        try:
            wish = task.routine.send(task.result)
        except StopIteration as end:
            self.ended(task, end.value)
            return
        task.result = None
        if not isinstance(wish, list):
            self.later(wish, task)
            return
        task.waits_for, task.result = len(wish), [None] * len(wish)
        if not wish:
            self.later(0, task)
        for i, routine in enumerate(wish):
            self.later(0, Task(routine, (task, i)))

    def ended(self, task, value):
        if not task.parent:
            return
        parent, i = task.parent
        parent.result[i] = value
        parent.waits_for -= 1
        if parent.waits_for == 0:
            self.later(0, parent)

    # --- processes ---

    def process(self, name):
        return name

    def new_process(self, parent=None, reuse=False):
        if reuse and self.free_pids:
            pid = self.free_pids.pop()
        else:
            pid, self.next_pid = self.next_pid, self.next_pid + 1
        p = record.Process(pid, self.now)
        p.step = None  # of the truth, where it has one that others need
        if parent:
            p.parent, p.scope = (parent.pid, parent.start), parent.scope
        return p

    def spawn(self, parent, path=None, argv=(), cwd="/proj", reuse=False):
        """A child; it runs a program of its own where @path is given."""
        child = self.new_process(parent, reuse)
        self.event(record.FORK, struct.pack("<QII", child.start, child.pid, child.scope), parent)
        if path:
            self.exec(child, path, argv, cwd)
        return child

    def exit(self, name, code=0, signal=0):
        super().exit(name, code, signal)
        self.free_pids.append(name.pid)

    # --- connections ---

    def connect(self, process, source, *words):
        self.next_conn += 1
        c = record.Conn(self.next_conn, process, record.SOURCES[source])
        c.server, c.local = "server" in words, 40000 + self.next_conn % 20000
        c.local = next((int(w[6:]) for w in words if w.startswith("local=")), c.local)
        address = next((w for w in words if ":" in w or w.startswith("/")), "")
        flags = (4 if c.server else 2) | (8 if "tls" in words else 0) | (16 if "talk" in words else 0)
        self.conns[c.id] = c
        self.conn_event(record.OPEN, c, address, 0 if source == "openssl" else flags)
        return c

    def hello(self, c, server):
        """How a client begins TLS: the server's name is in the clear."""
        name = server.encode()
        entry = b"\0" + struct.pack(">H", len(name)) + name
        names = struct.pack(">HHH", 0, len(entry) + 2, len(entry)) + entry
        body = b"\x03\x03" + bytes(32) + b"\0" + b"\0\x02\x13\x01" + b"\x01\0" + struct.pack(">H", len(names)) + names
        message = b"\x01" + len(body).to_bytes(3, "big") + body
        data = b"\x16\x03\x01" + struct.pack(">H", len(message)) + message
        self.event(HELLO, struct.pack("<QII", c.id, len(data), 0) + data, c.process)

    def talk(self, near, far):
        """A pair of sockets, of which one connection stands for both ends; its directions are those of the near one."""
        c = self.connect(near, "unix", "talk")
        for process, direction, reads in ((near, OUT, 0), (far, OUT, 1), (far, IN, 0), (near, IN, 1)):
            self.event(USE, struct.pack("<QBB6s", c.id, direction, reads, b""), process)
        return c

    def close(self, c):
        self.conn_event(record.CLOSE, c)
        del self.conns[c.id]

    def send(self, c, direction, data, owner=None):
        """One call of the program; some are lost. @owner: the step of the truth that they are part of."""
        self.records += 1
        if not owner or self.rng.random() >= self.loss_rate:
            self.data(c.id, direction, data)
            return True
        owner["hurt"] = True
        self.lost_events += 1
        self.lost_bytes += len(data)
        if self.rng.random() < 0.5:
            self.data(c.id, direction, data, range(len(data)))
        else:  # nobody says so: the next position tells
            c.pos[direction] += len(data)
        counts = [0] * 16
        counts[LOSS_EVENTS], counts[LOSS_BYTES] = self.lost_events, self.lost_bytes
        self.event(record.LOSS, struct.pack("<16Q", *counts))
        return False

    def peer(self):
        """An address and port that nobody else tries."""
        self.next_peer += 1
        return f"10.7.{self.next_peer // 200}.1", 2000 + self.next_peer % 200

    def attempt(self, process, address, port, result):
        v4 = bytes(map(int, address.split(".")))
        self.event(CONNECT, struct.pack("<iBBH16s108sI", result, 2, 0, port, v4, b"", 0), process)

    # --- files, signals, waiting ---

    def file(self, process, op, path, path2="", size=0):
        self.next_inode += 1
        a, b = (s.encode() + b"\0" if s else b"" for s in (path, path2))
        fixed = struct.pack("<QQQQIiHHHH", 1, self.next_inode, size, size, op, 0, len(a), len(b), 1 if op == WRITTEN else 0, 0)
        self.event(FILE, fixed + a + b, process)

    def signal(self, process, number, sender=None, comm=b""):
        pid, start = (sender.pid, sender.start) if sender else (0, 0)
        self.event(SIGNAL, struct.pack("<QIiiI16s", start, pid, number, 0, 0, comm), process)

    def waits(self, process, ends, what=1):
        self.event(WAIT, struct.pack("<BB6s", what, ends, b""), process)
