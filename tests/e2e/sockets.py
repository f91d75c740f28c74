#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Plain sockets of every kind; says on stdout what it sent, one line per connection: KIND BYTES."""
import os
import socket
import sys
import threading

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n\r\n"


def tcp_pair(family, host):
    listener = socket.socket(family)
    listener.bind((host, 0))
    listener.listen(1)
    made = []
    t = threading.Thread(target=lambda: made.append(listener.accept()[0]))
    t.start()
    client = socket.socket(family)
    client.connect(listener.getsockname())
    t.join()
    listener.close()
    return client, made[0]


def take(sock, n):
    got = b""
    while len(got) < n:
        part = sock.recv(n - len(got))
        assert part
        got += part
    return got


def vectored(a, b):
    """Every way to send and receive, empty and tiny vectors, peeking."""
    sent = [a.send(HEAD), os.write(a.fileno(), b"a" * 5000),
            os.writev(a.fileno(), [b"b" * 10, b"", b"c" * 100, b"d"]),
            a.sendmsg([b"e" * 3, b"f" * 20000, b""])]
    b.recv(10, socket.MSG_PEEK)
    parts = [b.recv(len(HEAD))]
    small, large = bytearray(7), bytearray(4993)
    n = os.readv(b.fileno(), [small, large])
    parts.append((small + large)[:n])
    small, rest = bytearray(1), bytearray(1000)
    n = b.recvmsg_into([small, rest])[0]
    parts.append((small + rest)[:n])
    total = sum(sent)
    parts.append(take(b, total - sum(map(len, parts))))
    assert sum(map(len, parts)) == total
    a.shutdown(socket.SHUT_WR)
    assert b.recv(10) == b""
    return total


def unseen(a, b):
    """sendfile moves bytes that no buffer of this process holds."""
    with open(sys.argv[0], "rb") as f:
        size = os.fstat(f.fileno()).st_size
        total = a.send(HEAD) + os.sendfile(a.fileno(), f.fileno(), 0, size)
        total += a.send(b"tail")
    take(b, total)
    return total


def inherited(a, b):
    """A child goes on with its parent's connection: positions go on too."""
    total = a.send(HEAD)
    pid = os.fork()
    if pid == 0:
        a.send(b"g" * 1000)
        os._exit(0)
    os.waitpid(pid, 0)
    total += 1000 + a.send(b"h" * 10)
    take(b, total)
    return total


def other(a, b):
    """No HTTP: 4 KiB are looked at, the rest is counted."""
    total = a.send(b"\x00\x01binary" * 1000)
    take(b, total)
    return total


def unix_pair():
    path = sys.argv[1] + "/u.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(1)
    client = socket.socket(socket.AF_UNIX)
    client.connect(path)
    server = listener.accept()[0]
    listener.close()
    return client, server


def main():
    for name, pair, action in (
            ("tcp4", lambda: tcp_pair(socket.AF_INET, "127.0.0.1"), vectored),
            ("tcp6", lambda: tcp_pair(socket.AF_INET6, "::1"), vectored),
            ("pair", socket.socketpair, vectored),
            ("unix", unix_pair, vectored),
            ("sendfile", lambda: tcp_pair(socket.AF_INET, "127.0.0.1"), unseen),
            ("fork", lambda: tcp_pair(socket.AF_INET, "127.0.0.1"), inherited),
            ("other", socket.socketpair, other)):
        try:
            a, b = pair()
        except OSError as e:
            print(name, "none", e)
            continue
        print(name, action(a, b))
        a.close()
        b.close()


main()
