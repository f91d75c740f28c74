#!/usr/bin/env python3
"""A recording of one run of many steps: web_long.py FILE STEPS. Each round is a model call, its tool, and what that started."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "replay"))
import record  # noqa: E402

PER_ROUND = 4  # the call, the tool, its shell, a program


def call(n):
    command = {"command": f"make step-{n}; echo {n}"}
    answer = {"id": f"msg_{n}", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5", "stop_reason": "tool_use",
              "content": [{"type": "text", "text": f"Step {n}."}, {"type": "tool_use", "id": f"toolu_{n}", "name": "Bash", "input": command}],
              "usage": {"input_tokens": 100 + n, "output_tokens": 20}}
    last = [] if n == 0 else [{"role": "assistant", "content": [{"type": "tool_use", "id": f"toolu_{n - 1}", "name": "Bash",
                                                                  "input": {"command": f"make step-{n - 1}; echo {n - 1}"}}]},
                              {"role": "user", "content": [{"type": "tool_result", "tool_use_id": f"toolu_{n - 1}", "content": f"{n - 1}\n"}]}]
    body = {"model": "claude-sonnet-4-5", "max_tokens": 1000, "messages": [{"role": "user", "content": "a long piece of work"}, *last]}
    shell, program = f"s{n}", f"p{n}"
    return ["request c POST /v1/messages", "| Host: api.anthropic.com", "| Content-Type: application/json", "|", "| " + json.dumps(body),
            "wait 20ms", "answer c 200", "| Content-Type: application/json", "|", "| " + json.dumps(answer), "wait 5ms",
            f"fork a {shell}", f"exec {shell} /bin/sh -- sh -c '{command['command']}'", f"fork {shell} {program}",
            f"exec {program} /usr/bin/make -- make step-{n}", "wait 3ms", f"exit {program} {n % 50 == 49:d}", f"exit {shell} 0"]


def main():
    rounds = int(sys.argv[2]) // PER_ROUND
    scope = {"scope": 1, "kind": "run", "argv": ["agent", "a long piece of work"], "cwd": "/w", "uid": 1000, "user": "u", "owner": "user"}
    lines = ["host h", 'config {"content":"full"}', "scope a " + json.dumps(scope), "exec a /usr/bin/agent -- agent", "open c a tcp 127.0.0.1:8080"]
    for n in range(rounds):
        lines += call(n)
    rec = record.Recording()
    record.describe(rec, "\n".join([*lines, "exit a 0"]) + "\n")
    pathlib.Path(sys.argv[1]).write_bytes(rec.out)


if __name__ == "__main__":
    main()
