// SPDX-License-Identifier: BSD-2-Clause
// Hours, days, weeks and months: what buckets of time are called, and those in which nothing was.

export const bucketNames = ["hour", "day", "week", "month"] as const;
export type Bucket = (typeof bucketNames)[number];

const MAX_BUCKETS = 1000;
const UNITS: Record<string, number> = { s: 1e3, m: 60e3, h: 3600e3, d: 86400e3, w: 7 * 86400e3 };
const two = (n: number) => String(n).padStart(2, "0");

// "2026-12-01" or "2026-12-01T10:00", in the time of whoever looks: what the API calls days and hours is only
// taken apart and put together again, so the calendar is all that is asked.
export function keyDate(key: string): Date {
	return new Date(key.length === 10 ? `${key}T00:00` : key);
}

export function dateKey(d: Date, bucket: Bucket): string {
	const day = `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
	return bucket === "hour" ? `${day}T${two(d.getHours())}:00` : day;
}

export function nextStart(d: Date, bucket: Bucket): Date {
	const next = new Date(d);
	if (bucket === "hour") next.setTime(next.getTime() + UNITS.h);
	else if (bucket === "month") next.setMonth(next.getMonth() + 1);
	else next.setDate(next.getDate() + (bucket === "week" ? 7 : 1));
	return next;
}

// The start of the bucket that it lies in; weeks begin on Monday.
export function startOf(d: Date, bucket: Bucket): Date {
	const start = new Date(d);
	start.setMinutes(0, 0, 0);
	if (bucket === "hour") return start;
	start.setHours(0);
	if (bucket === "week") start.setDate(start.getDate() - ((start.getDay() + 6) % 7));
	if (bucket === "month") start.setDate(1);
	return start;
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

export function shortName(d: Date, bucket: Bucket): string {
	if (bucket === "hour") return d.getHours() === 0 ? `${d.getDate()} ${months[d.getMonth()]}` : `${two(d.getHours())}:00`;
	if (bucket === "month") return `${months[d.getMonth()]} ${d.getFullYear()}`;
	return `${d.getDate()} ${months[d.getMonth()]}`;
}

export function longName(d: Date, bucket: Bucket): string {
	const day = `${weekdays[d.getDay()]} ${d.getDate()} ${months[d.getMonth()]} ${d.getFullYear()}`;
	if (bucket === "hour") return `${day}, ${two(d.getHours())}:00`;
	if (bucket === "week") return `week of ${day}`;
	return bucket === "month" ? shortName(d, bucket) : day;
}

// When "7d" or "2026-11-20T10:00" is; undefined: any time.
export function timeOf(text: string, now = new Date()): Date | undefined {
	const ago = /^(\d+(?:\.\d+)?)([smhdw])$/.exec(text);
	if (ago) return new Date(now.getTime() - Number(ago[1]) * UNITS[ago[2]]);
	if (text === "today") return startOf(now, "day");
	if (text === "yesterday") return startOf(new Date(now.getTime() - UNITS.d), "day");
	const at = keyDate(text);
	return Number.isNaN(at.getTime()) ? undefined : at;
}

export interface Slot<T> {
	start: Date;
	end: Date;
	label: string;
	name: string;
	item?: T; // absent: nothing happened then
}

// Every bucket from @since (else the first that there is) to @until, whether something happened or not.
export function slots<T>(items: T[], startOfItem: (item: T) => Date, bucket: Bucket, since: string, until: string): Slot<T>[] {
	const known = new Map(items.map((item) => [startOf(startOfItem(item), bucket).getTime(), item]));
	const starts = [...known.keys()].sort((a, b) => a - b);
	const from = timeOf(since)?.getTime() ?? starts[0];
	const to = timeOf(until)?.getTime() ?? Date.now();
	if (from === undefined) return [];
	const out: Slot<T>[] = [];
	for (let d = startOf(new Date(from), bucket); d.getTime() < to && out.length < MAX_BUCKETS; d = nextStart(d, bucket))
		out.push({ start: d, end: nextStart(d, bucket), label: shortName(d, bucket), name: longName(d, bucket), item: known.get(d.getTime()) });
	return out;
}

// What fits the time that is looked at.
export function bucketFor(since: string, until: string): Bucket {
	const from = timeOf(since);
	if (!from) return "day";
	const days = ((timeOf(until)?.getTime() ?? Date.now()) - from.getTime()) / UNITS.d;
	return days <= 3 ? "hour" : days <= 120 ? "day" : days <= 800 ? "week" : "month";
}
