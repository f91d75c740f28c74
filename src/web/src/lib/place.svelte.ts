// SPDX-License-Identifier: BSD-2-Clause
// Where the user is: path and query of the URL. Filter and time range hold on every page; all of it is
// in the URL, so that a copied one shows the same.

import type { Query } from "./api";

class Place {
	path = $state(location.pathname);
	query = $state(new URLSearchParams(location.search));

	constructor() {
		addEventListener("popstate", () => this.#read());
	}

	#read() {
		this.path = location.pathname;
		this.query = new URLSearchParams(location.search);
	}

	// "runs", "run", ...; the rest of the path are its arguments
	get parts(): string[] {
		return this.path.split("/").filter(Boolean).map(decodeURIComponent);
	}

	get filter(): string {
		return this.query.get("filter") ?? "";
	}
	get since(): string {
		return this.query.get("since") ?? "7d";
	}
	get until(): string {
		return this.query.get("until") ?? "";
	}

	// What every request that is filtered sends. "all" as a time is none.
	get scope(): Query {
		return { filter: this.filter, since: this.since === "all" ? "" : this.since, until: this.until };
	}

	// What requests for figures send: with "all" they are of all of it, however long that takes.
	get figures(): Query {
		return { ...this.scope, all: this.query.get("all") === "1" ? 1 : undefined };
	}

	go(url: string, replace = false) {
		history[replace ? "replaceState" : "pushState"](null, "", url);
		this.#read();
		if (!replace) document.getElementById("main")?.scrollTo(0, 0);
	}

	// The same page with other parameters; null or empty removes one.
	set(changes: Record<string, string | null | undefined>, replace = false) {
		this.go(this.url(this.path, changes), replace);
	}

	// Another page under the same filter and time range. Other parameters stay where the page does.
	url(path: string, changes: Record<string, string | null | undefined> = {}): string {
		const query = new URLSearchParams(path === this.path ? this.query : undefined);
		for (const name of ["filter", "since", "until"]) {
			const value = this.query.get(name);
			if (value) query.set(name, value);
		}
		for (const [name, value] of Object.entries(changes))
			if (value) query.set(name, value);
			else query.delete(name);
		const text = query.toString();
		return text ? `${path}?${text}` : path;
	}
}

export const place = new Place();

// For <a use:link>: stays in the page, but for what opens a tab.
export function link(a: HTMLAnchorElement) {
	const go = (e: MouseEvent) => {
		if (e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey || a.target) return;
		e.preventDefault();
		place.go(a.getAttribute("href") ?? "/");
	};
	a.addEventListener("click", go);
	return { destroy: () => a.removeEventListener("click", go) };
}
