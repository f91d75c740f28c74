#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A receiver of OTLP over HTTP that misbehaves as told: strict about what it takes, each thing that it took is a line of OUT.

  otlp_receiver.py --port N --out FILE --mode FILE [--certs DIR [--mutual]] [--key VALUE] [--ready FILE]

MODE is read before each request: ok | 429 [AFTER] | 503 [AFTER] | STATUS | garbage | html | silent | drip | flood |
partial N | poison SPAN (400 where a request has it) | small N (413 over N items) | redirect URL
"""
import argparse, gzip, http.server, json, os, re, ssl, sys, threading, time

from google.protobuf import json_format
from otlp_lines import REQUESTS, RESPONSES, ids_as_base64, lines_of

lock = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", content_type="application/x-protobuf", **headers):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def note(self, **what):
        with lock, open(args.out + ".requests", "a") as f:
            f.write(json.dumps(dict(what, time=time.time(), path=self.path)) + "\n")

    def read_request(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        size = len(body)
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        is_json = self.headers["Content-Type"] == "application/json"
        assert is_json or self.headers["Content-Type"] == "application/x-protobuf"
        if is_json:
            request = json_format.ParseDict(ids_as_base64(json.loads(body)), REQUESTS[self.path]())
        else:
            request = REQUESTS[self.path].FromString(body)
        return request, body, is_json, size

    def do_POST(self):
        mode = open(args.mode).read().split() or ["ok"]
        request, body, is_json, size = self.read_request()
        lines = list(lines_of(self.path, request))
        self.note(mode=mode[0], items=len(lines), bytes=size, plain=len(body))
        if args.key and self.headers.get("X-Key") != args.key:
            return self.answer(401)
        getattr(self, "mode_" + re.sub(r"^[0-9]+$", "status", mode[0]))(mode, lines, is_json)

    def take(self, lines, is_json, rejected=0):
        with lock, open(args.out, "a") as f:
            f.write("".join(json.dumps(x) + "\n" for x in lines))
        response = RESPONSES[self.path]()
        if rejected:
            field = {"/v1/traces": "rejected_spans", "/v1/logs": "rejected_log_records", "/v1/metrics": "rejected_data_points"}[self.path]
            setattr(response.partial_success, field, rejected)
            response.partial_success.error_message = "too old"
        if is_json:
            self.answer(200, json_format.MessageToJson(response).encode(), "application/json")
        else:
            self.answer(200, response.SerializeToString())

    def mode_ok(self, mode, lines, is_json):
        self.take(lines, is_json)

    def mode_partial(self, mode, lines, is_json):
        n = min(int(mode[1]), len(lines))
        self.take(lines[n:], is_json, n)

    def mode_poison(self, mode, lines, is_json):
        if any(mode[1] == x.get("span_id") for x in lines):
            self.answer(400)
        else:
            self.take(lines, is_json)

    def mode_small(self, mode, lines, is_json):
        if len(lines) > int(mode[1]):
            self.answer(413)
        else:
            self.take(lines, is_json)

    def mode_status(self, mode, lines, is_json):
        self.answer(int(mode[0]), **({"Retry_After": mode[1]} if len(mode) > 1 else {}))

    def mode_redirect(self, mode, lines, is_json):
        self.answer(307, Location=mode[1])

    def mode_html(self, mode, lines, is_json):
        self.answer(200, b"<html>log in first</html>", "text/html")

    def mode_garbage(self, mode, lines, is_json):
        self.wfile.write(os.urandom(20000))
        self.close_connection = True

    def mode_flood(self, mode, lines, is_json):
        self.send_response(200)
        self.send_header("Content-Length", str(1 << 30))
        self.end_headers()
        try:
            for _ in range(1 << 10):
                self.wfile.write(b"x" * (1 << 20))
        except OSError:
            pass
        self.close_connection = True

    def mode_silent(self, mode, lines, is_json):
        try:
            while open(args.mode).read().startswith("silent"):
                time.sleep(0.1)
        finally:
            self.close_connection = True

    def mode_drip(self, mode, lines, is_json):
        try:
            for c in b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"a" * 100000:
                self.wfile.write(bytes([c]))
                time.sleep(0.05)
        except OSError:
            pass
        self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, address):
        text = repr(sys.exc_info()[1])
        if not isinstance(sys.exc_info()[1], OSError):
            with lock, open(args.out + ".faults", "a") as f:
                f.write(text + "\n")


parser = argparse.ArgumentParser()
for name in ("port", "out", "mode", "certs", "key", "ready"):
    parser.add_argument("--" + name)
parser.add_argument("--mutual", action="store_true")
args = parser.parse_args()
server = Server(("127.0.0.1", int(args.port or 0)), Handler)
if args.certs:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(args.certs + "/server.pem", args.certs + "/server.key")
    if args.mutual:
        tls.verify_mode = ssl.CERT_REQUIRED
        tls.load_verify_locations(args.certs + "/ca.pem")
    server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
if args.ready:
    with open(args.ready + ".new", "w") as f:
        f.write("%d\n" % server.server_address[1])
    os.rename(args.ready + ".new", args.ready)
server.serve_forever()
