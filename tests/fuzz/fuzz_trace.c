/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * However processes, calls, tools and results are mixed, what comes out is a forest of whole
 * spans: parents before children and in their run, content before what names it, every span final
 * at the end.
 * The input is a script of two-byte steps.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "../unit/events.h"
#include "base/json.h"
#include "llm/format.h"
#include "trace/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x)                 \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

#define PROCS	4
#define TALKS	3
#define CONVS	3
#define HISTORY 8192

struct known {
	struct id128 id;  /* spans: their first half */
	struct id128 run; /* likewise */
	bool is_span, final;
	UT_hash_handle hh;
};

struct talk {
	struct connection conn;
	struct http_exchange x;
	struct llm_call call;
	struct arena *mem;
	unsigned conv;
};

struct world {
	struct trace *trace;
	struct proc *procs;
	struct stats stats;
	struct known *known;
	struct talk talks[TALKS];
	struct tool_call tools[TALKS];
	char history[CONVS][HISTORY];
	uint64_t now, conns;
};

/* --- what comes out --- */

static struct known *find(struct world *w, const struct id128 *id)
{
	struct known *k;

	HASH_FIND(hh, w->known, id, sizeof(*id), k);
	return k;
}

static struct known *know(struct world *w, const struct id128 *id)
{
	struct known *k = find(w, id);

	if (k)
		return k;
	k = calloc(1, sizeof(*k));
	k->id = *id;
	HASH_ADD(hh, w->known, id, sizeof(k->id), k);
	return k;
}

static struct id128 of_span(const struct id64 *id)
{
	struct id128 wide = { 0 };

	memcpy(&wide, id, sizeof(*id));
	return wide;
}

static void on_blob(void *ctx, const struct id128 *id, const char *kind, struct slice bytes)
{
	struct id128 real = id_of_bytes(bytes);

	CHECK(kind && id128_eq(id, &real));
	know(ctx, id);
}

static void on_node(void *ctx, const struct id128 *id, const struct id128 *parent,
		    const struct id128 *message, uint32_t depth)
{
	CHECK(find(ctx, message));
	CHECK(id128_is_zero(parent) ? depth == 0 : find(ctx, parent) != NULL);
	know(ctx, id);
}

static void check_known(struct world *w, const struct id128 *id)
{
	CHECK(id128_is_zero(id) || find(w, id));
}

static void on_span(void *ctx, const struct span *s)
{
	struct world *w = ctx;
	struct id128 id = of_span(&s->span_id), parent = of_span(&s->parent_id);
	struct known *k;

	CHECK(!id64_is_zero(&s->span_id) && !id128_is_zero(&s->run_id));
	k = find(w, &parent);
	CHECK(id64_is_zero(&s->parent_id) ? s->step == STEP_AGENT
					  : k && id128_eq(&k->run, &s->run_id));
	CHECK(!s->final || s->end_ns >= s->start_ns);
	check_known(w, &s->input_node);
	check_known(w, &s->output_node);
	check_known(w, &s->system_blob);
	check_known(w, &s->tools_blob);
	check_known(w, &s->args_blob);
	check_known(w, &s->result_blob);
	check_known(w, &s->raw_blob);
	k = know(w, &id);
	/* Only a program's place may be corrected once it is final, a request by its other end, and
	 * what a program did after the call that it carries out; and an agent may go on after what
	 * looked like its last answer. */
	CHECK(!k->final || s->step == STEP_AGENT ||
	      (s->final && (s->step == STEP_PROCESS || s->step == STEP_MCP ||
			    s->step == STEP_FILE || s->step == STEP_NETWORK)));
	CHECK(!k->is_span || id128_eq(&k->run, &s->run_id));
	k->run = s->run_id;
	k->is_span = true;
	k->final = s->final;
}

static void on_run(void *ctx, const struct run *r)
{
	(void)ctx;
	CHECK(r->llm_calls >= 0 && r->tool_calls >= 0 && r->processes >= 0);
	CHECK(r->unpriced_calls >= 0 && r->unpriced_calls <= r->llm_calls);
	CHECK(r->usage_unknown_calls >= 0 && r->usage_unknown_calls <= r->llm_calls);
	CHECK(r->notes.n == 0 || json_valid(r->notes));
}

static union test_event ev;

static const struct trace_sink sink = {
	.blob = on_blob, .node = on_node, .span = on_span, .run = on_run
};

/* --- what goes in --- */

