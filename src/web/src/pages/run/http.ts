// SPDX-License-Identifier: BSD-2-Clause
// sonde.http.raw: the exchange around a call, read as HTTP is written.
import { bytes } from "../../lib/format";

type Json = Record<string, unknown>;

export interface Half {
	title: string;
	lines: string[];
	notes: string[]; // sizes, and what was cut or hurt
}

const object = (v: unknown): Json => (typeof v === "object" && v !== null && !Array.isArray(v) ? (v as Json) : {});
const named: Record<string, (v: unknown) => string> = {
	wire_bytes: (v) => `${bytes(Number(v))} on the wire`,
	body_bytes: (v) => `${bytes(Number(v))} of body`,
};

function half(title: string, first: string, value: unknown): Half {
	const { headers, ...rest } = object(value);
	const list = Array.isArray(headers) ? headers : Object.entries(object(headers));
	return {
		title,
		lines: [first, ...list.map((h) => (Array.isArray(h) ? `${h[0]}: ${h[1]}` : String(h)))].filter(Boolean),
		notes: Object.entries(rest).map(
			([k, v]) => named[k]?.(v) ?? `${k}: ${typeof v === "string" ? v : JSON.stringify(v)}`,
		),
	};
}

// null where it has another form.
export function readHttp(raw: string): { halves: Half[]; notes: string[] } | null {
	let whole: Json;
	try {
		whole = object(JSON.parse(raw));
	} catch {
		return null;
	}
	const { method, path, status, request, response, ...rest } = whole;
	if (!request && !response) return null;
	const halves = [half("Request", [method, path].filter(Boolean).join(" "), request)];
	if (response || status !== undefined)
		halves.push(half("Response", status === undefined ? "" : `Status ${status}`, response));
	return {
		halves,
		notes: Object.entries(rest).map(([k, v]) => `${k}: ${typeof v === "string" ? v : JSON.stringify(v)}`),
	};
}
