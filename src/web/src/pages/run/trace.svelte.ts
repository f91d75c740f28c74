// SPDX-License-Identifier: BSD-2-Clause
// A run that is looked at: its steps as the API has them, and what comes live while it goes on. When it
// ends, or lines were missed, the API is asked again, so that what is shown is whole.
import { api } from "../../lib/api";
import { subscribe } from "../../lib/live.svelte";
import { place } from "../../lib/place.svelte";
import type { LiveLine, LiveState, Run, RunSteps, Span, Step } from "../../lib/types";
import { stepOf } from "./live";
import { buildTree, findNext, visible, type Node } from "./tree";

export interface Piece {
	span: string;
	kind: "text" | "reasoning" | "arguments";
	part: number;
	name?: string;
	text: string;
	done: boolean;
	cut: boolean;
}

const URL_MS = 150;
const DRAW_MS = 120; // lines are gathered for so long
const SETTLE_MS = 700; // what a run's end still brings to the store
const PIECE_MAX = 200_000;
const PIECES_MAX = 40; // of the newest calls
const LIVE_MAX = 20_000;

export class Trace {
	run = $state.raw<Run>()!;
	steps = $state.raw<Step[]>([]);
	total = $state(0);
	capped = $state(false);
	version = $state(0); // how often it was asked for anew: what is shown of a span is asked for again
	doing = $state<LiveState>();
	pieces = $state.raw<Piece[]>([]);
	all = $state(false);
	folded = $state.raw<ReadonlySet<string>>(new Set());
	selected = $state<string | null>(null); // a step_id; the URL has it a moment later

