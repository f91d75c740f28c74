#!/usr/bin/env python3
"""Prints a recording's events about processes, scopes and connections, one a line: KIND tgid=N ts=MS ...

    events.py RECORDING
"""
import json
import struct
import sys

KINDS = {1: "HOST", 2: "CLOCK", 3: "CONFIG", 5: "END", 6: "SCOPE", 10: "FORK", 11: "EXEC", 12: "EXIT", 13: "PROC",
         14: "FOUND", 15: "LEFT", 20: "DATA", 22: "OPEN", 23: "CLOSE", 25: "CONNECT", 30: "LOSS", 31: "ATTACH",
         32: "VERDICT"}


def text(raw):
    return raw.split(b"\0")[0].decode("utf-8", "replace")


def say(kind, body):
    if kind in (6, 13, 31):
        j = json.loads(body)
        if kind == 6:
            return " ".join(f"{k}={j.get(k)}" for k in ("scope", "kind", "tentative", "joined", "late_ms", "uid", "argv"))
        return j.get("file", j.get("comm", "")) if kind == 31 else f"comm={j.get('comm')} cgroup={j.get('cgroup')}"
    if kind == 10:
        start, child, scope = struct.unpack_from("<QII", body)
        return f"child={child} scope={scope}"
    if kind == 11:
        path, cwd, argv = struct.unpack_from("<HHH", body, 32)
        args = body[56 + path + cwd:56 + path + cwd + argv]
        return f"uid={struct.unpack_from('<I', body, 20)[0]} path={text(body[56:])} argv={args.decode('utf-8', 'replace').split(chr(0))[:-1]}"
    if kind == 12:
        return "code={} signal={}".format(*struct.unpack_from("<ii", body, 16))
    if kind in (14, 15):
        return ("scope={} rule={}" if kind == 14 else "why={} {}").format(*struct.unpack_from("<II", body))
    if kind == 20:
        conn, pos, n = struct.unpack_from("<QQI", body)
        return f"conn={conn} pos={pos} len={n}"
    if kind == 30:
        return str([n for n in struct.unpack_from("<16Q", body)])
    return ""


def main():
    with open(sys.argv[1], "rb") as f:
        raw = f.read()
    at = struct.unpack_from("<I", raw, 8)[0]
    while at + 32 <= len(raw):
        ts, _, tgid, _, size, kind, _ = struct.unpack_from("<QQIIIHH", raw, at)
        if size < 32:
            break
        if kind in KINDS:
            print(f"{KINDS[kind]} tgid={tgid} ts={ts / 1e6:.3f} {say(kind, raw[at + 32:at + size])}".rstrip())
        at += (size + 7) & ~7


main()
