"""More than a slow reader can follow: calls of 250 KB each on several connections, once a file is there.

load.py BASE CALLS THREADS FILE
"""
import http.client
import json
import os
import sys
import threading
import time
import urllib.parse

base = urllib.parse.urlsplit(sys.argv[1])
print("ready", os.getpid(), flush=True)
while not os.path.getsize(sys.argv[4]):
    time.sleep(0.05)


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
