#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Types at real agents in a terminal, untraced and traced.

    interactive.py SCRATCH      prints TAP; AGENTS, SONDE, HTTP and TRUTH are in the environment
"""
import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
import ptyshell  # noqa: E402 # pylint: disable=wrong-import-position

SCRATCH = sys.argv[1]
AGENTS, SONDE, HTTP, TRUTH = (os.environ[k] for k in ("AGENTS", "SONDE", "HTTP", "TRUTH"))
SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER
CONTROL = re.compile(r"\x1b\][^\x07\x1b]*(\x07|\x1b\\)|\x1b\[[0-9;:<=>?]*[ -/]*[@-~]|\x1b[()#][0-9A-Z]|\x1b[0-9=>cDEHMNOZ]|[\x00-\x1f\s]")
# What a program may ask its terminal, and what one says.
QUESTIONS = {
    "\x1b[6n": "\x1b[1;1R",
    "\x1b[c": "\x1b[?62;c",
    "\x1b]10;?": "\x1b]10;rgb:ffff/ffff/ffff\x1b\\",
    "\x1b]11;?": "\x1b]11;rgb:0000/0000/0000\x1b\\",
}
COMMANDS = {
    "claude": "claude --allowedTools Bash",
    "codex": "codex",
}
READY = {"claude": "❯", "codex": "AskCodextodoanything"}
n = bad = 0


def ok(name, good, why=""):
    global n, bad
    n += 1
    print(f"{'ok' if good else 'not ok'} {n} - {name}", flush=True)
    if not good:
        bad += 1
        print("#", repr(why)[-3000:])


def plain(text):
    """What is there to read, without blanks: programs move the cursor instead of writing them."""
    return CONTROL.sub("", text)


class Screen(ptyshell.Terminal):
    """A terminal that answers questions and keeps all that was printed."""

    def __init__(self, folder, env):
        self.all = ""
        super().__init__(folder, env, clean=True)

    def read(self, end):
        before = len(self.text)
        there = super().read(end)
        new = self.text[before:]
        self.all += new
        for question, answer in QUESTIONS.items():
            for _ in range(new.count(question)):
                self.type(answer)
        return there

    def rest(self, quiet=1.0, most=6):
        """All that comes until nothing has come for a while."""
        end = time.monotonic() + most
        while time.monotonic() < end and self.read(time.monotonic() + quiet):
            pass
        text, self.text = self.text, ""
        return text

    def see(self, what, seconds=30):
        """Until @what can be read, in whatever pieces it was painted."""
        end = time.monotonic() + seconds
        while not re.search(what, plain(self.text)):
            if time.monotonic() > end:
                raise TimeoutError(f"no {what!r} in {plain(self.text)!r}")
            self.read(min(end, time.monotonic() + 1))
        text, self.text = self.text, ""
        return text


def scenario(**keys):
    open(TRUTH, "w", encoding="utf-8").close()
    body = json.dumps({"scenario": {"tool": "^(Bash|exec_command)$", **keys}}).encode()
    urllib.request.urlopen(f"{HTTP}/__mock/reset", body).close()


def start(agent, traced, test):
    """A shell in the agent's home; what the agent is started with; its modes before."""
    home = f"{SCRATCH}/{agent}-{test}-{'traced' if traced else 'untraced'}"
    out = subprocess.run([f"{HERE}/home.sh", agent, home, HTTP], check=True, capture_output=True, text=True).stdout
    env = dict(line.split("=", 1) for line in out.splitlines())
    with open(f"{home}/inputrc", "w", encoding="ascii") as f:
        f.write("set enable-bracketed-paste off\n")
    env.update(PATH=f"{AGENTS}/node_modules/.bin:/usr/bin:/bin", TERM="xterm-256color", INPUTRC=f"{home}/inputrc")
    screen = Screen(f"{home}/project", env)
    screen.resize(40, 120)
    screen.wait("PROMPT> ")
    prefix = f"{SONDE} run --db {home}/db -- " if traced else ""
    return screen, prefix + COMMANDS[agent], home


def modes(screen):
    screen.type("stty -g\r")
    return re.search(r"[0-9a-f:]{40,}", screen.wait(r"[0-9a-f:]{40}.*PROMPT> ")).group()


def ask(screen, text):
    screen.type(text)
    screen.see(re.sub(r"\s", "", text))
    time.sleep(0.3)  # Enter that comes with the text would be a pasted line break
    screen.type("\r")


def leave(agent, screen):
    """Ctrl-C at the prompt: Codex goes, Claude Code wants to be told twice."""
    screen.type("\x03")
    if agent == "claude":
        screen.see("Ctrl-Cagaintoexit")
        screen.type("\x03")
    text = screen.wait(r"PROMPT> ", 30)
    screen.type("echo status=$?\r")
    status = re.search(r"\nstatus=(\d+)", screen.wait(r"\nstatus=\d+.*PROMPT> ")).group(1)
    assert status == "0", f"status {status}"
    return text


