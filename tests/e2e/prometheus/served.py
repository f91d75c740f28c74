#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
What METRICS.md, a page, alert rules and a dashboard say of each other.

served.py page METRICS.md PAGE...	every family of the pages is in the table, with its type and no other labels
served.py queries METRICS.md FILE...	every metric that rules (YAML) and dashboards (JSON) ask for is in the table
served.py expressions DASHBOARD		its queries, variables filled in, one a line
"""
import json
import re
import sys

WHO = {"agent", "k8s_namespace", "container", "project", "user"}


def table(path):
    """Name as served: (type, labels)."""
    ret = {}
    for line in open(path, encoding="utf-8"):
        m = re.match(r"\| `(sonde_\w+)` \| (\w+) \|([^|]*)\|", line)
        if m:
            labels = set(re.findall(r"`(\w+)`", m[3])) | (WHO if "WHO" in m[3] else set())
            ret[m[1]] = (m[2], labels)
    assert len(ret) > 40, "the table was not read"
    return ret


def check_page(known, path):
    types, bad = {}, []
    for line in open(path, encoding="utf-8"):
        m = re.match(r"# TYPE (\S+) (\S+)", line)
        if m:
            types[m[1]] = m[2]
            if known.get(m[1], ("",))[0] != m[2]:
                bad.append(f"{m[1]} {m[2]} is not in the table")
            continue
        m = re.match(r"(\w+)(?:\{(.*)\})? [-0-9.e+]+$", line)
        if not m:
            if not line.startswith("# HELP "):
                bad.append(f"no line of a page: {line!r}")
            continue
        name = m[1] if m[1] in types else re.sub(r"_(bucket|sum|count)$", "", m[1])
        labels = set(re.findall(r'(\w+)="(?:[^"\\]|\\.)*"', m[2] or "")) - {"le"}
        if name not in types:
            bad.append(f"{m[1]} has no type")
        elif name in known and labels - known[name][1]:
            bad.append(f"{name} has labels {labels - known[name][1]}")
    return bad if types else ["an empty page"]


def check_queries(known, path):
    names = set(re.findall(r"\bsonde_[a-z0-9_]+\b", open(path, encoding="utf-8").read()))
    served = set(known)
    for name, (kind, _) in known.items():
        if kind == "histogram":
            served |= {name + s for s in ("_bucket", "_sum", "_count")}
    # as values of "metric" they stand without a suffix
    return [f"{path}: {n} is not served" for n in sorted(names - served) if n + "_total" not in served]


def walk(value):
    if isinstance(value, dict):
        if "expr" in value:
            yield value["expr"]
        for v in value.values():
            yield from walk(v)
    elif isinstance(value, list):
        for v in value:
            yield from walk(v)


def main():
    what, args = sys.argv[1], sys.argv[2:]
    if what == "expressions":
        for e in walk(json.load(open(args[0], encoding="utf-8"))):
            print(re.sub(r"\$\{?(\w+)\}?", lambda m: "5m" if m[1].startswith("__") else ".*", e))
        return 0
    check = {"page": check_page, "queries": check_queries}[what]
    known = table(args[0])
    bad = [b for path in args[1:] for b in check(known, path)]
    print("\n".join(bad))
    return 1 if bad else 0


sys.exit(main())
