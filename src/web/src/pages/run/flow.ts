// SPDX-License-Identifier: BSD-2-Clause
// Who called whom, as a graph in layers: agents, the models and tools that they used.
import type { Step } from "../../lib/types";
import { failed, type Node as TreeNode } from "./tree";

export interface FlowNode {
	id: string;
	kind: Step["kind"];
	label: string;
	count: number;
	failures: number;
	open: number;
	ns: number;
	cost: number;
	priced: boolean;
	tokens: number;
	first: string; // step_id
	layer: number;
	x: number;
	y: number;
}
export interface FlowEdge {
	from: FlowNode;
	to: FlowNode;
	count: number;
	failures: number;
}
export interface Flow {
	nodes: FlowNode[];
	edges: FlowEdge[];
	width: number;
	height: number;
}

export const BOX = { width: 208, height: 66, across: 96, down: 18 };

const SHOWN = new Set<Step["kind"]>(["agent", "llm", "tool", "skill", "mcp"]);

interface Graph {
	nodes: Map<string, FlowNode>;
	edges: Map<string, FlowEdge>;
}

function idOf(s: Step): string {
	return `${s.kind}\n${s.label}`;
}

function count(g: Graph, s: Step): FlowNode {
	let n = g.nodes.get(idOf(s));
	if (!n) {
		n = {
			id: idOf(s), kind: s.kind, label: s.label, count: 0, failures: 0, open: 0, ns: 0, cost: 0, priced: false,
			tokens: 0, first: s.step_id, layer: 0, x: 0, y: 0,
		};
		g.nodes.set(n.id, n);
	}
	n.count++;
	n.failures += failed(s) ? 1 : 0;
	n.open += s.end_time_unix_nano === null ? 1 : 0;
	n.ns += s.end_time_unix_nano === null ? 0 : s.end_time_unix_nano - s.start_time_unix_nano;
	n.tokens += (s.usage?.input_tokens ?? 0) + (s.usage?.output_tokens ?? 0);
	return n;
}

function connect(g: Graph, from: FlowNode, to: FlowNode, bad: boolean) {
	if (from === to) return;
	const id = `${from.id}\n${to.id}`;
	const e = g.edges.get(id) ?? { from, to, count: 0, failures: 0 };
	e.count++;
	e.failures += bad ? 1 : 0;
	g.edges.set(id, e);
}

// The nearest step above that is in the graph. A model has none below it.
function above(n: TreeNode): TreeNode | null {
	let at = n.parent;
	while (at && (!SHOWN.has(at.step.kind) || at.step.kind === "llm")) at = at.parent;
	return at;
}

function collect(tree: TreeNode[]): Graph {
	const g: Graph = { nodes: new Map(), edges: new Map() };
	for (const n of tree) {
		if (!SHOWN.has(n.step.kind)) continue;
		const to = count(g, n.step);
		const from = above(n);
		// An agent's cost is that of all below it.
		if (n.step.kind === "agent" ? n.cost > 0 : n.step.cost_usd !== undefined) {
			to.cost += n.cost;
			to.priced = true;
		}
		if (from) connect(g, g.nodes.get(idOf(from.step))!, to, n.bad);
	}
	return g;
}

// As far right as the longest way to it; an edge that would go round is not counted.
function setLayers(nodes: FlowNode[], edges: FlowEdge[]) {
	const out = new Map<FlowNode, FlowNode[]>();
	for (const e of edges) out.set(e.from, [...(out.get(e.from) ?? []), e.to]);
	const state = new Map<FlowNode, "open" | "done">();
	const order: FlowNode[] = [];
	const back = new Set<string>();
	const visit = (n: FlowNode) => {
		state.set(n, "open");
		for (const to of out.get(n) ?? []) {
			if (state.get(to) === "open") back.add(`${n.id}\n${to.id}`);
			else if (!state.has(to)) visit(to);
		}
		state.set(n, "done");
		order.unshift(n);
	};
	for (const n of nodes) if (!state.has(n)) visit(n);
	for (const n of order)
		for (const to of out.get(n) ?? []) if (!back.has(`${n.id}\n${to.id}`)) to.layer = Math.max(to.layer, n.layer + 1);
}

const RANK: Partial<Record<Step["kind"], number>> = { llm: 0, agent: 1, skill: 2, tool: 3, mcp: 4 };

// Within a layer by what leads there, so that few edges cross.
function setPlaces(nodes: FlowNode[], edges: FlowEdge[]): { width: number; height: number } {
	const layers: FlowNode[][] = [];
	for (const n of nodes) (layers[n.layer] ??= []).push(n);
	const tallest = Math.max(1, ...layers.map((l) => l?.length ?? 0));
	const height = tallest * (BOX.height + BOX.down) - BOX.down;
	layers.forEach((layer, i) => {
		const pull = new Map(
			layer.map((n) => {
				const from = edges.filter((e) => e.to === n && e.from.layer < i).map((e) => e.from.y);
				return [n, from.length ? from.reduce((a, b) => a + b) / from.length : 0];
			}),
		);
		layer.sort((a, b) => pull.get(a)! - pull.get(b)! || (RANK[a.kind] ?? 9) - (RANK[b.kind] ?? 9) || b.count - a.count);
		const used = layer.length * (BOX.height + BOX.down) - BOX.down;
		layer.forEach((n, j) => {
			n.x = i * (BOX.width + BOX.across);
			n.y = (height - used) / 2 + j * (BOX.height + BOX.down);
		});
	});
	return { width: layers.length * (BOX.width + BOX.across) - BOX.across, height };
}

export function flowOf(tree: TreeNode[]): Flow {
	const g = collect(tree);
	const nodes = [...g.nodes.values()];
	const edges = [...g.edges.values()];
	setLayers(nodes, edges);
	return { nodes, edges, ...setPlaces(nodes, edges) };
}

export function edgePath(e: FlowEdge): string {
	const forward = e.to.x > e.from.x;
	const x1 = e.from.x + (forward ? BOX.width : BOX.width / 2);
	const y1 = e.from.y + (forward ? BOX.height / 2 : BOX.height);
	const x2 = forward ? e.to.x : e.to.x + BOX.width / 2;
	const y2 = e.to.y + (forward ? BOX.height / 2 : 0);
	const bend = forward ? Math.max(32, (x2 - x1) / 2) : 0;
	return forward ? `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}` : `M${x1},${y1} C${x1},${y1 + 40} ${x2},${y2 - 40} ${x2},${y2}`;
}
