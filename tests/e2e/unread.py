#!/usr/bin/env python3
"""A TLS connection that is opened and never read: unread.py PORT CA NAME"""
import socket
import ssl
import sys

port, ca, name = int(sys.argv[1]), sys.argv[2], sys.argv[3]
received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
tls = ssl.create_default_context(cafile=ca).wrap_bio(received, sent, server_hostname=name)
with socket.create_connection(("127.0.0.1", port)) as s:
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            s.sendall(sent.read())
            received.write(s.recv(65536))
    s.sendall(sent.read())
