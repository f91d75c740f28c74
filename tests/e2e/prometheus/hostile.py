#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Clients that hold connections, send too much, or no HTTP: hostile.py PORT. A scrape must get through."""
import socket
import sys
import time
import urllib.request

PORT = int(sys.argv[1])


def connect(text=b""):
    s = socket.create_connection(("127.0.0.1", PORT), 10)
    s.settimeout(10)
    if text:
        s.sendall(text)
    return s


def scrape():
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/metrics", timeout=10) as r:
        assert b"sonde_build_info" in r.read()


def answer(text):
    """What the server says, or nothing, before it shuts the connection."""
    ret = b""
    try:
        s = connect(text)
        while chunk := s.recv(65536):
            ret += chunk
            if b"\r\n\r\n" in ret:
                break
    except OSError:
        pass
    return ret


def within(seconds, fn):
    end = time.monotonic() + seconds
    while True:
        try:
            return fn()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


for text in (b"\0" * 4096, b"GET /metrics\r\n\r\n", b"GET " + b"/" * 100000 + b" HTTP/1.1\r\n\r\n",
             b"GET /metrics HTTP/1.1\r\n" + b"X: " + b"y" * 100000 + b"\r\n\r\n",
             b"GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
             b"POST /metrics HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"):
    said = answer(text)
    assert b" 200 " not in said.split(b"\r\n")[0] or text.startswith(b"GET /metrics\r\n"), said[:80]
    scrape()

# As many as it takes from one address, saying nothing; then one more, that is refused or waits.
idle = [connect() for _ in range(16)]
within(30, scrape)  # they go after a while, and make room
# One byte now and then would keep an idle timer from going off.
drip = [connect(b"GET /metrics HTTP/1.1\r\nX: ") for _ in range(16)]
begun = time.monotonic()
gone = 0
while gone < len(drip) and time.monotonic() - begun < 60:
    time.sleep(2)
    gone = 0
    for s in drip:
        try:
            s.sendall(b"y")
            s.settimeout(0.01)
            gone += s.recv(1) == b""
        except TimeoutError:
            pass
        except OSError:
            gone += 1
assert gone == len(drip), f"{len(drip) - gone} connections were kept for a minute"
scrape()

# A page that is asked for and not read.
slow = [connect(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 20) for _ in range(12)]
scrape()
for s in idle + drip + slow:
    s.close()
scrape()
