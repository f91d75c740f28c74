// SPDX-License-Identifier: BSD-2-Clause
// Rates of a bucket of time. Nothing to divide by: not known.

import type { MetricsBucket, RunStatus } from "../../lib/types";

type Rate = (b: MetricsBucket) => number | undefined;
const ratio = (part: number | undefined, whole: number): number | undefined =>
	part === undefined || whole <= 0 ? undefined : part / whole;

// Runs that are over: of those that are not nobody knows yet.
export const ended = (b: MetricsBucket) => b.runs - (b.status.running ?? 0) - (b.status.paused ?? 0);
export const statusRate =
	(status: RunStatus): Rate =>
	(b) =>
		ratio(b.status[status] ?? 0, ended(b));
export const toolsPerRun: Rate = (b) => ratio(b.tool_calls, b.runs);
export const callsPerRun: Rate = (b) => ratio(b.llm_calls, b.runs);
export const errorRate: Rate = (b) => ratio(b.errors, b.llm_calls + b.tool_calls);

export const tokens: Rate = (b) => {
	const { input_tokens, output_tokens } = b.usage;
	return input_tokens === undefined && output_tokens === undefined ? undefined : (input_tokens ?? 0) + (output_tokens ?? 0);
};
export const tokensPerRun: Rate = (b) => ratio(tokens(b), b.runs);

// Input that no cache gave; all of it where nobody told.
export const freshInput: Rate = (b) =>
	b.usage.input_tokens === undefined ? undefined : Math.max(0, b.usage.input_tokens - (b.usage.cache_read_input_tokens ?? 0));
