// SPDX-License-Identifier: BSD-2-Clause
// Light or dark: as the system has it until the user says otherwise.

export type Theme = "light" | "dark";
const KEY = "sonde.theme";
const system = matchMedia("(prefers-color-scheme: dark)");

class ThemeChoice {
	value = $state<Theme>("light");

	constructor() {
		this.#show();
		system.addEventListener("change", () => this.#show());
		// Paper is light.
		addEventListener("beforeprint", () => (document.documentElement.dataset.theme = "light"));
		addEventListener("afterprint", () => this.#show());
	}

	#chosen(): Theme | null {
		const said = localStorage.getItem(KEY);
		return said === "light" || said === "dark" ? said : null;
	}

	#show() {
		this.value = this.#chosen() ?? (system.matches ? "dark" : "light");
		document.documentElement.dataset.theme = this.value;
	}

	toggle() {
		localStorage.setItem(KEY, this.value === "dark" ? "light" : "dark");
		this.#show();
	}
}

export const theme = new ThemeChoice();
