#!/usr/bin/env python3
"""What the mock server says to the agents of agents.sh: scenes.py NAME [SECONDS] prints a scenario as JSON (tests/mock/plan.py)."""
import base64
import json
import struct
import sys
import zlib

ATTACK = "<img src=x onerror=\"window.__xss='{0}'\"><script>window.__xss='{0}'</script><svg onload=\"window.__xss='{0}'\">"
LINKS = "[press](javascript:window.__xss='link') <a href=\"javascript:window.__xss='anchor'\">here</a> ![p](x\" onerror=\"window.__xss='image')"

REPORT = """## What was wrong

The parser took an **empty line** for the end of the head. It is *two* line ends that end it:

```c
static bool head_ends(struct slice s)
{
	return slice_has(s, SLICE("\\r\\n\\r\\n")); /* <b>not bold</b> */
}
```

| test | before | after |
|---|---:|---:|
| `test_head` | failed | passed |
| `test_body` | passed | passed |

1. The test is in `tests/test_head.py`.
2. Nothing else was changed, see https://example.com/parser.

> All 41 tests pass now. Grüße, 世界 ✓
"""
# What claims to be a picture, and would run.
SVG = "<svg xmlns='http://www.w3.org/2000/svg' onload='window.__xss=4'><script>window.__xss=5</script></svg>"


def png(width, height):
    """A picture of stripes."""
    rows = b"".join(b"\0" + bytes(v for x in range(width) for v in (x * 255 // width, y * 255 // height, 128)) for y in range(height))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def bash(command):
    return {"tool": "^(Bash|bash)$", "arguments": {"command": command}}


def write(path, content):
    return {"tool": "^Write$", "arguments": {"file_path": path, "content": content}}


def read(path):
    return {"tool": "^Read$", "arguments": {"file_path": path}}


def task(prompt):
    return {"tool": "^Task$", "arguments": {"description": "a part", "prompt": prompt}}


def plan(when, rounds, **said):
    return {"when": when, "rounds": rounds, **said}


def fix():
    test = "def test_head():\n    assert parse('GET / HTTP/1.1\\r\\n\\r\\n').ended\n"
    picture = "base64:" + base64.b64encode(png(48, 32)).decode()
    rounds = [
        [bash("ls /etc | head -5; sleep 0.2; sh -c 'wc -l < /etc/passwd; id -u' | sort"), read("missing.py")],
        [write("test_head.py", test), write("report.md", REPORT), write("chart.png", picture)],
        [bash("echo '41 passed in 0.7s'; grep -c root /etc/passwd")],
        [write("page.html", "<h1>Report</h1><script>window.__xss='artifact'</script>\n"), bash("python3 -c 'print(1 / 0)'")],
    ]
    think = ["The head has to end somewhere. Let me see what is there first.", "", "Now the tests must be run.", "A page of it."]
    say = ["I look at the files first.", "Now I write the test.", "", "And the page."]
    return {"plans": [plan("fix the failing tests", rounds, think=think, say=say, final=REPORT)]}


def fix_other():
    scene = fix()
    scene["plans"][0]["rounds"][2] = [bash("echo '40 passed, 1 failed in 0.9s'; false")]
    scene["plans"][0]["final"] = "One test still fails: `test_body`."
    return scene


def follow_up():
    return {"plans": [plan("Now write", [[read("report.md")], [write("CHANGES.md", "# Changes\n\n- the head ends where it ends\n")]],
                           final="`CHANGES.md` has one line more.")]}


def parts():
    each = [[bash("echo part; uname -s")], [bash("ls -la /tmp | head -3")]]
    return {"plans": [
        plan("MAIN-TASK", [[task("PART-1: look at the folder and say what is in it"), task("PART-2: count the lines of all files")],
                           [bash("echo both are done")]], final="Both parts are done."),
        plan("PART-[0-9]", each, final="The part is done.")]}


def attack():
    name = "<img src=x onerror=window.__xss=1>.md"
    return {"plans": [plan("ATTACK", [
        [bash("printf '%s' " + json.dumps(ATTACK.format("result")) + " | sed 's/x/x/'; echo '</pre></script><script>window.__xss=2</script>'")],
        [write(name, ATTACK.format("artifact") + "\n" + LINKS)]],
        think=[ATTACK.format("thinking")], say=[ATTACK.format("text") + "\n\n" + LINKS],
        final=ATTACK.format("final") + "\n\n" + LINKS + "\n\n```html\n" + ATTACK.format("code") + "\n```\n")]}


def egress():
    return {"plans": [plan("fetch", [[bash("curl -s -m 1 http://127.0.0.9:9/ || echo refused"), bash("curl -s -m 1 http://127.0.0.1:9/ || true")]],
                           final="The host does not answer.")]}


def repeats():
    again = [bash("cat /etc/hostname")]
    return {"plans": [plan("repeat", [again, again, again, [bash("exit 3")]], final="It is the same each time.")]}


def picture():
    return {"plans": [plan("picture", [], final="A picture of coloured stripes, 64 by 48 pixels.")]}


def many():
    return {"plans": [plan("many steps", [[bash(f"echo step {i}")] for i in range(40)], final="All forty are done.")]}


def live(seconds):
    """Thinks, speaks, works, fails once, speaks: for about so many seconds."""
    pieces = 40
    text = " ".join(f"This is sentence {i} of what is said while somebody watches." for i in range(1, 16))
    thought = " ".join(f"Thought {i}: one thing follows from the other." for i in range(1, 12))
    rounds = [
        [bash(f"echo one; sleep {seconds / 12:.1f}; echo two")],
        [bash("echo it fails >&2; exit 3"), bash(f"sleep {seconds / 20:.1f}; seq 3")],
        [write("live.md", "# Live\n\n" + text)],
    ]
    delay = int(seconds * 750 / (pieces * 9))
    return {"chunks": pieces, "chunk_delay_ms": max(1, delay), "latency_ms": int(seconds * 15), "plans": [
        plan("a lot to do", [[bash("for i in $(seq 6000); do /bin/true; done")]], final="That was a lot."),
        plan("watch me", rounds, think=[thought, "", thought, ""], say=[text, "", text, ""], final="# Done\n\n" + text)]}


def main():
    name = sys.argv[1]
    if name == "svg":
        print(SVG)
    elif name == "png":
        sys.stdout.buffer.write(png(64, 48))
    else:
        scenes = {"live": lambda: live(float(sys.argv[2]))}
        print(json.dumps(scenes.get(name, globals().get(name))()))


if __name__ == "__main__":
    main()
