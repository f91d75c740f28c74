// SPDX-License-Identifier: BSD-2-Clause
// What happens now (GET /api/v1/live), over one connection for all of the page. It is there while
// somebody has subscribed, comes back by itself, and goes on behind the last line that it had.
//
//	$effect(() => subscribe((line) => { if (line.type === "run") ... }));
//
// Who subscribes is first told what the server still keeps, which can be of a past that is over, and others
// hear that again: lines can come twice (their id tells). { kept: false } goes without, where the connection
// is there already. "missed" and "hello" come to all: after "missed", ask the API for what must be complete.

import { apiUrl } from "./api";
import type { LiveLine } from "./types";

export type LiveFn = (line: LiveLine) => void;

const RETRY_MS = 1000;
const RETRY_MAX_MS = 30000;
const LINGER_MS = 2000; // between pages the connection stays

const fns = new Set<LiveFn>();
let source: EventSource | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;
let wait = RETRY_MS;
let last = "";

export const live = $state({
	state: "off" as "off" | "connecting" | "on" | "waiting",
	missed: 0, // lines in all
});

function take(e: MessageEvent<string>) {
	let line: LiveLine;
	try {
		line = JSON.parse(e.data);
	} catch {
		return;
	}
	if (e.lastEventId) last = e.lastEventId;
	if (line.type === "missed") live.missed += line.to - line.from + 1;
	for (const fn of fns) fn(line);
}

function close() {
	clearTimeout(timer);
	source?.close();
	source = undefined;
	live.state = "off";
}

function open() {
	clearTimeout(timer);
	live.state = "connecting";
	source = new EventSource(apiUrl("live", { after: last }));
	source.onopen = () => {
		live.state = "on";
		wait = RETRY_MS;
	};
	source.onmessage = take;
	// The browser's own way back does not take an answer that is no stream (a server that is busy, or begins).
	source.onerror = () => {
		source?.close();
		if (!fns.size) return close();
		live.state = "waiting";
		timer = setTimeout(open, wait);
		wait = Math.min(wait * 2, RETRY_MAX_MS);
	};
}

export function subscribe(fn: LiveFn, { kept = true } = {}): () => void {
	fns.add(fn);
	clearTimeout(timer);
	if (kept && last) {
		source?.close();
		last = "";
	}
	if (!source || source.readyState === EventSource.CLOSED) open();
	return () => {
		fns.delete(fn);
		if (fns.size) return;
		clearTimeout(timer);
		timer = setTimeout(close, LINGER_MS);
	};
}
