#!/usr/bin/env python3
"""Plants secrets wherever an agent might have them, and looks for them afterwards.

    secrets.py plan SEED            prints 200 of them as JSON: [{"kind","place","value","text"}]; text is what is said
    secrets.py agent PLAN BASE      an agent that says them all: headers, URLs, bodies, argv, file names, tool results
    secrets.py look PLAN FILE...    the values found in files; in stores also inside compressed blobs; exits 1 if any
"""
import base64
import gzip
import json
import os
import random
import re
import sqlite3
import string
import subprocess
import sys
import urllib.error
import urllib.request

ALNUM = string.ascii_letters + string.digits


def kinds(rnd):
    """name -> (value that must not be kept, text around it)"""
    s = lambda n, chars=ALNUM: "".join(rnd.choice(chars) for _ in range(n))
    hexa = lambda n: s(n, "0123456789abcdef")
    b64 = lambda n: base64.urlsafe_b64encode(s(n).encode()).decode().rstrip("=")
    plain = {
        "openai": "sk-proj-" + s(48),
        "openai-old": "sk-" + s(48),
        "anthropic": "sk-ant-api03-" + s(93) + "AA",
        "google": "AIza" + s(35),
        "github": "ghp_" + s(36),
        "github-oauth": "gho_" + s(36),
        "github-fine": "github_pat_" + s(22) + "_" + s(59),
        "slack": "xoxb-" + s(12, string.digits) + "-" + s(12, string.digits) + "-" + s(24),
        "gitlab": "glpat-" + s(20),
        "huggingface": "hf_" + s(34),
        "npm": "npm_" + s(36),
        "stripe": "sk_live_" + s(24),
        "sendgrid": "SG." + s(22) + "." + s(43),
        "jwt": "eyJhbGciOiJIUzI1NiJ9." + b64(40) + "." + b64(32),
    }
    for name, value in plain.items():
        yield name, value, value
    value = s(40, ALNUM + "/+")
    yield "aws", value, "aws_secret_access_key=" + value
    value = s(18)
    yield "password", value, "DB_PASSWORD=" + value
    value = s(24)
    yield "userinfo", value, f"postgres://app:{value}@db.internal:5432/app"
    value = hexa(40)
    yield "bearer", value, "Authorization: Bearer " + value
    value = base64.b64encode(("user:" + s(20)).encode()).decode()
    yield "basic", value, "Authorization: Basic " + value
    value = s(64)
    yield "pem", value, f"-----BEGIN PRIVATE KEY-----\n{value}\n-----END PRIVATE KEY-----"


PLACES = ["header", "url", "body", "nested", "argv", "filename", "result", "answer", "gzip", "assignment"]


def plan(seed):
    rnd = random.Random(seed)
    out = []
    for place in PLACES:
        for kind, value, text in kinds(rnd):
            out.append({"kind": kind, "place": place, "value": value, "text": text})
    return out


def post(base, path, body, headers, coding=None):
    data = json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **headers}
    if coding == "gzip":
        data, headers["Content-Encoding"] = gzip.compress(data), "gzip"
    request = urllib.request.Request(base + path, data, headers)
    try:
        with urllib.request.urlopen(request) as r:
            return r.read()
    except urllib.error.HTTPError as e:
        return e.read()


def say(base, content, headers=None, query="", coding=None):
    body = {"model": "claude-sonnet-4-6", "max_tokens": 9, "messages": [{"role": "user", "content": content}]}
    headers = {"x-api-key": "sk-ant-dummy-000000000000", **(headers or {})}
    return post(base, "/v1/messages" + query, body, headers, coding)


def in_header(base, s):
    names = {"bearer": "Authorization", "basic": "Authorization", "jwt": "Cookie", "password": "Cookie", "google": "x-goog-api-key"}
    name = names.get(s["kind"], "x-api-key")
    value = s["text"].split(": ", 1)[-1].replace("\n", " ")
    say(base, "hello", {name: ("session=" + s["value"]) if name == "Cookie" else value})


def in_url(base, s):
    say(base, "hello", query="?beta=true&key=" + urllib.request.quote(s["value"], safe=""))


def in_result(base, s):
    content = [{"type": "tool_result", "tool_use_id": "t1", "content": "$ env\nHOME=/root\n" + s["text"] + "\n"}]
    say(base, content)


