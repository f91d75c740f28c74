// SPDX-License-Identifier: BSD-2-Clause
// Every page: the first part of its path, and what loads it when it is gone to.
import type { Component } from "svelte";

export interface PageEntry {
	path: string;
	title: string;
	key?: string; // with "g" in front it leads there
	hidden?: boolean; // reached by links alone
	filtered: boolean; // the filter bar holds there
	load: () => Promise<{ default: Component }>;
}

export const pages: PageEntry[] = [
	{ path: "runs", title: "Runs", key: "r", filtered: true, load: () => import("./runs/Page.svelte") },
	{ path: "run", title: "Run", hidden: true, filtered: false, load: () => import("./run/Page.svelte") },
	{ path: "live", title: "Live", key: "l", filtered: false, load: () => import("./live/Page.svelte") },
	{ path: "traces", title: "Traces", key: "t", filtered: true, load: () => import("./traces/Page.svelte") },
	{ path: "sessions", title: "Sessions", key: "s", filtered: true, load: () => import("./sessions/Page.svelte") },
	{ path: "agents", title: "Agents", key: "a", filtered: true, load: () => import("./agents/Page.svelte") },
	{ path: "tools", title: "Tools", key: "o", filtered: true, load: () => import("./tools/Page.svelte") },
	{ path: "cost", title: "Cost", key: "c", filtered: true, load: () => import("./cost/Page.svelte") },
	{ path: "metrics", title: "Metrics", key: "m", filtered: true, load: () => import("./metrics/Page.svelte") },
	{ path: "compare", title: "Compare", hidden: true, filtered: false, load: () => import("./compare/Page.svelte") },
	{ path: "health", title: "Health", key: "h", filtered: true, load: () => import("./health/Page.svelte") },
];
