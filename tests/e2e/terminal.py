#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The terminal belongs to the command: a pty, a shell with job control, sonde in between.

    terminal.py SONDE SCRATCH [PATTERN]     prints TAP; every claim is checked untraced as well
"""
import os
import re
import signal
import subprocess
import sys
import time

import ptyshell

SONDE, DIR = sys.argv[1], sys.argv[2]
ONLY = re.compile(sys.argv[3] if len(sys.argv) > 3 else "")
RUN = [SONDE, "run", "--no-store", "--"]
n = bad = 0


def ok(name, good, why=""):
    global n, bad
    n += 1
    print(f"{'ok' if good else 'not ok'} {n} - {name}", flush=True)
    if not good:
        bad += 1
        for line in str(why).splitlines()[:30]:
            print("#", line.encode("ascii", "backslashreplace").decode())


def script(name, text):
    path = os.path.join(DIR, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path, 0o755)
    return path


INPUTRC = {"INPUTRC": script("inputrc", "set enable-bracketed-paste off\n")}
SLEEPER = script("sleeper", "#!/bin/bash\necho started; x=$(head -1); echo \"read=$x\"\n")
CATCHER = script(
    "catcher",
    "#!/usr/bin/python3\n"
    "import os, signal, sys, time\n"
    "def on(s, f):\n    os.write(1, b'caught %s\\n' % signal.Signals(s).name.encode())\n    if s != signal.SIGCONT: os._exit(7)\n"
    "for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGCONT): signal.signal(s, on)\n"
    "os.write(1, b'started\\n')\n"
    "end = time.monotonic() + 30\n"
    "while time.monotonic() < end: time.sleep(0.2)\n",
)
SIZER = script(
    "sizer",
    "#!/usr/bin/python3\n"
    "import os, signal, sys, time\n"
    "def on(s, f): os.write(1, b'size %d %d\\n' % os.get_terminal_size(0))\n"
    "signal.signal(signal.SIGWINCH, on)\n"
    "print('started', os.isatty(0), os.isatty(1), os.isatty(2), os.tcgetpgrp(0) == os.getpgrp(), flush=True)\n"
    "on(0, 0)\n"
    "sys.stdin.readline()\n",
)
RAW = script(
    "raw",
    "#!/usr/bin/python3\n"
    "import subprocess, sys, termios, time, tty\n"
    "old = termios.tcgetattr(0)\ntty.setraw(0)\nsys.stdout.write('RAW-BEGIN')\nsys.stdout.flush()\n"
    "for _ in range(5): subprocess.run(['/bin/true'])\n"
    "time.sleep(1.5)\n"
    "sys.stdout.write('RAW-END')\nsys.stdout.flush()\n"
    "sys.stdin.read(1)\ntermios.tcsetattr(0, termios.TCSANOW, old)\nprint()\n",
)
STOPPER = script(
    "stopper",
    "#!/usr/bin/python3\n"
    "import os, signal\nprint('started', flush=True)\nos.kill(os.getpid(), signal.SIGSTOP)\nprint('continued', flush=True)\n",
)


def both(name, test):
    """The test must hold without sonde, else it proves nothing, and with it."""
    if not ONLY.search(name):
        return
    for title, prefix in (("untraced", []), ("traced", RUN)):
        try:
            test(" ".join(prefix))
            good, why = True, ""
        except (AssertionError, TimeoutError, EOFError) as e:
            good, why = False, repr(e)
        if title == "traced" or not good:
            ok(f"{name} ({title})", good, why)


def prompt(t):
    t.wait(r"PROMPT> ")


def status(t, want):
    t.type("echo status=$?\n")
    text = t.wait(r"\nstatus=(\d+)")
    got = int(re.search(r"\nstatus=(\d+)", text).group(1))
    assert got == want, f"status {got}, wanted {want}"
    prompt(t)


def with_shell(test):
    def run(prefix):
        t = ptyshell.Terminal(DIR, INPUTRC)
        try:
            prompt(t)
            test(t, prefix)
        finally:
            t.close()

    return run


def ctrl_c(t, prefix):
    t.type(f"{prefix} {CATCHER}\n")
    t.wait("\nstarted")
    t.type("\x03")
    text = t.wait("caught SIGINT.*PROMPT> ")
    assert text.count("caught") == 1, text
    status(t, 7)


def ctrl_c_default(t, prefix):
    t.type(f"{prefix} sh -c 'echo begun; exec sleep 30'\n")
    t.wait("\nbegun")
    t.type("\x03")
    prompt(t)
    status(t, 130)


def ctrl_backslash(t, prefix):
    t.type(f"{prefix} {CATCHER}\n")
    t.wait("\nstarted")
    t.type("\x1c")
    t.wait("caught SIGQUIT.*PROMPT> ")
    status(t, 7)


def ctrl_z(t, prefix):
    t.type(f"{prefix} {SLEEPER}\n")
    t.wait("\nstarted")
    t.type("\x1a")
    t.wait("Stopped.*PROMPT> ")
    t.type("jobs\n")
    t.wait("Stopped.*PROMPT> ")
    t.type("fg\n")
    t.wait("sleeper")
    time.sleep(0.5)
    t.type("hello\n")
    t.wait("read=hello.*PROMPT> ")
    status(t, 0)


def ctrl_z_twice(t, prefix):
    t.type(f"{prefix} {CATCHER}\n")
    t.wait("\nstarted")
    for _ in range(2):
        t.type("\x1a")
        t.wait("Stopped.*PROMPT> ")
        t.type("fg\n")
        t.wait("caught SIGCONT")
    t.type("\x03")
    t.wait("caught SIGINT.*PROMPT> ")
    status(t, 7)


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(x) for x in f.read().split()]


def proc_stat(pid):
    """Name and state of a process."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        return re.match(r"\d+ \((.*)\) (.)", f.read(), re.S).groups()