static void feed(struct world *w, struct sonde_event *e)
{
	e->ts_ns = w->now;
	trace_event(w->trace, e, proc_feed(w->procs, e));
}

static void do_exec(struct world *w, uint8_t who, uint8_t arg)
{
	static const struct slice programs[] = {
		{ "bash\0-c\0ls -l", 13 }, { "bash\0-c\0eval 'make test'", 24 }, { "ls\0-l", 5 },
		{ "claude\0-p\0x", 11 },   { "codex\0exec\0make test", 20 },	 { "", 0 },
	};

	feed(w, ev_exec(&ev, 1 + who, arg & 8 ? "/usr/bin/claude" : "/bin/x", "/",
			programs[arg % ARRAY_SIZE(programs)]));
}

static void add_item(struct world *w, unsigned conv, const char *fmt, unsigned a, unsigned b)
{
	char *h = w->history[conv];
	size_t n = strlen(h);
	char text[256];

	snprintf(text, sizeof(text), fmt, a, b);
	if (n + strlen(text) + 2 < HISTORY)
		snprintf(h + n, HISTORY - n, "%s%s", n ? "," : "", text);
}

static void read_items(struct talk *k, struct slice list)
{
	struct json_iter it;
	struct slice raw;

	k->call.items = arena_alloc(k->mem, 256 * sizeof(struct llm_item));
	CHECK(json_array(list, &it));
	while (k->call.n_items < 256 && json_next(&it, &raw)) {
		const XXH128_hash_t h = XXH3_128bits(raw.p, raw.n);

		k->call.items[k->call.n_items++] =
			(struct llm_item){ .raw = raw, .hash = { h.low64, h.high64 } };
	}
}

static void do_ask(struct world *w, unsigned slot, uint8_t arg)
{
	struct talk *k = &w->talks[slot];
	char list[HISTORY + 3];

	if (k->mem)
		return;
	memset(k, 0, sizeof(*k));
	k->mem = arena_new(1 << 24);
	k->conv = arg % CONVS;
	k->conn.id = ++w->conns;
	k->conn.process = (struct process_key){ 1 + arg % PROCS, (1 + arg % PROCS) * 1000 };
	k->x = (struct http_exchange){ .mem = k->mem,
				       .conn = &k->conn,
				       .inbound = arg & 64,
				       .method = arg & 128 ? SLICE("GET") : SLICE("POST"),
				       .path = SLICE("/v1/chat/completions"),
				       .now_ns = w->now };
	k->call = (struct llm_call){ .mem = k->mem,
				     .http = &k->x,
				     .format = &llm_openai_chat,
				     .provider = "openai",
				     .request_model = SLICE("m"),
				     LLM_REQUEST_UNSET,
				     .usage = llm_usage_unknown,
				     .provider_cost_pico_usd = LLM_UNKNOWN,
				     .tool_count = arg & 1,
				     .start_ns = w->now };
	if (arg & 32)
		k->call.cache_key = SLICE("key");
	if (arg & 16)
		k->call.system = SLICE("\"system\"");
	snprintf(list, sizeof(list), "[%s]", w->history[k->conv]);
	read_items(k, arena_copy(k->mem, slice_of(list)));
	trace_call(w->trace, LLM_BEGIN, &k->call);
}

static void do_say(struct world *w, unsigned slot, uint8_t arg)
{
	static const char *const args[] = { "{\"command\":\"ls -l\"}",
					    "{\"command\":\"make test\"}",
					    "{\"prompt\":\"a longer question\",\"path\":\"/w/"
					    "a\",\"url\":\"http://127.0.0.1:81/\"}",
					    "{" };
	struct talk *k = &w->talks[slot];
	struct llm_part *p;

	if (!k->mem)
		return;
	p = llm_add_part(&k->call.answer, k->mem,
			 arg & 1	    ? LLM_PART_TEXT
			 : (arg & 14) == 14 ? LLM_PART_SERVER_TOOL_CALL
					    : LLM_PART_TOOL_CALL);
	CHECK(p);
	p->id = arg & 64 ? (struct slice){ 0 } : arg & 32 ? SLICE("c1") : SLICE("c2");
	p->name = arg & 16 ? SLICE("Task") : SLICE("bash");
	p->is_json = true;
	p->end_ns = arg & 128 ? w->now : 0;
	arena_add(k->mem, &p->text, slice_of(args[(arg >> 1) % 4]));
	k->x.now_ns = w->now;
	trace_call(w->trace, LLM_PROGRESS, &k->call);
}

