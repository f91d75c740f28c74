#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Asks the API over its Unix socket and checks what it answers. Prints what does not hold.

  api.py SOCKET schemas [own]   every GET route against openapi.json; members that it does not have are wrong. own: of who sees little
  api.py SOCKET pages           lists in pages: each row once, in order, whatever the order and the size of a page
  api.py SOCKET errors          what is asked wrongly
  api.py SOCKET figures         sums against the runs that they are of
  api.py SOCKET answers         ETags, compression, headers of content
  api.py SOCKET hidden FILE     nothing of FILE (ids and words of another user, one a line) in any answer, nor by its id
"""
import gzip, http.client, json, re, socket, sys, urllib.parse

API = "/api/v1/"
wrong = []


def no(text):
    wrong.append(text)


class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(sys.argv[1])


def ask(path, query=None, headers=None, method="GET"):
    if query:
        path += "?" + urllib.parse.urlencode(query)
    c = Connection("sonde")
    c.request(method, path if path.startswith("/") else API + path, headers=headers or {})
    r = c.getresponse()
    body = r.read()
    c.close()
    return r.status, {k.lower(): v for k, v in r.getheaders()}, body


def get(path, **query):
    status, _, body = ask(path, query)
    if status != 200:
        no(f"{path} {query}: {status} {body[:200]}")
        return None
    return json.loads(body)


# --- schemas: what of JSON Schema openapi.json uses ---

KINDS = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict, "array": list, "null": type(None)}


def is_kind(value, kind):
    return isinstance(value, KINDS[kind]) and not (kind in ("integer", "number") and isinstance(value, bool))


def faults(doc, schema, value, at="$"):
    """Like a validator, but an object that does not say additionalProperties has none."""
    if "$ref" in schema:
        schema = doc["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    if "anyOf" in schema:
        found = [list(faults(doc, s, value, at)) for s in schema["anyOf"]]
        if all(found):
            yield from min(found, key=len)
        return
    kinds = schema.get("type", [])
    if kinds and not any(is_kind(value, k) for k in ([kinds] if isinstance(kinds, str) else kinds)):
        yield f"{at}: {str(value)[:60]} is no {kinds}"
        return
    if "enum" in schema and value not in schema["enum"] or "const" in schema and value != schema["const"]:
        yield f"{at}: {str(value)[:60]} is none of those that it may be"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{at}: {value[:60]} is not {schema['pattern']}"
    if isinstance(value, dict) and "type" in schema:
        known = schema.get("properties", {})
        for name in schema.get("required", []):
            if name not in value:
                yield f"{at}: lacks {name}"
        for name, v in value.items():
            if name in known:
                yield from faults(doc, known[name], v, f"{at}.{name}")
            elif not schema.get("additionalProperties"):
                yield f"{at}: {name} is not described"
            elif isinstance(schema["additionalProperties"], dict):
                yield from faults(doc, schema["additionalProperties"], v, f"{at}.{name}")
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            yield f"{at}: {len(value)} elements"
        for i, v in enumerate(value):
            yield from faults(doc, schema.get("items", {}), v, f"{at}[{i}]")


def hold(doc, path, query=None, status=200):
    """Asks, and checks the answer against the schema of its route and status."""
    got, headers, body = ask(path, query)
    where = f"{path} {query or ''}"
    if got != status:
        return no(f"{where}: {got} {body[:200]}")
    pattern = next((p for p in sorted(doc["paths"], key=lambda p: p.count("{"))
                    if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(p)), API + path)), None)
    if not pattern:
        return no(f"{where}: not described")
    response = doc["paths"][pattern]["get"]["responses"].get(str(got), {"content": doc["components"]["responses"]["Error"]["content"]})
    types = response["content"]
    if headers.get("content-type") not in types:
        return no(f"{where}: {headers.get('content-type')}")
    if headers["content-type"] == "application/json" and "schema" in types["application/json"]:
        if types["application/json"]["schema"].get("type") != "string":
            for fault in faults(doc, types["application/json"]["schema"], json.loads(body)):
                no(f"{where}: {fault}")
    return pattern


def nodes_of(run):
    return [m["node"] for t in get(f"runs/{run}/conversation")["threads"] for m in t["messages"]]


def schemas(own=None):
    doc = get("openapi.json")
    runs = [r["run_id"] for r in get("runs", limit=1000)["items"]]
    sessions = [s["session_id"] for s in get("sessions")["items"]]
    asked, seen = [], set()
    for path in "me status runs runs/counts spans sessions agents tools models health doctor openapi.json".split():
        asked.append((path, None))
    for path in "runs runs/counts spans sessions agents tools models cost metrics health doctor".split():
        for query in ({"filter": "agent:agent"}, {"since": "30d"}, {"since": "2020-01-01", "until": "2030-01-01"}, {"since": "all", "filter": "no-such-word"}, {"filter": "-status:failed tokens>0"}):
            asked.append((path, query))
    for by in doc["components"]["parameters"]["by"]["schema"]["enum"]:
        asked.append(("cost", {"by": by}))
    for bucket in doc["components"]["parameters"]["bucket"]["schema"]["enum"]:
        asked.append(("metrics", {"bucket": bucket}))
    for run in runs:
        asked += [(f"runs/{run}{rest}", None) for rest in ("", "/steps", "/spans", "/conversation", "/artifacts", "/similar", "/retry")]
        asked += [("compare", {"a": run, "b": other}) for other in runs]
        for span in get(f"runs/{run}/spans", limit=1000)["items"]:
            asked.append((f"runs/{run}/spans/{span['span_id']}", None))
        asked += [(f"messages/{node}", None) for node in nodes_of(run)]
        for artifact in get(f"runs/{run}/artifacts")["items"]:
            if "blob" in artifact:
                asked.append((f"blobs/{artifact['blob']}", None))
        asked.append(("export", {"format": "html", "run": run}))
    asked += [(path, {"by": "model", "filter": "agent:agent", "all": "1"} if path == "cost" else {"filter": "agent:agent", "all": "1"}) for path in ("cost", "models", "tools")]
    asked += [(f"sessions/{s}", None) for s in sessions]
    asked += [("export", {"format": f, "rows": r}) for f in ("csv", "ndjson", "otlp") for r in ("runs", "spans")]
    for path, query in asked:
        seen.add(hold(doc, path, query))
    if not runs:
        no("there are no runs to look at")
    left = {p for p, m in doc["paths"].items() if "get" in m} - seen - {API + "live", "/open"}
    if left - ({API + "blobs/{blob}", API + "sessions/{session}"} if own else set()):
        no(f"not asked: {left}")


# --- pages ---

SORTS = {
    "start": lambda x: x["start_time_unix_nano"],
    "duration": lambda x: (x["end_time_unix_nano"] or 0) - x["start_time_unix_nano"],
    "errors": lambda x: x.get("errors", 0),
    "tokens": lambda x: x["usage"].get("input_tokens", 0) + x["usage"].get("output_tokens", 0),
    "cost": lambda x: x.get("cost_usd", 0) + x.get("equivalent_usd", 0),
    "steps": lambda x: x.get("llm_calls", 0) + x.get("tool_calls", 0) + x.get("processes", 0),
}


HAVE = {
    "errors": lambda x: x["status"]["code"] == "ERROR",
    "tokens": lambda x: "gen_ai.usage.input_tokens" in x["attributes"] or "gen_ai.usage.output_tokens" in x["attributes"],
    "cost": lambda x: "sonde.cost.usd" in x["attributes"],
}


def walk(path, **query):
    rows, cursor = [], None
    while True:
        page = get(path, **query, **({"cursor": cursor} if cursor else {}))
        rows += page["items"]
        cursor = page["next"]
        if page["has_more"] != (cursor is not None):
            no(f"{path}: has_more and next disagree")
        if len(page["items"]) > query["limit"] or len(rows) > 20000:
            no(f"{path}: too many")
        if not cursor or len(rows) > 20000:
            return rows, page


def pages():
    for path, key in (("runs", "run_id"), ("spans", "span_id")):
        all_rows = get(path, limit=1000)["items"]
        for sort in SORTS:
            if path == "spans" and sort == "steps":
                continue
            # of steps, those alone that have what they are ordered by
            every = {x[key] for x in all_rows if path == "runs" or HAVE.get(sort, lambda x: True)(x)}
            if not every:
                no(f"{path} by {sort}: there is nothing to look at")
            for order in ("asc", "desc"):
                for limit in (1, 3, 1000):
                    rows, page = walk(path, sort=sort, order=order, limit=limit)
                    ids = [x[key] for x in rows]
                    if len(ids) != len(set(ids)) or set(ids) != every or page["total"] != len(every) or page["total_more"]:
                        no(f"{path} by {sort} {order}, {limit} at once: {len(ids)} rows, {len(set(ids))} that differ, of {len(every)}, total {page['total']}")
                    if path == "runs" or sort in ("start", "duration"):
                        values = [SORTS[sort](x) for x in rows if x["end_time_unix_nano"]]
                        if values != sorted(values, reverse=order == "desc"):
                            no(f"{path} by {sort} {order}: {values}")
    rows, page = walk("sessions", limit=1)
    if len({s["session_id"] for s in rows}) != page["total"]:
        no(f"sessions: {len(rows)} of {page['total']}")
    if len(get("runs")["items"]) < 3:
        no("there are too few runs to look at")


# --- what is asked wrongly ---

def errors():
    doc = get("openapi.json")
    run, zero = get("runs", limit=1)["items"][0]["run_id"], "0" * 32
    for path, query, status in (
        ("runs", {"nothing": 1}, 400), ("runs", {"limit": 0}, 400), ("runs", {"limit": 1001}, 400), ("runs", {"limit": "x"}, 400), ("runs", {"sort": "id"}, 400), ("runs", {"order": "up"}, 400),
        ("runs", {"cursor": "zz"}, 400), ("runs", {"cursor": "z" * 200}, 400), ("runs", {"since": "soon"}, 400), ("runs", {"since": "2026-01-02", "until": "2026-01-01"}, 400),
        ("runs", {"filter": "nothing:1"}, 400), ("runs", {"filter": "cost>x"}, 400), ("runs", {"filter": 'agent:"x'}, 400), ("runs", {"filter": "x" * 10000}, 400), ("runs", {"sort": "start"}, 200),
        ("runs/counts", {"limit": 1}, 400), ("spans", {"sort": "steps"}, 400), ("sessions", {"sort": "cost"}, 400), ("agents", {"limit": 1}, 400), ("cost", {"by": "x"}, 400), ("cost", {"bucket": "day"}, 400),
        ("metrics", {"bucket": "year"}, 400), ("compare", None, 400), ("compare", {"a": run}, 400), ("compare", {"a": run, "b": zero}, 404), ("compare", {"a": run, "b": "xyz"}, 400),
        ("runs/" + zero, None, 404), ("runs/x", None, 400), ("runs/" + run + "0", None, 400), ("runs/" + run[:8], None, 200), ("runs/last", None, 200), (f"runs/{run}", {"limit": 1}, 400),
        (f"runs/{zero}/steps", None, 404), (f"runs/{zero}/spans", None, 404), (f"runs/{zero}/conversation", None, 404), (f"runs/{zero}/artifacts", None, 404), (f"runs/{zero}/similar", None, 404), (f"runs/{zero}/retry", None, 404),
        (f"runs/{run}/spans/{'0' * 16}", None, 404), (f"runs/{run}/spans/x", None, 400), (f"runs/{run}/spans/{'g' * 16}", None, 400), ("sessions/" + zero, None, 404), ("sessions/x", None, 400),
        ("messages/" + zero, None, 404), ("messages/x", None, 400), ("blobs/" + zero, None, 404), ("blobs/x", None, 400), ("blobs/..%2f..%2fetc%2fpasswd", None, 404),
        ("export", None, 400), ("export", {"format": "xml"}, 400), ("export", {"format": "csv", "rows": "x"}, 400), ("export", {"format": "csv", "rows": "spans", "sort": "steps"}, 400), ("export", {"format": "csv", "sort": "x"}, 400),
        ("cost", {"all": "2"}, 400), ("runs", {"all": "1"}, 400), ("export", {"format": "html"}, 400), ("export", {"format": "html", "run": zero}, 404),
        ("export", {"format": "csv", "filter": "nothing:1"}, 400), ("export", {"format": "csv", "content": "yes"}, 400), ("export", {"format": "csv", "db": "/etc/passwd"}, 400),
        ("export", {"format": "csv", "output": "/tmp/x"}, 400), ("health", {"x": 1}, 400),
    ):
        if path.startswith("blobs/.."):
            if ask(path)[0] != status:
                no(f"{path}: {ask(path)[0]}")
        else:
            hold(doc, path, query, status)
    if ask("runs?limit=1&limit=2")[0] != 400:
        no("a parameter may stand there twice")
    if ask("runs", method="DELETE")[0] != 405 or ask("nothing")[0] != 404 or ask("runs/")[0] != 404 or ask(f"runs/{run}/")[0] != 404:
        no("paths and methods that are none")
    known = json.loads(ask("agents", {"x": 1})[2])["error"]["message"]
    if "'x'" not in known or "filter since until" not in known:
        no(f"what there is instead is not said: {known}")


# --- sums ---

def figures():
    runs = get("runs", limit=1000)["items"]
    spans = get("spans", limit=1000)["items"]
    calls = [s for s in spans if s["attributes"].get("sonde.step.kind") == "llm"]
    counts = get("runs/counts")
    if counts["total"] != len(runs) or sum(counts["status"].values()) != len(runs) or any(n != sum(r["status"] == s for r in runs) for s, n in counts["status"].items()):
        no(f"counts: {counts}")
    agents = get("agents")["items"]
    if sum(a["runs"] for a in agents) != len(runs) or {a["agent"] for a in agents} != {r.get("agent", "") for r in runs}:
        no(f"agents: {agents}")
    spent = sum(r.get("cost_usd", 0) for r in runs)
    for by in "agent model provider project user host workflow session day hour".split():
        cost = get("cost", by=by)
        rows = sum(i.get("cost_usd", 0) for i in cost["items"])
        if cost["by"] != by or abs(rows - spent) > 1e-9 or abs(cost["total"].get("cost_usd", 0) - spent) > 1e-9 or cost["total"]["llm_calls"] != len(calls) or cost["previous"] is not None:
            no(f"cost by {by}: {rows} of {spent}, {cost['total']}")
        if cost["total"]["runs"] != len({s["trace_id"] for s in calls}):
            no(f"cost by {by}: {cost['total']['runs']} runs")
    if get("models")["items"] != get("cost", by="model")["items"] or "cache_saved_usd" not in get("models")["total"]:
        no("models are not the costs by model")
    if get("cost", since="7d")["previous"] is None:
        no("there is no time before")
    metrics = get("metrics", bucket="hour")
    if metrics["total"]["runs"] != len(runs) or sum(b["runs"] for b in metrics["buckets"]) != len(runs) or metrics["total"]["llm_calls"] != len(calls) or sum(map(sum, metrics["heat"])) != len(calls):
        no(f"metrics: {metrics['total']}")
    for r in runs:
        page = get(f"runs/{r['run_id']}/steps")
        of_run = [s for s in spans if s["trace_id"] == r["run_id"]]
        ids = {s["step_id"] for s in page["steps"]}
        if {s["span_id"] for s in of_run} - ids or page["capped"] or page["total"] != len(page["steps"]) or page["run"] != r:
            no(f"steps of {r['run_id']}: {len(page['steps'])}")
        if any(s.get("parent_id", s["step_id"]) not in ids or s.get("span_id") not in ids for s in page["steps"]):
            no(f"steps of {r['run_id']}: what one is below is not there")
        starts = [s["start_time_unix_nano"] for s in page["steps"]]
        if starts != sorted(starts):
            no(f"steps of {r['run_id']}: not in order")
        said = get(f"runs/{r['run_id']}/conversation")
        nodes = [m["node"] for t in said["threads"] for m in t["messages"]]
        if len(nodes) != len(set(nodes)) or any(m.get("span_id", next(iter(ids))) not in ids for t in said["threads"] for m in t["messages"]):
            no(f"conversation of {r['run_id']}")
        if r["llm_calls"] and not any(m["message"]["role"] == "assistant" and "span_id" in m for t in said["threads"] for m in t["messages"]):
            no(f"conversation of {r['run_id']}: no answer")
        same = get("compare", a=r["run_id"], b=r["run_id"])
        if same["first_difference"] is not None or any(x["op"] != "same" for x in same["rows"]) or same["output"]["a"] != same["output"]["b"]:
            no(f"{r['run_id']} differs from itself")
    if len(runs) > 1 and not any(get("compare", a=runs[0]["run_id"], b=r["run_id"])["first_difference"] is not None for r in runs[1:]):
        no("no two runs differ")


# --- headers ---

def answers():
    status, headers, plain = ask("runs", {"limit": 1000})
    status, headers, packed = ask("runs", {"limit": 1000}, {"Accept-Encoding": "br, gzip;q=0.8"})
    if headers.get("content-encoding") != "gzip" or gzip.decompress(packed) != plain or "accept-encoding" not in headers.get("vary", "").lower():
        no(f"not compressed: {headers}")
    for accepted in ("identity", "gzip;q=0", "br", "x-gzip"):
        if "content-encoding" in ask("runs", {"limit": 1000}, {"Accept-Encoding": accepted})[1]:
            no(f"compressed for {accepted}")
    if "content-encoding" in ask("runs/counts", None, {"Accept-Encoding": "gzip"})[1]:
        no("a short answer is compressed")
    tag = headers.get("etag", "")
    if not tag.startswith('W/"') or "no-cache" not in headers["cache-control"] or "private" not in headers["cache-control"]:
        no(f"no tag: {headers}")
    status, headers, body = ask("runs", {"limit": 1000}, {"If-None-Match": f'"x", {tag}'})
    if status != 304 or body or headers.get("etag") != tag:
        no(f"the same again: {status}")
    for path, query in (("runs", {"limit": 999}), ("spans", {"limit": 1000}), ("runs", {"limit": 1000, "filter": "agent:agent"})):
        if ask(path, query, {"If-None-Match": tag})[0] != 200 or ask(path, query)[1].get("etag") == tag:
            no(f"the tag of another answer holds for {path} {query}")
    for path in ("health", "me", "status"):
        if "etag" in ask(path)[1] or ask(path)[1]["cache-control"] != "no-store":
            no(f"{path} has a tag")
    if "etag" in ask("runs", {"limit": 0})[1]:
        no("an error has a tag")
    print(tag)


# --- what is another's ---

def hidden(file):
    lines = [line.strip() for line in open(file) if line.strip()]
    ids = [x for x in lines if re.fullmatch("[0-9a-f]{32}", x)]
    doc, bodies = get("openapi.json"), []
    for path in "me status runs runs/counts spans sessions agents tools models cost metrics health doctor".split():
        for query in ({}, {"since": "2020-01-01"}):
            bodies.append((path, ask(path, query)[2]))
    for by in doc["components"]["parameters"]["by"]["schema"]["enum"]:
        bodies.append(("cost by " + by, ask("cost", {"by": by})[2]))
    for run in get("runs")["items"]:
        for rest in ("steps", "spans", "conversation", "artifacts", "similar"):
            bodies.append((rest, ask(f"runs/{run['run_id']}/{rest}")[2]))
        for other in ids:
            if ask("compare", {"a": run["run_id"], "b": other})[0] != 404:
                no(f"{other} can be compared")
    for word in lines:
        for path in ("runs", "spans"):
            status, _, body = ask(path, {"filter": f'"{word}"'})
            if status == 200 and json.loads(body)["items"]:
                no(f"{word} finds something among {path}")
    for name in ("user", "host", "project", "run", "session"):
        for word in lines:
            status, _, body = ask("runs", {"filter": f'{name}:"{word}"'})
            if status == 200 and json.loads(body)["items"]:
                no(f"{name}:{word} finds something")
    for fmt, rows, content in (("csv", "runs", 0), ("csv", "spans", 0), ("ndjson", "runs", 0), ("ndjson", "spans", 1), ("otlp", "runs", 1)):
        bodies.append(("export " + fmt, ask("export", {"format": fmt, "rows": rows, "content": content})[2]))
    for i in ids:
        for path in (f"runs/{i}", f"runs/{i}/steps", f"runs/{i}/spans", f"runs/{i}/conversation", f"runs/{i}/artifacts", f"runs/{i}/similar", f"sessions/{i}", f"messages/{i}", f"blobs/{i}", f"runs/{i[:8]}", f"runs/{i[:4]}"):
            if ask(path)[0] != 404:
                no(f"{path} is there")
        if ask("export", {"format": "html", "run": i})[0] != 404:
            no(f"{i} can be exported")
    for path, body in bodies:
        for word in lines:
            if word.encode() in body:
                no(f"{word} is in {path}")
        if not body:
            no(f"{path} is empty")
    if not ids:
        no("there is nothing to look for")


{"schemas": schemas, "pages": pages, "errors": errors, "figures": figures, "answers": answers, "hidden": hidden}[sys.argv[2]](*sys.argv[3:])
for text in wrong[:40]:
    print("#", text)
sys.exit(bool(wrong))
