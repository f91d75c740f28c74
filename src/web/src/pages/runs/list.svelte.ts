// SPDX-License-Identifier: BSD-2-Clause
// The runs of the list, kept up to date by the live stream. A run that begins is put on top where it is sure
// to belong there; else it is only counted, for the user to ask again.
import { api } from "../../lib/api";
import { filterValues, parseFilter } from "../../lib/filter";
import { subscribe } from "../../lib/live.svelte";
import { Pages } from "../../lib/pages.svelte";
import { place } from "../../lib/place.svelte";
import { Load } from "../../lib/load.svelte";
import type { LiveLine, Run } from "../../lib/types";

const PAGE = 100;
const GATHER_MS = 300; // changes are shown, and counts asked for, no oftener
const COUNTS_MS = 1500;

export const order = () => ({ sort: place.query.get("sort") ?? "start", order: place.query.get("order") ?? "desc" });

export class RunList {
	pages = new Pages<Run>((cursor, signal) => {
		this.waiting.clear();
		this.waitingCount = 0;
		return api.runs({ ...place.scope, ...order(), limit: PAGE, cursor }, signal);
	}, (r) => r.run_id);
	counts = new Load((signal) => api.runCounts(place.scope, signal));
	waitingCount = $state(0); // runs that began since, and may belong here
	fresh = $state.raw<ReadonlySet<string>>(new Set()); // those put on top just now
	private waiting = new Set<string>();
	private changed = new Map<string, Run>();
	private timer: ReturnType<typeof setTimeout> | undefined;
	private countTimer: ReturnType<typeof setTimeout> | undefined;

	constructor() {
		$effect(() => {
			const stop = subscribe((line) => this.take(line), { kept: false });
			return () => {
				stop();
				clearTimeout(this.timer);
				clearTimeout(this.countTimer);
				this.timer = this.countTimer = undefined;
			};
		});
	}

	private take(line: LiveLine) {
		if (line.type === "run") this.changed.set(line.run.run_id, line.run);
		else if (line.type === "missed") this.countSoon();
		else if (line.type === "state" && line.status) this.end(line.run, line.status, line.time_unix_nano);
		if (this.changed.size) this.timer ??= setTimeout(() => this.show(), GATHER_MS);
	}

	private end(id: string, status: Run["status"], at: number) {
		const run = this.changed.get(id) ?? this.pages.items?.find((r) => r.run_id === id);
		if (run?.status === "running") this.changed.set(id, { ...run, status, end_time_unix_nano: run.end_time_unix_nano ?? at });
	}

	// Sure to belong: newest first, and nothing is asked of it but a status.
	private fits(run: Run): boolean {
		if (place.until || order().sort !== "start" || order().order !== "desc") return false;
		const terms = parseFilter(place.filter);
		if (terms.some((t) => t.name !== "status" || t.not || t.op !== ":")) return false;
		const asked = filterValues(place.filter, "status");
		return !asked.length || asked.includes(run.status);
	}

	private show() {
		this.timer = undefined;
		const items = this.pages.items;
		if (!items || this.pages.loading) {
			this.timer = setTimeout(() => this.show(), GATHER_MS);
			return;
		}
		const known = new Set(items.map((r) => r.run_id));
		const newest = items[0]?.start_time_unix_nano ?? 0;
		const next = items.map((r) => this.changed.get(r.run_id) ?? r);
		const added: Run[] = [];
		for (const run of this.changed.values()) {
			// What the stream still keeps of the past is in the list already, or further down.
			if (known.has(run.run_id) || run.start_time_unix_nano < newest) continue;
			if (this.fits(run)) added.push(run);
			else if (run.status === "running") this.waiting.add(run.run_id);
		}
		added.sort((a, b) => b.start_time_unix_nano - a.start_time_unix_nano);
		this.pages.items = [...added, ...next];
		this.pages.total += added.length;
		this.fresh = new Set(added.map((r) => r.run_id));
		this.waitingCount = this.waiting.size;
		this.changed.clear();
		this.countSoon();
	}

	private countSoon() {
		this.countTimer ??= setTimeout(() => {
			this.countTimer = undefined;
			this.counts.again();
		}, COUNTS_MS);
	}

	again = () => {
		this.pages.again();
		this.counts.again();
	};
}
