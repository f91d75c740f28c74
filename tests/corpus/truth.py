"""What really happened, written down beside the events: runs, and the steps of each with its parent.

A step: key, kind, parent (key; None at a run's root), at (wall time of its start), pid, and by kind
  llm      id (of the response), usage and cost or None, after (the call that it goes on from), retry_of, side, copy_of, error
  tool     id, name, asked (the call), carriers (processes that carry it out), undecidable (nobody can tell which these are)
  process  argv; unexplained where no tool call explains it
  agent    sub (lives in its parent's process); mcp: name; file: path; network: peer
  file, network  by: the process that did it, where that is none of the agent's
  process  by: the process that started it, where that has a step of its own
hurt: bytes of it were lost. near: something was on its connection, and whose it was cannot always be told. unsure: no link is the right answer; a link to `parent` or `after` would be luck.
"""
import json

from formats import cost_of


class Truth:
    def __init__(self, world):
        self.world, self.runs, self.keys, self.conversations = world, [], 0, 0

    def run(self, theme, **facts):
        run = {"key": len(self.runs), "theme": theme, "status": "completed", "steps": [], "session": None, **facts}
        self.runs.append(run)
        return run

    def step(self, run, kind, parent, **facts):
        self.keys += 1
        step = {"key": self.keys, "kind": kind, "parent": parent and parent["key"], "at": self.world.wall(), **facts}
        run["steps"].append(step)
        return step

    def call(self, run, parent, pid, **facts):
        return self.step(run, "llm", parent, pid=pid, id=None, usage=None, cost=None, after=None, retry_of=None, **facts)

    def price(self, step, small, usage):
        step["usage"], step["cost"] = usage, cost_of(small, usage)

    def write(self, path, facts):
        with open(path, "w", encoding="utf-8") as f:
            json.dump({**facts, "runs": self.runs}, f, separators=(",", ":"))
