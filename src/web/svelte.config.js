// SPDX-License-Identifier: BSD-2-Clause
import { vitePreprocess } from "@sveltejs/vite-plugin-svelte";

export default { preprocess: vitePreprocess() };
