// SPDX-License-Identifier: BSD-2-Clause
// Two texts side by side: lines that are the same stand beside each other, what differs in a line is marked.
import { diffLines, diffWordsWithSpace } from "diff";

export interface Piece {
	text: string;
	differs: boolean;
}
export interface TextRow {
	same: boolean;
	a: Piece[] | null; // null: there is no such line
	b: Piece[] | null;
}

const MAX = 200_000; // characters of either
const TIMEOUT_MS = 500;
const LINE_MAX = 4000; // longer ones are marked as a whole

const whole = (text: string): Piece[] => [{ text, differs: true }];

function lines(text: string): string[] {
	return text.replace(/\n$/, "").split("\n");
}

function pair(a: string | undefined, b: string | undefined): TextRow {
	if (a === undefined || b === undefined || a.length > LINE_MAX || b.length > LINE_MAX)
		return { same: false, a: a === undefined ? null : whole(a), b: b === undefined ? null : whole(b) };
	const row: TextRow = { same: false, a: [], b: [] };
	for (const part of diffWordsWithSpace(a, b)) {
		if (!part.added) row.a!.push({ text: part.value, differs: part.removed });
		if (!part.removed) row.b!.push({ text: part.value, differs: part.added });
	}
	return row;
}

function pairs(a: string[], b: string[]): TextRow[] {
	return Array.from({ length: Math.max(a.length, b.length) }, (_, i) => pair(a[i], b[i]));
}

// undefined: too much to be compared.
export function textRows(a: string, b: string): TextRow[] | undefined {
	if (a.length > MAX || b.length > MAX) return undefined;
	const parts = diffLines(a, b, { timeout: TIMEOUT_MS, stripTrailingCr: true });
	if (!parts) return undefined;
	const rows: TextRow[] = [];
	let removed: string[] = [];
	const flush = (added: string[]) => {
		rows.push(...pairs(removed, added));
		removed = [];
	};
	for (const part of parts) {
		if (part.removed) removed = lines(part.value);
		else if (part.added) flush(lines(part.value));
		else {
			flush([]);
			for (const text of lines(part.value)) rows.push({ same: true, a: [{ text, differs: false }], b: [{ text, differs: false }] });
		}
	}
	flush([]);
	return rows;
}
