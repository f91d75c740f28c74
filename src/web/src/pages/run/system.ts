// SPDX-License-Identifier: BSD-2-Clause
// What the System view says of a span, as `sonde show --system` says it.
import type { Span } from "../../lib/types";

export interface Flag {
	text: string;
	tone: "" | "warn" | "bad";
}
interface Row {
	id: string;
	start: number;
	flags: Flag[];
	bad: boolean;
}
export interface Command extends Row {
	line: string;
	pid?: number;
	exit?: number;
	exitText: string;
	ns?: number;
}
export interface FileRow extends Row {
	path: string;
	from?: string;
	what: string;
	written?: number;
	size?: number;
	own: boolean;
}
export interface Peer extends Row {
	name: string;
	requests: number;
	failed: number;
	attempts: number;
	sent?: number;
	received?: number;
	result: string;
}

const text = (s: Span, name: string) => (typeof s.attributes[name] === "string" ? (s.attributes[name] as string) : "");
const list = (s: Span, name: string) => [s.attributes[name] ?? []].flat().map(String);
const number = (s: Span, name: string) =>
	typeof s.attributes[name] === "number" ? (s.attributes[name] as number) : undefined;
const yes = (s: Span, name: string) => s.attributes[name] === true || (number(s, name) ?? 0) > 0;

const marks: [string, string, Flag["tone"]][] = [
	["sonde.unexplained", "unexplained", "warn"],
	["sonde.housekeeping", "housekeeping", ""],
	["sonde.file.created", "created", ""],
	["sonde.file.temporary", "temporary", ""],
	["sonde.file.own", "its own", ""],
];

export function flagsOf(s: Span): Flag[] {
	const why = text(s, "sonde.unexplained.reason");
	const verdict = text(s, "sonde.egress.verdict");
	const flags: Flag[] = marks
		.filter(([name]) => yes(s, name))
		.map(([name, word, tone]) => ({ text: name === "sonde.unexplained" && why ? `${word}: ${why}` : word, tone }));
	if (verdict)
		flags.push({
			text: `egress ${verdict}`,
			tone: verdict === "denied" ? "bad" : verdict === "allowed" ? "" : "warn",
		});
	return flags;
}

function row(s: Span, bad: boolean): Row {
	return { id: s.span_id, start: s.start_time_unix_nano, flags: flagsOf(s), bad };
}

export function commandOf(s: Span): Command {
	const code = number(s, "process.exit.code");
	const signal = number(s, "sonde.process.signal") ?? 0;
	return {
		...row(s, (code ?? 0) > 0 || signal > 0),
		line: text(s, "process.command_line") || text(s, "process.executable.name") || s.name,
		pid: number(s, "process.pid"),
		exit: signal > 0 ? 128 + signal : code,
		exitText: signal > 0 ? `signal ${signal}` : code === undefined ? "" : String(code),
		ns: s.end_time_unix_nano === null ? undefined : s.end_time_unix_nano - s.start_time_unix_nano,
	};
}

export function fileOf(s: Span): FileRow {
	const bad = s.status.code === "ERROR";
	return {
		...row(s, bad),
		path: text(s, "file.path") || s.name,
		from: text(s, "sonde.file.from") || undefined,
		what: [...list(s, "sonde.file.operation"), ...(bad ? [text(s, "error.type") || "failed"] : [])].join(", "),
		written: number(s, "sonde.file.bytes_written"),
		size: number(s, "file.size"),
		own: yes(s, "sonde.file.own"),
	};
}

const PEER_KINDS = new Set(["llm", "http", "mcp", "network"]);

function resultsOf(s: Span): string[] {
	const told = list(s, "sonde.network.results");
	if (told.length) return told;
	return s.status.code === "ERROR" ? [text(s, "error.type") || "failed"] : [];
}

const sum = (a: number | undefined, b: number | undefined) => (b === undefined ? a : (a ?? 0) + b);

// Who was spoken to: all steps with one address and port.
export function peersOf(spans: Span[]): Peer[] {
	const peers = new Map<string, Peer>();
	for (const s of spans) {
		const kind = text(s, "sonde.step.kind");
		const address = text(s, "server.address");
		if (!PEER_KINDS.has(kind) || (!address && kind !== "network")) continue;
		const port = number(s, "server.port");
		const name = `${address || s.name}${port ? `:${port}` : ""}`;
		const p = peers.get(name) ?? {
			...row(s, false),
			flags: [],
			name,
			requests: 0,
			failed: 0,
			attempts: 0,
			result: "",
		};
		peers.set(name, p);
		if (kind === "network") p.attempts += number(s, "sonde.network.attempts") || 1;
		else p.requests++;
		p.failed += s.status.code === "ERROR" ? 1 : 0;
		p.sent = sum(p.sent, number(s, "sonde.network.bytes_sent"));
		p.received = sum(p.received, number(s, "sonde.network.bytes_received"));
		for (const f of flagsOf(s)) if (!p.flags.some((g) => g.text === f.text) && p.flags.length < 8) p.flags.push(f);
		for (const r of resultsOf(s))
			if (p.result.length < 400 && !p.result.split(", ").includes(r)) p.result += p.result ? `, ${r}` : r;
	}
	return [...peers.values()];
}
