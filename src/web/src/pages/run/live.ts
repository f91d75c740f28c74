// SPDX-License-Identifier: BSD-2-Clause
// A step as the live stream tells it, in the form that the API gives.
import type { LiveLine, Step, Usage } from "../../lib/types";

const number = (v: unknown) => (typeof v === "number" ? v : undefined);
const text = (v: unknown) => (typeof v === "string" && v ? v : undefined);

function usageOf(a: Record<string, unknown>): Usage {
	const usage: Usage = {
		input_tokens: number(a["gen_ai.usage.input_tokens"]) ?? number(a["sonde.usage.estimated.input_tokens"]),
		output_tokens: number(a["gen_ai.usage.output_tokens"]) ?? number(a["sonde.usage.estimated.output_tokens"]),
		cache_read_input_tokens: number(a["gen_ai.usage.cache_read.input_tokens"]),
		cache_creation_input_tokens: number(a["gen_ai.usage.cache_creation.input_tokens"]),
		reasoning_output_tokens: number(a["gen_ai.usage.reasoning.output_tokens"]),
	};
	if (a["sonde.usage.estimated"] === true) usage.estimated = true;
	return usage;
}

const statuses = { UNSET: "unset", OK: "ok", ERROR: "error" } as const;

export function stepOf(line: LiveLine & { type: "step" }, before?: Step): Step {
	const { span } = line;
	const a = span.attributes ?? {};
	const equivalent = a["sonde.cost.equivalent"] === true;
	const usd = number(a["sonde.cost.usd"]);
	const firstChunk = number(a["gen_ai.response.time_to_first_chunk"]);
	return {
		...before,
		run_id: line.run,
		step_id: span.span_id,
		span_id: span.span_id,
		parent_id: span.parent_span_id ?? undefined,
		kind: line.step,
		label: line.label,
		detail: line.detail ?? before?.detail,
		agent: text(a["gen_ai.agent.name"]),
		start_time_unix_nano: span.start_time_unix_nano,
		end_time_unix_nano: span.end_time_unix_nano,
		asked_time_unix_nano: number(a["sonde.tool.asked_unix_nano"]),
		status: statuses[span.status.code] ?? "unset",
		error: text(span.status.message) ?? text(a["error.type"]),
		final: !!line.final,
		usage: usageOf(a),
		cost_usd: equivalent ? undefined : usd,
		equivalent_usd: equivalent ? usd : undefined,
		first_token_ns: firstChunk === undefined ? undefined : firstChunk * 1e9,
		pid: number(a["process.pid"]),
		exit_code: number(a["process.exit.code"]),
		lost_bytes: number(a["sonde.lost.bytes"]),
		lost_reason: text(a["sonde.lost.reason"]),
		unexplained: a["sonde.unexplained"] === true || undefined,
		again: a["sonde.duplicate_of"] !== undefined || undefined,
		quiet: before?.quiet ?? (a["sonde.housekeeping"] === true || a["sonde.file.own"] === true || undefined),
		evidence: text(a["sonde.evidence"]),
	};
}