def said_by_sonde(text):
    return re.findall(r"sonde[^\r\n]*|\d model calls?|\d[\d,]* in[ (][^\r\n]*|(?:llm|tool|process) {2,}[^\r\n]*", text)


def session(agent, traced, home_out):
    """Asks, looks, resizes, stops, continues, asks twice again, leaves."""
    scenario()
    screen, command, home = start(agent, traced, "session")
    home_out.append(home)
    try:
        before = modes(screen)
        screen.type(command + "\r")
        screen.wait(re.escape(command))
        screen.all = ""
        screen.see(READY[agent])
        screen.rest()
        ask(screen, "Run the tool")
        screen.see("Thetoolsaidhello-from-tool")
        screen.rest()
        screen.resize(30, 90)
        redrawn = screen.rest()
        assert "hello-from-tool" in redrawn.replace("\x1b[1C", " ") or "hello-from-tool" in plain(redrawn), redrawn
        assert "\u2500" * 91 not in redrawn, "drawn for the old width"
        screen.type("\x1a")
        screen.wait(r"Stopped.*PROMPT> ")
        quiet = screen.all
        screen.type("fg\r")
        screen.see(READY[agent])
        screen.rest()
        for text in ("And once more", "And a last time"):
            ask(screen, text)
            screen.see("Thetoolsaidhello-from-tool")
            screen.rest()
        quiet += screen.all
        words = said_by_sonde(quiet.replace(command, ""))
        assert not words, f"printed into the picture: {words}"
        end = leave(agent, screen)
        assert ("model calls" in end) == traced, f"the summary: {end!r}"
        after = modes(screen)
        assert before == after, (before, after)
    finally:
        screen.close()


def interrupt(agent, traced, home_out):
    """Ctrl-C while the model is asked ends the turn, not the agent."""
    scenario(latency_ms=8000)
    screen, command, home = start(agent, traced, "interrupt")
    home_out.append(home)
    try:
        screen.type(command + "\r")
        screen.see(READY[agent])
        screen.rest()
        ask(screen, "Take your time")
        screen.see("esctointerrupt")
        time.sleep(1.5)
        screen.type("\x03")
        if agent == "claude":
            screen.see("Takeyourtime")  # given back to be changed; Ctrl-C takes it away
            screen.type("\x03")
        else:
            screen.see("Canceltask")
            screen.type("\r")
            screen.see("[iI]nterrupted")
        screen.rest(2)
        leave(agent, screen)
    finally:
        screen.close()


def end_children():
    """What agents leave behind (Codex: a server) has become our child."""
    while True:  # the children of those that end come to us in turn
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as f:
            left = [int(pid) for pid in f.read().split()]
        if not left:
            return
        for pid in left:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def told(home, *command):
    out = subprocess.run([SONDE, *command, "--db", f"{home}/db", "--json"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def spans_of(home):
    """Of all runs, in order of their start."""
    path = f"{home}/spans"
    with open(path, "w", encoding="utf-8") as f:
        for run in reversed(told(home, "runs")):
            f.writelines(json.dumps(line) + "\n" for line in told(home, "show", run["run_id"]))
    return path


def verify(home):
    """Three turns are three runs of one session."""
    p = subprocess.run([f"{HERE}/../e2e/verify.py", TRUTH, spans_of(home), "--runs=3"], capture_output=True, text=True, check=False)
    runs = told(home, "query", "SELECT session_id, task, status FROM v_runs ORDER BY started")
    said = ["Run the tool", "And once more", "And a last time"]
    if [r["task"] for r in runs] != said or {r["status"] for r in runs} != {"completed"} or len({r["session_id"] for r in runs} - {None}) != 1:
        return f"{runs} {p.stdout}"
    return p.stdout + p.stderr


def cut_call(home):
    """The call that was given up is there, with a reason."""
    with open(spans_of(home), encoding="utf-8") as f:
        spans = [json.loads(line) for line in f]
    calls = [s["attributes"] for s in spans if s.get("attributes", {}).get("sonde.step.kind") == "llm"]
    return "" if any("error.type" in a for a in calls) else f"no call is cut: {calls}"


def main():
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    for agent in COMMANDS:
        for name, test, check in (
            ("answer, resize, Ctrl-Z and fg, Ctrl-C, modes", session, verify),
            ("Ctrl-C in the middle of a turn", interrupt, cut_call),
        ):
            for traced in (False, True):
                homes, why = [], ""
                try:
                    test(agent, traced, homes)
                except (AssertionError, TimeoutError, EOFError) as e:
                    why = e
                end_children()
                ok(f"{agent}: {name} ({'traced' if traced else 'untraced'})", not why, why)
                if traced and not why:
                    problems = check(homes[0])
                    ok(f"{agent}: {name}: what sonde saw", not problems, problems)
    print(f"1..{n}")
    sys.exit(bad > 0)


main()
