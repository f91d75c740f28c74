#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Ways to wait for a terminal, and who presses the keys.

    waits.py reader                       waits in a read, a poll, an epoll and a select, then computes, then sleeps
    waits.py keys CAPTURE COMMAND...      runs COMMAND under capture at a terminal, presses a key once each wait is told; prints
                                          what capture said
"""
import os
import pty
import select
import sys
import threading
import time


def reader():
    os.read(0, 100)
    poll = select.poll()
    poll.register(0, select.POLLIN)
    poll.poll()
    os.read(0, 100)
    epoll = select.epoll()
    epoll.register(0, select.EPOLLIN)
    epoll.poll()
    os.read(0, 100)
    select.select([0], [], [])
    os.read(0, 100)
    # None of these waits for it.
    other = select.epoll()
    r, _w = os.pipe()
    other.register(r, select.EPOLLIN)
    other.poll(0.8)
    select.select([r], [], [], 0.8)
    time.sleep(0.8)


class Terminal:
    def __init__(self, command):
        self.said = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execv(command[0], command)
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        try:
            while piece := os.read(self.fd, 65536):
                self.said += piece
        except OSError:
            pass

    def expect(self, text, times):
        end = time.monotonic() + 60
        while self.said.count(text) < times:
            if time.monotonic() > end:
                raise SystemExit(f"never said {times} times: {text}\n{self.said[-3000:]}")
            time.sleep(0.02)


def keys(command):
    t = Terminal([command[0], "--", *command[1:]])
    for i in range(4):
        t.expect(b"terminal begins", i + 1)
        os.write(t.fd, b"x\n")
        t.expect(b"terminal ends", i + 1)
    t.thread.join(60)
    os.waitpid(t.pid, 0)
    print("\n".join(t.said.decode().splitlines()))


if __name__ == "__main__":
    if sys.argv[1] == "reader":
        reader()
    else:
        keys(sys.argv[2:])
