// SPDX-License-Identifier: BSD-2-Clause
// What the API answers (src/api/API.md, openapi.json). What is not known is absent, never 0.
// Times are Unix nanoseconds; JavaScript rounds them to about a quarter of a microsecond.

export interface Usage {
	input_tokens?: number;
	output_tokens?: number;
	cache_read_input_tokens?: number;
	cache_creation_input_tokens?: number;
	reasoning_output_tokens?: number;
	estimated?: boolean;
	[count: string]: number | boolean | undefined;
}

export const runStatuses = ["running", "completed", "failed", "cancelled", "timed_out", "incomplete", "paused"] as const;
export type RunStatus = (typeof runStatuses)[number];

export interface Run {
	type: "run";
	run_id: string;
	session_id?: string;
	start_time_unix_nano: number;
	end_time_unix_nano: number | null;
	status: RunStatus;
	status_reason?: string;
	agent?: string;
	agent_version?: string;
	provider?: string;
	task?: string;
	command?: string;
	cwd?: string;
	user?: string;
	host?: string;
	trigger?: string;
	trigger_name?: string;
	workflow?: string;
	project?: string;
	models: string[];
	uid: number;
	pid?: number;
	exit_code?: number;
	exit_signal?: number;
	llm_calls?: number;
	tool_calls?: number;
	processes?: number;
	errors?: number;
	unpriced_calls?: number;
	usage_unknown_calls?: number;
	lost_bytes?: number;
	usage: Usage;
	cost_usd?: number;
	equivalent_usd?: number; // what calls that a plan covers would have cost: no money spent
	resource?: Record<string, unknown>;
	assurance?: Record<string, unknown>;
	notes?: string[];
	writable_by_agent?: boolean;
	store?: string;
}

// As the tree shows them; those from "reasoning" on are no spans but parts of one (export/parts.h).
export const stepKinds = [
	"agent", "llm", "tool", "skill", "mcp", "process", "http", "file", "network",
	"reasoning", "message", "event", "error",
] as const;
export type StepKind = (typeof stepKinds)[number];

export interface Step {
	run_id: string;
	step_id: string; // of a span its span_id; of what is none an id of its own: "EVENT…"
	span_id?: string; // the span that it is, or that it is a part of
	parent_id?: string; // a step_id; absent: the root
	kind: StepKind;
	label: string; // "Bash", "claude-sonnet-4-5"
	detail?: string; // "ls -la"
	agent?: string;
	start_time_unix_nano: number;
	end_time_unix_nano: number | null;
	asked_time_unix_nano?: number; // of a tool call: when the model had asked for it
	status: "unset" | "ok" | "error";
	error?: string;
	final: boolean;
	usage: Usage;
	cost_usd?: number;
	equivalent_usd?: number;
	first_token_ns?: number;
	pid?: number;
	exit_code?: number;
	lost_bytes?: number;
	lost_reason?: string;
	unexplained?: boolean; // no tool call asked for it
	pause?: boolean; // an event: a human is waited for
	again?: boolean; // a model call that was seen before: the run counts it once
	quiet?: boolean; // what agents do of their own accord: hidden unless all is shown
	evidence?: string; // which rule linked it to its parent
}

export interface RunSteps {
	run: Run;
	steps: Step[]; // in order of start
	total: number; // how many there are; where capped: at least
	capped: boolean; // more than 10,000: these are the first
}

export interface Span {
	trace_id: string; // the run's id
	span_id: string;
	parent_span_id: string | null;
	name: string;
	kind: "UNSPECIFIED" | "INTERNAL" | "SERVER" | "CLIENT";
	start_time_unix_nano: number;
	end_time_unix_nano: number | null;
	status: { code: "UNSET" | "OK" | "ERROR"; message?: string };
	attributes: Record<string, unknown>; // OpenTelemetry GenAI 1.41, and sonde.*
}

