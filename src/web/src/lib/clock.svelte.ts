// SPDX-License-Identifier: BSD-2-Clause
// The time, once a second while somebody looks: for what still runs.
import { createSubscriber } from "svelte/reactivity";

const ticks = createSubscriber((update) => {
	const timer = setInterval(update, 1000);
	return () => clearInterval(timer);
});

export const clock = {
	get ns(): number {
		ticks();
		return Date.now() * 1e6;
	},
};
