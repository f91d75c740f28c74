// SPDX-License-Identifier: BSD-2-Clause
// The filter language of API, CLI and this page (src/api/API.md, "Filter"): terms between blanks that
// must all hold. Here only what chips need: to take it apart and to put it together again.

export interface Term {
	not: boolean;
	name: string; // empty: words of the task
	op: ":" | "=" | ">" | ">=" | "<" | "<=";
	value: string;
}

const TERM = /(-?)(?:([a-z_.]+)(:|>=|<=|>|<|=))?("(?:[^"\\]|\\.)*"|[^\s"]+)/gy;
const BLANK = /\s*/y;

function unquote(s: string): string {
	return s.startsWith('"') ? s.slice(1, -1).replace(/\\(.)/g, "$1") : s;
}

function quote(s: string): string {
	return s === "" || /[\s"\\]/.test(s) ? `"${s.replace(/["\\]/g, "\\$&")}"` : s;
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
		terms.push({ not: m[1] === "-", name: m[2] ?? "", op: (m[3] ?? ":") as Term["op"], value: unquote(m[4]) });
	}
	return terms;
}

export function termText(t: Term): string {
	return `${t.not ? "-" : ""}${t.name ? t.name + t.op : ""}${quote(t.value)}`;
}

export function filterText(terms: Term[]): string {
	return terms.map(termText).join(" ");
}

// The filter with this term; what it had of the same name and operator goes.
export function withTerm(text: string, name: string, value: string, not = false): string {
	const others = parseFilter(text).filter((t) => t.name !== name || t.not !== not || t.op !== ":");
	return filterText([...others, { not, name, op: ":", value }]);
}

export function withoutTerm(text: string, index: number): string {
	return filterText(parseFilter(text).filter((_, i) => i !== index));
}
