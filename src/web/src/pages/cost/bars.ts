// SPDX-License-Identifier: BSD-2-Clause
// Rows of cost as ranked bars.

import type { Bar } from "../../components/Bars.svelte";
import { withTerm } from "../../lib/filter";
import { cost, count, percent, shortId } from "../../lib/format";
import { place } from "../../lib/place.svelte";
import type { Cost, CostGroup, CostRow, Session } from "../../lib/types";

// Money, else what a plan covered: who has only the latter is ranked too.
export function worth(row: CostRow): number | undefined {
	const { cost_usd, equivalent_usd } = row;
	return cost_usd === undefined && equivalent_usd === undefined ? undefined : (cost_usd ?? 0) + (equivalent_usd ?? 0);
}

export function ranked(rows: CostRow[]): CostRow[] {
	return rows.toSorted((a, b) => (worth(b) ?? -1) - (worth(a) ?? -1) || b.llm_calls - a.llm_calls);
}

function share(row: CostRow, total: CostRow): string {
	const [part, whole] = [worth(row), worth(total)];
	return part !== undefined && whole ? percent(part, whole) : "";
}

// @to: the page that a click leads to, else this one; @sort what it is sorted by there.
export function rowBars(by: CostGroup, all: Cost, to?: string, sort?: string): Bar[] {
	return ranked(all.items).map((row) => ({
		key: row.key,
		label: row.key || "not known",
		value: worth(row),
		text: cost(row),
		sub: [share(row, all.total), row.runs ? `${count(row.runs)} ${row.runs === 1 ? "run" : "runs"}` : ""].filter(Boolean).join(" · "),
		href: to && row.key ? place.url(to, { filter: withTerm(place.filter, by, row.key), sort }) : undefined,
		filter: !to && row.key ? { name: by, value: row.key } : undefined,
	}));
}

// A conversation is called what it was first asked.
export function conversationBars(all: Cost, threads: Session[]): Bar[] {
	const known = new Map(threads.map((t) => [t.session_id, t]));
	return ranked(all.items.filter((row) => row.key)).map((row) => {
		const thread = known.get(row.key);
		const calls = `${count(row.llm_calls)} ${row.llm_calls === 1 ? "call" : "calls"}`;
		return {
			key: row.key,
			label: thread?.task || shortId(row.key),
			value: worth(row),
			text: cost(row),
			sub: [thread?.agent, calls].filter(Boolean).join(" · "),
			href: place.url("/runs", { filter: withTerm(place.filter, "session", row.key) }),
		};
	});
}