static void do_end(struct world *w, unsigned slot, uint8_t arg)
{
	static const int codes[] = { 200, 200, 429, 500 };
	struct talk *k = &w->talks[slot];

	if (!k->mem)
		return;
	k->x.status = codes[arg % 4];
	k->x.end = arg & 8 ? HTTP_END_CUT : HTTP_END_COMPLETE;
	k->x.now_ns = k->call.end_ns = w->now;
	k->call.done = arg & 16;
	k->call.response_id = arg & 32 ? SLICE("r") : (struct slice){ 0 };
	k->call.usage.input = arg & 64 ? 7 : LLM_UNKNOWN;
	if (k->call.answer.parts && k->call.answer.parts->type == LLM_PART_TOOL_CALL)
		add_item(w, k->conv,
			 "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c%u\",\"type\":"
			 "\"function\",\"function\":{\"name\":\"bash\",\"arguments\":\"%u\"}}]}",
			 1 + arg % 2, arg % 4);
	trace_call(w->trace, LLM_END, &k->call);
	arena_free(k->mem);
	k->mem = NULL;
}

/* Of every two calls one; ends, kinds and what is worked on take turns. */
static void over_http(const struct world *w, unsigned slot, struct tool_call *c)
{
	const struct tool_call *other = &w->tools[(slot + 1) % TALKS];
	const unsigned kind = (w->conns >> 2) % 9;

	c->http = w->conns & 1;
	c->inbound = c->http && w->conns & 2;
	c->kind = kind <= TOOL_AGENT ? (enum tool_kind)kind : TOOL_CALL;
	c->method = c->kind == TOOL_CALL ? SLICE("tools/call") : SLICE("other");
	c->request_id = SLICE("1");
	c->head_only = w->conns % 11 == 0;
	if (w->conns & 32 && other->conn)
		c->within = other;
}

/* Begins a call at a tool server, or ends the one that is under way. */
static void do_tool(struct world *w, unsigned slot, uint8_t arg)
{
	static const struct connection conn = { .id = 1 << 20, .source = SONDE_SOURCE_PIPE };
	struct tool_call *c = &w->tools[slot];

	if (c->conn) {
		c->end_ns = w->now;
		c->result = arg & 1 ? SLICE("{}") : (struct slice){ 0 };
		c->is_error = arg & 2;
		c->refused = arg & 4;
		c->cut = arg & 8 ? "cut" : NULL;
		trace_tool(w->trace, TOOL_END, c);
		memset(c, 0, sizeof(*c));
		return;
	}
	*c = (struct tool_call){ .conn = &conn,
				 .pos = ++w->conns,
				 .name = arg & 16 ? SLICE("bash") : SLICE("sh"),
				 .arguments =
					 arg & 32 ? SLICE("{\"command\":\"ls -l\"}") : SLICE("{"),
				 .start_ns = w->now };
	if (arg & 64)
		c->client = (struct process_key){ 1 + arg % PROCS, (1 + arg % PROCS) * 1000 };
	if (arg & 128)
		c->server = (struct process_key){ 1 + arg % 3, (1 + arg % 3) * 1000 };
	over_http(w, slot, c);
	trace_tool(w->trace, TOOL_BEGIN, c);
	c->within = NULL;
}

static void do_exchange(struct world *w, uint8_t who)
{
	struct connection conn = { .id = ++w->conns,
				   .process = { 1 + who, (1 + who) * 1000ull },
				   .flags = SONDE_CONN_TLS,
				   .source = SONDE_SOURCE_TCP,
				   .remote_addr = { 127, 0, 0, 1 },
				   .remote_port = 80 + w->now % 4,
				   .family = 2 };
	struct http_exchange x = { .conn = &conn, .host = SLICE("h"), .request.head_ns = w->now };

	trace_exchange(w->trace, &x);
	trace_connection(w->trace, &conn, who & 1);
}

