// SPDX-License-Identifier: BSD-2-Clause
// The filter language of API, CLI and this page (src/api/API.md, "Filter"): terms between blanks that
// must all hold. Here only what chips need: to take it apart and to put it together again.

export interface Term {
	not: boolean;
	name: string; // empty: words of the task
	op: ":" | "=" | ">" | ">=" | "<" | "<=";
	value: string; // as it is written, quotes and all: it may be several with commas
}

const PIECE = String.raw`(?:"(?:[^"\\]|\\.)*"|[^\s"])+`;
const TERM = new RegExp(String.raw`(-?)(?:([a-z_.]+)(:|>=|<=|>|<|=))?(${PIECE})`, "gy");
const VALUE = /"((?:[^"\\]|\\.)*)"|([^",]+)/g;
const BLANK = /\s*/y;

// A value as it must be written.
export function quote(s: string): string {
	return s === "" || /[\s"\\,]/.test(s) ? `"${s.replace(/["\\]/g, "\\$&")}"` : s;
}

// What a term asks for: one value, or several.
export function termValues(t: Term): string[] {
	return [...t.value.matchAll(VALUE)].map((m) => m[1]?.replace(/\\(.)/g, "$1") ?? m[2]);
}

export function parseFilter(text: string): Term[] {
	const terms: Term[] = [];
	let at = 0;
	for (;;) {
		BLANK.lastIndex = at;
		BLANK.exec(text);
		at = BLANK.lastIndex;
		TERM.lastIndex = at;
		const m = TERM.exec(text);
		if (!m) break;
		at = TERM.lastIndex;
		terms.push({ not: m[1] === "-", name: m[2] ?? "", op: (m[3] ?? ":") as Term["op"], value: m[4] });
	}
	return terms;
}

export function termText(t: Term): string {
	return `${t.not ? "-" : ""}${t.name ? t.name + t.op : ""}${t.value}`;
}

export function filterText(terms: Term[]): string {
	return terms.map(termText).join(" ");
}

// The filter with this value: in place of what it had under that name, where it is to be had; beside
// it where it is not. A value is never asked for and shut out at once.
export function withTerm(text: string, name: string, value: string, not = false): string {
	const others = parseFilter(text).filter(
		(t) =>
			t.name !== name ||
			(t.op !== ":" && t.op !== "=") ||
			(t.not ? !termValues(t).includes(value) : not && !termValues(t).includes(value)),
	);
	return filterText([...others, { not, name, op: ":", value: quote(value) }]);
}

export function withoutTerm(text: string, index: number): string {
	return filterText(parseFilter(text).filter((_, i) => i !== index));
}

// What the filter asks for under a name: none where it does not.
export function filterValues(text: string, name: string): string[] {
	return parseFilter(text)
		.filter((t) => t.name === name && !t.not && (t.op === ":" || t.op === "="))
		.flatMap(termValues);
}

export function withoutName(text: string, name: string): string {
	return filterText(parseFilter(text).filter((t) => t.name !== name));
}
