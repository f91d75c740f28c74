// SPDX-License-Identifier: BSD-2-Clause
// What is said of a step in a few words.
import { cost, count, duration, UNKNOWN } from "../../lib/format";
import type { Run, Step, Usage } from "../../lib/types";

export interface Said {
	text: string;
	tone: "" | "bad" | "busy" | "warn";
	title?: string;
}

// What conventions call an error that has no name tells nothing.
function errorText(step: Step): string {
	return !step.error || step.error === "_OTHER" || step.error === "tool_error" ? "failed" : step.error;
}

export function failure(step: Step): string {
	if ((step.exit_code ?? 0) > 0) return `exit ${step.exit_code}`;
	return errorText(step);
}

// How it ended, where that is worth a word. A program's exit status says it better than "failed".
export function state(step: Step, running: boolean): Said {
	if (step.kind === "process" && (step.exit_code ?? 0) > 0) return { text: failure(step), tone: "bad" };
	if (step.status === "error" && step.kind !== "error")
		return { text: errorText(step), tone: "bad", title: errorText(step) };
	if (step.pause && step.end_time_unix_nano === null) return { text: "waits", tone: "warn" };
	if (step.end_time_unix_nano !== null) return { text: step.final ? "" : "open", tone: "" };
	if (step.kind === "event" || step.kind === "error") return { text: "", tone: "" };
	if (running) return { text: step.kind === "llm" ? "answers…" : "runs…", tone: "busy" };
	return { text: step.kind === "tool" || step.kind === "skill" ? "no result" : "no end seen", tone: "warn" };
}

export function tokens(u: Usage): string {
	if (u?.input_tokens === undefined && u?.output_tokens === undefined) return "";
	const about = u.estimated ? "~" : "";
	return `${about}${count(u.input_tokens)} + ${count(u.output_tokens)}`;
}

export function tokensLong(u: Usage): string {
	if (u?.input_tokens === undefined && u?.output_tokens === undefined) return "";
	const about = u.estimated ? "~" : "";
	const part = (n: number | undefined, name: string) => (n ? [`${count(n)} ${name}`] : []);
	const inside = [
		...part(u.cache_read_input_tokens, "cached"),
		...part(u.cache_creation_input_tokens, "cache write"),
	].join(", ");
	const out = part(u.reasoning_output_tokens, "reasoning").join("");
	const within = (text: string) => (text ? ` (${text})` : "");
	return `${about}${count(u.input_tokens)} in${within(inside)}, ${about}${count(u.output_tokens)} out${within(out)}`;
}

// Of a model call: a failed or unfinished one has no price to be known.
export function isUnpriced(step: Step): boolean {
	return (
		step.kind === "llm" &&
		!step.again &&
		step.cost_usd === undefined &&
		step.equivalent_usd === undefined &&
		step.end_time_unix_nano !== null &&
		step.status !== "error"
	);
}
export function price(step: Step): string {
	const text = cost({ ...step, unpriced_calls: isUnpriced(step) ? 1 : 0 });
	return text === UNKNOWN ? "" : text;
}

// After the run's start.
export function offset(step: Step, run: Run): string {
	return `+${duration(Math.max(0, step.start_time_unix_nano - run.start_time_unix_nano))}`;
}