/* Files of few names, so that they meet; what stands in them; connections. */
static void do_world(struct world *w, uint8_t who, uint8_t arg)
{
	static const char *const paths[] = { "/w/a", "/w/a.tmp.1", "/w/b", "/w" };
	const char *path = paths[arg % ARRAY_SIZE(paths)];
	const char *to = paths[(arg >> 2) % ARRAY_SIZE(paths)];

	if (arg & 128) {
		feed(w, ev_connect(&ev, 1 + who, 80 + arg % 4, arg & 64 ? -115 : -(arg & 48)));
		return;
	}
	if (arg & 64) {
		ev_artifact(&ev, 1 + who, 1 + arg % 7, path, arg & 4 ? 1 : 0, SLICE("xy\xff"));
		ev.artifact.size = arg & 8 ? 3 : 4;
		ev.artifact.len -= arg & 16 ? 1 : 0;
		feed(w, &ev.hdr);
		return;
	}
	ev_file(&ev, 1 + who, 1 + arg % 8, path, arg & 16 ? to : NULL);
	ev.file.flags = arg & 32 ? SONDE_FILE_CREATED : 0;
	feed(w, &ev.hdr);
}

/* A request that a process serves begins or is over; or somebody is waited for. */
static void do_serve(struct world *w, uint8_t who, uint8_t arg)
{
	struct sonde_wait_event wait = { .hdr = { .kind = SONDE_EV_WAIT,
						  .size = sizeof(wait),
						  .tgid = 1 + who,
						  .start_ns = (1 + who) * 1000ull } };
	struct connection conn = { .id = (1u << 21) + arg % 4, .process = { 0 } };
	struct http_exchange x = { .conn = &conn, .inbound = true, .method = SLICE("POST") };

	conn.process = (struct process_key){ wait.hdr.tgid, wait.hdr.start_ns };
	if (arg & 128)
		feed(w, &wait.hdr);
	else
		trace_head(w->trace, arg & 64 ? HTTP_FINISHED : HTTP_REQUEST_HEAD, &x);
}

static void do_scope(struct world *w, uint8_t who, uint8_t arg)
{
	char json[128];

	snprintf(json, sizeof(json), "{\"scope\":%u,\"argv\":[\"agent\"],\"owner\":\"user\"}",
		 1 + arg % 2);
	feed(w, ev_json(&ev, SONDE_EV_SCOPE, 1 + who, json));
}

static void step(struct world *w, uint8_t op, uint8_t arg)
{
	const uint8_t who = (op >> 4) % PROCS;
	const unsigned slot = (op >> 4) % TALKS;

	w->now += 1 + (uint64_t)(arg & 7) * 100000000;
	switch (op % 16) {
	case 0:
		feed(w, ev_fork(&ev, 1 + who, 1 + arg % PROCS));
		break;
	case 1:
		do_exec(w, who, arg);
		break;
	case 2:
		feed(w, ev_exit(&ev, 1 + who, arg % 3, arg & 64 ? 2 : 0));
		break;
	case 3:
	case 4:
		do_ask(w, slot, arg);
		break;
	case 5:
	case 6:
		do_say(w, slot, arg);
		break;
	case 7:
		do_end(w, slot, arg);
		break;
	case 8:
		add_item(w, arg % CONVS,
			 "{\"role\":\"tool\",\"tool_call_id\":\"c%u\",\"content\":\"out %u\"}",
			 1 + who % 2, arg);
		break;
	case 9:
		add_item(w, arg % CONVS, "{\"role\":\"user\",\"content\":\"a longer question %u\"}",
			 who, 0);
		break;
	case 11:
		do_tool(w, slot, arg);
		break;
	case 13:
	case 14:
		do_world(w, who, arg);
		break;
	case 12:
		do_serve(w, who, arg);
		break;
	case 10:
		feed(w, ev_plain(&ev, SONDE_EV_TICK, w->now));
		break;
	default:
		if (arg & 1)
			do_exchange(w, who);
		else
			do_scope(w, who, arg);
	}
}

static void check_all(struct world *w)
{
	struct known *k, *tmp;

	HASH_ITER(hh, w->known, k, tmp)
	{
		CHECK(!k->is_span || k->final);
		HASH_DEL(w->known, k);
		free(k);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	w.now = 1000000;
	CHECK(proc_new(&w.stats, &w.procs) == 0);
	CHECK(trace_new(&sink, &w, w.procs, NULL, &w.stats, &w.trace) == 0);
	do_scope(&w, 0, 0);
	for (size_t i = 0; i + 1 < size && i < 1000; i += 2)
		step(&w, data[i], data[i + 1]);
	trace_end(w.trace, w.now);
	for (unsigned i = 0; i < TALKS; i++)
		do_end(&w, i, 0);
	for (unsigned i = 0; i < TALKS; i++)
		if (w.tools[i].conn)
			do_tool(&w, i, 0);
	check_all(&w);
	trace_free(w.trace);
	proc_free(w.procs);
	return 0;
}
