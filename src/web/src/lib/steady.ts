// SPDX-License-Identifier: BSD-2-Clause
// Columns of a long table, of which only some rows are there: they grow with what comes into sight, and do not
// shrink again while its box has the same width.

const widths = new WeakMap<HTMLElement, number>();

export function steady(heads: NodeListOf<HTMLElement>, long: boolean, boxWidth: number) {
	if (!long) {
		for (const th of heads) th.style.minWidth = "";
		return;
	}
	for (const th of heads) if (widths.get(th) !== boxWidth) th.style.minWidth = "";
	const now = [...heads].map((th) => th.offsetWidth);
	heads.forEach((th, i) => {
		widths.set(th, boxWidth);
		if (now[i] > (parseFloat(th.style.minWidth) || 0)) th.style.minWidth = `${now[i]}px`;
	});
}
