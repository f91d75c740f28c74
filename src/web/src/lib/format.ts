// SPDX-License-Identifier: BSD-2-Clause
// Values as people read them. What is not known is "–", never 0.

export const UNKNOWN = "–";

const SECOND = 1e9;

export function duration(ns: number | null | undefined): string {
	if (ns === undefined || ns === null) return UNKNOWN;
	if (ns < 1e6) return `${Math.round(ns / 1e3)} µs`;
	if (ns < SECOND) return `${Math.round(ns / 1e6)} ms`;
	const s = ns / SECOND;
	if (s < 60) return `${s.toFixed(s < 10 ? 1 : 0)} s`;
	if (s < 3600) return `${Math.floor(s / 60)}m ${String(Math.floor(s % 60)).padStart(2, "0")}s`;
	if (s < 86400) return `${Math.floor(s / 3600)}h ${String(Math.floor((s % 3600) / 60)).padStart(2, "0")}m`;
	return `${Math.floor(s / 86400)}d ${Math.floor((s % 86400) / 3600)}h`;
}

export function between(start: number, end: number | null | undefined, now = Date.now() * 1e6): number {
	return Math.max(0, (end ?? now) - start);
}

export function count(n: number | null | undefined): string {
	if (n === undefined || n === null) return UNKNOWN;
	if (n < 10000) return n.toLocaleString("en");
	if (n < 1e6) return `${(n / 1e3).toFixed(n < 1e5 ? 1 : 0)}k`;
	if (n < 1e9) return `${(n / 1e6).toFixed(1)}M`;
	return `${(n / 1e9).toFixed(1)}G`;
}

export function usd(v: number | null | undefined): string {
	if (v === undefined || v === null) return UNKNOWN;
	if (v === 0) return "$0";
	const a = Math.abs(v);
	return `${v < 0 ? "−" : ""}$${a < 0.01 ? a.toPrecision(2) : a < 1 ? a.toFixed(3) : a.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

// Money that was spent; else, with "~", what a plan covered; else that there is no price.
export function cost(v: { cost_usd?: number; equivalent_usd?: number; unpriced_calls?: number; llm_calls?: number }): string {
	if (v.cost_usd) return v.equivalent_usd ? `${usd(v.cost_usd)} + ~${usd(v.equivalent_usd)}` : usd(v.cost_usd);
	if (v.equivalent_usd) return `~${usd(v.equivalent_usd)}`;
	if (v.unpriced_calls) return "unpriced";
	return usd(v.cost_usd);
}

export function bytes(n: number | null | undefined): string {
	if (n === undefined || n === null) return UNKNOWN;
	const units = ["B", "KiB", "MiB", "GiB", "TiB"];
	let i = 0;
	for (; n >= 1024 && i < units.length - 1; i++) n /= 1024;
	return `${i ? n.toFixed(1) : n} ${units[i]}`;
}

export function percent(part: number, whole: number): string {
	if (whole <= 0) return UNKNOWN;
	const of = (100 * part) / whole;
	return part && of < 0.05 ? "< 0.1 %" : `${of.toFixed(part && of < 10 ? 1 : 0)} %`;
}

const sameDay = (a: Date, b: Date) => a.toDateString() === b.toDateString();
const two = (n: number) => String(n).padStart(2, "0");

// The local time; with the day where that is not today.
export function when(ns: number | null | undefined, now = new Date()): string {
	if (!ns) return UNKNOWN;
	const d = new Date(ns / 1e6);
	const time = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
	if (sameDay(d, now)) return time;
	return `${d.getFullYear() === now.getFullYear() ? "" : `${d.getFullYear()}-`}${two(d.getMonth() + 1)}-${two(d.getDate())} ${time.slice(0, 5)}`;
}

export function iso(ns: number): string {
	return new Date(ns / 1e6).toISOString();
}

export function shortId(id: string): string {
	return id.slice(0, 8);
}
