# SPDX-License-Identifier: BSD-2-Clause
"""The server's side of a WebSocket (RFC 6455), with permessage-deflate (RFC 7692); for the mock server."""
import base64
import hashlib
import struct
import zlib

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
MORE, TEXT, CLOSE, PING, PONG = 0, 1, 8, 9, 10


class WebSocket:
    """After the handshake: receive() and send() whole text messages."""

    def __init__(self, handler, deflate, fragment=0):
        """@deflate: True, False, or "no-takeover"; used where the client offers it."""
        self.rfile, self.wfile, self.fragment = handler.rfile, handler.wfile, fragment
        offered = "permessage-deflate" in handler.headers.get("Sec-WebSocket-Extensions", "")
        self.deflate = bool(deflate) and offered
        self.takeover = deflate != "no-takeover"
        self.deflater, self.inflater = zlib.compressobj(wbits=-15), zlib.decompressobj(wbits=-15)
        key = handler.headers["Sec-WebSocket-Key"]
        handler.send_response(101)
        handler.send_header("Upgrade", "websocket")
        handler.send_header("Connection", "Upgrade")
        handler.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode())
        protocols = handler.headers.get("Sec-WebSocket-Protocol", "")
        if protocols:
            handler.send_header("Sec-WebSocket-Protocol", protocols.split(",")[0].strip())
        if self.deflate:
            rest = "" if self.takeover else "; server_no_context_takeover; client_no_context_takeover"
            handler.send_header("Sec-WebSocket-Extensions", "permessage-deflate" + rest)
        handler.end_headers()

    def read_frame(self):
        head = self.rfile.read(2)
        if len(head) < 2:
            return None
        n = head[1] & 0x7F
        if n >= 126:
            n = struct.unpack(">H" if n == 126 else ">Q", self.rfile.read(2 if n == 126 else 8))[0]
        mask = self.rfile.read(4)
        data = self.rfile.read(n)
        whole = (n + 3) // 4
        data = (int.from_bytes(data, "big") ^ int.from_bytes((mask * whole)[:n], "big")).to_bytes(n, "big") if n else b""
        return head[0], data

    def receive(self):
        """The next message; None where the client has gone."""
        text, compressed = b"", False
        while frame := self.read_frame():
            first, data = frame
            opcode = first & 0x0F
            if opcode == CLOSE:
                self.write_frame(0x80 | CLOSE, data[:2])
                return None
            if opcode == PING:
                self.write_frame(0x80 | PONG, data)
            if opcode >= CLOSE:
                continue
            compressed |= bool(first & 0x40)
            text += data
            if first & 0x80:
                return self.inflate(text) if compressed else text
        return None

    def inflate(self, data):
        if not self.takeover:
            self.inflater = zlib.decompressobj(wbits=-15)
        return self.inflater.decompress(data + b"\0\0\xff\xff")

    def send(self, text):
        compressed = 0x40 if self.deflate else 0
        if self.deflate:
            if not self.takeover:
                self.deflater = zlib.compressobj(wbits=-15)
            text = (self.deflater.compress(text) + self.deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]
        n = self.fragment or len(text) or 1
        parts = [text[i : i + n] for i in range(0, len(text), n)] or [b""]
        for i, part in enumerate(parts):
            last = 0x80 if i == len(parts) - 1 else 0
            self.write_frame(last | (TEXT | compressed if i == 0 else MORE), part)
            if not last and i % 2:
                self.write_frame(0x80 | PING, b"between")

    def write_frame(self, first, data):
        n = len(data)
        if n < 126:
            length = bytes([n])
        elif n < 65536:
            length = bytes([126]) + struct.pack(">H", n)
        else:
            length = bytes([127]) + struct.pack(">Q", n)
        self.wfile.write(bytes([first]) + length + data)
        self.wfile.flush()
