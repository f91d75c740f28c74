// SPDX-License-Identifier: BSD-2-Clause
// Views: a filter, a time range and an order under a name. Those that the user saved stay in the browser.

export interface View {
	name: string;
	query: Record<string, string>; // of viewParams; what is not in it is as by default
}

export const viewParams = ["filter", "since", "until", "sort", "order"] as const;
const KEY = "sonde.views";
const MAX = 50;

export const builtIn: View[] = [
	{ name: "Failed", query: { filter: "status:failed,timed_out" } },
	{ name: "Expensive", query: { sort: "cost", order: "desc" } },
	{ name: "Running now", query: { filter: "status:running", since: "all" } },
	{ name: "Today", query: { since: "today" } },
];

function stored(): View[] {
	try {
		const said: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
		return (Array.isArray(said) ? said : [])
			.filter((v) => typeof v?.name === "string" && typeof v?.query === "object")
			.slice(0, MAX);
	} catch {
		return [];
	}
}

class Views {
	saved = $state.raw<View[]>(stored());

	#keep(views: View[]) {
		this.saved = views.slice(-MAX);
		localStorage.setItem(KEY, JSON.stringify(this.saved));
	}
	// One of the same name is replaced.
	save(name: string, query: URLSearchParams) {
		const kept = Object.fromEntries(viewParams.flatMap((p) => (query.get(p) ? [[p, query.get(p)!]] : [])));
		this.#keep([...this.saved.filter((v) => v.name !== name), { name, query: kept }]);
	}
	remove(name: string) {
		this.#keep(this.saved.filter((v) => v.name !== name));
	}
}

export const views = new Views();

// What place.set() takes to show it.
export function viewChanges(v: View): Record<string, string | null> {
	return Object.fromEntries(viewParams.map((p) => [p, v.query[p] ?? null]));
}

export function isView(v: View, query: URLSearchParams): boolean {
	return viewParams.every((p) => (query.get(p) ?? "") === (v.query[p] ?? ""));
}
