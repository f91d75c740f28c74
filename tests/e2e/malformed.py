#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Throws what is no request at a port. Each is answered by 4xx or 5xx, or cut off, and none as if it were good.

malformed.py PORT
"""
import os
import random
import socket
import sys

PORT = int(sys.argv[1])
HOST = b"Host: localhost\r\n"
GOOD = b"GET / HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"


def answer(data: bytes) -> bytes:
    s = socket.create_connection(("127.0.0.1", PORT), 15)
    got = b""
    try:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        while part := s.recv(65536):
            got += part
    except OSError:
        pass
    s.close()
    return got


def statuses(got: bytes) -> list:
    return [line.split()[1] for line in got.split(b"\r\n") if line.startswith(b"HTTP/1.") and len(line.split()) > 1]


BAD = {
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /api/v1/status HTTP/1.1\r\n" + HOST + b"Host: evil.example\r\n\r\n",
    "two hosts on a page": b"GET / HTTP/1.1\r\nHost: evil.example\r\n" + HOST + b"\r\n",
    "long line": b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "long header": b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"y" * 100000 + b"\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\n" + HOST + b"".join(b"X-%d: y\r\n" % i for i in range(5000)) + b"\r\n",
    "a method of no kind": b"G\x01T / HTTP/1.1\r\n" + HOST + b"\r\n",
    "another method": b"TRACE / HTTP/1.1\r\n" + HOST + b"\r\n",
    "CONNECT": b"CONNECT evil.example:80 HTTP/1.1\r\n" + HOST + b"\r\n",
    "another protocol": b"GET / HTTP/9.9\r\n" + HOST + b"\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": bytes.fromhex("160301020001000001fc0303") + os.urandom(500),
    "huge body": b"POST /api/v1/command HTTP/1.1\r\n" + HOST + b"Content-Length: 200000\r\n\r\n" + b"x" * 200000,
    "negative length": b"POST /api/v1/command HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n",
    "absurd length": b"POST /api/v1/command HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999999999999999\r\n\r\n",
    "length and chunks": b"POST /api/v1/command HTTP/1.1\r\n" + HOST
    + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n" + HOST + b"\r\n",
    "two lengths": b"POST /api/v1/command HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\nContent-Length: 40\r\n\r\nGET / HTTP/1.1\r\n"
    + HOST + b"\r\n",
    "a chunk of no length": b"POST /api/v1/command HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    "a chunk too large": b"POST /api/v1/command HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx\r\n",
    "a folded header": b"GET /api/v1/status HTTP/1.1\r\n" + HOST + b"Cookie: a\r\n b\r\n\r\n",
    "a cookie of many": b"GET /api/v1/status HTTP/1.1\r\n" + HOST + b"Cookie: " + b"a=b;" * 3000 + b"\r\n\r\n",
    "NUL in a path": b"GET /api/v1/status%00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "NUL in a header": b"GET /api/v1/status HTTP/1.1\r\n" + HOST + b"Authorization: Bearer a\0b\r\n\r\n",
    "bytes of no charset": b"GET /api/v1/\xff\xfe HTTP/1.1\r\n" + HOST + b"\r\n",
}

for name, data in BAD.items():
    got = statuses(answer(data))
    assert all(s[:1] in (b"4", b"5") for s in got), f"{name}: {got}"

# What is neither good nor bad by itself: anything but a fall.
random.seed(7)
for i in range(400):
    data = bytearray(random.choice(list(BAD.values()) + [GOOD])[:4000])
    for _ in range(random.randint(1, 8)):
        data[random.randrange(len(data))] = random.randrange(256)
    answer(bytes(data))
    if i % 4 == 0:
        answer(os.urandom(1 + i * 7))

assert statuses(answer(GOOD)) == [b"200"], answer(GOOD)
