// SPDX-License-Identifier: BSD-2-Clause
// What the counters of an engine mean (include/sonde/event.h, src/base/stats.h), and what notes of runs are about.

import { bytes, count } from "../../lib/format";

interface Words {
	title: string;
	means: string;
	harmless?: boolean; // as it is meant to be
	common?: boolean; // of programs that are no agents too; runs say by themselves what they lack
}

// By the names of "loss"; those that end in "_bytes" count bytes.
const losses: Record<string, Words> = {
	ring_full: { title: "Buffer full", means: "More came than the engine could take: content of messages is missing." },
	ring_bytes: { title: "Content that did not fit", means: "Bytes of messages that the full buffer refused." },
	control: { title: "Events lost", means: "Processes or connections that began or ended were not told: steps may be missing." },
	fault: { title: "Memory not there", means: "The program's memory was swapped out or not mapped yet when it was to be read." },
	cap_bytes: { title: "Calls too large", means: "Bytes over the limit of what is copied of one call." },
	args: { title: "Calls half seen", means: "A call began before its probe was there, or too many were under way at once." },
	scope_full: { title: "Processes not followed", means: "There was no room for a child process: what it did was not seen." },
	conn_full: { title: "Connections not followed", means: "There was no room for a connection: what went over it was not seen." },
	unseen_bytes: { title: "Moved inside the kernel", means: "Bytes of sendfile, splice and the like, that never pass through the program." },
	verdict_bytes: { title: "Left out on purpose", means: "Bytes of connections that are no traffic of agents: not copied.", harmless: true },
	tls_unread_bytes: { title: "TLS that could not be read", means: "Encrypted bytes of which no library was found that has the plain text.", common: true },
	files: { title: "File events lost", means: "What was done with files is not all told." },
	not_looked: { title: "Files not examined", means: "Times that a program was not looked at for TLS: there are too many, or it changes all the time." },
	not_asked: { title: "Programs not examined", means: "Programs that began while the daemon could not be asked whether to trace them." },
};

// By the names of "health": what went wrong while bytes became calls.
const counters: Record<string, Words> = {
	events_bad: { title: "Malformed events", means: "Skipped." },
	stream_evicted: { title: "Connections dropped", means: "Over the limit of memory: their messages are incomplete." },
	http_bad: { title: "HTTP given up", means: "Connections that spoke HTTP until something in it could not be read." },
	http_not_http: { title: "Not HTTP", means: "Connections that speak something else. Most are of no interest.", harmless: true },
	http_lost: { title: "HTTP found again", means: "Times that the place in a stream was lost and found again behind a gap." },
	http_over_limit: { title: "Messages over the limit", means: "HTTP messages of which not all was kept." },
	coding_bad: { title: "Bodies not decompressed", means: "The compressed content of a message could not be unpacked." },
	llm_bad_json: { title: "Model calls not understood", means: "Requests or answers whose JSON could not be read." },
	llm_total_mismatch: { title: "Token sums differ", means: "The provider's own total is not the sum of its parts." },
	mcp_over_limit: { title: "MCP over the limit", means: "Messages, calls or sessions that were not kept." },
	mcp_unpaired: { title: "MCP answers unclear", means: "Several requests waited for the same answer." },
	trace_no_run: { title: "Outside any run", means: "Calls of processes that belong to no agent.", harmless: true },
	shed_connections: { title: "Connections only counted", means: "More came than could be read, so some were no longer read." },
	shed_content: { title: "Content not kept", means: "Messages and texts that were dropped to keep up." },
	store_retries: { title: "Store busy", means: "Writes that had to be tried again.", harmless: true },
	store_errors: { title: "Store failed", means: "Writes that did not succeed." },
};

export interface Loss extends Words {
	key: string;
	value: number;
	text: string;
}

function told(words: Record<string, Words>, from: Record<string, unknown>): Loss[] {
	return Object.entries(from)
		.filter((e): e is [string, number] => typeof e[1] === "number" && e[1] > 0)
		.map(([key, value]) => ({
			...(words[key] ?? { title: key.replaceAll("_", " "), means: "" }),
			key,
			value,
			text: key.endsWith("bytes") ? bytes(value) : `${count(value)}×`,
		}))
		.sort((a, b) => Number(a.harmless ?? false) - Number(b.harmless ?? false));
}

export const lossesOf = (loss: Record<string, number>) => told(losses, loss);

// Of the counters only those that say that something went wrong.
export const troubleOf = (health: Record<string, unknown>) =>
	told(counters, Object.fromEntries(Object.entries(health).filter(([key]) => key in counters)));

// Why bytes of a model call are missing, as spans say it.
const reasons: Record<string, string> = {
	"ring full": "The buffer was full: more came than the engine could take.",
	"page not resident": "The program's memory was not there when it was to be read.",
	"over limit": "One call moved more than is copied of a call.",
	"not copied": "Left out on purpose.",
	"unseen call": "Moved inside the kernel, by sendfile or splice.",
};
export const reasonMeans = (reason: string) => reasons[reason] ?? "";

export type NoteKind = "program" | "host" | "late" | "lost" | "other";
export const noteTitles: Record<NoteKind, { title: string; means: string }> = {
	program: {
		title: "Programs and connections that could not be read",
		means: "Their TLS library was not found or not understood. sonde doctor PROGRAM says more.",
	},
	host: { title: "Hosts whose traffic is not understood", means: "Requests were seen, but they are of no known model API." },
	late: { title: "Seen too late", means: "What came before the probes were there is missing." },
	lost: { title: "Lost", means: "Events that did not fit into the buffer." },
	other: { title: "Other notes", means: "What else runs of this time say of themselves." },
};

const kinds: [RegExp, NoteKind][] = [
	[/^cannot be read|opened no connection|how it would be read|nothing of it was read|^TLS to |could not be paired/, "program"],
	[/^HTTP requests to |known model API/, "host"],
	[/^late attach|after it began|ran already/, "late"],
	[/ lost|not looked at/, "lost"],
];
// What to do about another note.
export const isAdvice = (text: string) => text.startsWith("to see how");
export function noteKind(text: string): NoteKind {
	return kinds.find(([pattern]) => pattern.test(text))?.[1] ?? "other";
}
