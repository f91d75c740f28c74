#!/usr/bin/env python3
"""What subscribers.sh measures. Standard library only.

Every client reads the live stream; ids count a client's own lines without holes, so a hole is a loss. Agents work all the
time; half way through one starts thousands of programs. One in ten clients is slow: it has little room and does not read while that
goes on, must then be told what it missed or be cut off, and goes on behind its last id. Memory and processor time of the engine and of what
serves the clients are taken each half minute: the last third must be as the first.
"""
import argparse
import http.client
import os
import re
import socket
import statistics
import sys
import threading
import time
import urllib.parse

SLOW_EVERY = 10
BURST_S = 30
BURST_LINES = 10000  # more than the server keeps
SLOW_ROOM = 16384  # bytes that the kernel takes for a slow one
ID = re.compile(rb'"id":"([0-9a-f]+)-([0-9]+)"')
MISSED = re.compile(rb'"type":"missed".*?"from":([0-9]+),"to":([0-9]+)')
burst = threading.Event()
TICKS = os.sysconf("SC_CLK_TCK")


def cookie_of(url):
    at = urllib.parse.urlsplit(url)
    conn = http.client.HTTPConnection(at.hostname, at.port, timeout=30)
    conn.request("GET", f"{at.path}?{at.query}")
    answer = conn.getresponse()
    answer.read()
    cookie = answer.getheader("Set-Cookie")
    if not cookie:
        raise SystemExit(f"subscribers: no cookie, status {answer.status}")
    return at.hostname, at.port, cookie.split(";")[0]


class Client(threading.Thread):
    def __init__(self, server, slow, end):
        super().__init__(daemon=True)
        self.server, self.slow, self.end = server, slow, end
        self.lines = self.missed = self.holes = self.connects = self.failures = 0
        self.epoch, self.n = b"", 0

    def run(self):
        while time.monotonic() < self.end:
            try:
                self.listen()
            except (OSError, http.client.HTTPException, ValueError) as e:
                if time.monotonic() < self.end:
                    self.failures += 1
                    self.why = str(e)
                    time.sleep(1)

    def listen(self):
        host, port, cookie = self.server
        conn = http.client.HTTPConnection(host, port, timeout=60)
        conn.sock = socket.socket()
        conn.sock.settimeout(60)
        if self.slow:
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SLOW_ROOM)
        conn.sock.connect((host, port))
        headers = {"Cookie": cookie, "Accept": "text/event-stream"}
        if self.epoch:
            headers["Last-Event-ID"] = f"{self.epoch.decode()}-{self.n}"
        conn.request("GET", "/api/v1/live", headers=headers)
        answer = conn.getresponse()
        if answer.status != 200:
            raise OSError(f"status {answer.status}")
        self.connects += 1
        for raw in answer:
            if time.monotonic() >= self.end:
                break
            if raw.startswith(b"data: "):
                self.take(raw)
            while self.slow and burst.is_set():
                time.sleep(0.2)
        conn.close()

    def take(self, raw):
        """By its bytes: who reads for two hundred has no time for more."""
        missed = MISSED.search(raw)
        if missed:  # its own id is the last of those
            self.missed += int(missed[2]) - int(missed[1]) + 1
        line = ID.search(raw)
        if not line:
            return
        epoch, n = line[1], int(line[2])
        if epoch == self.epoch and not missed:
            self.holes += n - self.n - 1
        self.epoch, self.n = epoch, n
        self.lines += 1


def used(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        memory = int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])
    return memory, (int(fields[11]) + int(fields[12])) / TICKS


