// SPDX-License-Identifier: BSD-2-Clause
// The spans of a run that touch the system, page by page, as far as one looks at at once.
import { api } from "../../lib/api";
import type { Span } from "../../lib/types";

const PAGE = 1000;
const KINDS = "step:process,file,network,http,mcp,llm";
const MOST = 10_000;

export class SystemSpans {
	spans = $state.raw<Span[]>([]);
	loading = $state(true);
	capped = $state(false);
	error = $state.raw<Error>();
	#count = $state(0);

	constructor(what: () => { run: string; version: number }) {
		$effect(() => {
			void this.#count;
			const { run } = what();
			const abort = new AbortController();
			this.loading = true;
			this.error = undefined;
			this.#read(run, abort.signal).catch((error: Error) => {
				if (abort.signal.aborted) return;
				this.error = error;
				this.loading = false;
			});
			return () => abort.abort();
		});
	}

	again() {
		this.#count++;
	}

	async #read(run: string, signal: AbortSignal) {
		let spans: Span[] = [];
		let cursor: string | null = null;
		for (;;) {
			const page: Awaited<ReturnType<typeof api.runSpans>> = await api.runSpans(
				run,
				{ filter: KINDS, limit: PAGE, cursor },
				signal,
			);
			if (signal.aborted) return;
			spans = [...spans, ...page.items];
			this.spans = spans;
			cursor = page.has_more ? page.next : null;
			this.capped = cursor !== null;
			if (!cursor || spans.length >= MOST) break;
		}
		this.loading = false;
	}
}
