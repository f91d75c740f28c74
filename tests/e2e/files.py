#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Does everything that can be done with files, and knows what must be told of it.

    files.py do FOLDER            does it; says `TRUTH OP RESULT FLAGS BYTES SIZE PATH PATH2` on stderr, which is to be no file, for each
                                  thing that must be told
    files.py check TRUTH OUT      compares what capture told with it
    files.py many N PROCESSES     N small files, made by so many processes
"""
import ctypes
import errno
import mmap
import os
import signal
import subprocess
import sys

CREATED, CUT, MAPPED, SYMBOLIC = 1, 2, 8, 16
libc = ctypes.CDLL(None, use_errno=True)


def told(op, path, path2="", result=0, flags=0, size=0, written=0):
    print("TRUTH", op, result, flags, written, size, path or "-", path2 or "-", file=sys.stderr)


def child(run):
    """In a child, which exits without closing anything."""
    pid = os.fork()
    if pid == 0:
        run()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0


def make(path, data=b"", flags=os.O_WRONLY | os.O_CREAT, **where):
    fd = os.open(path, flags, 0o644, **where)
    if data:
        assert os.write(fd, data) == len(data)
    os.close(fd)


def ways_to_open(d):
    make(f"{d}/absolute", b"12345")
    told("written", f"{d}/absolute", flags=CREATED, written=5, size=5)
    os.mkdir(f"{d}/folder/")
    told("made_folder", f"{d}/folder")
    os.chdir(f"{d}/folder")
    make("relative", b"123")
    told("written", f"{d}/folder/relative", flags=CREATED, written=3, size=3)
    make(".././/../" + os.path.basename(d) + "/above", b"1")
    told("written", f"{d}/above", flags=CREATED, written=1, size=1)
    fd = os.open(d, os.O_RDONLY)
    make("folder/by-folder", b"12", dir_fd=fd)
    told("written", f"{d}/folder/by-folder", flags=CREATED, written=2, size=2)
    os.close(fd)
    make("relative", b"45", os.O_WRONLY | os.O_APPEND)
    told("written", f"{d}/folder/relative", written=2, size=5)
    make("relative", b"", os.O_WRONLY | os.O_TRUNC)
    told("written", f"{d}/folder/relative")
    os.symlink(d, "link")
    told("linked", d, f"{d}/folder/link", flags=SYMBOLIC)
    make("link/through", b"1")
    told("written", f"{d}/through", flags=CREATED, written=1, size=1)
    os.chdir("/")
    # Neither made nor changed.
    os.close(os.open(f"{d}/absolute", os.O_RDWR))
    os.close(os.open(f"{d}/absolute", os.O_RDONLY))


def ways_to_write(d):
    fd = os.open(f"{d}/source", os.O_RDWR | os.O_CREAT, 0o644)
    n = os.write(fd, b"x" * 10000)
    n += os.pwrite(fd, b"y" * 10, 0) + os.writev(fd, [b"a", b"bc"]) + os.pwritev(fd, [b"z" * 5], 7)
    size = os.fstat(fd).st_size
    to = os.open(f"{d}/copies", os.O_WRONLY | os.O_CREAT, 0o644)
    m = os.copy_file_range(fd, to, 1000, 0) + os.sendfile(to, fd, 0, 500)
    r, w = os.pipe()
    os.write(w, b"p" * 100)
    m += os.splice(r, to, 100)
    os.close(to)
    told("written", f"{d}/copies", flags=CREATED, written=m, size=1600)
    os.close(fd)
    told("written", f"{d}/source", flags=CREATED, written=n, size=size)
    fd = os.open(f"{d}/source", os.O_RDWR)
    os.ftruncate(fd, 4096)
    os.close(fd)
    told("written", f"{d}/source", size=4096)
    fd = os.open(f"{d}/source", os.O_RDWR)
    m = mmap.mmap(fd, 4096)
    os.close(fd)
    told("written", f"{d}/source", flags=MAPPED, size=4096)
    m[0] = 1
    m.close()


def ways_to_close(d):
    def unclosed():
        os.write(os.open(f"{d}/exit", os.O_WRONLY | os.O_CREAT), b"1234")
        told("written", f"{d}/exit", flags=CREATED, written=4, size=4)

    child(unclosed)

    def executes():
        os.write(os.open(f"{d}/exec", os.O_WRONLY | os.O_CREAT), b"1")  # close-on-exec, as Python has it
        told("written", f"{d}/exec", flags=CREATED, written=1, size=1)
        os.execv("/bin/true", ["true"])

    child(executes)

    def killed():
        os.write(os.open(f"{d}/killed", os.O_WRONLY | os.O_CREAT), b"12")
        told("written", f"{d}/killed", flags=CREATED, written=2, size=2)
        os.kill(os.getpid(), signal.SIGKILL)

    pid = os.fork()
    if pid == 0:
        killed()
    os.waitpid(pid, 0)
    a = os.open(f"{d}/replaced", os.O_WRONLY | os.O_CREAT)
    os.write(a, b"123")
    b = os.open("/dev/null", os.O_WRONLY)
    os.dup2(b, a)
    told("written", f"{d}/replaced", flags=CREATED, written=3, size=3)
    os.close(a)
    os.close(b)
    a = os.open(f"{d}/range", os.O_WRONLY | os.O_CREAT)
    os.write(a, b"1")
    os.closerange(a, a + 1)
    told("written", f"{d}/range", flags=CREATED, written=1, size=1)
    # The one who writes is named, not the one who had it opened.
    fd = os.open(f"{d}/inherited", os.O_WRONLY | os.O_CREAT)
    for n in (1, 2):
        child(lambda n=n: os.write(fd, b"x" * n))
        told("written", f"{d}/inherited", flags=CREATED if n == 1 else 0, written=n, size=1 if n == 1 else 3)
    os.close(fd)
    subprocess.run(["/bin/bash", "-c", f"echo hello >{d}/shell; echo more >>{d}/shell; (/bin/echo x) >{d}/shell"], check=True)
    told("written", f"{d}/shell", flags=CREATED, written=6, size=6)
    told("written", f"{d}/shell", written=5, size=11)
    told("written", f"{d}/shell", written=2, size=2)


def names(d):
    os.rename(f"{d}/above", f"{d}/renamed")
    told("renamed", f"{d}/above", f"{d}/renamed")
    make(f"{d}/beside", b"1234")
    told("written", f"{d}/beside", flags=CREATED, written=4, size=4)
    fd = os.open(d, os.O_RDONLY)
    os.rename("beside", "renamed", src_dir_fd=fd, dst_dir_fd=fd)
    told("renamed", f"{d}/beside", f"{d}/renamed")
    os.link(f"{d}/renamed", f"{d}/hard")
    told("linked", f"{d}/renamed", f"{d}/hard")
    os.chdir(f"{d}/folder")
    os.unlink("../hard")
    told("removed", f"{d}/hard")
    os.unlink("link")
    told("removed", f"{d}/folder/link")
    os.unlink("folder/by-folder", dir_fd=fd)
    told("removed", f"{d}/folder/by-folder")
    os.chdir("/")
    os.mkdir("empty", dir_fd=fd)
    told("made_folder", f"{d}/empty")
    os.rmdir("empty", dir_fd=fd)
    told("removed_folder", f"{d}/empty")
    os.close(fd)
    # Under another name than it was opened by.
    fd = os.open(f"{d}/first", os.O_WRONLY | os.O_CREAT)
    os.write(fd, b"1")
    os.rename(f"{d}/first", f"{d}/second")
    told("renamed", f"{d}/first", f"{d}/second")
    os.close(fd)
    told("written", f"{d}/second", flags=CREATED, written=1, size=1)
    for missing in (os.unlink, os.rmdir):
        try:
            missing(f"{d}/missing")
        except FileNotFoundError:
            pass


def without_a_name(d):
    fd = os.open(f"{d}/gone", os.O_WRONLY | os.O_CREAT)
    os.unlink(f"{d}/gone")
    told("removed", f"{d}/gone")
    os.write(fd, b"1")
    os.close(fd)
    fd = os.open(d, os.O_WRONLY | os.O_TMPFILE)
    os.write(fd, b"1")
    os.close(fd)
    fd = os.open(d, os.O_WRONLY | os.O_TMPFILE)
    os.write(fd, b"123")
    assert libc.linkat(-100, f"/proc/self/fd/{fd}".encode(), -100, f"{d}/named".encode(), 0x400) == 0
    told("linked", "", f"{d}/named")
    os.close(fd)
    told("written", "", written=3, size=3)


def no_files(d):
    r, w = os.pipe()
    os.write(w, b"1")
    for path in ("/dev/null", "/proc/self/comm"):
        make(path, b"x", os.O_WRONLY)
    make("/dev/shm/sonde-e2e", b"x")
    os.unlink("/dev/shm/sonde-e2e")
    fd = os.memfd_create("x")
    os.write(fd, b"1")
    for f in (r, w, fd):
        os.close(f)
    del d


def refused(d):
    os.mkdir(f"{d}/closed", 0o700)
    told("made_folder", f"{d}/closed")
    make(f"{d}/closed-file")
    told("written", f"{d}/closed-file", flags=CREATED)
    subprocess.run(["/bin/cp", "/bin/sleep", f"{d}/busy"], check=True)
    told("written", f"{d}/busy", flags=CREATED, written=os.path.getsize("/bin/sleep"), size=os.path.getsize("/bin/sleep"))
    os.chmod(f"{d}/closed-file", 0o600)
    sleeper = subprocess.Popen([f"{d}/busy", "30"])
    attempt(lambda: make(f"{d}/busy", b"1"), errno.ETXTBSY, f"{d}/busy")
    sleeper.kill()
    sleeper.wait()

    def as_nobody():
        os.chdir(d)
        os.setgid(65534)
        os.setuid(65534)
        attempt(lambda: make("closed-file", b"x"), errno.EACCES, f"{d}/closed-file")
        attempt(lambda: make("closed/new"), errno.EACCES, f"{d}/closed/new")
        attempt(lambda: os.unlink("closed-file"), errno.EACCES, f"{d}/closed-file")
        attempt(lambda: os.rename("closed-file", "x"), errno.EACCES, f"{d}/closed-file", f"{d}/x")
        attempt(lambda: os.mkdir("y"), errno.EACCES, f"{d}/y")
        try:
            os.close(os.open("closed-file", os.O_RDONLY))  # reading is not writing
        except PermissionError:
            pass

    child(as_nobody)


def attempt(what, error, path, path2=""):
    try:
        what()
        raise SystemExit(f"{path}: was not refused")
    except OSError as e:
        assert e.errno == error, e
    told("refused", path, path2, result=-error)


def long_paths(d):
    os.mkdir(f"{d}/deep")
    told("made_folder", f"{d}/deep")
    os.chdir(f"{d}/deep")
    for _ in range(10):
        os.mkdir("n" * 200)
        os.chdir("n" * 200)
    make("end", b"1")
    print("CUT", "n" * 200 + "/end", file=sys.stderr)
    os.chdir("/")


def own_root(d):
    """A root and mounts of its own: the path is what the process sees."""
    os.mkdir(f"{d}/root")
    told("made_folder", f"{d}/root")

    def inside():
        assert libc.unshare(0x20000) == 0  # a mount namespace
        assert libc.mount(None, b"/", None, 0x44000, None) == 0  # private
        assert libc.mount(b"none", f"{d}/root".encode(), b"tmpfs", 0, None) == 0
        os.mkdir(f"{d}/root/sub")
        told("made_folder", f"{d}/root/sub")
        make(f"{d}/root/sub/outside", b"12")
        told("written", f"{d}/root/sub/outside", flags=CREATED, written=2, size=2)
        os.chroot(f"{d}/root")
        os.chdir("/sub")
        make("inside", b"123")
        told("written", "/sub/inside", flags=CREATED, written=3, size=3)
        make("/top", b"1")
        told("written", "/top", flags=CREATED, written=1, size=1)
        os.rename("../../../top", "end")
        told("renamed", "/top", "/sub/end")

    child(inside)


def do(d):
    d = os.path.realpath(d)
    os.umask(0o022)
    for part in (ways_to_open, ways_to_write, ways_to_close, names, without_a_name, no_files, refused, own_root, long_paths):
        part(d)


def many(n, processes):
    for p in range(processes):
        if os.fork() == 0:
            for i in range(n // processes):
                make(f"f{p}-{i}", b"int x;\n" * 20)
            os._exit(0)
        if p % 8 == 7:
            for _ in range(8):
                os.wait()
    try:
        while True:
            os.wait()
    except ChildProcessError:
        pass


def seen(line):
    op, rest = line.split(" ", 4)[3:]
    head, _, path = rest.partition(" path=")
    path, _, path2 = path.partition(" path2=")
    v = dict(w.split("=") for w in head.split())
    return f"{op} {v['result']} {v['flags']} {v['bytes']} {v['size']} {path or '-'} {path2 or '-'}"


def lines_of(file):
    with open(file, encoding="utf-8", errors="replace") as f:
        return f.read().splitlines()


def check(truth_file, file):
    said, lines = lines_of(truth_file), lines_of(file)
    truth = [s[6:] for s in said if s.startswith("TRUTH ")]
    cut = next(s[4:] for s in said if s.startswith("CUT "))
    got = [seen(s) for s in lines if s.startswith("FILE ")]
    deep = [s for s in got if "nnnnnnnn" in s]
    got = [s for s in got if s not in deep]
    assert len(truth) > 50, truth
    for s in truth:
        assert s in got, f"not told: {s}"
        got.remove(s)
    assert not got, f"told but not done: {got[:5]}"
    written = [s for s in deep if s.startswith("written")]
    assert len(written) == 1 and written[0].split()[2] == str(CREATED | CUT), written
    assert written[0].split()[5].endswith(cut), written
    assert [s for s in lines if s.startswith("LOSS")][0].split()[12] == "0"


if __name__ == "__main__":
    if sys.argv[1] == "do":
        do(sys.argv[2])
    elif sys.argv[1] == "many":
        many(int(sys.argv[2]), int(sys.argv[3]))
    else:
        check(sys.argv[2], sys.argv[3])
