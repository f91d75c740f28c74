#!/usr/bin/env python3
"""Compares stores with the truth of generate.py and says how much of it is right.

    score.py [--sonde PROGRAM] [--faults FILE] [--keep] [--quiet] FOLDER

Replays each FOLDER/NNN.rec into a store, reads that with `sonde spans` and `sonde runs`, and prints a line for each
measure, then a table of the themes. Ends with status 1 where a limit is not held. --faults: a line for each thing that is
wrong, with the theme and the number of the case.
"""
import argparse
import collections
import decimal
import glob
import json
import os
import subprocess
import sys

from compare import Comparison
from measures import LIMITS, Tally


def rows(sonde, db, *command):
    out = subprocess.run([sonde, *command, "--json", "--db", db], check=True, capture_output=True, text=True).stdout
    return [json.loads(line, parse_float=decimal.Decimal) for line in out.splitlines()]


def remove(db):
    for name in glob.glob(db + "*"):
        os.unlink(name)


def replay(sonde, folder, path, db):
    remove(db)
    prices = os.path.join(folder, "prices.json")
    subprocess.run([sonde, "replay", "-q", "--db", db, "--prices", prices, path], check=True)


def whole(text):
    """What JSON says; None where a loss has left no JSON."""
    try:
        return json.loads(text or "null")
    except ValueError:
        return None


def read(sonde, db):
    arguments = rows(sonde, db, "query", "SELECT span_id, arguments FROM v_tools")
    arguments = {a["span_id"]: whole(a.get("arguments")) for a in arguments}
    return rows(sonde, db, "spans", "--limit", "0"), rows(sonde, db, "runs", "--limit", "0"), arguments


def table(by_theme):
    names = ["runs", "parents", "after", "tools", "tokens", "status"]
    print(f"{'theme':<22}{'runs':>6}  " + "".join(f"{n:>14}" for n in names))
    for theme in sorted(by_theme):
        t = by_theme[theme]
        print(f"{theme:<22}{t.total('runs'):>6}  " + "".join(f"{t.short(n):>14}" for n in names))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--sonde", default=os.environ.get("SONDE", "build/sonde"))
    p.add_argument("--faults", help="where to write what is wrong, line by line")
    p.add_argument("--keep", action="store_true", help="the stores, NNN.db")
    p.add_argument("--quiet", action="store_true", help="no table of the themes")
    p.add_argument("folder")
    args = p.parse_args()
    everything, by_theme, faults, lossy = Tally(), collections.defaultdict(Tally), [], False
    for path in sorted(glob.glob(os.path.join(args.folder, "*.rec"))):
        with open(path[:-4] + ".json", encoding="utf-8") as f:
            truth = json.load(f)
        db = path[:-4] + ".db"
        replay(args.sonde, args.folder, path, db)
        comparison = Comparison(truth, *read(args.sonde, db))
        comparison.compare(everything, by_theme)
        if not args.keep:
            remove(db)
        faults += [f"{os.path.basename(path)} {f}" for f in comparison.faults]
        lossy |= truth["loss"] > 0
    if not args.quiet:
        table(by_theme)
    missed = everything.report(LIMITS[lossy])
    if args.faults:
        with open(args.faults, "w", encoding="utf-8") as f:
            f.writelines(line + "\n" for line in faults)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
