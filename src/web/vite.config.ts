// SPDX-License-Identifier: BSD-2-Clause
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type ProxyOptions } from "vite";

// `npx vite` serves the sources and asks a running `sonde serve` for data: SONDE_URL=http://127.0.0.1:PORT with
// a SONDE_TOKEN that it knows.
const { SONDE_URL, SONDE_TOKEN, WEB_OUT } = process.env;
const api: ProxyOptions = {
	target: SONDE_URL,
	changeOrigin: true,
	headers: {
		...(SONDE_URL && { Origin: new URL(SONDE_URL).origin }),
		...(SONDE_TOKEN && { Authorization: `Bearer ${SONDE_TOKEN}` }),
	},
};

export default defineConfig({
	plugins: [svelte()],
	build: { outDir: WEB_OUT ?? "dist", emptyOutDir: true, target: "es2022" },
	server: { host: "127.0.0.1", proxy: SONDE_URL ? { "/api": api } : {} },
});
