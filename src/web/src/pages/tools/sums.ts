// SPDX-License-Identifier: BSD-2-Clause
// Tools, whichever agent uses them: rows of one tool together.

import type { Bar } from "../../components/Bars.svelte";
import { count, percent } from "../../lib/format";
import type { ToolRow } from "../../lib/types";

export interface ToolSum {
	tool: string;
	agents: string[];
	calls: number;
	errors: number;
	repeats: number;
	offered: number;
}

export function sumTools(rows: ToolRow[]): ToolSum[] {
	const sums = new Map<string, ToolSum>();
	for (const r of rows) {
		const s = sums.get(r.tool) ?? { tool: r.tool, agents: [], calls: 0, errors: 0, repeats: 0, offered: 0 };
		if (r.agent && !s.agents.includes(r.agent)) s.agents.push(r.agent);
		s.calls += r.calls;
		s.errors += r.errors;
		s.repeats += r.repeats;
		s.offered += r.offered ?? 0;
		sums.set(r.tool, s);
	}
	return [...sums.values()];
}

const calls = (n: number) => `${count(n)} ${n === 1 ? "call" : "calls"}`;
const filter = (tool: string) => ({ name: "tool", value: tool });

export function failingBars(sums: ToolSum[]): Bar[] {
	return sums
		.filter((s) => s.errors > 0)
		.sort((a, b) => b.errors / b.calls - a.errors / a.calls || b.errors - a.errors)
		.map((s) => ({
			key: s.tool,
			label: s.tool,
			value: s.errors / s.calls,
			text: percent(s.errors, s.calls),
			sub: `${count(s.errors)} of ${calls(s.calls)}`,
			filter: filter(s.tool),
			colour: "--bad",
		}));
}

export function repeatedBars(sums: ToolSum[]): Bar[] {
	return sums
		.filter((s) => s.repeats > 0)
		.sort((a, b) => b.repeats - a.repeats)
		.map((s) => ({
			key: s.tool,
			label: s.tool,
			value: s.repeats,
			text: count(s.repeats),
			sub: `${percent(s.repeats, s.calls)} of ${calls(s.calls)}`,
			filter: filter(s.tool),
			colour: "--warn",
		}));
}

export function unusedBars(sums: ToolSum[]): Bar[] {
	return sums
		.filter((s) => s.calls === 0 && s.offered > 0)
		.sort((a, b) => b.offered - a.offered)
		.map((s) => ({
			key: s.tool,
			label: s.tool,
			value: s.offered,
			text: count(s.offered),
			sub: s.agents.join(", "),
			colour: "--process",
		}));
}
