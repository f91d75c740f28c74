"""More than a slow reader can follow: calls of 250 KB each on several connections, once a line has come.

load.py BASE CALLS THREADS
"""
import http.client
import json
import sys
import threading
import urllib.parse

base = urllib.parse.urlsplit(sys.argv[1])
print("ready", __import__("os").getpid(), flush=True)
sys.stdin.readline()


def work(number):
    conn = http.client.HTTPConnection(base.hostname, base.port, timeout=120)
    for n in range(int(sys.argv[2])):
        text = "question %d of %d " % (n, number) + ("x%d " % n) * 60000
        conn.request("POST", "/v1/chat/completions", json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": text}]}),
                     {"Content-Type": "application/json", "Authorization": "Bearer sk-proj-dummy"})
        conn.getresponse().read()


threads = [threading.Thread(target=work, args=(i,)) for i in range(int(sys.argv[3]))]
for t in threads:
    t.start()
for t in threads:
    t.join()
