// SPDX-License-Identifier: BSD-2-Clause
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

// `npm run dev` serves the sources and asks a running `sonde serve` for data: SONDE_URL with its token.
export default defineConfig({
	plugins: [svelte()],
	build: { outDir: process.env.WEB_OUT ?? "dist", emptyOutDir: true, target: "es2022" },
});
