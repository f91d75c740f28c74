// SPDX-License-Identifier: BSD-2-Clause
// A list of the API that comes by pages: the first at once and whenever what @ask reads changes, the next
// when more() is called. An answer that came too late is dropped.
import type { Page } from "./types";

export class Pages<T> {
	items = $state.raw<T[] | undefined>(undefined);
	total = $state(0);
	totalMore = $state(false);
	hasMore = $state(false);
	loading = $state(true);
	error = $state.raw<Error | undefined>(undefined);
	#ask;
	#key;
	#next: string | null = null;
	#abort = new AbortController();
	#count = $state(0);

	constructor(ask: (cursor: string, signal: AbortSignal) => Promise<Page<T>>, key: (item: T) => string) {
		this.#ask = ask;
		this.#key = key;
		$effect(() => {
			this.#count; // asked again
			this.#abort.abort();
			this.#abort = new AbortController();
			this.#load("");
			return () => this.#abort.abort();
		});
	}

	async #load(cursor: string) {
		const { signal } = this.#abort;
		this.loading = true;
		try {
			const page = await this.#ask(cursor, signal);
			if (signal.aborted) return;
			this.items = cursor ? this.#joined(page.items) : page.items;
			this.#next = page.next;
			this.hasMore = page.has_more && page.next !== null;
			this.total = page.total;
			this.totalMore = page.total_more;
			this.error = undefined;
		} catch (e) {
			if (signal.aborted) return;
			this.error = e as Error;
		}
		this.loading = false;
	}

	// What has moved down the list meanwhile comes a second time.
	#joined(items: T[]): T[] {
		const had = this.items ?? [];
		const known = new Set(had.map(this.#key));
		return [...had, ...items.filter((i) => !known.has(this.#key(i)))];
	}

	more = () => {
		if (this.hasMore && !this.loading && !this.error && this.#next) this.#load(this.#next);
	};

	again = () => {
		this.error = undefined;
		this.#count++;
	};
}
