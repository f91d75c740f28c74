// SPDX-License-Identifier: BSD-2-Clause
// Whether all is well: only what was looked at and found in order is.

import { bytes, count, duration } from "../../lib/format";
import type { Health } from "../../lib/types";
import { isAdvice, lossesOf, noteKind, troubleOf } from "./words";

export interface Concern {
	text: string;
	at: string; // the section that says more
	bad: boolean; // else to be known
}

const LAG_MS = 5000;
const BEHIND = 1000; // spans that an exporter may lack

const many = (n: number, one: string, more = `${one}s`) => `${count(n)} ${n === 1 ? one : more}`;

function engineConcerns(engine: Health["engines"][number]): Concern[] {
	const out: Concern[] = [];
	const at = "engines";
	const losses = lossesOf(engine.loss).filter((l) => !l.harmless);
	const trouble = troubleOf(engine.health ?? {}).filter((l) => !l.harmless);
	if (engine.prober_lost) out.push({ text: "The prober has died: nothing is traced any more", at, bad: true });
	if (engine.lag_ms !== undefined && engine.lag_ms > LAG_MS)
		out.push({ text: `An engine is ${duration(engine.lag_ms * 1e6)} behind`, at, bad: true });
	if (engine.attach_failures)
		out.push({ text: `${many(engine.attach_failures, "program")} could not be attached to`, at, bad: true });
	for (const l of losses) out.push({ text: `${l.title}: ${l.text}`, at, bad: !l.common });
	for (const l of trouble) out.push({ text: `${l.title}: ${l.text}`, at, bad: false });
	return out;
}

function sinkConcerns({ sinks }: Health): Concern[] {
	return sinks
		.filter((s) => s.error || (s.behind ?? 0) > BEHIND)
		.map((s) => ({
			text: s.error ? `Exporter ${s.name}: ${String(s.error)}` : `Exporter ${s.name} is ${many(s.behind!, "span")} behind`,
			at: "exporters",
			bad: true,
		}));
}

function runConcerns(h: Health): Concern[] {
	const out: Concern[] = [];
	const lost = h.lost.filter((l) => l.bytes > 0 && l.reason !== "not copied");
	const unread = h.notes.filter((n) => noteKind(n.text) === "program" && !isAdvice(n.text)).length;
	const hosts = h.notes.filter((n) => noteKind(n.text) === "host").length;
	const late = h.notes.filter((n) => noteKind(n.text) === "late").length;
	if (lost.length)
		out.push({
			text: `${bytes(lost.reduce((sum, l) => sum + l.bytes, 0))} of ${many(lost.reduce((sum, l) => sum + l.steps, 0), "model call")} missing`,
			at: "lost",
			bad: true,
		});
	if (unread) out.push({ text: `${many(unread, "program or connection", "programs or connections")} could not be read`, at: "program", bad: true });
	if (hosts) out.push({ text: `${many(hosts, "host")} with traffic that is not understood`, at: "host", bad: false });
	if (late) out.push({ text: `${many(late, "note")} of what was seen too late`, at: "late", bad: false });
	return out;
}

export function concernsOf(h: Health): Concern[] {
	return [...h.engines.flatMap(engineConcerns), ...sinkConcerns(h), ...runConcerns(h)].sort((a, b) => Number(b.bad) - Number(a.bad));
}
