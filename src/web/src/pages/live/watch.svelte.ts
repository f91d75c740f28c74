// SPDX-License-Identifier: BSD-2-Clause
// The runs that go on, put together from what the API says of them and from live lines. Lines can come twice and
// from a past that is over, so everything is set by its id and nothing is counted by lines.

import { SvelteMap } from "svelte/reactivity";
import { api } from "../../lib/api";
import { subscribe } from "../../lib/live.svelte";
import type { LiveLine, LiveState, Run, RunStatus, StepKind } from "../../lib/types";

const STEPS_MAX = 8; // of a run, the latest
const TALKS_MAX = 2; // model calls whose answers are shown
const TEXT_MAX = 6000; // characters of one part, the latest
const RUNS_MAX = 200;
const DOUBTFUL_MAX = 50; // of which the store is asked at once
const KEEP_NS = 300e9; // that a run stays when it has ended

export interface LiveStep {
	id: string;
	kind: StepKind;
	label: string;
	detail?: string;
	start: number;
	end: number | null;
	final: boolean;
	failed: boolean;
	error?: string;
}
export interface Part {
	kind: "text" | "reasoning" | "arguments";
	part: number;
	name?: string;
	text: string;
	last: boolean;
	cut: boolean;
}
export interface Talk {
	span: string;
	parts: Part[];
}

type Of<T extends LiveLine["type"]> = Extract<LiveLine, { type: T }>;

export class Watched {
	readonly id: string;
	run = $state.raw<Run>()!;
	state = $state<LiveState>();
	stateSince = $state<number>();
	status = $state<RunStatus>("running");
	reason = $state<string>();
	ended = $state<number>();
	input = $state<number>();
	output = $state<number>();
	cost = $state<number>();
	steps = $state.raw<LiveStep[]>([]);
	talks = $state.raw<Talk[]>([]);
	#tools = new Set<string>();
	#toolsSeen = $state(0);

	constructor(run: Run) {
		this.id = run.run_id;
		this.take(run);
	}

	get tools(): number | undefined {
		const told = this.run.tool_calls;
		return told === undefined && !this.#toolsSeen ? undefined : Math.max(told ?? 0, this.#toolsSeen);
	}
	get over(): boolean {
		return this.ended !== undefined;
	}

	take(run: Run) {
		this.run = run;
		this.input = max(this.input, run.usage.input_tokens);
		this.output = max(this.output, run.usage.output_tokens);
		this.cost = max(this.cost, run.cost_usd);
		if (this.over && run.status === "running") return; // a line of before
		this.status = run.status;
		this.reason = run.status_reason;
		if (run.status === "running" || run.status === "paused") return;
		this.ended ??= run.end_time_unix_nano ?? Date.now() * 1e6;
	}

	setState(line: Of<"state">) {
		if (this.over && line.state !== "ended") return;
		this.state = line.state;
		this.stateSince = line.time_unix_nano;
		this.input = max(this.input, line.input_tokens);
		this.output = max(this.output, line.output_tokens);
		this.cost = max(this.cost, line.cost_usd);
		if (line.state !== "ended") return;
		this.status = line.status ?? "incomplete";
		this.reason = line.reason;
		this.ended = line.time_unix_nano;
	}

	setStep(line: Of<"step">) {
		const { span } = line;
		if (!shown(line)) {
			// It may have been, before it was known whose it is.
			if (this.steps.some((s) => s.id === span.span_id)) this.steps = this.steps.filter((s) => s.id !== span.span_id);
			return;
		}
		if (line.step === "tool" || line.step === "skill") {
			this.#tools.add(span.span_id);
			this.#toolsSeen = this.#tools.size;
		}
		const step: LiveStep = {
			id: span.span_id,
			kind: line.step,
			label: line.label,
			detail: line.detail,
			start: span.start_time_unix_nano,
			end: span.end_time_unix_nano,
			final: line.final,
			failed: span.status.code === "ERROR",
			error: span.status.message,
		};
		const others = this.steps.filter((s) => s.id !== step.id);
		this.steps = [...others, step].sort((a, b) => a.start - b.start).slice(-STEPS_MAX);
	}

