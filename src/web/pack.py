#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Compresses the web interface's files and lists them for src/api/web_files.c.

pack.py SITE OUT LIST: OUT gets a .gz of each file of SITE, LIST a line WEB_FILE(...) for each:
number, path, content type, ETag, whether its name changes with its content, its .gz.
"""
import gzip
import hashlib
import pathlib
import sys

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}


def main() -> None:
    site, out, listing = map(pathlib.Path, sys.argv[1:])
    lines = []
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("*.gz"):
        old.unlink()
    for n, path in enumerate(sorted(p for p in site.rglob("*") if p.is_file())):
        name = path.relative_to(site).as_posix()
        content = path.read_bytes()
        if path.suffix not in TYPES:
            sys.exit(f"pack.py: of what content type is {name}?")
        packed = out / f"{n}.gz"
        packed.write_bytes(gzip.compress(content, 9, mtime=0))
        hashed = "true" if name.startswith("assets/") else "false"
        etag = hashlib.sha256(content).hexdigest()[:32]
        lines.append(f'WEB_FILE({n}, "/{name}", "{TYPES[path.suffix]}", "{etag}", {hashed}, "{packed.as_posix()}")\n')
    if not any('"/index.html"' in line for line in lines):
        sys.exit("pack.py: there is no index.html")
    listing.write_text("".join(lines))


if __name__ == "__main__":
    main()
