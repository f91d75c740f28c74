"""Which span of a store is which step of the truth: by the time of its start, its id or its process."""
import collections

NEAR_NS = 50_000_000  # between a process's first event and the start of its span
ORDER = ("llm", "tool", "process", "mcp", "file", "network", "http", "agent")


def attr(span, name):
    return span["attributes"].get(name)


class Finder:
    """@arguments: of tool calls, by the id of their span."""

    def __init__(self, spans, arguments):
        self.arguments = arguments
        self.spans = {s["span_id"]: s for s in spans}
        self.index = collections.defaultdict(list)
        for s in spans:
            kind = attr(s, "sonde.step.kind")
            self.index[(kind, *self.keys(kind, s))].append(s)
        self.answers = {(attr(s, "gen_ai.response.id"), attr(s, "process.pid")): s for s in spans if attr(s, "gen_ai.response.id")}
        self.roots = {s["trace_id"]: s for s in spans if s["parent_span_id"] is None}

    @staticmethod
    def keys(kind, s):
        if kind == "tool":
            return (attr(s, "gen_ai.tool.call.id"),)
        if kind == "process":
            return (attr(s, "process.pid"),)
        if kind == "file":
            return (attr(s, "file.path"),)
        if kind == "network":
            return (f"{attr(s, 'network.peer.address')}:{attr(s, 'network.peer.port')}",)
        return (s["start_time_unix_nano"],)

    def find(self, run):
        """The spans by the keys of the steps."""
        found = {}
        for kind in ORDER:
            for step in run["steps"]:
                if step["kind"] == kind:
                    span = getattr(self, "find_" + kind)(step, run, found)
                    if span:
                        found[step["key"]] = span
        return found

    def one(self, *key):
        return self.index[key][0] if self.index[key] else None

    def find_llm(self, step, run, _found):
        got = self.one("llm", step["at"])
        if got or not step.get("hurt"):
            return got
        # without its request a call begins with its answer, or is who asked for a tool
        return self.answers.get((step["id"], step["pid"])) or self.who_asked(step, run)

    def who_asked(self, step, run):
        for tool in run["steps"]:
            named = self.index["tool", tool["id"]] if tool.get("asked") == step["key"] and tool["id"] else []
            if len(named) == 1:
                return self.spans.get(attr(named[0], "sonde.tool.asked_by"))
        return None

    def find_mcp(self, step, _run, _found):
        return self.one("mcp", step["at"])

    def find_http(self, step, _run, _found):
        return self.one("http", step["at"])

    def find_file(self, step, _run, _found):
        return self.one("file", step["path"])

    def find_network(self, step, _run, _found):
        return self.one("network", step["peer"])

    def find_tool(self, step, _run, found):
        """By its id; where several have one, or none has, by who asked and with which arguments."""
        named = self.index["tool", step["id"]]
        if step["id"] and len(named) == 1:
            return named[0]
        named = named + self.index["tool", None] if step["id"] else named  # what named it may be lost
        asked = found.get(step["asked"])
        taken = {s["span_id"] for s in found.values()}
        for s in named:
            mine = asked and attr(s, "sonde.tool.asked_by") == asked["span_id"] and self.arguments.get(s["span_id"]) == step["args"]
            if mine and s["span_id"] not in taken:
                return s
        return None

    def find_process(self, step, _run, _found):
        near = [(abs(s["start_time_unix_nano"] - step["at"]), i) for i, s in enumerate(self.index["process", step["pid"]])]
        ns, i = min(near, default=(NEAR_NS, 0))
        return self.index["process", step["pid"]][i] if ns < NEAR_NS else None

    def find_agent(self, step, run, found):
        if step["parent"] is None:
            traces = {found[s["key"]]["trace_id"] for s in run["steps"] if s["key"] in found}
            return self.roots.get(traces.pop()) if len(traces) == 1 else None
        return self.find_agent_below(step, run, found)

    def find_agent_below(self, step, run, found):
        """Who makes the first of its calls that an agent of that kind makes, unless it stands for another one already."""
        for call in run["steps"]:
            if call["kind"] != "llm" or call["parent"] != step["key"] or call["key"] not in found:
                continue
            own = self.spans.get(found[call["key"]]["parent_span_id"])
            is_agent = own and attr(own, "sonde.step.kind") == "agent" and own["parent_span_id"] is not None
            if is_agent and step["sub"] == bool(attr(own, "sonde.agent.sub")) and not any(own is s for s in found.values()):
                return own
        return None
