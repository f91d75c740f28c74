"""A client that asks when it is told to: each line on its standard input is one request over the same connection.

steps.py BASE CA-FILE    prints "N STATUS" after each answer, and ends with its input. The line "exec" makes it run itself anew;
"stream" asks for a stream, says "N begins" with its first line, and waits for a line more before it reads on.
"""
import http.client
import json
import os
import ssl
import sys
import urllib.parse

base = urllib.parse.urlsplit(sys.argv[1])
if base.scheme == "https":
    context = ssl.create_default_context(cafile=sys.argv[2])
    conn = http.client.HTTPSConnection(base.hostname, base.port, context=context, timeout=20)
else:
    conn = http.client.HTTPConnection(base.hostname, base.port, timeout=20)



def told():
    """A line of the input, unbuffered: what follows "exec" is for the next program."""
    got = b""
    while not got.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            sys.exit(0)
        got += byte
    return got


n = 0
print("ready", os.getpid(), flush=True)
while True:
    line = told()
    if line == b"exec\n":
        os.execv(sys.executable, [sys.executable] + sys.argv)
    n += 1
    stream = line == b"stream\n"
    body = {"stream": stream, "model": "gpt-4o", "messages": [{"role": "user", "content": "question %d: %s" % (n, line.decode().strip())}]}
    conn.request("POST", "/v1/chat/completions", json.dumps(body),
                 {"Content-Type": "application/json", "Authorization": "Bearer sk-proj-dummy"})
    answer = conn.getresponse()
    if stream:
        answer.readline()
        print(n, "begins", flush=True)
        told()
    answer.read()
    print(n, answer.status, flush=True)