// gen_ai.input.messages and such, as the conventions have them.
// A picture or document: what its sender says of it, and what became of its bytes.
export interface Media {
	type?: string; // "blob", "uri", "file"
	modality?: string;
	mime_type?: string; // as its sender says
	size?: number; // bytes
	digest?: string;
	uri?: string;
	file_id?: string;
	media_type?: string; // by its bytes, where they are kept
	bytes?: number;
	sha256?: string;
	blob?: string; // /api/v1/blobs/{blob}
	reason?: string; // why its bytes are not kept
}
export interface MessagePart extends Media {
	type: string; // "text", "reasoning", "tool_call", "tool_call_response", "blob", "uri", ...
	content?: unknown;
	id?: string;
	name?: string;
	arguments?: unknown;
	response?: unknown;
	result?: unknown;
	[more: string]: unknown;
}
export interface Message {
	role: string;
	parts: MessagePart[];
	finish_reason?: string;
	[more: string]: unknown;
}
export interface ThreadMessage {
	node: string;
	span_id?: string; // the call that first had it
	time_unix_nano?: number; // of that call
	message: Message;
}
export interface Thread {
	node: string; // of its last message
	model?: string;
	agent?: string;
	start_time_unix_nano: number;
	system?: unknown; // as gen_ai.system_instructions
	messages: ThreadMessage[];
}
export interface Conversation {
	threads: Thread[]; // the longest conversations of the run, each message once
	capped: boolean;
}

export interface Artifact {
	span_id: string; // the file's step
	path: string;
	bytes?: number;
	sha256?: string;
	blob?: string; // for /blobs/ID; absent where it was not kept
	reason?: string; // why not
	time_unix_nano: number;
}

export interface Page<T> {
	items: T[];
	has_more: boolean;
	next: string | null; // ?cursor= of the next page
	total: number; // counted to 10,000
	total_more: boolean; // there are more than that
}

export interface RunCounts {
	status: Partial<Record<RunStatus, number>>; // under the filter but its status
	total: number;
	more: boolean; // counting stopped at 10,000
}

export interface Session {
	session_id: string;
	agent?: string;
	task?: string; // of its first run that has one
	latest?: string; // the latest text that was said
	runs: number;
	running: number;
	llm_calls: number;
	tool_calls: number;
	errors: number;
	usage: Usage;
	cost_usd?: number;
	equivalent_usd?: number;
	unpriced_calls: number;
	first_time_unix_nano: number;
	last_time_unix_nano: number;
}

export interface Agent {
	agent: string;
	versions: string[];
	models: string[];
	providers: string[];
	runs: number;
	status: Partial<Record<RunStatus, number>>;
	llm_calls: number;
	tool_calls: number;
	errors: number;
	usage: Usage;
	cost_usd?: number;
	equivalent_usd?: number;
	unpriced_calls: number;
	p50_ns?: number; // of a run
	p95_ns?: number;
	last_time_unix_nano: number;
}

export interface ToolRow {
	tool: string;
	agent?: string;
	calls: number;
	runs: number;
	errors: number;
	repeats: number; // with the same arguments in the same run
	p50_ns?: number;
	p95_ns?: number;
	p99_ns?: number;
	offered?: number; // model calls that had it in their list
}
export interface ToolList {
	items: ToolRow[];
	partial_since_unix_nano?: number; // calls since then alone
	offered_since_unix_nano?: number; // what was offered since then alone
}

export const costGroups = ["agent", "model", "provider", "project", "user", "host", "workflow", "session", "day", "hour"] as const;
export type CostGroup = (typeof costGroups)[number];
export interface CostRow {
	key: string; // empty: not known. Of day and hour: ISO 8601
	runs: number;
	llm_calls: number;
	usage: Usage;
	cost_usd?: number;
	equivalent_usd?: number;
	estimated_usd?: number; // part of cost_usd, on estimated tokens
	cache_saved_usd?: number; // at today's prices; by=model alone has it
	unpriced_calls: number;
	usage_unknown_calls: number;
	price_mismatch_calls: number;
}
export interface Cost {
	by: CostGroup;
	items: CostRow[];
	total: CostRow;
	previous: CostRow | null; // of as long a time before; null: there is none
	partial_since_unix_nano?: number; // calls since then alone
	capped: boolean;
}

