// SPDX-License-Identifier: BSD-2-Clause
// What Chart.svelte draws, and how uPlot is told to: points stand side by side in equal steps, whatever
// time each covers, so that a month is as wide as another.

import uPlot from "uplot";

export type ChartKind = "line" | "bars" | "stacked";
export type ChartAxis = "number" | "count" | "time" | "share"; // time: in nanoseconds; a share: of 1

export interface Series {
	label: string;
	values: (number | null | undefined)[]; // not known: a gap
	colour: string; // a custom property of the page, "--good"
	pale?: boolean; // the same, lighter
}

export interface ChartOptions {
	kind: ChartKind;
	series: Series[];
	labels: string[]; // of the points
	format: (v: number) => string;
	width: number;
	height: number;
	axis: ChartAxis;
	onhover: (u: uPlot) => void;
	onpick?: (index: number) => void;
}

const DECADES = Array.from({ length: 15 }, (_, e) => 10 ** e);
const MINUTE = 60e9;
// Between two lines of the grid.
const STEPS: Record<ChartAxis, number[] | undefined> = {
	number: undefined,
	share: undefined,
	count: DECADES.flatMap((e) => [e, 2 * e, 5 * e]),
	time: [
		...DECADES.slice(3, 10).flatMap((e) => [e, 2 * e, 5 * e]),
		...[0.25, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 1440, 2880, 14400].map((m) => m * MINUTE),
	],
};

const AXIS_FONT = '11px system-ui, "DejaVu Sans", sans-serif';

// Of stacked series each with all that lie below it; the highest is drawn first.
export function chartData(kind: ChartKind, series: Series[], points: number): uPlot.AlignedData {
	const x = Array.from({ length: points }, (_, i) => i);
	const values = series.map((s) => x.map((i) => s.values[i] ?? null));
	if (kind !== "stacked") return [x, ...values];
	const sums = values.map((_, s) => x.map((i) => values.slice(0, s + 1).reduce<number>((sum, v) => sum + (v[i] ?? 0), 0)));
	return [x, ...sums.reverse()];
}

const HEX = /^#[0-9a-f]{6}$/i;
export const PALE = 0.4;

// As the theme has it; with a part of less than 1 mixed into the page's ground.
function colourOf(name: string, part = 1): string {
	const style = getComputedStyle(document.documentElement);
	const [value, ground] = [name, "--bg"].map((n) => style.getPropertyValue(n).trim());
	if (part === 1 || !HEX.test(value) || !HEX.test(ground)) return value;
	const channel = (hex: string, i: number) => Number.parseInt(hex.slice(i, i + 2), 16);
	const mixed = [1, 3, 5].map((i) => Math.round(part * channel(value, i) + (1 - part) * channel(ground, i)));
	return `rgb(${mixed.join(" ")})`;
}

function seriesOf(o: ChartOptions): uPlot.Series[] {
	const bars = uPlot.paths.bars!({ size: [0.78, 46], radius: o.kind === "bars" ? 0.12 : 0 });
	const drawn = o.kind === "stacked" ? o.series.toReversed() : o.series;
	return drawn.map((s) => ({
		label: s.label,
		stroke: () => colourOf(s.colour),
		fill: o.kind === "line" ? undefined : () => colourOf(s.colour, s.pale ? PALE : 0.88),
		width: o.kind === "line" ? 1.75 : 0,
		paths: o.kind === "line" ? undefined : bars,
		points: o.kind === "line" ? { size: 5, show: o.labels.length <= 60, fill: () => colourOf(s.colour) } : { show: false },
	}));
}

const NAME_PX = 66;
const HOUR_STEPS = [1, 2, 3, 4, 6, 8, 12, 24, 48, 96, 168];

// Every so many points one is named, as many as there is room for. Of hours midnight is among them: it has the
// name of the day.
function named(labels: string[], width: number): () => number[] {
	const room = Math.ceil(labels.length / Math.max(1, Math.floor(width / NAME_PX)));
	const midnight = labels.some((l) => l.includes(":")) ? labels.findIndex((l) => !l.includes(":")) : -1;
	const step = midnight < 0 ? Math.max(1, room) : (HOUR_STEPS.find((s) => s >= room) ?? room);
	const first = midnight < 0 ? 0 : midnight % step;
	return () => Array.from({ length: Math.ceil((labels.length - first) / step) }, (_, i) => first + i * step);
}

function axesOf(o: ChartOptions): uPlot.Axis[] {
	const common: uPlot.Axis = {
		font: AXIS_FONT,
		stroke: () => colourOf("--text-soft"),
		grid: { stroke: () => colourOf("--line", 0.7), width: 1 },
		ticks: { show: false },
	};
	return [
		{
			...common,
			grid: { show: false },
			size: 26,
			gap: 6,
			splits: named(o.labels, o.width),
			values: (_, splits) => splits.map((i) => o.labels[i] ?? ""),
		},
		{
			...common,
			size: (_, values) => Math.max(34, ...(values ?? []).map((v) => 12 + 6.4 * String(v).length)),
			space: 34,
			incrs: STEPS[o.axis],
			values: (_, splits) => splits.map((v) => (v === null ? "" : v === 0 && o.axis === "time" ? "0" : o.format(v))),
		},
	];
}

function listen(u: uPlot, o: ChartOptions) {
	u.over.addEventListener("click", (e) => {
		const i = u.posToIdx(e.clientX - u.over.getBoundingClientRect().left);
		if (i >= 0 && i < o.labels.length) o.onpick?.(i);
	});
}

export function chartOptions(o: ChartOptions): uPlot.Options {
	return {
		width: o.width,
		height: o.height,
		legend: { show: false },
		padding: [10, 8, 0, 0],
		scales: {
			x: { time: false, range: () => [-0.6, Math.max(o.labels.length - 0.4, 0.6)] },
			y: { range: (_u, _min, max) => [0, o.axis === "share" && max > 0.5 ? 1.02 : max > 0 ? max * 1.06 : 1] },
		},
		series: [{}, ...seriesOf(o)],
		axes: axesOf(o),
		cursor: {
			y: false,
			drag: { x: false, y: false },
			points: o.kind === "line" ? { size: 7 } : { show: false },
		},
		hooks: { setCursor: [o.onhover], ready: [(u) => listen(u, o)] },
	};
}
