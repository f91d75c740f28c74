// SPDX-License-Identifier: BSD-2-Clause
// A run's assurance (src/trace/assurance.c) as the view needs it; what is not known to it is kept as it is.
type Json = Record<string, unknown>;

export interface Fact {
	name: string;
	text: string;
	held: boolean;
}
export interface Assurance {
	sandbox: Fact[] | null;
	confined: boolean;
	programs: number;
	egress: {
		rules: number;
		allowed: number;
		denied: number;
		undecided: number;
		leftOut: number;
		notAllowed: { peer: string; verdict: string; rule: string; attempts?: number }[];
	} | null;
	refused: { what: string; counts: [string, number][] }[];
	rest: Json | null;
}

const object = (v: unknown): Json => (typeof v === "object" && v !== null && !Array.isArray(v) ? (v as Json) : {});
const number = (v: unknown): number => (typeof v === "number" ? v : 0);
const text = (v: unknown): string => (typeof v === "string" ? v : "");

function sandboxOf(s: Json): Fact[] {
	const namespaces = Array.isArray(s.namespaces) ? s.namespaces.map(String) : null;
	const caps = text(s.capabilities);
	const facts: Fact[] = [
		{
			name: "System calls",
			text: s.seccomp === "filter" ? "filtered (seccomp)" : "not filtered",
			held: s.seccomp === "filter",
		},
		{
			name: "New privileges",
			text: s.no_new_privs === true ? "cannot be gained" : "can be gained",
			held: s.no_new_privs === true,
		},
		{
			name: "Namespaces",
			text:
				namespaces === null ? "not known" : namespaces.length ? `own: ${namespaces.join(", ")}` : "the host's",
			held: !!namespaces?.length,
		},
		{
			name: "Root file system",
			text: s.read_only_root === true ? "read-only" : "writable",
			held: s.read_only_root === true,
		},
		{ name: "Capabilities", text: caps || "not known", held: caps === "none" },
	];
	if (typeof s.uid === "number")
		facts.push({ name: "User", text: s.uid === 0 ? "root" : `uid ${s.uid}`, held: s.uid !== 0 });
	return facts;
}

function egressOf(e: Json): Assurance["egress"] {
	return {
		rules: number(e.rules),
		allowed: number(e.allowed),
		denied: number(e.denied),
		undecided: number(e.undecided),
		leftOut: number(e.left_out),
		notAllowed: (Array.isArray(e.not_allowed) ? e.not_allowed : []).map(object).map((p) => ({
			peer: text(p.peer),
			verdict: text(p.verdict),
			rule: text(p.rule),
			attempts: typeof p.attempts === "number" ? p.attempts : undefined,
		})),
	};
}

const refusals: [string, string][] = [
	["connect", "Connections"],
	["file", "Writes to files"],
];

export function assuranceOf(value: Json | undefined): Assurance {
	const { sandbox, confined_programs, egress, refused, ...rest } = object(value);
	const facts = sandbox ? sandboxOf(object(sandbox)) : null;
	return {
		sandbox: facts,
		// As the terminal has it: privileges that it has not are no sandbox.
		confined: !!facts?.slice(0, 4).some((f) => f.held),
		programs: number(confined_programs),
		egress: egress ? egressOf(object(egress)) : null,
		refused: refusals
			.filter(([key]) => object(refused)[key])
			.map(([key, what]) => ({
				what,
				counts: Object.entries(object(object(refused)[key])).map(([n, v]) => [n, number(v)]),
			})),
		rest: Object.keys(rest).length ? rest : null,
	};
}
