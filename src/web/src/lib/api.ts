// SPDX-License-Identifier: BSD-2-Clause
// Asking the API. Failures are ApiError with the words that the server said.

import type * as T from "./types";

export class ApiError extends Error {
	constructor(
		readonly status: number,
		message: string,
	) {
		super(message);
	}
}

export type Query = Record<string, string | number | boolean | undefined | null>;

export function apiUrl(path: string, query: Query = {}): string {
	const params = new URLSearchParams();
	for (const [name, value] of Object.entries(query))
		if (value !== undefined && value !== null && value !== "") params.set(name, String(value));
	const text = params.toString();
	return `/api/v1/${path}${text ? `?${text}` : ""}`;
}

async function failure(response: Response): Promise<ApiError> {
	const said = await response.json().catch(() => null);
	return new ApiError(response.status, said?.error?.message ?? `${response.status} ${response.statusText}`);
}

async function request(path: string, query: Query, init: RequestInit): Promise<Response> {
	let response: Response;
	try {
		response = await fetch(apiUrl(path, query), { credentials: "same-origin", ...init });
	} catch (e) {
		if (e instanceof DOMException && e.name === "AbortError") throw e;
		throw new ApiError(0, "sonde does not answer: is it still running?");
	}
	if (!response.ok) throw await failure(response);
	return response;
}

async function get<R>(path: string, query: Query = {}, signal?: AbortSignal): Promise<R> {
	return (await request(path, query, { signal })).json();
}

async function post<R>(path: string, body: unknown): Promise<R | null> {
	const response = await request(path, {}, {
		method: "POST",
		headers: { "Content-Type": "application/json" },
		body: JSON.stringify(body),
	});
	return response.status === 204 ? null : response.json();
}

const id = encodeURIComponent;

export const api = {
	login: (token: string) => post("login", { token }),
	me: () => get<T.Me>("me"),
	runs: (q: Query, s?: AbortSignal) => get<T.Page<T.Run>>("runs", q, s),
	runCounts: (q: Query, s?: AbortSignal) => get<T.RunCounts>("runs/counts", q, s),
	run: (run: string, s?: AbortSignal) => get<T.Run>(`runs/${id(run)}`, {}, s),
	steps: (run: string, s?: AbortSignal) => get<T.RunSteps>(`runs/${id(run)}/steps`, {}, s),
	runSpans: (run: string, q: Query, s?: AbortSignal) => get<T.Page<T.Span>>(`runs/${id(run)}/spans`, q, s),
	span: (run: string, span: string, s?: AbortSignal) => get<T.Span>(`runs/${id(run)}/spans/${id(span)}`, {}, s),
	conversation: (run: string, s?: AbortSignal) => get<T.Conversation>(`runs/${id(run)}/conversation`, {}, s),
	artifacts: (run: string, s?: AbortSignal) => get<{ items: T.Artifact[] }>(`runs/${id(run)}/artifacts`, {}, s),
	similar: (run: string, s?: AbortSignal) => get<T.Page<T.Run>>(`runs/${id(run)}/similar`, {}, s),
	stop: (run: string) => post(`runs/${id(run)}/stop`, { confirm: run }),
	retryPlan: (run: string, s?: AbortSignal) => get<T.RetryPlan>(`runs/${id(run)}/retry`, {}, s),
	retry: (run: string) => post<T.Retried>(`runs/${id(run)}/retry`, { confirm: run }),
	spans: (q: Query, s?: AbortSignal) => get<T.Page<T.Span>>("spans", q, s),
	sessions: (q: Query, s?: AbortSignal) => get<T.Page<T.Session>>("sessions", q, s),
	session: (session: string, s?: AbortSignal) => get<{ session: T.Session; runs: T.Run[] }>(`sessions/${id(session)}`, {}, s),
	agents: (q: Query, s?: AbortSignal) => get<{ items: T.Agent[] }>("agents", q, s),
	tools: (q: Query, s?: AbortSignal) => get<T.ToolList>("tools", q, s),
	cost: (q: Query, s?: AbortSignal) => get<T.Cost>("cost", q, s),
	metrics: (q: Query, s?: AbortSignal) => get<T.Metrics>("metrics", q, s),
	compare: (a: string, b: string, s?: AbortSignal) => get<T.Compare>("compare", { a, b }, s),
	health: (q: Query, s?: AbortSignal) => get<T.Health>("health", q, s),
	blob: async (blob: string, s?: AbortSignal) => (await request(`blobs/${id(blob)}`, {}, { signal: s })).blob(),
	blobUrl: (blob: string) => apiUrl(`blobs/${id(blob)}`),
	exportUrl: (q: Query) => apiUrl("export", q), // format=csv|ndjson|html|otlp, rows=runs|spans
};
