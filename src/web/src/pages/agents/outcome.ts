// SPDX-License-Identifier: BSD-2-Clause
import type { Agent, RunStatus } from "../../lib/types";

// Runs that are over, best first, each with its colour.
export const outcomes: { status: RunStatus; colour: string }[] = [
	{ status: "completed", colour: "--good" },
	{ status: "cancelled", colour: "--process" },
	{ status: "incomplete", colour: "--warn" },
	{ status: "timed_out", colour: "--mcp" },
	{ status: "failed", colour: "--bad" },
];

export const over = (status: Agent["status"]) => outcomes.reduce((sum, o) => sum + (status[o.status] ?? 0), 0);

export function successRate(a: Agent): number | undefined {
	const all = over(a.status);
	return all ? (a.status.completed ?? 0) / all : undefined;
}
