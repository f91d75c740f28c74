// SPDX-License-Identifier: BSD-2-Clause
// Round times between two, at most eight or so.
const SECOND = 1e9;
const units = [
	1e3,
	2e3,
	5e3,
	1e4,
	2e4,
	5e4,
	1e5,
	2e5,
	5e5,
	1e6,
	2e6,
	5e6,
	1e7,
	2e7,
	5e7,
	1e8,
	2e8,
	5e8,
	...[1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400].map(
		(s) => s * SECOND,
	),
];

export function ticks(from: number, to: number, most = 7): number[] {
	const size = to - from;
	let step = units.find((u) => size / u <= most) ?? 0;
	if (!step) step = Math.ceil(size / most / (86400 * SECOND)) * 86400 * SECOND;
	const out: number[] = [];
	for (let t = Math.ceil(from / step) * step; t <= to && out.length < 50; t += step) out.push(t);
	return out;
}
