// SPDX-License-Identifier: BSD-2-Clause
// What a table or chart shows, as a file.

export type Cell = string | number | boolean | null | undefined;
export interface Sheet {
	name: string; // of the file, without its ending
	columns: string[];
	rows: Cell[][];
}

// A cell that a spreadsheet would take for a formula is text to it.
export function csvCell(v: Cell): string {
	if (v === undefined || v === null) return "";
	let s = String(v);
	if (typeof v === "string" && /^[=+\-@\t\r]/.test(s)) s = `'${s}`;
	return /[",\r\n]/.test(s) ? `"${s.replaceAll('"', '""')}"` : s;
}

export function sheetCsv(sheet: Sheet): string {
	return [sheet.columns, ...sheet.rows].map((row) => row.map(csvCell).join(",")).join("\r\n") + "\r\n";
}

export function sheetNdjson(sheet: Sheet): string {
	return sheet.rows
		.map((row) => JSON.stringify(Object.fromEntries(sheet.columns.map((c, i) => [c, row[i]]))) + "\n")
		.join("");
}

export function saveSheet(sheet: Sheet, format: "csv" | "ndjson") {
	const text = format === "csv" ? sheetCsv(sheet) : sheetNdjson(sheet);
	const type = format === "csv" ? "text/csv" : "application/x-ndjson";
	const url = URL.createObjectURL(new Blob([text], { type }));
	const a = document.createElement("a");
	a.href = url;
	a.download = `${sheet.name}.${format}`;
	a.click();
	URL.revokeObjectURL(url);
}