def in_argv(base, s):
    if s["kind"] in ("bearer", "basic"):
        args = ["-H", s["text"]]
    elif s["kind"] in ("password", "aws", "userinfo"):
        args = [s["text"]]
    else:
        args = ["--api-key", s["value"]]
    subprocess.run(["/bin/true", *args], check=False)


def in_assignment(base, s):
    subprocess.run(["/bin/sh", "-c", f"export SERVICE_API_KEY='{s['value']}'; true"], check=False)


def in_filename(base, s):
    name = re.sub(r"[^A-Za-z0-9._=@:-]", "_", s["text"])[:200] if s["kind"] not in ("userinfo", "pem", "aws") else "none"
    path = os.path.join(os.environ.get("TMPDIR", "/tmp"), name)
    subprocess.run(["/bin/sh", "-c", 'true > "$0"; ls "$0"', path], check=False, capture_output=True)
    say(base, "I wrote " + path)


def in_answer(base, s):
    post(base, "/__mock/reset", {"scenario": {"final_text": "your key: " + s["text"], "chunks": 23, "fragment": 5}}, {})
    body = {"model": "claude-sonnet-4-6", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "q"}]}
    post(base, "/v1/messages", body, {"x-api-key": "sk-ant-dummy-000000000000"})
    post(base, "/__mock/reset", {"scenario": {}}, {})


SAY = {
    "header": in_header,
    "url": in_url,
    "body": lambda base, s: say(base, "please use " + s["text"] + " for this"),
    "nested": lambda base, s: say(base, json.dumps({"config": json.dumps({"v": s["text"]})})),
    "argv": in_argv,
    "filename": in_filename,
    "result": in_result,
    "answer": in_answer,
    "gzip": lambda base, s: say(base, "compressed: " + s["text"], coding="gzip"),
    "assignment": in_assignment,
}


def agent(plan_file, base):
    with open(plan_file, encoding="utf-8") as f:
        for s in json.load(f):
            SAY[s["place"]](base, s)


def store_dictionary():
    """What the store's small blobs are compressed with: it stands in the source."""
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../src/store/blob.c")
    with open(source, encoding="utf-8") as f:
        text = re.search(r"dict_1\[\] =(.*?);\n\n", f.read(), re.S).group(1)
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text)).encode().decode("unicode_escape").encode()


def contents(path):
    """All that a file says, compressed blobs of a store unpacked."""
    with open(path, "rb") as f:
        data = f.read()
    yield data
    if data[:15] != b"SQLite format 3":
        return
    import zstandard

    dictionary = zstandard.ZstdCompressionDict(store_dictionary(), dict_type=zstandard.DICT_TYPE_RAWCONTENT)

    def unpack(cell):
        for d in (zstandard.ZstdDecompressor(), zstandard.ZstdDecompressor(dict_data=dictionary)):
            try:
                return d.decompressobj().decompress(cell)
            except zstandard.ZstdError:
                pass
        raise SystemExit("a blob that cannot be unpacked")

    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    tables = [r[0] for r in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        for row in db.execute(f'SELECT * FROM "{table}"'):
            for cell in row:
                if isinstance(cell, bytes) and cell[:4] == b"\x28\xb5\x2f\xfd":
                    yield unpack(cell)
                elif isinstance(cell, (str, bytes)):
                    yield cell.encode() if isinstance(cell, str) else cell


def look(plan_file, files):
    with open(plan_file, encoding="utf-8") as f:
        secrets = json.load(f)
    found = set()
    for path in files:
        whole = b"\0".join(contents(path))
        for i, s in enumerate(secrets):
            forms = {s["value"], urllib.request.quote(s["value"], safe=""), json.dumps(s["value"])[1:-1]}
            if any(form.encode() in whole for form in forms):
                found.add((i, path))
    for i, path in sorted(found):
        print(f"{secrets[i]['kind']} planted in {secrets[i]['place']} stands in {os.path.basename(path)}")
    print(f"{len(secrets)} planted, {len({i for i, _ in found})} found")
    return bool(found)


if __name__ == "__main__":
    if sys.argv[1] == "plan":
        print(json.dumps(plan(int(sys.argv[2]))))
    elif sys.argv[1] == "agent":
        agent(sys.argv[2], sys.argv[3])
    else:
        sys.exit(look(sys.argv[2], sys.argv[3:]))
