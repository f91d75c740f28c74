#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The same exchange of 1 KB each way on one TLS connection, again and again: exchange.py PORT COUNT"""
import socket
import ssl
import sys
import time

port, count = int(sys.argv[1]), int(sys.argv[2])
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
start = b'{"model":"gpt-4o","messages":[{"role":"user","content":"'
body = start + b"y" * (1024 - len(start) - 4) + b'"}]}'
request = (
    b"POST /v1/chat/completions?size=1024&stream=0&gap=0 HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
)
times = []
with context.wrap_socket(socket.create_connection(("127.0.0.1", port))) as s:
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for _ in range(count + 50):
        begin = time.perf_counter_ns()
        s.sendall(request)
        got = b""
        while not got.endswith(b'"}}]}'):
            got += s.recv(65536)
        times.append((time.perf_counter_ns() - begin) / 1000)
times = sorted(times[50:])
print(f"median={times[len(times) // 2]:.2f}")
