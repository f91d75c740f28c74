// SPDX-License-Identifier: BSD-2-Clause
// Where the time of a run went. Each moment counts once: as the model's where one answers, else as a
// tool's, else as waiting where a tool was asked for and has not begun or a human is to act, else as idle.
import type { Step } from "../../lib/types";

export const spends = ["model", "tool", "waiting", "idle"] as const;
export type Spend = (typeof spends)[number];
export type Budget = Record<Spend, number>; // ns

interface Edge {
	ns: number;
	what: number;
	by: 1 | -1;
}

function edgesOf(steps: Step[], to: number): Edge[] {
	const edges: Edge[] = [];
	const add = (what: Spend, from: number, until: number) => {
		if (from >= until) return;
		edges.push({ ns: from, what: spends.indexOf(what), by: 1 }, { ns: until, what: spends.indexOf(what), by: -1 });
	};
	for (const s of steps) {
		const end = s.end_time_unix_nano ?? to;
		if (s.kind === "llm") add("model", s.start_time_unix_nano, end);
		else if (s.kind === "tool" || s.kind === "skill" || s.kind === "mcp") {
			if (s.asked_time_unix_nano) add("waiting", s.asked_time_unix_nano, s.start_time_unix_nano);
			add("tool", s.start_time_unix_nano, end);
		} else if (s.pause) add("waiting", s.start_time_unix_nano, end);
	}
	return edges.sort((a, b) => a.ns - b.ns);
}

export function spend(steps: Step[], from: number, to: number): Budget {
	const budget: Budget = { model: 0, tool: 0, waiting: 0, idle: 0 };
	const open = [0, 0, 0];
	let at = from;
	const pass = (until: number) => {
		const what = open.findIndex((n) => n > 0);
		budget[spends[what < 0 ? 3 : what]] += Math.max(0, until - at);
		at = Math.max(at, until);
	};
	for (const e of edgesOf(steps, to)) {
		if (e.ns > at && at < to) pass(Math.min(e.ns, to));
		open[e.what] += e.by;
	}
	pass(to);
	return budget;
}

// From the run's beginning to its end, or to the last that is known of it.
export function bounds(
	run: { start_time_unix_nano: number; end_time_unix_nano: number | null },
	steps: Step[],
	now?: number,
) {
	let to = run.end_time_unix_nano ?? now ?? run.start_time_unix_nano;
	if (!run.end_time_unix_nano)
		for (const s of steps) to = Math.max(to, s.start_time_unix_nano, s.end_time_unix_nano ?? 0);
	return { from: run.start_time_unix_nano, to: Math.max(to, run.start_time_unix_nano + 1) };
}
