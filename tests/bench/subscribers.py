#!/usr/bin/env python3
"""What subscribers.sh measures. Standard library only.

Every client reads the live stream; ids count a client's own lines without holes, so a hole is a loss. One in ten is slow: it
stops reading for a while, must then be told what it missed or be cut off, and goes on behind its last id. The engine's memory
and processor time are taken each half minute: the last third must be as the second.
"""
import argparse
import http.client
import json
import os
import re
import statistics
import sys
import threading
import time
import urllib.parse

SLOW_EVERY = 10
SLOW_S = 20
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
        self.kinds = {}
        self.last = ""

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
        headers = {"Cookie": cookie, "Accept": "text/event-stream"}
        if self.last:
            headers["Last-Event-ID"] = self.last
        conn.request("GET", "/api/v1/live", headers=headers)
        answer = conn.getresponse()
        if answer.status != 200:
            raise OSError(f"status {answer.status}")
        self.connects += 1
        next_rest = time.monotonic() + SLOW_S
        for raw in answer:
            if time.monotonic() >= self.end:
                break
            if raw.startswith(b"data: "):
                self.take(json.loads(raw[6:]))
            if self.slow and time.monotonic() > next_rest:
                time.sleep(SLOW_S)
                next_rest = time.monotonic() + SLOW_S
        conn.close()

    def take(self, line):
        self.kinds[line["type"]] = self.kinds.get(line["type"], 0) + 1
        if line["type"] == "missed":
            self.missed += line["to"] - line["from"] + 1
        if "id" not in line:
            return
        epoch, n = line["id"].split("-")
        if self.last:
            before_epoch, before = self.last.split("-")
            if epoch == before_epoch:
                self.holes += int(n) - int(before) - 1
        self.last = line["id"]
        self.lines += 1


def engine(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        memory = int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])
    return memory, (int(fields[11]) + int(fields[12])) / TICKS


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--url", required=True)
    p.add_argument("--minutes", type=float, required=True)
    p.add_argument("--clients", type=int, required=True)
    p.add_argument("--engine", type=int, required=True)
    p.add_argument("--orders", required=True)
    args = p.parse_args()
    server = cookie_of(args.url)
    end = time.monotonic() + args.minutes * 60
    clients = [Client(server, i % SLOW_EVERY == SLOW_EVERY - 1, end) for i in range(args.clients)]
    for c in clients:
        c.start()
        time.sleep(0.01)
    samples = []
    orders = open(args.orders, "w", encoding="ascii")  # noqa: SIM115
    every, began = min(30, args.minutes * 60 / 9), time.monotonic()
    next_agent = began
    last = engine(args.engine)
    while time.monotonic() < end:
        if time.monotonic() >= next_agent:
            orders.write("go\n")
            orders.flush()
            next_agent += 10
        time.sleep(min(every, max(0.1, end - time.monotonic())))
        memory, cpu = engine(args.engine)
        samples.append((memory, (cpu - last[1]) / every))
        last = (memory, cpu)
        print(f"{time.monotonic() - began:6.0f} s  memory {memory:8d} KiB  processor {100 * samples[-1][1]:5.1f} %  "
              f"lines of the first {clients[0].lines}", flush=True)
    time.sleep(1)
    sys.exit(judge(clients, samples))


def judge(clients, samples):
    fast, slow = [c for c in clients if not c.slow], [c for c in clients if c.slow]
    bad = []
    lines = [c.lines for c in fast]
    print(f"{len(fast)} that read at once: {min(lines)} to {max(lines)} lines, {sum(c.holes for c in fast)} lost, "
          f"{sum(c.missed for c in fast)} told as missed, {sum(c.connects for c in fast)} connections")
    print(f"{len(slow)} slow ones: {sum(c.lines for c in slow)} lines, {sum(c.missed for c in slow)} told as missed, "
          f"{sum(c.holes - c.missed for c in slow)} lost without a word, {sum(c.connects for c in slow)} connections")
    if not lines or min(lines) == 0:
        bad.append("a client heard nothing")
    if any(c.holes or c.missed for c in fast):
        bad.append("lines were lost")
    if any(c.holes > c.missed for c in slow):
        bad.append("slow ones were not told what they missed")
    failed = [c for c in clients if c.failures and not c.slow]
    if failed:
        bad.append(f"{len(failed)} connections ended: {failed[0].why}")
    third = len(samples) // 3
    if third:
        (m1, c1), (m2, c2) = ([statistics.median(x[i] for x in part) for i in (0, 1)] for part in (samples[third : 2 * third], samples[-third:]))
        print(f"second and last third: memory {m1:.0f} and {m2:.0f} KiB, processor {100 * c1:.1f} and {100 * c2:.1f} %")
        if m2 > m1 * 1.1 + 2048:
            bad.append("the engine's memory grows")
        if c2 > c1 * 1.5 + 0.05:
            bad.append("the engine's processor time grows")
    for b in bad:
        print("FAILED:", b)
    return 1 if bad else 0


if __name__ == "__main__":
    main()
