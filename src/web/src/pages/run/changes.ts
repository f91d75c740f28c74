// SPDX-License-Identifier: BSD-2-Clause
// What a model call sends that the one before did not, and what it leaves out.
import type { Message, Span } from "../../lib/types";
import { asMessages, asSystem, asTools } from "./messages";

export interface Changed {
	op: "new" | "gone";
	message: Message;
	at: number; // its place in the request that has it
	answer?: boolean; // what the call before had answered
}
export interface Changes {
	kept: number;
	messages: Changed[];
	system: { before: string; after: string } | null; // null: the same
	tools: { added: string[]; removed: string[]; changed: string[] };
}

const LCS_MAX = 1500;

// How long what @a and @b have in common is, from each pair of places on.
function common(a: string[], b: string[]): Uint16Array[] {
	const table = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
	for (let i = a.length - 1; i >= 0; i--)
		for (let j = b.length - 1; j >= 0; j--)
			table[i][j] = a[i] === b[j] ? table[i + 1][j + 1] + 1 : Math.max(table[i + 1][j], table[i][j + 1]);
	return table;
}

function middle(a: string[], b: string[], from: number): { op: "same" | "new" | "gone"; at: number }[] {
	if (a.length > LCS_MAX || b.length > LCS_MAX)
		return [
			...a.map((_, i) => ({ op: "gone" as const, at: from + i })),
			...b.map((_, j) => ({ op: "new" as const, at: from + j })),
		];
	const table = common(a, b);
	const out: { op: "same" | "new" | "gone"; at: number }[] = [];
	let i = 0;
	let j = 0;
	while (i < a.length || j < b.length) {
		if (i < a.length && j < b.length && a[i] === b[j]) {
			out.push({ op: "same", at: from + j++ });
			i++;
		} else if (j >= b.length || (i < a.length && table[i + 1][j] >= table[i][j + 1]))
			out.push({ op: "gone", at: from + i++ });
		else out.push({ op: "new", at: from + j++ });
	}
	return out;
}

// Where a cache ends moves with every request and changes nothing that is said.
function sameness(m: Message): string {
	return JSON.stringify({ role: m.role, parts: m.parts }, (key, v) => (key === "cache_control" ? undefined : v));
}

function compareMessages(
	before: Message[],
	after: Message[],
	answers: Set<string>,
): { kept: number; messages: Changed[] } {
	const a = before.map(sameness);
	const b = after.map(sameness);
	let head = 0;
	while (head < a.length && head < b.length && a[head] === b[head]) head++;
	let tail = 0;
	while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail])
		tail++;
	const ops = middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail), head);
	const messages = ops
		.filter((o) => o.op !== "same")
		.map((o): Changed => {
			const message = o.op === "new" ? after[o.at] : before[o.at];
			const answer = o.op === "new" && message.role === "assistant" && answers.has(sameness(message));
			return { op: o.op as "new" | "gone", message, at: o.at, answer };
		});
	return { kept: after.length - messages.filter((m) => m.op === "new").length, messages };
}

function systemText(span: Span): string {
	return asSystem(span.attributes["gen_ai.system_instructions"])
		.map((p) => (typeof p.content === "string" ? p.content : JSON.stringify(p)))
		.join("\n\n");
}

function compareTools(before: Span, after: Span): Changes["tools"] {
	const of = (s: Span) =>
		new Map(asTools(s.attributes["gen_ai.tool.definitions"]).map((t) => [t.name, JSON.stringify(t.whole)]));
	const a = of(before);
	const b = of(after);
	return {
		added: [...b.keys()].filter((name) => !a.has(name)),
		removed: [...a.keys()].filter((name) => !b.has(name)),
		changed: [...b.keys()].filter((name) => a.has(name) && a.get(name) !== b.get(name)),
	};
}

export function compareRequests(before: Span, after: Span): Changes {
	const said = new Set(asMessages(before.attributes["gen_ai.output.messages"]).map(sameness));
	const [was, is] = [systemText(before), systemText(after)];
	return {
		...compareMessages(
			asMessages(before.attributes["gen_ai.input.messages"]),
			asMessages(after.attributes["gen_ai.input.messages"]),
			said,
		),
		system: was === is ? null : { before: was, after: is },
		tools: compareTools(before, after),
	};
}