def burst_is_over(seconds, lines):
    """On a busy machine it takes its time."""
    return seconds >= 4 * BURST_S or (seconds >= BURST_S and lines >= BURST_LINES)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--url", required=True)
    p.add_argument("--minutes", type=float, required=True)
    p.add_argument("--clients", type=int, required=True)
    p.add_argument("--engine", type=int, required=True)
    p.add_argument("--server", type=int, required=True)
    p.add_argument("--orders", required=True)
    args = p.parse_args()
    server = cookie_of(args.url)
    end = time.monotonic() + args.minutes * 60
    clients = [Client(server, i % SLOW_EVERY == SLOW_EVERY - 1, end) for i in range(args.clients)]
    for c in clients:
        c.start()
        time.sleep(0.01)
    orders = open(args.orders, "w", encoding="ascii")  # noqa: SIM115
    pids = {"engine": args.engine, "server": args.server}
    samples = {name: [] for name in pids}
    last = {name: used(pid) for name, pid in pids.items()}
    began = taken = time.monotonic()
    every = min(30, args.minutes * 60 / 12)
    next_agent, next_sample, burst_at = began, began + every, began + args.minutes * 30
    while time.monotonic() < end:
        now = time.monotonic()
        if now >= next_agent:
            orders.write("go\n")
            next_agent += 10
        if burst_at and now >= burst_at:
            orders.write("burst\n")
            burst.set()
            burst_at, before = 0, clients[0].lines
        elif burst.is_set() and burst_is_over(now - began - args.minutes * 30, clients[0].lines - before):
            burst.clear()
        orders.flush()
        if now >= next_sample:
            for name, pid in pids.items():
                memory, cpu = used(pid)
                samples[name].append((memory, (cpu - last[name][1]) / (now - taken)))
                last[name] = (memory, cpu)
            print(f"{now - began:6.0f} s  " + "  ".join(f"{n}: {v[-1][0]:7d} KiB {100 * v[-1][1]:5.1f} %" for n, v in samples.items())
                  + f"  lines of the first: {clients[0].lines}", flush=True)
            taken, next_sample = now, next_sample + every
        time.sleep(0.2)
    time.sleep(1)
    sys.exit(judge(clients, samples))


def judge(clients, samples):
    fast, slow = [c for c in clients if not c.slow], [c for c in clients if c.slow]
    bad = []
    lines = [c.lines for c in fast]
    print(f"{len(fast)} that read at once: {min(lines)} to {max(lines)} lines, {sum(c.holes for c in fast)} lost, "
          f"{sum(c.missed for c in fast)} told as missed, {sum(c.connects for c in fast)} connections")
    print(f"{len(slow)} slow ones: {sum(c.lines for c in slow)} lines, {sum(c.missed for c in slow)} told as missed, "
          f"{sum(c.holes for c in slow)} lost without a word, {sum(c.connects for c in slow)} connections")
    if not lines or min(lines) == 0:
        bad.append("a client heard nothing")
    if any(c.holes or c.missed for c in fast):
        bad.append("lines were lost")
    if not any(c.missed or c.connects > 1 for c in slow):
        bad.append("no slow one fell behind: nothing was shown")
    if any(c.holes for c in slow):
        bad.append("slow ones were not told what they missed")
    failed = [c for c in clients if c.failures and not c.slow]
    if failed:
        bad.append(f"{len(failed)} connections ended: {failed[0].why}")
    for name, list_of in samples.items():
        quiet = len(list_of) // 3  # the burst is in the middle
        if not quiet:
            continue
        (m1, c1), (m2, c2) = ([statistics.median(x[i] for x in part) for i in (0, 1)] for part in (list_of[:quiet], list_of[-quiet:]))
        print(f"{name}, first and last third: memory {m1:.0f} and {m2:.0f} KiB, processor {100 * c1:.1f} and {100 * c2:.1f} %")
        if m2 > m1 * 1.5 + 32768:  # what the burst needed once may stay
            bad.append(f"the {name}'s memory grows")
        if c2 > c1 * 1.5 + 0.05:
            bad.append(f"the {name}'s processor time grows")
    for b in bad:
        print("FAILED:", b)
    return 1 if bad else 0


if __name__ == "__main__":
    main()
