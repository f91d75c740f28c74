"""AWS event streams: one message, and all of a file as tests/golden/event_stream.h describes it."""
import base64
import json
import struct
import zlib


def frame(payload, headers):
    """One message; @headers: names and texts."""
    head = b"".join(
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", 7, len(value.encode())) + value.encode()
        for name, value in headers.items()
    )
    out = struct.pack("!II", 16 + len(head) + len(payload), len(head))
    out += struct.pack("!I", zlib.crc32(out)) + head + payload
    return out + struct.pack("!I", zlib.crc32(out))


def event(kind, payload):
    """An event, its payload an object."""
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return frame(json.dumps(payload).encode(), headers)


def wrapped(payload):
    """As events of a model's own format are wrapped."""
    return {"bytes": base64.b64encode(payload).decode(), "p": "abcdefgh"}


def encode(text):
    """What a golden file's body is on the wire."""
    out = b""
    for line in filter(None, text.split("\n")):
        kind, _, payload = line.partition(" ")
        if kind[0] == "?":
            out += frame(b"", {":error-code": kind[1:], ":error-message": payload, ":message-type": "error"})
        elif kind[0] == "!":
            headers = {":exception-type": kind[1:], ":content-type": "application/json", ":message-type": "exception"}
            out += frame(payload.encode(), headers)
        elif kind[-1] == ":":
            out += event(kind[:-1], wrapped(payload.encode()))
        else:
            out += event(kind, json.loads(payload))
    return out
