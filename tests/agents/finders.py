#!/usr/bin/env python3
"""What sonde finds in binaries whose TLS functions have no names, and whether that is right.

    finders.py SONDE SCRATCH FILE...

Each file is looked at as a copy without symbols; exported names of OpenSSL's functions are made unreadable in it. Where
the file itself has the symbols, each address found is compared with them. Prints a table and, as its last line, how many
were found, refused and wrong; exits 1 if any was wrong.
"""
import json
import os
import shutil
import struct
import subprocess
import sys

# What a point is called, and the symbols of what it may be.
SYMBOLS = {
    "SSL_write": ["SSL_write"],
    "SSL_read": ["SSL_read"],
    "SSL_new": ["SSL_new"],
    "SSL_clear": ["SSL_clear", "ossl_ssl_connection_reset", "SSL_clear_not_quic"],
    "SSL_do_handshake": ["SSL_do_handshake"],
    "ssl_write_internal": ["ssl_write_internal", "SSL_write_ex", "SSL_write_ex2"],
    "ssl_read_internal": ["ssl_read_internal", "SSL_read_ex"],
    "~ssl_st": ["_ZN6ssl_stD1Ev", "_ZN6ssl_stD2Ev", "SSL_free"],
}
# rustls' functions, by the end of a point's name: what their symbols, demangled, begin with and end in.
RUST = {"encrypt": ("<rustls::", " as rustls::crypto::cipher::MessageEncrypter>::encrypt"),
        "decrypt": ("<rustls::", " as rustls::crypto::cipher::MessageDecrypter>::decrypt")}
ENTRY_MAX = 64  # a point may stand so many bytes into a function
TOOLS = {62: "", 183: "aarch64-linux-gnu-"}  # by machine: what the names of its binutils begin with


def segments(data):
    phoff, size, n = struct.unpack_from("<Q", data, 32)[0], *struct.unpack_from("<HH", data, 54)
    for i in range(n):
        kind, _, offset, vaddr, _, filesz = struct.unpack_from("<IIQQQQ", data, phoff + i * size)
        if kind == 1:
            yield vaddr, offset, filesz


def tool(path, name):
    """The one for the file's machine."""
    with open(path, "rb") as f:
        return TOOLS[struct.unpack_from("<H", f.read(20), 18)[0]] + name


def symbols(path):
    """Addresses by name, of symbols that the file kept."""
    found = {}
    for extra in [], ["-D"], ["-C"]:
        out = subprocess.run([tool(path, "nm"), *extra, "--defined-only", path], capture_output=True, text=True, check=False).stdout
        for line in out.splitlines():
            at, kind, name = line.split(maxsplit=2)
            if kind in "tTwW":
                found.setdefault(name.split("@")[0], set()).add(int(at, 16))
    return found


def size_at(truth, at):
    """Bytes to the next function: of Go's, returns are probed."""
    return min((a for places in truth.values() for a in places if a > at), default=at) - at


def names_of(point, truth):
    """The symbols that the point's function may have, the one that says whether the file would tell first."""
    if point["function"] in SYMBOLS:
        return SYMBOLS[point["function"]]
    begin, end = RUST.get(point["function"].split()[-1], ("", point["function"]))
    return [n for n in truth if n.startswith(begin) and n.endswith(end)] or [point["function"]]


def blind(path, copy):
    """A copy in which no name helps."""
    if subprocess.run([tool(path, "strip"), "-o", copy, path], capture_output=True, check=False).returncode:
        shutil.copyfile(path, copy)
    out = subprocess.run(["readelf", "-SW", copy], capture_output=True, text=True, check=False).stdout
    for line in out.splitlines():
        fields = line.replace("[ ", "[").split()
        if ".dynstr" in fields[1:2]:
            at, n = int(fields[4], 16), int(fields[5], 16)
            with open(copy, "r+b") as f:
                f.seek(at)
                names = f.read(n).replace(b"SSL_", b"XXX_").replace(b"ssl_", b"xxx_")
                f.seek(at)
                f.write(names)
    os.chmod(copy, 0o755)


def examine(sonde, path):
    out = subprocess.run([sonde, "doctor", "--json", "--quick", path], capture_output=True, text=True, check=False).stdout
    for line in out.splitlines():
        d = json.loads(line)
        if d.get("file") != path:
            continue
        with open(path, "rb") as f:
            loaded = list(segments(f.read(1 << 16)))
        for p in d["points"]:
            p["address"] = next(p["offset"] - o + v for v, o, n in loaded if o <= p["offset"] < o + n)
        return d
    return {"points": [], "reason": "no TLS library inside that sonde knows"}


def is_right(point, truth):
    """None where the file does not say: it may have kept only the names that it exports."""
    within = lambda at: 0 <= point["address"] - at < (size_at(truth, at) if "crypto/tls." in point["function"] else ENTRY_MAX)
    first, *others = names_of(point, truth)
    if any(within(at) for n in [first, *others] for at in truth.get(n, [])):
        return True
    if first not in truth and not any(at == point["address"] for places in truth.values() for at in places):
        return None
    return False


def main():
    sonde, scratch, *files = sys.argv[1:]
    count = {"found": 0, "refused": 0, "wrong": 0, "compared": 0}
    copy = os.path.join(scratch, "copy")
    for path in files:
        truth = symbols(path)
        blind(path, copy)
        d = examine(sonde, copy)
        right = [is_right(p, truth) for p in d["points"]]
        verdict = "wrong" if False in right else "found" if d["points"] else "refused"
        count[verdict] += 1
        count["compared"] += right.count(True)
        said = " ".join(f"{p['function']}={p['address']:#x}" for p in d["points"]) or d.get("reason", "")
        compared = f"{right.count(True)} of {len(right)} compared" if truth and right else "no symbols"
        print(f"{verdict:8}{d.get('library', ''):10}{d.get('version', ''):12} {compared:18} {path}: {said}")
    os.unlink(copy)
    print(*(f"{k}={v}" for k, v in count.items()))
    return count["wrong"] > 0


sys.exit(main())