def ends_before_fg(t, prefix):
    """The command is gone before sonde, which was stopped with it, has run again."""
    if not prefix:
        return  # a shell sees at once that its job has ended: no `fg` is left to type
    t.type(f"{prefix} {CATCHER}\n")
    t.wait("\nstarted")
    t.type("\x1a")
    t.wait("Stopped.*PROMPT> ")
    (sonde,) = children(t.pid)
    (command,) = (pid for pid in children(sonde) if proc_stat(pid)[0] == "catcher")
    os.kill(command, signal.SIGINT)
    os.kill(command, signal.SIGCONT)
    end = time.monotonic() + 10
    while proc_stat(command)[1] != "Z" and time.monotonic() < end:
        time.sleep(0.02)
    t.type("fg\n")
    t.wait("PROMPT> ")
    status(t, 7)


def own_stop(t, prefix):
    t.type(f"{prefix} {STOPPER}\n")
    t.wait("\nstarted.*Stopped.*PROMPT> ")
    t.type("fg\n")
    t.wait("continued.*PROMPT> ")
    status(t, 0)


def background(t, prefix):
    t.type(f"{prefix} {SLEEPER} &\n")
    t.wait("\nstarted|started\r")
    end = time.monotonic() + 30
    text = ""
    while "Stopped" not in text:  # it wanted to read the terminal
        assert time.monotonic() < end, "it was not stopped"
        t.type("jobs\n")
        text = t.wait("jobs.*PROMPT> ")
    t.type("fg\n")
    t.wait("sleeper")
    time.sleep(0.3)
    t.type("again\n")
    t.wait("read=again.*PROMPT> ")
    status(t, 0)


def window_size(t, prefix):
    t.resize(30, 101)
    t.type(f"{prefix} {SIZER}\n")
    t.wait("started True True True True.*size 101 30")
    t.resize(44, 132)
    text = t.wait("size 132 44")
    t.type("\n")
    prompt(t)
    assert text.count("size") == 1, text
    status(t, 0)


def raw_mode(t, prefix):
    t.type(f"{prefix} {RAW}\n")
    text = t.wait("RAW-BEGIN.*RAW-END")
    picture = re.search("RAW-BEGIN(.*)RAW-END", text, re.S).group(1)
    assert picture == "", f"something was printed into the picture: {picture!r}"
    t.type("x")
    prompt(t)
    status(t, 0)


def hangup(prefix):
    t = ptyshell.Terminal(DIR, INPUTRC)
    log = os.path.join(DIR, "hup")
    if os.path.exists(log):
        os.unlink(log)
    prompt(t)
    t.type(f"{prefix} {CATCHER} >{log}\n")
    end = time.monotonic() + 60
    while time.monotonic() < end and (not os.path.exists(log) or "started" not in open(log, encoding="utf-8").read()):
        time.sleep(0.1)
    t.close()
    while time.monotonic() < end and "caught" not in open(log, encoding="utf-8").read():
        time.sleep(0.1)
    # The kernel sends one to whoever is in the foreground and the shell one to its jobs:
    # the second may arrive before the first has ended the command.
    text = open(log, encoding="utf-8").read()
    assert text in ("started\n" + n * "caught SIGHUP\n" for n in (1, 2)), text


