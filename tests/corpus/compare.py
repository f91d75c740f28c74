"""One recording's truth against what a store says of it."""
import collections

from finding import Finder, attr

USAGE = {
    "input": "gen_ai.usage.input_tokens",
    "output": "gen_ai.usage.output_tokens",
    "cache_read": "gen_ai.usage.cache_read.input_tokens",
    "cache_write": "gen_ai.usage.cache_creation.input_tokens",
}
LOSS_MARKS = ("sonde.lost.bytes", "sonde.cut", "sonde.request.cut", "sonde.request.damage", "sonde.response.damage", "sonde.tool.asked_cut")


def pico(usd):
    return None if usd is None else int(usd * 10**12)


class Comparison:
    def __init__(self, truth, spans, runs, arguments):
        self.truth, self.finder, self.faults = truth, Finder(spans, arguments), []
        self.runs = {r["run_id"]: r for r in runs}
        self.steps = {s["key"]: s for run in truth["runs"] for s in run["steps"]}
        self.talks = collections.defaultdict(list)  # calls of each conversation, whatever run they are in
        for step in self.steps.values():
            if step["kind"] == "llm":
                self.talks[step["conversation"]].append(step)
        self.found = {}  # by the keys of steps
        for run in truth["runs"]:
            self.found.update(self.finder.find(run))
        self.by_trace = collections.defaultdict(list)
        for s in spans:
            if attr(s, "sonde.step.kind") in ("llm", "tool"):
                self.by_trace[s["trace_id"]].append(s)
        self.owner = {}  # store run -> keys of the truth's runs that have steps in it
        for run in truth["runs"]:
            for trace in self.traces(run):
                self.owner.setdefault(trace, set()).add(run["key"])
        self.sessions, self.named = {}, {}  # what the store calls each; whose a name is

    def compare(self, whole, by_theme):
        for run in self.truth["runs"]:
            RunComparison(self, run, (whole, by_theme[run["theme"]])).compare()

    def traces(self, run):
        """The store's runs that its calls and tools are in."""
        found = self.found
        return {found[s["key"]]["trace_id"] for s in run["steps"] if s["kind"] in ("llm", "tool") and s["key"] in found}


