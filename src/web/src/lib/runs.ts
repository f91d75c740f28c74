// SPDX-License-Identifier: BSD-2-Clause
// What is read off a run in more than one place.
import type { Run } from "./types";

// As the API orders by.
export function stepCount(r: Run): number | undefined {
	if (r.llm_calls === undefined && r.tool_calls === undefined) return undefined;
	return (r.llm_calls ?? 0) + (r.tool_calls ?? 0) + (r.processes ?? 0);
}

// One line that fits into a cell.
export function oneLine(text: string): string {
	return text.slice(0, 400).replace(/\s+/g, " ").trim();
}

export function taskOf(r: Run): string {
	return oneLine(r.task ?? r.command ?? "");
}

export function runUrl(r: { run_id: string }): string {
	return `/run/${encodeURIComponent(r.run_id)}`;
}
