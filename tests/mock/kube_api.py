#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""An API server of one node, as far as pods and the node go: TLS, tokens, lists in pages, watches that are
told what changes, and whatever may go wrong.

    kube_api.py --port PORT --certs DIR --token FILE --state FILE --log FILE --ready FILE

The state is a JSON file, read again for each request and while a watch stands:
    {"node": {...}, "pods": {UID: POD}, "version": N, "oldest": N, "mode": MODE, "page": N}
A pod's own "version" is that of its last change; "gone" in its place: {"gone": true, "version": N}.
Modes: "" works, "500", "garbage", "huge", "slow" (a byte a second), "hang" (no answer), "cut" (an answer is broken off),
"deep" (brackets without end).
Each request is a line of the log: {"path": ..., "status": ..., "token": ...}.
"""

import argparse
import http.server
import json
import ssl
import threading
import time
import urllib.parse

args = None
lock = threading.Lock()


def state():
    while True:
        try:
            with open(args.state) as f:
                return json.load(f)
        except ValueError:  # it is being written
            time.sleep(0.02)


def clean(uid, pod):
    p = {k: v for k, v in pod.items() if k not in ("version", "gone")}
    meta = dict(p.get("metadata", {}))
    meta["uid"] = uid
    meta["resourceVersion"] = str(pod["version"])
    p["metadata"] = meta
    return p


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *a):
        pass

    def note(self, status):
        with lock, open(args.log, "a") as f:
            f.write(json.dumps({"path": self.path, "status": status, "token": self.headers.get("Authorization", "")}) + "\n")

    def reply(self, status, body, kind="application/json"):
        self.note(status)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def failure(self, status, message):
        self.reply(status, {"kind": "Status", "code": status, "message": message})

    def misbehave(self, mode):
        if mode == "500":
            self.failure(500, "etcd leader changed")
        elif mode == "garbage":
            self.reply(200, b"\x00\xff<html>not what you want</html>\n" * 50)
        elif mode == "deep":
            self.reply(200, b"[" * 1000000 + b"\n")
        elif mode in ("huge", "slow", "hang", "cut"):
            self.note(200)
            self.close_connection = True
            if mode == "hang":
                time.sleep(120)
                return True
            self.send_response(200)
            self.send_header("Content-Length", str(1 << 40))
            self.end_headers()
            try:
                if mode == "cut":
                    self.wfile.write(b'{"items":[{"metadata":')
                elif mode == "slow":
                    for _ in range(40):
                        self.wfile.write(b" ")
                        time.sleep(0.5)
                else:
                    for _ in range(200):
                        self.wfile.write(b" " * (1 << 20))
            except OSError:
                pass
        else:
            return False
        return True

    def watch(self, query, s):
        version = int(query.get("resourceVersion", ["0"])[0])
        self.note(200)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if version < s.get("oldest", 0):
            self.chunk({"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old"}})
            self.wfile.write(b"0\r\n\r\n")
            return
        told = set(u for u, p in s["pods"].items() if p["version"] <= version)
        end = time.time() + float(s.get("watch_s", 300))
        while time.time() < end:
            s = state()
            if s.get("mode"):
                self.close_connection = True
                return
            for uid, p in sorted(s["pods"].items(), key=lambda i: i[1]["version"]):
                if p["version"] <= version:
                    continue
                kind = "DELETED" if p.get("gone") else "MODIFIED" if uid in told else "ADDED"
                told.add(uid)
                version = p["version"]
                self.chunk({"type": kind, "object": clean(uid, p)})
            if s["version"] > version:
                version = s["version"]
                self.chunk({"type": "BOOKMARK", "object": {"kind": "Pod", "metadata": {"resourceVersion": str(version)}}})
            time.sleep(0.05)
        self.wfile.write(b"0\r\n\r\n")

    def chunk(self, value):
        data = json.dumps(value).encode() + b"\n"
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def do_GET(self):
        s = state()
        url = urllib.parse.urlparse(self.path)
        query = urllib.parse.parse_qs(url.query)
        node = s["node"]["metadata"]["name"]
        with open(args.token) as f:
            token = f.read().strip()
        try:
            if self.headers.get("Authorization") != "Bearer " + token:
                self.failure(401, "Unauthorized")
            elif self.misbehave(s.get("mode", "")):
                pass
            elif url.path == "/api/v1/nodes/" + node:
                self.reply(200, s["node"])
            elif url.path != "/api/v1/pods":
                self.failure(404, "not found")
            elif query.get("fieldSelector") != ["spec.nodeName=" + node]:
                self.failure(403, "pods is forbidden: not of another node")
            elif "watch" in query:
                self.watch(query, s)
            else:
                pods = [clean(u, p) for u, p in sorted(s["pods"].items()) if not p.get("gone")]
                page = s.get("page", 100)
                begin = int(query.get("continue", ["0"])[0])
                meta = {"resourceVersion": str(s["version"])}
                if begin + page < len(pods):
                    meta["continue"] = str(begin + page)
                self.reply(200, {"kind": "PodList", "metadata": meta, "items": pods[begin:begin + page]})
        except OSError:
            self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *a):
        pass


def main():
    global args
    p = argparse.ArgumentParser()
    for name in ("--certs", "--token", "--state", "--log", "--ready"):
        p.add_argument(name, required=True)
    p.add_argument("--port", type=int, default=0)
    args = p.parse_args()
    server = Server(("127.0.0.1", args.port), Handler)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(args.certs + "/server.pem", args.certs + "/server.key")
    server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    with open(args.ready, "w") as f:
        f.write(str(server.server_address[1]))
    server.serve_forever()


main()
