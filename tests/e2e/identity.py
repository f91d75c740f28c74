#!/usr/bin/env python3
"""TLS connections that are alike but for what they say of themselves: their local port.

    identity.py PORT CA CONNECTIONS ROUNDS [uvloop]     asyncio, all at once
    identity.py --check OUTPUT DIR LINKS                what capture has seen of that

--check: each link joins a TLS stream and a socket of the same port, none is linked twice, and there are at
least LINKS of them; each stream carries one connection's requests only.
"""
import asyncio
import collections
import re
import ssl
import sys


async def talk(port, context, rounds):
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
    mine = writer.get_extra_info("sockname")[1]
    for _ in range(rounds):
        writer.write(b"GET /port-is-%05d HTTP/1.1\r\nhost: localhost\r\n\r\n" % mine)
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(re.search(rb"content-length: *(\d+)", head, re.I)[1]))
    writer.close()


async def all_at_once(port, ca, n, rounds):
    context = ssl.create_default_context(cafile=ca)
    await asyncio.gather(*(talk(port, context, rounds) for _ in range(n)))


def check(output, folder, want):
    ports, links, bad = {}, [], []
    with open(output, encoding="utf-8", errors="replace") as f:
        for line in f:
            if m := re.match(r"OPEN .* conn=(\d+) source=2 .* local=(\d+) remote=[^:]*:(\d+)", line):
                ports[m[1]] = (m[2], m[3])
            elif m := re.match(r"LINK .* tls=(\d+) sock=(\d+) evidence=(\d)", line):
                links.append(m.groups())
    for tls, sock, _ in links:
        said = set()
        for direction in ("out", "in"):
            try:
                with open(f"{folder}/{tls}.{direction}", "rb") as f:
                    said |= set(re.findall(rb"port-is-(\d{5})", f.read()))
            except FileNotFoundError:
                pass
        if len(said) != 1 or str(int(next(iter(said)))) not in ports.get(sock, ()):
            bad.append(f"stream {tls} says port {said}, linked to socket {sock} with {ports.get(sock)}")
    for column, name in ((0, "stream"), (1, "socket")):
        for conn, n in collections.Counter(link[column] for link in links).items():
            if n > 1:
                bad.append(f"{name} {conn} is linked {n} times")
    print(f"{len(links)} links by evidence {dict(collections.Counter(link[2] for link in links))}, {len(bad)} wrong")
    print("\n".join(bad[:20]))
    return not bad and len(links) >= want


if sys.argv[1] == "--check":
    sys.exit(not check(sys.argv[2], sys.argv[3], int(sys.argv[4])))
if len(sys.argv) > 5:
    import uvloop

    uvloop.install()
asyncio.run(all_at_once(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
