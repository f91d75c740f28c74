# SPDX-License-Identifier: BSD-2-Clause
"""A shell on a terminal of its own, for tests that type and look."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

# What a test that runs in the background, or under nohup, ignores; a terminal's shell does not. SIGPIPE: Python.
INHERITED = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGPIPE)


class Terminal:
    """An interactive bash on a pty of its own."""

    def __init__(self, folder, env=None, clean=False):
        """@clean: nothing of our own environment, @env only."""
        self.text = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            for sig in INHERITED:
                signal.signal(sig, signal.SIG_DFL)
            inherited = {} if clean else os.environ
            env = {**inherited, "PS1": "PROMPT> ", "TERM": "xterm", "HISTFILE": "", **(env or {})}
            os.execve("/bin/bash", ["bash", "--norc", "--noprofile", "-i"], env)

    def type(self, text):
        os.write(self.fd, text.encode())

    def resize(self, rows, cols):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def wait(self, pattern, seconds=60):
        """Reads until the pattern comes; the text up to its end is taken away and returned."""
        end = time.monotonic() + seconds
        while True:
            m = re.search(pattern, self.text, re.S)
            if m:
                before, self.text = self.text[: m.end()], self.text[m.end() :]
                return before
            if not self.read(end):
                raise TimeoutError(f"no /{pattern}/ in: {self.text[-1500:]!r}")

    def read(self, end):
        """One piece of what is printed until @end, into the text. False where nothing came."""
        left = end - time.monotonic()
        if left <= 0 or not select.select([self.fd], [], [], left)[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        if not data:
            raise EOFError(f"closed: {self.text[-1500:]!r}")
        self.text += data.decode("utf-8", "replace")
        return True

    def close(self):
        os.close(self.fd)
        try:
            os.kill(self.pid, signal.SIGHUP)
        except ProcessLookupError:
            pass
        os.waitpid(self.pid, 0)
