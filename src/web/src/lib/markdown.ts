// SPDX-License-Identifier: BSD-2-Clause
// Markdown of agents and of whoever wrote to them, as HTML that can do nothing. HTML in it is shown as the
// text that it is; no picture is fetched, a link says where it goes and opens elsewhere.
import DOMPurify from "dompurify";
import { Marked, type Tokens } from "marked";

const escapes: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const escape = (s: string) => s.replace(/[&<>"']/g, (c) => escapes[c]);

const OUTSIDE = /^(https?:|mailto:)/i;
const PICTURE = /^(data:image\/(png|jpeg|gif|webp);base64,|blob:)/i;

const marked = new Marked({
	gfm: true,
	breaks: true,
	renderer: {
		html: ({ text }: Tokens.HTML | Tokens.Tag) => escape(text),
		image: ({ href, text }: Tokens.Image) =>
			PICTURE.test(href) ? `<img src="${escape(href)}" alt="${escape(text)}">` : `${escape(text)} (${escape(href)})`,
		checkbox: ({ checked }: Tokens.Checkbox) => (checked ? "☑ " : "☐ "),
		link({ href, tokens }: Tokens.Link) {
			const text = this.parser.parseInline(tokens);
			return OUTSIDE.test(href) ? `<a href="${escape(href)}" title="${escape(href)}">${text}</a>` : text;
		},
	},
});

const purify = DOMPurify(window);
purify.addHook("afterSanitizeAttributes", (node) => {
	if (node.tagName === "PRE") node.setAttribute("tabindex", "0"); // what scrolls must be reachable by keys
	if (node.tagName !== "A") return;
	node.setAttribute("target", "_blank");
	node.setAttribute("rel", "noopener noreferrer nofollow");
});

export function markdownHtml(text: string): string {
	return purify.sanitize(marked.parse(text, { async: false }), {
		ALLOWED_TAGS: [
			"a", "b", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img",
			"li", "ol", "p", "pre", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr", "ul",
		],
		ALLOWED_ATTR: ["align", "alt", "href", "rel", "src", "start", "target", "title"],
		ADD_URI_SAFE_ATTR: ["align", "start"],
		ALLOW_DATA_ATTR: false,
		ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|blob:|data:image\/(?:png|jpeg|gif|webp);base64,)/i,
	});
}
