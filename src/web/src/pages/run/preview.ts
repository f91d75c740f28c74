// SPDX-License-Identifier: BSD-2-Clause
// How a file's content is shown. Its name says what it may be; pictures are taken by their first bytes.
export function nameOf(path: string): string {
	return path.slice(path.lastIndexOf("/") + 1) || path;
}

export type Look = "markdown" | "json" | "image" | "svg" | "text" | "binary";

const MARKDOWN = /\.(md|markdown|mdx)$/i;
const JSONS = /\.(json|ipynb|webmanifest|map)$/i;

function starts(b: Uint8Array, ...bytes: number[]): boolean {
	return bytes.every((v, i) => b[i] === v);
}

function imageType(b: Uint8Array): string | undefined {
	if (starts(b, 0x89, 0x50, 0x4e, 0x47)) return "image/png";
	if (starts(b, 0xff, 0xd8, 0xff)) return "image/jpeg";
	if (starts(b, 0x47, 0x49, 0x46, 0x38)) return "image/gif";
	if (starts(b, 0x52, 0x49, 0x46, 0x46) && b[8] === 0x57 && b[9] === 0x45) return "image/webp";
	return undefined;
}

export interface Shown {
	look: Look;
	text: string;
	type?: string; // of a picture
}

export async function readContent(name: string, content: Blob): Promise<Shown> {
	const bytes = new Uint8Array(await content.arrayBuffer());
	const type = imageType(bytes);
	if (type) return { look: "image", text: "", type };
	if (bytes.subarray(0, 8192).includes(0)) return { look: "binary", text: "" };
	return {
		text: new TextDecoder().decode(bytes),
		...lookOf(name, new TextDecoder().decode(bytes.subarray(0, 2000))),
	};
}

export function lookOf(name: string, start: string): { look: Look; type?: string } {
	if (/\.svg$/i.test(name) || /^\s*(<\?xml[^>]*>\s*)?<svg[\s>]/.test(start))
		return { look: "svg", type: "image/svg+xml" };
	if (MARKDOWN.test(name)) return { look: "markdown" };
	if (JSONS.test(name) || /^\s*[[{]\s*["[{\]}\d]/.test(start)) return { look: "json" };
	if (!nameOf(name).includes(".") && /^#{1,3} |^[-*] |```|\*\*/m.test(start)) return { look: "markdown" };
	return { look: "text" };
}
