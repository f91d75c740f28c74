"""A conversation that goes on when it is told to: each line that is added to a file is what is said next; the whole history is sent
again each time, over one connection. (Who waits on a pipe is somebody whom a person asks: each request were a run of its own.)

talk.py BASE CA-FILE FILE    prints "N STATUS" after each answer, and ends with "quit". "stream WORDS" asks for a stream, says
"N begins" with its first line, and waits for a line more before it reads on. "run COMMAND" starts a program that it leaves behind.
"""
import http.client
import json
import os
import ssl
import subprocess
import sys
import time
import urllib.parse

base = urllib.parse.urlsplit(sys.argv[1])
if base.scheme == "https":
    context = ssl.create_default_context(cafile=sys.argv[2])
    conn = http.client.HTTPSConnection(base.hostname, base.port, context=context, timeout=60)
else:
    conn = http.client.HTTPConnection(base.hostname, base.port, timeout=60)

messages = [{"role": "system", "content": "You are the assistant of a test."}]


def text_of(answer, stream):
    if not stream:
        return json.loads(answer.read())["choices"][0]["message"]["content"]
    text = ""
    for line in answer.read().decode().splitlines():
        if line.startswith("data: {"):
            for choice in json.loads(line[6:])["choices"]:
                text += choice["delta"].get("content") or ""
    return text


said = open(sys.argv[3])


def told():
    """The next line of the file, once it is whole."""
    text = ""
    while not text.endswith("\n"):
        text += said.readline()
        if not text.endswith("\n"):
            time.sleep(0.05)
    return text.strip()


def main():
    n = 0
    print("ready", os.getpid(), flush=True)
    while True:
        line = told()
        if line == "quit":
            return
        if line.startswith("run "):
            subprocess.Popen(line[4:].split(), stdin=subprocess.DEVNULL)
            continue
        n += 1
        stream = line.startswith("stream")
        messages.append({"role": "user", "content": line})
        conn.request("POST", "/v1/chat/completions", json.dumps({"stream": stream, "model": "gpt-4o", "messages": messages}),
                     {"Content-Type": "application/json", "Authorization": "Bearer sk-proj-dummy"})
        answer = conn.getresponse()
        if stream:
            first = answer.readline().decode()
            print(n, "begins", flush=True)
            told()
            text = text_of(answer, True)
            if first.startswith("data: {"):
                text = "".join(c["delta"].get("content") or "" for c in json.loads(first[6:])["choices"]) + text
        else:
            text = text_of(answer, False)
        messages.append({"role": "assistant", "content": text})
        print(n, answer.status, flush=True)


main()
