#!/usr/bin/env python3
"""Recordings of runs of the last weeks, for the figures by day: past.py FOLDER NOW-SECONDS [DAYS] (tests/replay/record.py).

Models, hosts, users and projects differ; one in seven fails, one loses bytes, one is cut short.
"""
import json
import pathlib
import sys
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "replay"))
import record  # noqa: E402

MODELS = [("anthropic", "claude-sonnet-4-5"), ("openai", "gpt-5"), ("anthropic", "claude-haiku-4-5"), ("openai", "gpt-5-mini"),
          ("openai", "acme-9-large")]
PEOPLE = [(1001, "ada", "build-1"), (1002, "grace", "build-2"), (1003, "linus", "laptop")]
TASKS = ["nightly: update the dependencies", "review the open changes", "sort the inbox", "write the weekly report"]


def answer(provider, model, n):
    if provider == "anthropic":
        return {"id": f"msg_{n}", "type": "message", "role": "assistant", "model": model, "stop_reason": "end_turn",
                "content": [{"type": "text", "text": f"Done, {n} things were looked at."}],
                "usage": {"input_tokens": 900 + 37 * n, "output_tokens": 200 + 11 * n, "cache_read_input_tokens": 500 * (n % 4),
                          "cache_creation_input_tokens": 100 * (n % 2)}}
    return {"id": f"chatcmpl-{n}", "object": "chat.completion", "model": model,
            "choices": [{"index": 0, "message": {"role": "assistant", "content": f"Done, {n} things were looked at."}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1000 + 41 * n, "completion_tokens": 150 + 13 * n, "total_tokens": 1150 + 54 * n,
                      "prompt_tokens_details": {"cached_tokens": 200 * (n % 4)}}}


def text_of(n):
    provider, model = MODELS[n % len(MODELS)]
    uid, user, host = PEOPLE[n % len(PEOPLE)]
    prompt = TASKS[n % len(TASKS)]
    scope = {"scope": 1, "kind": "run", "argv": ["agent", prompt], "cwd": f"/home/{user}/work", "uid": uid, "user": user, "owner": "user"}
    target = "/v1/messages" if provider == "anthropic" else "/v1/chat/completions"
    lines = [f"host {host} {uuid.UUID(int=0x5050_0000_0000 + n).hex}", 'config {"content":"full"}', "scope a " + json.dumps(scope),
             "exec a /usr/bin/agent -- agent " + json.dumps(prompt), "open c a tcp 127.0.0.1:8080"]
    for call in range(1 + n % 3):
        body = {"model": model, "max_tokens": 1000, "messages": [{"role": "user", "content": f"{prompt}, part {call}"}]}
        lose = " lose=200+60" if n % 9 == 4 else ""
        status = 529 if n % 7 == 3 and call == n % 3 else 200
        said = answer(provider, model, n + call) if status == 200 else {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}
        lines += [f"request c POST {target}", f"| Host: api.{provider}.com", "| Content-Type: application/json", "|",
                  "| " + json.dumps(body), f"wait {300 + 97 * n % 2000}ms",
                  f"answer c {status}{lose}", "| Content-Type: application/json", "|", "| " + json.dumps(said), "wait 80ms"]
    if n % 11 != 5:
        lines.append(f"exit a {1 if n % 7 == 3 else 0}")
    return "\n".join(lines) + "\n"


def main():
    folder, now = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    days = int(sys.argv[3]) if len(sys.argv) > 3 else 45
    for n in range(days):
        record.WALL = (now - (n + 1) * 86400 + 3600 * (n * 5 % 24)) * 10**9
        source = folder / f"{n}.txt"
        source.write_text(text_of(n))
        sys.argv = ["record.py", str(source), str(folder / f"{n}.rec")]
        record.main()


if __name__ == "__main__":
    main()
