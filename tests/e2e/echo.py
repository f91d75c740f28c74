#!/usr/bin/env python3
"""A TLS server that sends back what it gets.

    echo.py CERTS WAYS SIZE...    WAYS connections for each size, in this order; prints its port first
"""
import socket
import ssl
import sys

certs, ways, sizes = sys.argv[1], int(sys.argv[2]), [int(s) for s in sys.argv[3:]]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certs + "/server.pem", certs + "/server.key")
with socket.create_server(("127.0.0.1", 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    for size in sizes:
        for _ in range(ways):
            conn = context.wrap_socket(listener.accept()[0], server_side=True)
            data = bytearray()
            while len(data) < size:
                data += conn.recv(size - len(data)) or sys.exit("short")
            conn.sendall(data)
            conn.close()
