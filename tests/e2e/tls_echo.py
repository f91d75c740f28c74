#!/usr/bin/env python3
"""Sends back what it gets, over TLS: tls_echo.py CERTS VERSION READY [SUITE]; VERSION is 1.2 or 1.3.

Writes its port to READY once it listens. Ends with its parent.
"""
import os
import socket
import ssl
import sys
import threading
import time

certs, version, ready = sys.argv[1:4]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certs + "/server.pem", certs + "/server.key")
context.minimum_version = context.maximum_version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[version]
if len(sys.argv) > 4:
    context.set_ciphers(sys.argv[4])


def serve(raw):
    try:
        with context.wrap_socket(raw, server_side=True) as s:
            while True:
                data = s.recv(1 << 16)
                if not data:
                    break
                s.sendall(data)
    except OSError:
        pass


def follow(parent):
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


threading.Thread(target=follow, args=(os.getppid(),), daemon=True).start()
listener = socket.create_server(("127.0.0.1", 0), backlog=64)
with open(ready + ".new", "w", encoding="utf-8") as f:
    f.write(str(listener.getsockname()[1]))
os.rename(ready + ".new", ready)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