export interface MetricsBucket {
	start_time_unix_nano: number;
	runs: number;
	status: Partial<Record<RunStatus, number>>;
	llm_calls: number;
	tool_calls: number;
	errors: number; // of steps
	usage: Usage;
	run_p50_ns?: number;
	run_p95_ns?: number;
	call_p50_ns?: number;
	call_p95_ns?: number;
	call_p99_ns?: number;
	ttft_p50_ns?: number;
	ttft_p95_ns?: number;
}
export interface Metrics {
	bucket: "hour" | "day" | "week" | "month";
	buckets: MetricsBucket[];
	total: MetricsBucket;
	models: { model: string; llm_calls: number; errors: number; usage: Usage }[];
	heat: number[][]; // [weekday from Monday][hour]: model calls, local time
	media: { sessions: number; input_audio_tokens: number; output_audio_tokens: number; seconds: number };
	capped: boolean; // more than 1,000 buckets: these are the newest
}

export interface CompareRow {
	op: "same" | "changed" | "only_a" | "only_b";
	a: Step | null;
	b: Step | null;
}
export interface Compare {
	a: Run;
	b: Run;
	rows: CompareRow[];
	first_difference: number | null; // index in rows
	output: { a: string; b: string }; // what each said last
	capped: boolean;
}

export interface Health {
	versions: { sonde: string; store: number; sqlite?: string };
	engines: {
		sonde: string; started_boot_ns: number; lag_ms?: number; attached: number;
		attach_failures: number; prober_lost?: boolean; loss: Record<string, number>; health?: Record<string, unknown>;
	}[];
	store?: {
		path: string; file_bytes: number; wal_bytes: number;
		runs?: number; spans?: number; blobs?: number; // where that is counted quickly
		first_time_unix_nano?: number; last_time_unix_nano?: number;
	};
	retention?: { runs?: string; content?: string; size?: string; disk?: string };
	sinks: { name: string; seq?: number; behind?: number; [more: string]: unknown }[];
	// What runs of the time say that could not be read, and how often
	notes: { text: string; runs: number; last_time_unix_nano: number }[];
	lost: { reason: string; bytes: number; steps: number }[];
}

export interface Me {
	uid: number;
	user: string;
	sees: "own" | "all";
	rights: ("read" | "content" | "export" | "write")[];
	sonde: string;
	daemon: boolean; // a capture may be told to stop a run
	token?: string; // its label
}

// What running a run again would be, and whether it can be.
export interface RetryPlan {
	can: boolean; // this server would do it for who asks
	why_not?: string;
	command?: string; // as a shell takes it; absent where it cannot be run again at all
	by_hand?: string; // what its user can type instead
	cwd?: string;
	retry_of?: string; // the run that this one is another go at
}
export interface Retried {
	pid: number; // of the new "sonde run"
	run_id?: string; // absent while the new run has not shown itself
}

// --- lines of /live (src/cmd/live_hub.h) ---

export type LiveState = "idle" | "thinking" | "streaming" | "tool" | "waiting_human" | "ended";
export type LiveLine =
	| { type: "hello"; sonde: string; epoch: string }
	| { type: "missed"; from: number; to: number }
	| { id: string; type: "run"; uid?: number; run: Run }
	| { id: string; type: "step"; uid?: number; run: string; step: StepKind; below?: string; label: string; detail?: string; final: boolean; span: Span }
	| {
			id: string; type: "state"; uid?: number; run: string; state: LiveState; status?: RunStatus; reason?: string;
			time_unix_nano: number; input_tokens?: number; output_tokens?: number; cost_usd?: number;
	  }
	| {
			id: string; type: "piece"; uid?: number; run: string; span: string; kind: "text" | "reasoning" | "arguments";
			part: number; text?: string; name?: string; last?: boolean; cut?: boolean;
	  };
