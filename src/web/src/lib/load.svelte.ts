// SPDX-License-Identifier: BSD-2-Clause
// Something that is asked for and may be loading, there, or failed. In a component:
//
//	const runs = new Load((signal) => api.runs(place.scope, signal));
//	...	{#if runs.error}<Failure error={runs.error} retry={() => runs.again()} />{/if}
//
// It asks again whenever what @ask reads changes; an answer that came too late is dropped, the old one
// stays until the new one is there.

export class Load<R> {
	value = $state.raw<R | undefined>(undefined);
	error = $state.raw<Error | undefined>(undefined);
	loading = $state(true);
	#count = $state(0);

	constructor(ask: (signal: AbortSignal) => Promise<R>) {
		$effect(() => {
			this.#count; // asked again
			const abort = new AbortController();
			this.loading = true;
			ask(abort.signal).then(
				(value) => {
					if (abort.signal.aborted) return;
					this.value = value;
					this.error = undefined;
					this.loading = false;
				},
				(error: Error) => {
					if (abort.signal.aborted) return;
					this.error = error;
					this.loading = false;
				},
			);
			return () => abort.abort();
		});
	}

	again() {
		this.#count++;
	}
}
