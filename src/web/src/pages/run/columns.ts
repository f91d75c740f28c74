// SPDX-License-Identifier: BSD-2-Clause
// Columns that the tables of a run have in common, and their rows as a file.
import type { Column } from "../../components/DataTable.svelte";
import type { Sheet } from "../../lib/csv";
import { count } from "../../lib/format";

// A number, nothing where it is 0 or not known, unless @show says otherwise.
export function numeric<T>(
	key: string,
	title: string,
	value: (row: T) => number | undefined,
	show: (row: T) => string = (row) => (value(row) ? count(value(row)) : ""),
): Column<T> {
	return { key, title, align: "right", sort: "desc", text: show, value };
}

export function sheetOf<T>(name: string, columns: Column<T>[], rows: T[]): Sheet {
	return { name, columns: columns.map((c) => c.key), rows: rows.map((r) => columns.map((c) => c.value?.(r))) };
}