def sent(sig):
    """A signal that somebody sends to sonde, as an init system or CI does."""

    def test(prefix):
        p = subprocess.Popen(prefix.split() + [CATCHER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert p.stdout.readline() == "started\n"
        p.send_signal(sig)
        out, _ = p.communicate(timeout=60)
        assert out == f"caught {sig.name}\n" and p.returncode == 7, (out, p.returncode)

    return test


def statuses(prefix):
    for command, want in (("exit 0", 0), ("exit 3", 3), ("exit 255", 255), ("kill -TERM $$", 143), ("kill -KILL $$", 137), ("kill -SEGV $$", 139)):
        p = subprocess.run(prefix.split() + ["sh", "-c", command], capture_output=True, check=False)
        got = p.returncode if p.returncode >= 0 else 128 - p.returncode
        assert got == want, f"{command}: {got}"


def stdout_alone(prefix):
    p = subprocess.run(prefix.split() + ["sh", "-c", 'cat; echo \'{"a":1}\'; echo e >&2'], input=b"in\n", stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    assert p.stdout == b'in\n{"a":1}\n' and b"e\n" in p.stderr, p


def stdout_closed_early(prefix):
    """Who reads the command's output sees its end when the command closes it."""
    p = subprocess.Popen(prefix.split() + ["sh", "-c", "echo x; exec >&- 2>&-; sleep 8"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert p.stdout.read(2) == b"x\n"
    start = time.monotonic()
    assert p.stdout.read() == b""
    took = time.monotonic() - start
    p.terminate()
    p.wait(20)
    assert took < 4, f"the end came after {took:.1f} s"


def broken_pipe(prefix):
    p = subprocess.run(f"{prefix} yes | head -2; echo ${{PIPESTATUS[0]}}", shell=True, executable="/bin/bash", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    assert p.stdout == b"y\ny\n141\n", p.stdout


def dispositions(prefix):
    show = "grep -E '^Sig(Blk|Ign)' /proc/self/status"
    got = subprocess.run(["bash", "-c", f"trap '' HUP USR2 CHLD PIPE; {prefix} grep -E '^Sig(Blk|Ign)' /proc/self/status"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout
    want = subprocess.run(["bash", "-c", f"trap '' HUP USR2 CHLD PIPE; {show}"], stdout=subprocess.PIPE, check=True).stdout
    assert got == want, (got, want)


def descriptors(prefix):
    for closed in ("<&-", "2>&-", "<&- 2>&-", "5</dev/null"):
        show = f"ls /proc/self/fd {closed}"
        got, want = (subprocess.run(["bash", "-c", f"{p} {show}"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout for p in (prefix, ""))
        assert got == want, (closed, got, want)


both("exit statuses", statuses)
both("open descriptors are handed down, closed ones stay closed", descriptors)
both("stdout is the command's alone", stdout_alone)
both("readers see the end of stdout when the command closes it", stdout_closed_early)
both("a reader that leaves ends the command with SIGPIPE", broken_pipe)
both("ignored and blocked signals are handed down", dispositions)
for s in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1):
    both(f"{s.name} sent to sonde reaches the command", sent(s))
both("Ctrl-C reaches the command once, its status comes back", with_shell(ctrl_c))
both("Ctrl-C ends a command that does not care", with_shell(ctrl_c_default))
both("Ctrl-\\ as well", with_shell(ctrl_backslash))
both("Ctrl-Z stops, fg continues, input arrives", with_shell(ctrl_z))
both("Ctrl-Z and fg twice", with_shell(ctrl_z_twice))
both("a command that ended while sonde was stopped", with_shell(ends_before_fg))
both("a command that stops itself", with_shell(own_stop))
both("in the background it stops on reading", with_shell(background))
both("the window's size and its changes", with_shell(window_size))
both("nothing is printed while the terminal is in raw mode", with_shell(raw_mode))
both("a hangup reaches the command", hangup)
print(f"1..{n}")
sys.exit(bad > 0)
