#!/usr/bin/env python3
"""Composes recordings of agents at work whose truth is known.

    generate.py [--seed N] [--cases N] [--loss PERCENT] [--theme NAME]... [--only CASE] FOLDER

Writes FOLDER/NNN.rec (`sonde replay` reads them), FOLDER/NNN.json (the truth, see truth.py) and FOLDER/prices.json. A case
is a process tree of a theme (themes.py), with one run or, in interactive and serving programs, several. The same options
give the same bytes. --loss: so many of 100 records of bytes are not seen.
"""
import argparse
import json
import os
import random

import formats
from stage import Stage
from themes import THEMES
from truth import Truth
from world import World

CASES_PER_FILE = 200
AT_ONCE = 12


def themes_of(seed, wanted, n):
    """Each theme at least once, as far as there is room."""
    rng, weights = random.Random(seed), [THEMES[t][0] for t in wanted]
    themes = (wanted + rng.choices(wanted, weights, k=max(0, n - len(wanted))))[:n]
    rng.shuffle(themes)
    return themes


def compose(seed, cases, loss):
    """One recording of (number, theme). Each case has chances of its own: alone it is what it is among others."""
    world = World(random.Random(f"{seed}/{cases[0][0]}"), loss)
    truth = Truth(world)

    def line(left):
        yield world.rng.randrange(1, 2000)
        while left:
            number, theme = left.pop(0)
            yield from THEMES[theme][1](Stage(world, truth, theme, random.Random(f"{seed}/{theme}/{number}"), number))
            yield world.rng.randrange(1, 500)

    left = list(cases)
    for _ in range(AT_ONCE):
        world.begin(line(left))
    world.run()
    return world, truth


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--cases", type=int, default=200)
    p.add_argument("--loss", type=float, default=0, metavar="PERCENT")
    p.add_argument("--theme", action="append", choices=sorted(THEMES))
    p.add_argument("--only", type=int, metavar="CASE", help="that case alone, of all that the other options give")
    p.add_argument("--list", action="store_true", help="the names of the themes")
    p.add_argument("folder", nargs="?")
    args = p.parse_args()
    if args.list:
        print("\n".join(sorted(THEMES)))
        return
    if not args.folder:
        p.error("a FOLDER, or --list")
    os.makedirs(args.folder, exist_ok=True)
    with open(os.path.join(args.folder, "prices.json"), "w", encoding="utf-8") as f:
        json.dump(formats.price_file(), f)
    cases = list(enumerate(themes_of(args.seed, args.theme or list(THEMES), args.cases)))
    if args.only is not None:
        cases = [cases[args.only]]
    for number, at in enumerate(range(0, len(cases), CASES_PER_FILE)):
        world, truth = compose(args.seed, cases[at : at + CASES_PER_FILE], args.loss / 100)
        path = os.path.join(args.folder, f"{number:03d}")
        with open(path + ".rec", "wb") as f:
            f.write(world.out)
        truth.write(path + ".json", {"loss": args.loss, "records": world.records, "lost": world.lost_events})


if __name__ == "__main__":
    main()
