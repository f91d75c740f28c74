// SPDX-License-Identifier: BSD-2-Clause
// What the model calls of a run cost, put together by what they have in common.
import type { Step, Usage } from "../../lib/types";
import { isUnpriced } from "./words";

export interface Group {
	key: string;
	calls: number;
	unpriced: number;
	estimated: number; // calls whose tokens are
	failures: number;
	ns: number;
	usage: Usage;
	cost_usd?: number;
	equivalent_usd?: number;
}

const sums = [
	"input_tokens",
	"output_tokens",
	"cache_read_input_tokens",
	"cache_creation_input_tokens",
	"reasoning_output_tokens",
] as const;

function blank(key: string): Group {
	return { key, calls: 0, unpriced: 0, estimated: 0, failures: 0, ns: 0, usage: {} };
}

function add(g: Group, s: Step) {
	// What is seen again can bring the tokens that the first sight lacked.
	if (!s.again) g.calls++;
	g.failures += s.status === "error" ? 1 : 0;
	g.ns += s.end_time_unix_nano === null ? 0 : s.end_time_unix_nano - s.start_time_unix_nano;
	if (s.usage?.estimated) {
		g.estimated++;
		g.usage.estimated = true;
	}
	for (const name of sums) {
		const n = s.usage?.[name];
		if (n !== undefined) g.usage[name] = (g.usage[name] ?? 0) + n;
	}
	if (s.cost_usd !== undefined) g.cost_usd = (g.cost_usd ?? 0) + s.cost_usd;
	else if (s.equivalent_usd !== undefined) g.equivalent_usd = (g.equivalent_usd ?? 0) + s.equivalent_usd;
	else if (isUnpriced(s)) g.unpriced++;
	if (s.again && s.cost_usd !== undefined && g.unpriced) g.unpriced--;
}

export const money = (g: { cost_usd?: number; equivalent_usd?: number }) => (g.cost_usd ?? 0) + (g.equivalent_usd ?? 0);

export function groupBy(steps: Step[], keyOf: (s: Step) => string): Group[] {
	const groups = new Map<string, Group>();
	for (const s of steps) {
		if (s.kind !== "llm") continue;
		const key = keyOf(s) || "not known";
		if (!groups.has(key)) groups.set(key, blank(key));
		add(groups.get(key)!, s);
	}
	return [...groups.values()].sort((a, b) => money(b) - money(a) || b.calls - a.calls);
}

export const byModel = (steps: Step[]) => groupBy(steps, (s) => s.label);
export const total = (steps: Step[]) => groupBy(steps, () => "all")[0];
