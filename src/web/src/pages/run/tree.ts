// SPDX-License-Identifier: BSD-2-Clause
// The steps of a run as a tree, laid flat: in order of what is shown, each with its depth, so that a list
// of 10,000 is built once and drawn by slices.
import type { Step } from "../../lib/types";

export interface Node {
	step: Step;
	depth: number;
	parent: Node | null;
	end: number; // index of what follows its subtree
	index: number;
	bad: boolean;
	quiet: boolean; // it and all below it: hidden unless all is shown
	// sums of what is below, itself included
	input: number;
	output: number;
	cost: number;
	failures: number;
}

export function failed(step: Step): boolean {
	return step.status === "error" || step.kind === "error" || (step.kind === "process" && (step.exit_code ?? 0) > 0);
}

function node(step: Step, parent: Node | null, index: number): Node {
	const bad = failed(step);
	return {
		step,
		parent,
		index,
		bad,
		depth: parent ? parent.depth + 1 : 0,
		end: index + 1,
		quiet: !!step.quiet && !bad && !step.lost_bytes && !step.unexplained,
		input: step.usage?.input_tokens ?? 0,
		output: step.usage?.output_tokens ?? 0,
		cost: step.kind === "llm" ? (step.cost_usd ?? 0) : 0,
		failures: bad ? 1 : 0,
	};
}

function sumUp(nodes: Node[]) {
	for (let i = nodes.length - 1; i >= 0; i--) {
		const { parent } = nodes[i];
		if (!parent) continue;
		parent.end = Math.max(parent.end, nodes[i].end);
		parent.quiet &&= nodes[i].quiet;
		parent.input += nodes[i].input;
		parent.output += nodes[i].output;
		parent.cost += nodes[i].cost;
		parent.failures += nodes[i].failures;
	}
}

// Steps whose parent is not here are roots; a loop of parents is cut where it is met.
export function buildTree(steps: Step[]): Node[] {
	const known = new Set(steps.map((s) => s.step_id));
	const below = new Map<string, Step[]>();
	const roots: Step[] = [];
	for (const s of steps) {
		if (!s.parent_id || s.parent_id === s.step_id || !known.has(s.parent_id)) roots.push(s);
		else if (below.has(s.parent_id)) below.get(s.parent_id)!.push(s);
		else below.set(s.parent_id, [s]);
	}
	const nodes: Node[] = [];
	const seen = new Set<string>();
	const todo: [Step, Node | null][] = [];
	const hang = (root: Step) => {
		todo.push([root, null]);
		while (todo.length) {
			const [step, parent] = todo.pop()!;
			if (seen.has(step.step_id)) continue;
			seen.add(step.step_id);
			const n = node(step, parent, nodes.length);
			nodes.push(n);
			const children = below.get(step.step_id) ?? [];
			for (let i = children.length - 1; i >= 0; i--) todo.push([children[i], n]);
		}
	};
	roots.forEach(hang);
	steps.forEach((s) => seen.has(s.step_id) || hang(s));
	sumUp(nodes);
	return nodes;
}

export function visible(nodes: Node[], folded: ReadonlySet<string>, all: boolean): Node[] {
	const shown: Node[] = [];
	for (let i = 0; i < nodes.length;) {
		const n = nodes[i];
		if (n.quiet && !all) {
			i = n.end;
			continue;
		}
		shown.push(n);
		i = folded.has(n.step.step_id) ? n.end : i + 1;
	}
	return shown;
}

// The next step from @from on that @is, round the end.
export function findNext(nodes: Node[], from: number, is: (n: Node) => boolean, back = false): Node | undefined {
	const n = nodes.length;
	for (let i = 1; i <= n; i++) {
		const at = nodes[(((from + (back ? -i : i)) % n) + n) % n];
		if (is(at)) return at;
	}
	return undefined;
}

const TOOLS = new Set(["tool", "skill", "mcp"]);
export const jumps: { key: string; name: string; is: (n: Node) => boolean }[] = [
	{ key: "e", name: "error", is: (n) => n.bad },
	{ key: "l", name: "LLM", is: (n) => n.step.kind === "llm" },
	{ key: "t", name: "tool", is: (n) => TOOLS.has(n.step.kind) },
];
