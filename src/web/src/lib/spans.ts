// SPDX-License-Identifier: BSD-2-Clause
// What is read off a span: its attributes by the names of OpenTelemetry and of sonde.*.
import { oneLine } from "./runs";
import { stepKinds, type Span, type StepKind, type Usage } from "./types";

function text(s: Span, ...names: string[]): string | undefined {
	for (const name of names) {
		const v = s.attributes[name];
		if (typeof v === "string" && v) return v;
	}
	return undefined;
}

function number(s: Span, name: string): number | undefined {
	const v = s.attributes[name];
	return typeof v === "number" ? v : undefined;
}

export function spanKind(s: Span): StepKind {
	const said = text(s, "sonde.step.kind");
	return stepKinds.find((k) => k === said) ?? "event";
}

export const spanAgent = (s: Span) => text(s, "gen_ai.agent.name");
export const spanModel = (s: Span) => text(s, "gen_ai.response.model", "gen_ai.request.model");
export const spanTool = (s: Span) => text(s, "gen_ai.tool.name");
export const spanFailed = (s: Span) => s.status.code === "ERROR";

export function spanError(s: Span): string | undefined {
	const type = text(s, "error.type");
	const exit = number(s, "process.exit.code");
	return s.status.message ?? (type && type !== "_OTHER" ? type : exit ? `exit ${exit}` : undefined);
}

export function spanUsage(s: Span): Usage {
	return {
		input_tokens: number(s, "gen_ai.usage.input_tokens"),
		output_tokens: number(s, "gen_ai.usage.output_tokens"),
		cache_read_input_tokens: number(s, "gen_ai.usage.cache_read.input_tokens"),
		estimated: s.attributes["sonde.usage.estimated"] === true,
	};
}

// As lib/format's cost() takes it.
export function spanCost(s: Span) {
	const usd = number(s, "sonde.cost.usd");
	const covered = s.attributes["sonde.cost.equivalent"] === true;
	const unpriced = usd === undefined && spanKind(s) === "llm" ? 1 : 0;
	return covered ? { equivalent_usd: usd } : { cost_usd: usd, unpriced_calls: unpriced };
}

const labels: Partial<Record<StepKind, (s: Span) => string | undefined>> = {
	agent: spanAgent,
	llm: spanModel,
	tool: spanTool,
	mcp: (s) => spanTool(s) ?? text(s, "mcp.method.name"),
	process: (s) => text(s, "process.command_line", "process.executable.name"),
	file: (s) => text(s, "file.path"),
	http: (s) => text(s, "url.full") ?? `${text(s, "http.request.method") ?? ""} ${text(s, "server.address") ?? ""}${text(s, "url.path") ?? ""}`,
};

export function spanLabel(s: Span): string {
	const kind = spanKind(s);
	return oneLine(labels[kind]?.(s)?.trim() || s.name);
}

// What stands behind the label, softer.
export function spanDetail(s: Span): string | undefined {
	const kind = spanKind(s);
	const said = kind === "tool" || kind === "agent" ? text(s, "process.command_line") : kind === "mcp" ? text(s, "sonde.mcp.server.name") : undefined;
	return said && oneLine(said);
}

export function spanUrl(s: Span): string {
	return `/run/${encodeURIComponent(s.trace_id)}?step=${encodeURIComponent(s.span_id)}`;
}