	addPiece(line: Of<"piece">) {
		if (this.over) return;
		const talk = this.talks.find((t) => t.span === line.span) ?? { span: line.span, parts: [] };
		const had = talk.parts.find((p) => p.kind === line.kind && p.part === line.part);
		const part: Part = {
			kind: line.kind,
			part: line.part,
			name: line.name ?? had?.name,
			text: ((had?.text ?? "") + (line.text ?? "")).slice(-TEXT_MAX),
			last: line.last ?? false,
			cut: line.cut ?? had?.cut ?? false,
		};
		const parts = [...talk.parts.filter((p) => p !== had), part].sort((a, b) => a.part - b.part);
		const others = this.talks.filter((t) => t !== talk);
		this.talks = [...others, { span: line.span, parts }].slice(-TALKS_MAX);
	}
}

function max(a: number | undefined, b: number | undefined): number | undefined {
	return a === undefined ? b : b === undefined ? a : Math.max(a, b);
}

// What the agent does. What it is itself is in the head; what its commands do in turn is for the run's own page.
function shown(line: Of<"step">): boolean {
	if (line.step === "agent") return line.below !== undefined && line.below !== "process";
	if (line.step === "process") return line.below === "agent";
	return !["file", "http", "network"].includes(line.step);
}

export class Watch {
	runs = new SvelteMap<string, Watched>();
	error = $state.raw<Error>();
	loaded = $state(false);
	#early = new Map<string, LiveLine[]>(); // of runs that nobody has described yet

	constructor() {
		$effect(() => subscribe((line) => this.#take(line)));
	}

	#take(line: LiveLine) {
		switch (line.type) {
			case "hello":
			case "missed":
				this.load();
				break;
			case "run":
				this.#run(line.run);
				break;
			default:
				this.#of(line);
		}
	}

	#run(run: Run) {
		const had = this.runs.get(run.run_id);
		if (had) {
			had.take(run);
			return;
		}
		const fresh = new Watched(run);
		if (this.#gone(fresh) || this.runs.size >= RUNS_MAX) return;
		this.runs.set(run.run_id, fresh);
		for (const line of this.#early.get(run.run_id) ?? []) this.#of(line);
		this.#early.delete(run.run_id);
	}

	#of(line: LiveLine) {
		if (line.type !== "state" && line.type !== "step" && line.type !== "piece") return;
		const watched = this.runs.get(line.run);
		if (!watched) this.#wait(line.run, line);
		else if (line.type === "state") watched.setState(line);
		else if (line.type === "step") watched.setStep(line);
		else watched.addPiece(line);
	}

	#wait(run: string, line: LiveLine) {
		const lines = this.#early.get(run) ?? [];
		if (lines.length < 500 && this.#early.size < RUNS_MAX) this.#early.set(run, [...lines, line]);
	}

	#gone(w: Watched): boolean {
		return w.ended !== undefined && Date.now() * 1e6 - w.ended > KEEP_NS;
	}

	// Drops what ended a while ago.
	prune() {
		for (const w of this.runs.values()) if (this.#gone(w)) this.runs.delete(w.id);
	}

	// What the store says: of the runs that go on, and of those here of which it no longer says so.
	async load() {
		try {
			const { items } = await api.runs({ filter: "status:running,paused", limit: RUNS_MAX });
			const going = new Set(items.map((r) => r.run_id));
			for (const run of items) this.#run(run);
			// One that has just begun is told here before it is stored: those are asked for by a filter, which may find none.
			const doubtful = [...this.runs.values()].filter((w) => !w.over && !going.has(w.id)).slice(0, DOUBTFUL_MAX);
			if (doubtful.length) {
				const told = await api.runs({ filter: `run:${doubtful.map((w) => w.id).join()}`, limit: DOUBTFUL_MAX });
				for (const run of told.items) this.runs.get(run.run_id)?.take(run);
			}
			this.prune();
			this.error = undefined;
			this.loaded = true;
		} catch (e) {
			this.error = e as Error;
		}
	}
}
