// SPDX-License-Identifier: BSD-2-Clause
// Messages and their parts, as gen_ai.input.messages and the like have them. What traffic says is not
// trusted to have the form that it should have.
import type { Media, Message, MessagePart } from "../../lib/types";

const isObject = (v: unknown): v is Record<string, unknown> => typeof v === "object" && v !== null && !Array.isArray(v);

function parsed(v: unknown): unknown {
	if (typeof v !== "string") return v;
	try {
		return JSON.parse(v);
	} catch {
		return v;
	}
}

function asPart(v: unknown): MessagePart {
	if (isObject(v)) return { ...v, type: typeof v.type === "string" ? v.type : "text" };
	return { type: "text", content: v };
}

export function asParts(v: unknown): MessagePart[] {
	if (v === undefined || v === null || v === "") return [];
	if (isObject(v) && Array.isArray(v.parts)) return v.parts.map(asPart);
	return Array.isArray(v) ? v.map(asPart) : [asPart(v)];
}

export function asMessages(value: unknown): Message[] {
	const v = parsed(value);
	if (v === undefined || v === null) return [];
	return (Array.isArray(v) ? v : [v]).map((m) => {
		if (!isObject(m)) return { role: "?", parts: [asPart(m)] };
		return { ...m, role: typeof m.role === "string" ? m.role : "?", parts: asParts(m.parts) };
	});
}

// An attribute with system instructions: parts, or a message that has them.
export function asSystem(value: unknown): MessagePart[] {
	return asParts(parsed(value));
}

export interface ToolDefinition {
	name: string;
	description?: string;
	whole: unknown;
}
export function asTools(value: unknown): ToolDefinition[] {
	const v = parsed(value);
	if (!Array.isArray(v)) return [];
	return v.map((t) => {
		const own = isObject(t) && isObject(t.function) ? t.function : t;
		if (!isObject(own)) return { name: String(t), whole: t };
		return {
			name: String(own.name ?? own.type ?? "?"),
			description: typeof own.description === "string" ? own.description : undefined,
			whole: t,
		};
	});
}

// What a tool call or its result says: JSON where it is some.
export function structured(v: unknown): unknown {
	if (typeof v !== "string") return v;
	const s = v.trim();
	if (!(s.startsWith("{") && s.endsWith("}")) && !(s.startsWith("[") && s.endsWith("]"))) return v;
	try {
		return JSON.parse(s);
	} catch {
		return v;
	}
}

// A result that is only text parts, as text.
export function plain(v: unknown): unknown {
	if (!Array.isArray(v) || v.length === 0) return v;
	const texts = v.map((p) =>
		isObject(p) && (p.type === "text" || p.type === undefined) ? (p.content ?? p.text) : undefined,
	);
	return texts.every((t) => typeof t === "string") ? texts.join("\n") : v;
}

export function callArguments(p: MessagePart): unknown {
	return structured(p.arguments ?? p.server_tool_call);
}
export function callResult(p: MessagePart): unknown {
	return structured(plain(p.response ?? p.result ?? p.server_tool_call_response));
}

export function textOf(parts: MessagePart[], type = "text"): string {
	return parts
		.filter((p) => p.type === type && typeof p.content === "string")
		.map((p) => p.content as string)
		.join("\n\n");
}

export function isCall(p: MessagePart): boolean {
	return p.type === "tool_call" || p.type === "server_tool_call";
}
export function isResult(p: MessagePart): boolean {
	return p.type === "tool_call_response" || p.type === "server_tool_call_response";
}

const MEDIA = ["blob", "sonde.blob", "uri", "file"];
export function isMedia(p: MessagePart): boolean {
	return MEDIA.includes(p.type);
}

// The pictures and documents that a tool's result has, wherever they stand in it.
const MEDIA_MAX = 50;
export function mediaIn(v: unknown, found: Media[] = [], depth = 0): Media[] {
	if (found.length >= MEDIA_MAX || depth > 6 || typeof v !== "object" || v === null) return found;
	if (isObject(v) && typeof v.digest === "string" && v.digest.startsWith("xxh3:")) {
		found.push(asMedia(v));
		return found;
	}
	for (const inner of Object.values(v).slice(0, 1000)) mediaIn(inner, found, depth + 1);
	return found;
}

function asMedia(v: Record<string, unknown>): Media {
	const text = (key: string) => (typeof v[key] === "string" ? (v[key] as string) : undefined);
	const number = (key: string) => (typeof v[key] === "number" ? (v[key] as number) : undefined);
	return {
		type: text("type"),
		modality: text("modality"),
		mime_type: text("mime_type") ?? text("mimeType"),
		media_type: text("media_type"),
		blob: text("blob"),
		sha256: text("sha256"),
		reason: text("reason"),
		size: number("size"),
		bytes: number("bytes"),
	};
}

// A result of texts and media alone, each by itself.
export function partsOf(v: unknown): MessagePart[] | undefined {
	if (!Array.isArray(v) || v.length === 0 || v.length > 200) return undefined;
	const parts = v.map(asPart);
	const plainText = (p: MessagePart) => p.type === "text" && typeof p.content === "string";
	return parts.some(isMedia) && parts.every((p) => isMedia(p) || plainText(p)) ? parts : undefined;
}

// In a line: what a tool's arguments ask for.
export function summary(v: unknown): string {
	const args = structured(v);
	if (!isObject(args)) return args === undefined || args === null ? "" : String(args);
	for (const key of [
		"command",
		"cmd",
		"file_path",
		"path",
		"query",
		"pattern",
		"url",
		"prompt",
		"description",
		"name",
	])
		if (typeof args[key] === "string" && args[key]) return args[key];
	return JSON.stringify(args);
}
