"""Runs as text: what the truth says and what a store says, in one notation.

Calls come first, in order of time; then tools, agents and programs by their text, for who came first of those that began
together is nobody's business. Steps of which no link is the right answer stand below the run's agent.
"""
from finding import attr

KINDS = ("llm", "tool", "agent", "process", "mcp")


def lines_below(parent, children, depth, out):
    below = children.get(parent, [])
    texts = []
    for rank, at, text, key in below:
        lines = [f"{'  ' * depth}{text}"]
        lines_below(key, children, depth + 1, lines)
        texts.append((rank, at if rank == 0 else 0, lines))
    for _, _, lines in sorted(texts):
        out += lines


def tree(title, steps):
    """@steps: (kind, parent, key, time, text)."""
    children = {}
    for kind, parent, key, at, text in steps:
        children.setdefault(parent, []).append((KINDS.index(kind), at, f"{kind} {text}".rstrip(), key))
    out = [title]
    lines_below(None, children, 1, out)
    return "\n".join(out)


def title_of(agent, status, task):
    return f"run {agent} {status}: {task}"


def call_of(cut, failure, counts):
    if cut or failure:  # what it used by then is not told by all
        return f"failed {failure}" if failure else "cut"
    return " ".join(f"{name}={n}" for name, n in zip(("in", "out"), counts) if n is not None)


def program_of(argv, unexplained):
    """Its name and its last argument: of several programs of one process any may be the one that counts."""
    name = argv[0].rsplit("/", 1)[-1] if argv else "?"
    return f"{name}: {argv[-1] if argv[1:] else ''}" + (" (unexplained)" if unexplained else "")


# --- the truth ---


def text_of_step(step):
    kind = step["kind"]
    if kind == "llm":
        usage = step["usage"] or {}
        return call_of(step.get("cut"), step.get("error"), (usage.get("input"), usage.get("output")))
    if kind == "process":
        return program_of(step["argv"], step.get("unexplained"))
    if kind == "agent":
        return "of its own" if not step["sub"] else "inside"
    return step["name"]


def of_truth(run):
    root = next(s["key"] for s in run["steps"] if s["kind"] == "agent" and s["parent"] is None)
    steps = []
    for s in run["steps"]:
        if s["kind"] not in KINDS or s["key"] == root:
            continue
        parent = None if s["parent"] == root or s.get("unsure") else s["parent"]
        steps.append((s["kind"], parent, s["key"], s["at"], text_of_step(s)))
    return tree(title_of(run.get("agent"), run["status"], run.get("task")), steps)


# --- a store ---


def text_of_span(s):
    kind = attr(s, "sonde.step.kind")
    if kind == "llm":
        failure = attr(s, "http.response.status_code") if s["status"]["code"] == "ERROR" else None
        counts = (attr(s, "gen_ai.usage.input_tokens"), attr(s, "gen_ai.usage.output_tokens"))
        return call_of(attr(s, "sonde.cut"), failure if failure != 200 else None, counts)
    if kind == "process":
        return program_of(attr(s, "process.command_args") or [], attr(s, "sonde.unexplained"))
    if kind == "agent":
        return "inside" if attr(s, "sonde.agent.sub") else "of its own"
    return attr(s, "gen_ai.tool.name") or s["name"].split(" ")[-1]


def of_store(row, spans):
    root = next(s["span_id"] for s in spans if s["parent_span_id"] is None)
    steps = []
    for s in spans:
        kind = attr(s, "sonde.step.kind")
        if kind not in KINDS or s["span_id"] == root or (kind == "mcp" and not s["name"].startswith("tools/call")):
            continue
        parent = None if s["parent_span_id"] == root else s["parent_span_id"]
        steps.append((kind, parent, s["span_id"], s["start_time_unix_nano"], text_of_span(s)))
    return tree(title_of(row["agent"], row["status"], row.get("task")), steps)
