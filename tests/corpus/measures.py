"""What is counted, how it is printed, and which limits hold."""
import collections

# measure: (what the good ones are called, what the bad ones are called...)
MEASURES = {
    "runs": ("right", "split", "merged", "missing"),
    "parents": ("right", "missing", "wrong"),
    "after": ("right", "missing", "wrong"),
    "retries": ("right", "missing", "wrong"),
    "copies": ("counted once", "counted twice"),
    "tools": ("matched", "unmatched", "wrong"),
    "guesses": ("left open", "guessed"),
    "tokens": ("exact", "other"),
    "cost": ("exact", "other"),
    "totals": ("exact", "other"),
    "status": ("right", "other"),
    "task": ("right", "other"),
    "trigger": ("right", "other"),
    "agent": ("right", "other"),
    "session": ("right", "missing", "wrong"),
    "unexplained": ("flagged", "not flagged"),
    "explained": ("not flagged", "flagged"),
    "steps": ("found", "absent", "not of the truth"),
    "files": ("right", "missing", "wrong"),
    "network": ("right", "missing", "wrong"),
    "fetches": ("right", "missing", "wrong"),
    "hurt": ("marked", "unmarked", "absent"),
}
WRONG = ("parents", "after", "retries", "tools", "session", "files", "network", "fetches")

NO_LOSS = {
    ("runs", "right"): 0.995,
    ("tools", "matched"): 1,
    ("guesses", "left open"): 1,
    ("tokens", "exact"): 1,
    ("cost", "exact"): 1,
    ("copies", "counted once"): 1,
    ("steps", "found"): 1,
    ("session", "right"): 1,
}
WITH_LOSS = {("tokens", "exact"): 1, ("cost", "exact"): 1, ("guesses", "left open"): 1, ("hurt", "marked"): 0.995}
LIMITS = {False: NO_LOSS, True: WITH_LOSS}


class Tally:
    def __init__(self):
        self.counts = collections.Counter()

    def add(self, measure, verdict):
        assert verdict in MEASURES[measure], (measure, verdict)
        self.counts[measure, verdict] += 1

    def total(self, measure):
        return sum(self.counts[measure, v] for v in MEASURES[measure])

    def share(self, measure, verdict):
        return self.counts[measure, verdict] / self.total(measure) if self.total(measure) else 1

    def short(self, measure):
        """`12/13`, or `-` where nothing was to be found; `!2` where two are wrong."""
        n, wrong = self.total(measure), self.counts[measure, "wrong"]
        return f"{self.counts[measure, MEASURES[measure][0]]}/{n}{f' !{wrong}' if wrong else ''}" if n else "-"

    def report(self, limits):
        """Prints all measures; returns how many limits are not held."""
        missed = 0
        for measure, verdicts in MEASURES.items():
            if not self.total(measure):
                continue
            told = ", ".join(f"{v} {self.counts[measure, v]}" for v in verdicts)
            bad = [
                f"{v} under {100 * least:g} %" for (m, v), least in limits.items() if m == measure and self.share(m, v) < least
            ]
            if measure in WRONG and self.counts[measure, "wrong"]:
                bad.append("wrong ones")
            missed += len(bad)
            print(f"{measure:<12} {100 * self.share(measure, verdicts[0]):7.2f} %  {told}" + (f"   LIMIT: {'; '.join(bad)}" if bad else ""))
        return missed
