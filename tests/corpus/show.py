#!/usr/bin/env python3
"""Prints runs as text (trees.py), so that the truth and a store can be compared by `diff`.

    show.py TRUTH.json | show.py [--sonde PROGRAM] STORE.db
"""
import argparse
import json
import os

import trees
from score import read


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--sonde", default=os.environ.get("SONDE", "build/sonde"))
    p.add_argument("file")
    args = p.parse_args()
    if args.file.endswith(".json"):
        with open(args.file, encoding="utf-8") as f:
            texts = [trees.of_truth(run) for run in json.load(f)["runs"]]
    else:
        spans, rows, _ = read(args.sonde, args.file)
        by_run = {}
        for s in spans:
            by_run.setdefault(s["trace_id"], []).append(s)
        texts = [trees.of_store(row, by_run[row["run_id"]]) for row in rows]
    print("\n".join(sorted(texts)))


if __name__ == "__main__":
    main()