	nodes = $derived(buildTree(this.steps));
	shown = $derived(visible(this.nodes, this.folded, this.all));
	readonly told = new Map<string, Span>(); // by the live stream: the store may not have them yet
	#byId = $derived(new Map(this.nodes.map((n) => [n.step.step_id, n])));
	#bySpan = $derived(
		new Map(this.nodes.filter((n) => n.step.span_id === n.step.step_id).map((n) => [n.step.span_id!, n])),
	);

	#url: ReturnType<typeof setTimeout> | undefined;
	#waiting: LiveLine[] = [];
	#timer: ReturnType<typeof setTimeout> | undefined;
	#settle: ReturnType<typeof setTimeout> | undefined;
	#abort = new AbortController();

	constructor(first: RunSteps) {
		this.#take(first);
	}

	get running(): boolean {
		return this.run.status === "running" || this.run.status === "paused";
	}

	node(stepId: string | null | undefined): Node | undefined {
		return stepId ? (this.#byId.get(stepId) ?? this.#bySpan.get(stepId)) : undefined;
	}

	// Held keys pass many steps: the URL is told where they end.
	pick(stepId: string | null) {
		this.selected = stepId;
		clearTimeout(this.#url);
		// Where the step lies over the list, the way back leads to the list.
		const over = stepId !== null && !place.query.has("step") && matchMedia("(max-width: 820px)").matches;
		this.#url = setTimeout(() => place.set({ step: stepId }, !over), URL_MS);
	}

	fold(stepId: string, shut: boolean) {
		const folded = new Set(this.folded);
		if (shut) folded.add(stepId);
		else folded.delete(stepId);
		this.folded = folded;
	}

	jump(is: (n: Node) => boolean, back = false) {
		const at = this.node(this.selected);
		const n = findNext(this.nodes, at?.index ?? (back ? 0 : -1), is, back);
		if (!n) return;
		this.reveal(n);
		this.pick(n.step.step_id);
	}

	// Opens what is above a step, so that it is in the list.
	reveal(n: Node) {
		const folded = new Set(this.folded);
		for (let at = n.parent; at; at = at.parent) folded.delete(at.step.step_id);
		if (folded.size !== this.folded.size) this.folded = folded;
		if (n.quiet && !this.all) this.all = true;
	}

	// While it runs; to be called once, ends what it began.
	follow(): () => void {
		const leave = subscribe((line) => this.#hear(line));
		return () => {
			leave();
			clearTimeout(this.#timer);
			clearTimeout(this.#url);
			clearTimeout(this.#settle);
			this.#abort.abort();
		};
	}

	async again() {
		try {
			this.#take(await api.steps(this.run.run_id, this.#abort.signal));
			this.version++;
			if (this.running) return;
			this.pieces = [];
			this.told.clear();
		} catch {
			// What is shown stays; the next line that comes asks again.
		}
	}

	#take(answer: RunSteps) {
		this.run = answer.run;
		this.steps = answer.steps;
		this.total = answer.total;
		this.capped = answer.capped;
	}

	#hear(line: LiveLine) {
		if (line.type === "missed") {
			this.#askSoon();
			return;
		}
		const id = line.type === "run" ? line.run.run_id : line.type === "hello" ? "" : line.run;
		if (id !== this.run.run_id) return;
		this.#waiting.push(line);
		this.#timer ??= setTimeout(() => this.#draw(), DRAW_MS);
	}

	#askSoon() {
		clearTimeout(this.#settle);
		this.#settle = setTimeout(() => this.again(), SETTLE_MS);
	}

	#draw() {
		this.#timer = undefined;
		const lines = this.#waiting;
		this.#waiting = [];
		const steps = new Map<string, Step>();
		const wasRunning = this.running;
		for (const line of lines) {
			if (line.type === "step") {
				steps.set(line.span.span_id, stepOf(line, this.node(line.span.span_id)?.step));
				this.told.set(line.span.span_id, line.span);
			} else if (line.type === "run") this.run = { ...this.run, ...line.run };
			else if (line.type === "state") this.#state(line);
		}
		this.#hearPieces(lines);
		if (steps.size) this.#merge(steps);
		if (wasRunning && !this.running) this.#askSoon();
	}

	#state(line: LiveLine & { type: "state" }) {
		this.doing = line.state;
		const { usage } = this.run;
		this.run = {
			...this.run,
			cost_usd: line.cost_usd ?? this.run.cost_usd,
			usage: {
				...usage,
				input_tokens: line.input_tokens ?? usage.input_tokens,
				output_tokens: line.output_tokens ?? usage.output_tokens,
			},
		};
		if (line.state !== "ended") return;
		this.run = {
			...this.run,
			status: line.status ?? this.run.status,
			status_reason: line.reason ?? this.run.status_reason,
		};
		this.#askSoon();
	}

	#merge(fresh: Map<string, Step>) {
		const steps = this.steps.map((s) => {
			const now = fresh.get(s.step_id);
			fresh.delete(s.step_id);
			return now ?? s;
		});
		const room = Math.max(0, LIVE_MAX - steps.length);
		steps.push(...[...fresh.values()].slice(0, room));
		this.steps = steps.sort((a, b) => a.start_time_unix_nano - b.start_time_unix_nano);
		this.total = Math.max(this.total, steps.length);
	}

	#hearPieces(lines: LiveLine[]) {
		const fresh = lines.filter((l) => l.type === "piece");
		if (!fresh.length) return;
		const pieces = [...this.pieces];
		for (const l of fresh) {
			let i = pieces.findIndex((p) => p.span === l.span && p.part === l.part && p.kind === l.kind);
			if (i < 0)
				i =
					pieces.push({
						span: l.span,
						kind: l.kind,
						part: l.part,
						name: l.name,
						text: "",
						done: false,
						cut: false,
					}) - 1;
			const was = pieces[i];
			pieces[i] = {
				...was,
				name: l.name ?? was.name,
				text: (was.text + (l.text ?? "")).slice(-PIECE_MAX),
				done: !!l.last,
				cut: was.cut || !!l.cut,
			};
		}
		this.pieces = pieces.slice(-PIECES_MAX);
	}
}