class RunComparison:
    def __init__(self, all_of_it, run, tallies):
        self.all, self.run, self.tallies = all_of_it, run, tallies
        self.found, self.spans = all_of_it.found, all_of_it.finder.spans
        self.steps = {s["key"]: s for s in run["steps"]}
        self.calls = [s for s in run["steps"] if s["kind"] == "llm"]
        self.traces = all_of_it.traces(run)
        self.linked = collections.defaultdict(list)  # tool span -> process spans right below it
        for s in run["steps"]:
            if s["kind"] == "process" and s["key"] in self.found:
                self.linked[self.found[s["key"]]["parent_span_id"]].append(s["key"])

    def count(self, measure, verdict, good, what=""):
        for tally in self.tallies:
            tally.add(measure, verdict)
        if verdict != good:
            self.all.faults.append(f"case {self.run['case']} {self.run['theme']}: {measure} {verdict}: {what}")

    def compare(self):
        self.whole()
        for step in self.run["steps"]:
            span = self.found.get(step["key"])
            if step["kind"] == "llm":
                self.call(step, span)
            if not span:
                self.absent(step)
            elif step["parent"] is not None or step["kind"] != "agent":
                self.parent(step, span)
            if step["kind"] == "tool" and span:
                self.tool(step, span)
            if step["kind"] == "process" and span:
                self.explained(step, span)

    def tell(self, step):
        span = self.found.get(step["key"])
        ident = step.get("id") or step.get("name") or step.get("path") or step.get("argv") or step.get("pid")
        return f"{step['kind']} {ident}" + (f" [{span['span_id']}]" if span else "") + (" hurt" if step.get("hurt") else "")

    # --- the run as a whole ---

    def whole(self):
        verdict = "right"
        if not self.traces:
            verdict = "missing"
        elif len(self.traces) > 1:
            verdict = "split"
        elif len(self.all.owner[next(iter(self.traces))]) > 1:
            verdict = "merged"
        self.count("runs", verdict, "right", f"{len(self.traces)} runs {sorted(self.traces)[:2]}")
        if verdict != "right":
            return
        trace = next(iter(self.traces))
        self.more(trace)
        row = self.all.runs[trace]
        for measure in ("status", "task", "trigger", "agent"):
            if self.run.get(measure):
                good = row.get(measure) == self.run[measure]
                self.count(measure, "right" if good else "other", "right", f"{row.get(measure)} for {self.run[measure]}")
        if self.run["session"] is not None:
            self.session(row.get("session_id"))
        if not any(c.get("hurt") or c.get("cut") for c in self.calls):
            self.totals(row)

    def more(self, trace):
        """Calls and tools that never were."""
        known = {self.found[s["key"]]["span_id"] for s in self.run["steps"] if s["key"] in self.found}
        for s in self.all.by_trace[trace]:
            if s["span_id"] not in known and not (self.all.truth["loss"] and any(attr(s, m) for m in LOSS_MARKS)):
                self.count("steps", "not of the truth", "found", f"{s['name']} [{s['span_id']}]")

    def session(self, told):
        """Another session's is wrong; where one falls in two, the link between its runs is missing."""
        known = self.all.sessions.setdefault(self.run["session"], told)
        owner = self.all.named.setdefault(told, self.run["session"])
        verdict = "missing" if not told or told != known else "right"
        if told and owner != self.run["session"]:
            verdict = "wrong"
        self.count("session", verdict, "right", f"{told}, the first had {known}")

    def totals(self, row):
        paid = [c for c in self.calls if c["usage"] and "copy_of" not in c]
        want = [sum(c["usage"][k] for c in paid) for k in ("input", "output")] + [sum(c["cost"] for c in paid)]
        usage = row["usage"]
        got = [usage.get("input_tokens", 0), usage.get("output_tokens", 0), pico(row.get("cost_usd")) or 0]
        self.count("totals", "exact" if got == want else "other", "exact", f"{got} for {want}")

    # --- steps ---

    def absent(self, step):
        if step["kind"] in ("file", "network", "http"):
            self.count(self.measure(step), "missing", "right", self.tell(step))
        elif step["kind"] == "agent" and step["parent"] is not None:
            self.count("parents", "missing", "right", "no such agent: " + self.tell(step))
        elif step["kind"] != "agent" and not self.is_hurt(step):
            self.count("steps", "absent", "found", self.tell(step))

    def is_hurt(self, step):
        """Its own bytes were lost, or those of the call that asked for it."""
        asked = self.steps.get(step.get("asked"))
        return bool(step.get("hurt") or (asked and asked.get("hurt")))

    @staticmethod
    def measure(step):
        return {"file": "files", "network": "network", "http": "fetches"}.get(step["kind"], "parents")

    def ancestors(self, step):
        """Spans that it may stand below where its own parent is not known."""
        if step.get("by"):
            by = self.steps[step["by"]]
            yield from (self.found[k]["span_id"] for k in [by["key"]] if k in self.found)
            yield from self.ancestors(by)
        while step["parent"] is not None:
            step = self.steps[step["parent"]]
            if step["key"] in self.found:
                yield self.found[step["key"]]["span_id"]

    def root(self, span):
        root = self.all.finder.roots.get(span["trace_id"])
        return root and root["span_id"]

    def parent(self, step, span):
        if step["kind"] not in ("file", "network", "http", "agent"):
            self.count("steps", "found", "found")
        above = [*self.ancestors(step), self.root(span)]
        told = span["parent_span_id"]
        if step.get("unsure"):
            kind = attr(self.spans[told], "sonde.step.kind") if told in self.spans else None
            self.count("guesses", "guessed" if kind == "tool" else "left open", "left open", self.tell(step))
            return
        want = self.found.get(step["parent"])
        verdict = "right" if want and told == want["span_id"] else "missing" if told in above else "wrong"
        if verdict == "missing" and step.get("copy_of"):
            verdict = "right"
        if verdict == "wrong" and self.is_unnamed(told):
            verdict = "missing"
        self.count(self.measure(step), verdict, "right", f"{self.tell(step)} is below {told}, not {want and want['span_id']}")

    def is_unnamed(self, told):
        """A tool call that has lost what would tell which of the truth's it is."""
        span = self.spans.get(told)
        named = any(s["span_id"] == told for s in self.found.values())
        return span and not named and attr(span, "sonde.tool.asked_cut") and not attr(span, "gen_ai.tool.call.id")

    # --- calls ---

    def call(self, step, span):
        # Another sight of the same tells of it; and who has lost "not now" has lost nothing.
        if step.get("hurt") and (span or not (step.get("copy_of") or step.get("error"))):
            marked = span and any(attr(span, m) for m in LOSS_MARKS)
            self.count("hurt", "marked" if marked else "unmarked" if span else "absent", "marked", self.tell(step))
        if not span:
            return
        self.after(step, span)
        self.retry(step, span)
        copies = [c for c in self.calls if c.get("copy_of") == step["key"]]
        if not step.get("hurt") and "copy_of" not in step and not any(c.get("hurt") for c in copies):
            self.paid(step, [span] + [self.found[c["key"]] for c in copies if c["key"] in self.found])

    def after(self, step, span):
        told = attr(span, "sonde.conversation.continues")
        if step.get("unsure"):
            self.count("guesses", "guessed" if told else "left open", "left open", self.tell(step) + " goes on from " + str(told))
            return
        if step.get("copy_of"):
            return
        mine = [c for c in self.all.talks[step["conversation"]] if c["key"] < step["key"]]
        good = {c["key"] for c in mine if step.get("bridge")} | {c["key"] for c in self.tries(step)} | {step["after"]}
        good |= {c["key"] for c in self.calls if c.get("copy_of") in good}  # whichever sight of it
        good = {self.found[k]["span_id"] for k in good if k in self.found}
        if told is None and step["after"] is None:
            return
        verdict = "missing" if told is None or told in self.loose(step) else "right" if told in good else "wrong"
        self.count("after", verdict, "right", f"{self.tell(step)} goes on from {told}, not {sorted(good)}")

    def tries(self, step):
        """What asked the same and had no answer to go on from."""
        same = (c for c in self.all.talks[step["conversation"]] if c["after"] == step["after"] and c["key"] < step["key"])
        return [c for c in same if c.get("error") or c.get("cut")]

    def loose(self, step):
        """Other sights of itself; calls before the one that it goes on from, as far as those between are hurt."""
        spans = {self.found[c["key"]]["span_id"] for c in self.calls if c.get("copy_of") == step["key"] and c["key"] in self.found}
        before = self.all.steps.get(step["after"])
        while before and before.get("hurt"):
            spans |= {self.found[c["key"]]["span_id"] for c in self.tries(before) if c["key"] in self.found}
            before = self.all.steps.get(before["after"])
            if before and before["key"] in self.found:
                spans.add(self.found[before["key"]]["span_id"])
        return spans

    def retry(self, step, span):
        told, want = attr(span, "sonde.retry_of"), step["retry_of"]
        if told is None and want is None:
            return
        # of several tries any earlier one will do
        good = {self.found[c["key"]]["span_id"] for c in self.tries(step) if c["key"] in self.found}
        verdict = "missing" if told is None else "right" if told in good else "wrong"
        self.count("retries", verdict, "right", f"{self.tell(step)} tries {told} again, not {sorted(good)}")

    def paid(self, step, spans):
        """Tokens and cost of a call, however often it was seen."""
        if len(spans) > 1:
            counted = sum(attr(s, USAGE["input"]) is not None and attr(s, "sonde.duplicate_of") is None for s in spans)
            self.count("copies", "counted once" if counted == 1 else "counted twice", "counted once", f"{self.tell(step)}: {counted}")
        got = {k: [attr(s, name) for s in spans if attr(s, name) is not None] for k, name in USAGE.items()}
        got = {k: sum(v) if v else None for k, v in got.items()}
        want = step["usage"] or dict.fromkeys(USAGE)
        exact = all((got[k] or 0) == (want[k] or 0) for k in USAGE)
        if step.get("cut") or (step.get("near") and any(attr(s, m) for s in spans for m in LOSS_MARKS)):
            return  # what was told before it broke off; what says itself that it may not be whole
        self.count("tokens", "exact" if exact else "other", "exact", f"{self.tell(step)}: {got} for {want}")
        cost = sum(pico(attr(s, "sonde.cost.usd")) or 0 for s in spans)
        self.count("cost", "exact" if cost == (step["cost"] or 0) else "other", "exact", f"{self.tell(step)}: {cost} for {step['cost']}")

    # --- tools and processes ---

    def tool(self, step, span):
        below = set(self.linked[span["span_id"]])
        if step.get("undecidable"):
            return
        wrong = {k for k in below if k not in step["carriers"] and self.steps[k]["parent"] != step["key"]}
        asked = self.found.get(step["asked"])
        told_to = self.found.get(step.get("told_to"))
        right_ends = (not asked or attr(span, "sonde.tool.asked_by") == asked["span_id"]) and (
            not told_to or attr(span, "sonde.tool.answered_to") == told_to["span_id"]
        )
        matched = right_ends and below >= set(step["carriers"])
        if not matched and not wrong and (self.is_hurt(step) or self.is_hurt(self.steps.get(step.get("told_to"), {}))):
            return
        verdict = "wrong" if wrong else "matched" if matched else "unmatched"
        what = f"{self.tell(step)}: processes {sorted(below)} for {step['carriers']}" + ("" if right_ends else ", asked or told elsewhere")
        self.count("tools", verdict, "matched", what)

    def explained(self, step, span):
        flagged = bool(attr(span, "sonde.unexplained"))
        if step.get("unexplained"):
            self.count("unexplained", "flagged" if flagged else "not flagged", "flagged", self.tell(step))
        else:
            self.count("explained", "flagged" if flagged else "not flagged", "not flagged", self.tell(step))
