// SPDX-License-Identifier: BSD-2-Clause
// What keys do. A component says which it takes while it is there; "?" lists all that hold now. The newest
// to take a key has it.
//
//	useKeys(() => [{ key: "j", does: "Next row", run: next }]);

import { untrack } from "svelte";

export interface Key {
	key: string; // as KeyboardEvent.key has it; "g r": one after the other
	does: string; // for the list; empty: not listed
	run: (e: KeyboardEvent) => void;
}

const PAIR_MS = 1200;
let taken = $state.raw<Key[][]>([]);
let first = "";
let firstAt = 0;

export function useKeys(keys: () => Key[]) {
	$effect(() => {
		const mine = keys();
		taken = [...untrack(() => taken), mine];
		return () => {
			taken = untrack(() => taken).filter((k) => k !== mine);
		};
	});
}

export const keyList = {
	get all(): Key[] {
		const seen = new Set<string>();
		return taken
			.toReversed()
			.flat()
			.filter((k) => k.does && !seen.has(k.key) && seen.add(k.key));
	},
};

function typing(target: EventTarget | null): boolean {
	return (
		target instanceof HTMLElement &&
		(target.isContentEditable || target.matches("input:not([type=checkbox]), textarea, select"))
	);
}

// Enter and blank belong to what has the focus, where that does something with them.
function taking(e: KeyboardEvent): boolean {
	return (
		(e.key === "Enter" || e.key === " ") &&
		e.target instanceof HTMLElement &&
		e.target.closest("a, button, summary, input, [role=tab], [role=menuitem]") !== null
	);
}

function find(name: string): Key | undefined {
	return taken.toReversed().flat().find((k) => k.key === name);
}

addEventListener("keydown", (e) => {
	if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || typing(e.target) || taking(e)) return;
	if (document.querySelector("dialog[open]")) return;
	const now = performance.now();
	const pair = first && now - firstAt < PAIR_MS ? find(`${first} ${e.key}`) : undefined;
	const key = pair ?? find(e.key);
	first = "";
	if (key) {
		e.preventDefault();
		key.run(e);
	} else if (taken.some((keys) => keys.some((k) => k.key.startsWith(`${e.key} `)))) {
		first = e.key;
		firstAt = now;
	}
});
