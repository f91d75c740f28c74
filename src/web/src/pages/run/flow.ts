// SPDX-License-Identifier: BSD-2-Clause
// Who called whom: agents, and the models, tools and sub-agents that each used. Steps of one kind and name
// below the same box are one box.
import type { Step } from "../../lib/types";
import { failed, type Node as TreeNode } from "./tree";

export interface FlowNode {
	id: string;
	kind: Step["kind"];
	label: string;
	above: FlowNode | null;
	below: FlowNode[];
	depth: number;
	count: number;
	failures: number;
	open: number;
	ns: number;
	cost: number;
	priced: boolean;
	first: string; // step_id
	x: number;
	y: number;
}
export interface Flow {
	nodes: FlowNode[];
	width: number;
	height: number;
	leftOut: number; // steps
}

export const BOX = { width: 214, height: 58, across: 84, down: 14 };

const SHOWN = new Set<Step["kind"]>(["agent", "llm", "tool", "skill", "mcp"]);
const NODES_MAX = 400;
const DEPTH_MAX = 16;
// Models before sub-agents before tools.
const RANK: Partial<Record<Step["kind"], number>> = { llm: 0, agent: 1, skill: 2, tool: 3, mcp: 4 };

function begin(id: string, s: Step, above: FlowNode | null): FlowNode {
	const n: FlowNode = {
		id,
		kind: s.kind,
		label: s.label,
		above,
		below: [],
		depth: above ? above.depth + 1 : 0,
		count: 0,
		failures: 0,
		open: 0,
		ns: 0,
		cost: 0,
		priced: false,
		first: s.step_id,
		x: 0,
		y: 0,
	};
	above?.below.push(n);
	return n;
}

function count(n: FlowNode, at: TreeNode) {
	const s = at.step;
	n.count++;
	n.failures += failed(s) ? 1 : 0;
	if (s.end_time_unix_nano === null) n.open++;
	else n.ns += s.end_time_unix_nano - s.start_time_unix_nano;
	// What calls models below it costs what they cost.
	if (s.kind === "llm" ? s.cost_usd !== undefined : at.cost > 0) {
		n.cost += at.cost;
		n.priced = true;
	}
}

function place(roots: FlowNode[]): { width: number; height: number } {
	let row = 0;
	let deepest = 0;
	const put = (n: FlowNode) => {
		n.below.sort((a, b) => (RANK[a.kind] ?? 9) - (RANK[b.kind] ?? 9) || b.count - a.count);
		n.below.forEach(put);
		n.x = n.depth * (BOX.width + BOX.across);
		n.y = n.below.length ? (n.below[0].y + n.below[n.below.length - 1].y) / 2 : row++ * (BOX.height + BOX.down);
		deepest = Math.max(deepest, n.depth);
	};
	roots.forEach(put);
	return {
		width: (deepest + 1) * (BOX.width + BOX.across) - BOX.across,
		height: Math.max(1, row) * (BOX.height + BOX.down) - BOX.down,
	};
}

export function flowOf(tree: TreeNode[]): Flow {
	const nodes = new Map<string, FlowNode>();
	const boxes = new Map<TreeNode, FlowNode>(); // the nearest one of a step or above it
	let leftOut = 0;
	for (const at of tree) {
		const above = (at.parent && boxes.get(at.parent)) ?? null;
		if (!SHOWN.has(at.step.kind) || above?.kind === "llm" || (above && above.depth >= DEPTH_MAX)) {
			if (above) boxes.set(at, above);
			continue;
		}
		const id = `${above?.id ?? ""}/${at.step.kind} ${at.step.label}`;
		let n = nodes.get(id);
		if (!n && nodes.size >= NODES_MAX) {
			leftOut++;
			if (above) boxes.set(at, above);
			continue;
		}
		n ??= begin(id, at.step, above);
		nodes.set(id, n);
		boxes.set(at, n);
		count(n, at);
	}
	const all = [...nodes.values()];
	return { nodes: all, leftOut, ...place(all.filter((n) => !n.above)) };
}

export function edgePath(n: FlowNode): string {
	if (!n.above) return "";
	const [x1, y1] = [n.above.x + BOX.width, n.above.y + BOX.height / 2];
	const [x2, y2] = [n.x, n.y + BOX.height / 2];
	const bend = (x2 - x1) / 2;
	return `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}`;
}
