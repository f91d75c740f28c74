/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small world for tests of trace/: processes made of events, model calls made by hand, and what
 * comes out as text. The message format is a toy of its own, so that nothing here depends on a
 * provider's; the redactor is a toy as well: "sk-SECRET" and what it was taught.
 *
 *	world_begin(&w); world_scope(&w, "agent", NULL);
 *	talk_ask(&w, 1, pid, "[{...}]"); talk_say(&w, 1, "hello"); talk_end(&w, 1);
 *	assert_tree(&w, "invoke_agent agent ...\n");
 */
#pragma once

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <xxhash.h>

#include "alloc.h"
#include "base/json.h"
#include "events.h"
#include "llm/llm.h"
#include "trace/redact.h"
#include "trace/trace.h"

#define ROOT	   100
#define MS	   1000000ull
#define TALKS_MAX  64
#define SPANS_MAX  1024
#define ATTRS_TEXT 4096
#define RUNS_MAX   512

/* --- the toy redactor --- */

struct redactor {
	char learned[8][64];
	unsigned n;
};

int redactor_new(struct redactor **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -12;
}

void redactor_free(struct redactor *r)
{
	free(r);
}

void redactor_learn(struct redactor *r, struct slice s)
{
	if (s.n >= 8 && s.n < 64 && r->n < 8)
		memcpy(r->learned[r->n++], s.p, s.n);
}

static int add_without(struct buf *out, struct slice text, struct slice secret, int *n)
{
	static const struct slice mark = { "[redacted:x]", 12 };

	while (secret.n && text.n) {
		const char *p = memmem(text.p, text.n, secret.p, secret.n);

		if (!p)
			break;
		if (buf_add(out, (struct slice){ text.p, (size_t)(p - text.p) }, SIZE_MAX) < 0 ||
		    buf_add(out, mark, SIZE_MAX) < 0)
			return -12;
		text = slice_from(text, (size_t)(p - text.p) + secret.n);
		++*n;
	}
	return buf_add(out, text, SIZE_MAX);
}

int redact(struct redactor *r, struct slice text, struct buf *out)
{
	struct buf a = { 0 }, b = { 0 };
	int n = 0, rc = add_without(&a, text, SLICE("sk-SECRET"), &n);

	for (unsigned i = 0; i < r->n && rc == 0; i++) {
		rc = add_without(&b, buf_slice(&a), slice_of(r->learned[i]), &n);
		buf_done(&a);
		a = b;
		b = (struct buf){ 0 };
	}
	if (rc == 0)
		rc = buf_add(out, buf_slice(&a), SIZE_MAX);
	buf_done(&a);
	buf_done(&b);
	return rc < 0 ? rc : n;
}

int redact_json(struct redactor *r, struct slice json, struct buf *out)
{
	return redact(r, json, out);
}

int redact_url(struct redactor *r, struct slice url, struct buf *out)
{
	return redact(r, url, out);
}

int redact_argv(struct redactor *r, struct slice argv, struct buf *out)
{
	char text[8192];
	size_t n = argv.n < sizeof(text) ? argv.n : sizeof(text);

	memcpy(text, argv.p, n);
	for (size_t i = 0; i < n; i++)
		if (text[i] == '\0')
			text[i] = ' ';
	return redact(r, slice_trim((struct slice){ text, n }), out);
}

bool redact_header_is_secret(struct slice name)
{
	return slice_ieq(name, SLICE("authorization")) || slice_ieq(name, SLICE("cookie"));
}

/* --- the toy format: {"role","content","calls":[{"id","name","args"}],"result_of","error"} --- */

struct llm_format {
	const char *name;
};

static const struct llm_format toy_format = { "toy" };
static unsigned toy_items_read;

const char *llm_format_name(const struct llm_format *f)
{
	return f->name;
}

struct llm_part *llm_add_part(struct llm_message *m, struct arena *mem, enum llm_part_type type)
{
	struct llm_part *p = ARENA_NEW(mem, struct llm_part);

	if (!p)
		return NULL;
	p->type = type;
	if (m->last_part)
		m->last_part->next = p;
	else
		m->parts = p;
	m->last_part = p;
	return p;
}

static void toy_text(struct llm_message *m, struct arena *mem, enum llm_part_type type,
		     struct slice text)
{
	struct llm_part *p = llm_add_part(m, mem, type);

	if (p)
		arena_add(mem, &p->text, text);
}

void llm_read_item(const struct llm_format *f, struct slice raw, struct arena *mem,
		   struct llm_message *ret)
{
	static const char *const roles[] = { "system", "user", "assistant", "tool" };
	_cleanup_(cJSON_Deletep) cJSON *j = json_parse(raw);
	const cJSON *call;

	(void)f;
	toy_items_read++;
	for (int i = 0; i < 4; i++)
		if (slice_eq(json_str(j, "role"), slice_of(roles[i])))
			ret->role = (enum llm_role)i;
	if (json_str(j, "result_of").n) {
		toy_text(ret, mem, LLM_PART_TOOL_RESULT, json_str(j, "content"));
		if (ret->last_part) {
			ret->last_part->id = arena_copy(mem, json_str(j, "result_of"));
			ret->last_part->name = arena_copy(mem, json_str(j, "name"));
			ret->last_part->is_error = cJSON_IsTrue(json_at(j, "error"));
		}
	} else if (json_str(j, "unnamed").n) {
		toy_text(ret, mem, LLM_PART_TOOL_RESULT, json_str(j, "unnamed"));
	} else if (json_str(j, "content").n) {
		toy_text(ret, mem, LLM_PART_TEXT, json_str(j, "content"));
	}
	cJSON_ArrayForEach (call, json_at(j, "calls")) {
		toy_text(ret, mem, LLM_PART_TOOL_CALL, json_str(call, "args"));
		if (!ret->last_part)
			continue;
		ret->last_part->id = arena_copy(mem, json_str(call, "id"));
		ret->last_part->name = arena_copy(mem, json_str(call, "name"));
		ret->last_part->is_json = true;
	}
}

void llm_read_system(const struct llm_format *f, struct slice raw, struct arena *mem,
		     struct llm_message *ret)
{
	(void)f;
	toy_text(ret, mem, LLM_PART_TEXT, raw);
}

int llm_message_json(const struct llm_message *m, struct buf *ret)
{
	struct json_writer w = { .out = ret };

	json_begin(&w, '[');
	json_put_int(&w, m->role);
	for (const struct llm_part *p = m->parts; p; p = p->next) {
		json_put_int(&w, p->type);
		json_put_str(&w, p->id);
		json_put_str(&w, p->name);
		json_put_str(&w, buf_slice(&p->text));
	}
	json_end(&w, ']');
	return w.r;
}

#define USER "{\"role\":\"user\",\"content\":\"list the files\"}"
#define TOOL(id, cmd) \
	"{\"id\":\"" id "\",\"name\":\"bash\",\"args\":\"{\\\"command\\\":\\\"" cmd "\\\"}\"}"
#define ASKS(calls)	 "{\"role\":\"assistant\",\"calls\":[" calls "]}"
#define GIVES(id, text)	 "{\"role\":\"tool\",\"result_of\":\"" id "\",\"content\":\"" text "\"}"
#define SAYS(role, text) "{\"role\":\"" role "\",\"content\":\"" text "\"}"

/* --- the world --- */

struct seen_span {
	struct id64 id, parent;
	struct id128 run;
	char text[1024], attrs[ATTRS_TEXT];
	uint64_t start_ns;
	unsigned emitted, finals;
	struct llm_usage usage;
	struct id128 input_node, output_node, args_blob, result_blob, raw_blob;
};

struct seen_run {
	struct id128 id, session;
	enum run_status status;
	int64_t calls, tools, processes;
	uint64_t start_ms, end_ms; /* end 0: it lasts */
	char task[64], reason[64], agent[32];
};

struct talk {
	struct connection conn;
	struct http_exchange x;
	struct http_header headers[8];
	struct llm_call call;
	struct arena *mem;
};

struct world {
	struct stats stats;
	struct proc *procs;
	struct trace *trace;
	uint64_t now; /* boot time */
	union test_event ev;
	struct talk talks[TALKS_MAX];
	struct seen_span spans[SPANS_MAX];
	size_t n_spans;
	struct buf blobs;    /* all that were given, one after the other */
	struct buf sequence; /* everything that was given, in order */
	size_t n_blobs, n_nodes, n_runs;
	struct seen_run runs[RUNS_MAX]; /* in order of their coming */
	size_t n_seen_runs;
	char run[8192];
	char began[2048], assurance[2048]; /* "kind|name|workflow", JSON */
	char resource[4096];
	int run_status;
	struct llm_usage run_usage;
	int64_t run_calls, run_tools, run_processes, run_errors;
	char name_of_missing[32];
	struct buf state; /* what was told last to go on with; empty: it is over */
	char cuts[1024];  /* "resumed 1234; ended 1234 why; " */
};

static void say(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct world *w, const char *fmt, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_add(&w->sequence, slice_of(text), SIZE_MAX);
}

static void on_blob(void *ctx, const struct id128 *id, const char *kind, struct slice bytes)
{
	struct world *w = ctx;
	char hex[ID128_HEX_SIZE];

	id128_hex(id, hex);
	say(w, "blob %s %s %zu\n", hex, kind, bytes.n);
	buf_add(&w->blobs, bytes, SIZE_MAX);
	buf_add(&w->blobs, SLICE("\n"), SIZE_MAX);
	w->n_blobs++;
}

static void on_node(void *ctx, const struct id128 *id, const struct id128 *parent,
		    const struct id128 *message, uint32_t depth)
{
	struct world *w = ctx;
	char a[ID128_HEX_SIZE], b[ID128_HEX_SIZE], c[ID128_HEX_SIZE];

	id128_hex(id, a);
	id128_hex(parent, b);
	id128_hex(message, c);
	say(w, "node %s %s %s %u\n", a, b, c, depth);
	w->n_nodes++;
}

static struct seen_span *span_slot(struct world *w, const struct id64 *id)
{
	for (size_t i = 0; i < w->n_spans; i++)
		if (id64_eq(&w->spans[i].id, id))
			return &w->spans[i];
	if (w->n_spans == SPANS_MAX)
		return NULL;
	w->spans[w->n_spans].id = *id;
	return &w->spans[w->n_spans++];
}

static void describe_attrs(char *out, size_t size, const struct span *s)
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < s->n_attrs && n < size; i++) {
		const struct attr *a = &s->attrs[i];

		if (a->type == ATTR_STRING || a->type == ATTR_STRINGS)
			n += (size_t)snprintf(out + n, size - n, "%s=%.*s\n", a->name,
					      SLICE_ARG(a->s));
		else if (a->type == ATTR_DOUBLE)
			n += (size_t)snprintf(out + n, size - n, "%s=%g\n", a->name, a->d);
		else
			n += (size_t)snprintf(out + n, size - n, "%s=%lld\n", a->name,
					      (long long)a->i);
	}
}

static void on_span(void *ctx, const struct span *s)
{
	static const char *const status[] = { "", " ok", " ERROR" };
	struct world *w = ctx;
	struct seen_span *slot = span_slot(w, &s->span_id);
	char end[32] = "";
	char hex[ID64_HEX_SIZE], parent[ID64_HEX_SIZE];

	assert_non_null(slot);
	if (s->end_ns)
		snprintf(end, sizeof(end), "%llu", (unsigned long long)(s->end_ns / MS));
	/* A span stays in the run that it was given in. */
	assert_true(!slot->emitted || id128_eq(&slot->run, &s->run_id));
	slot->run = s->run_id;
	slot->parent = s->parent_id;
	slot->start_ns = s->start_ns;
	slot->usage = s->usage;
	slot->input_node = s->input_node;
	slot->output_node = s->output_node;
	slot->args_blob = s->args_blob;
	slot->result_blob = s->result_blob;
	slot->raw_blob = s->raw_blob;
	slot->emitted++;
	slot->finals += s->final;
	snprintf(slot->text, sizeof(slot->text), "%.*s [%llu-%s]%s%s%.*s%s%.*s%s",
		 SLICE_ARG(s->name), (unsigned long long)(s->start_ns / MS), end, status[s->status],
		 s->error_type.n ? " " : "", SLICE_ARG(s->error_type), s->evidence.n ? " by " : "",
		 SLICE_ARG(s->evidence), s->final ? "" : " open");
	describe_attrs(slot->attrs, sizeof(slot->attrs), s);
	id64_hex(&s->span_id, hex);
	id64_hex(&s->parent_id, parent);
	say(w, "span %s %s %s\n%s", hex, parent, slot->text, slot->attrs);
}

static void see_run(struct world *w, const struct run *r)
{
	struct seen_run *seen = NULL;

	for (size_t i = 0; i < w->n_seen_runs; i++)
		if (id128_eq(&w->runs[i].id, &r->run_id))
			seen = &w->runs[i];
	if (!seen && w->n_seen_runs < RUNS_MAX)
		seen = &w->runs[w->n_seen_runs++];
	if (!seen)
		return;
	*seen = (struct seen_run){ .id = r->run_id,
				   .session = r->session_id,
				   .status = r->status,
				   .calls = r->llm_calls,
				   .tools = r->tool_calls,
				   .processes = r->processes,
				   .start_ms = r->start_ns / MS,
				   .end_ms = r->end_ns / MS };
	snprintf(seen->task, sizeof(seen->task), "%.*s", SLICE_ARG(r->task));
	snprintf(seen->reason, sizeof(seen->reason), "%.*s", SLICE_ARG(r->status_reason));
	snprintf(seen->agent, sizeof(seen->agent), "%.*s", SLICE_ARG(r->agent));
}

static void on_run(void *ctx, const struct run *r)
{
	struct world *w = ctx;

	see_run(w, r);

	snprintf(w->run, sizeof(w->run),
		 "%s (%.*s) agent=%.*s %.*s task=%.*s command=%.*s models=%.*s notes=%.*s",
		 run_status_names[r->status], SLICE_ARG(r->status_reason), SLICE_ARG(r->agent),
		 SLICE_ARG(r->agent_version), SLICE_ARG(r->task), SLICE_ARG(r->command),
		 SLICE_ARG(r->models), SLICE_ARG(r->notes));
	snprintf(w->began, sizeof(w->began), "%.*s|%.*s|%.*s", SLICE_ARG(r->trigger),
		 SLICE_ARG(r->trigger_name), SLICE_ARG(r->workflow));
	snprintf(w->assurance, sizeof(w->assurance), "%.*s", SLICE_ARG(r->assurance));
	snprintf(w->resource, sizeof(w->resource), "%.*s", SLICE_ARG(r->resource));
	w->run_status = (int)r->status;
	w->run_usage = r->usage;
	w->run_calls = r->llm_calls;
	w->run_tools = r->tool_calls;
	w->run_processes = r->processes;
	w->run_errors = r->errors;
	w->n_runs++;
	say(w, "run %s calls=%lld\n", w->run, (long long)r->llm_calls);
}

static void on_state(void *ctx, const struct id128 *run, struct slice json)
{
	struct world *w = ctx;

	(void)run;
	w->state.n = 0;
	buf_add(&w->state, json, SIZE_MAX);
}

static void on_cut(void *ctx, const struct id128 *run, const struct id64 *span, enum trace_cut what,
		   struct slice why)
{
	static const char *const names[] = { "resumed", "left", "ended" };
	struct world *w = ctx;
	char hex[ID128_HEX_SIZE];
	const size_t n = strlen(w->cuts);

	id128_hex(run, hex);
	snprintf(w->cuts + n, sizeof(w->cuts) - n, "%s %s%.4s %.*s;", names[what],
		 span ? "step of " : "", hex, SLICE_ARG(why));
}

static const struct trace_sink world_sink = { .blob = on_blob,
					      .node = on_node,
					      .span = on_span,
					      .run = on_run,
					      .state = on_state,
					      .cut = on_cut };

static void feed(struct world *w, struct sonde_event *e)
{
	e->ts_ns = w->now;
	trace_event(w->trace, e, proc_feed(w->procs, e));
}

/* Time of the world in milliseconds since the run's start. */
static void at(struct world *w, uint64_t ms)
{
	w->now = ms * MS + 1; /* never 0, which means: not yet */
}

__attribute__((unused)) static void tick(struct world *w)
{
	feed(w, ev_plain(&w->ev, SONDE_EV_TICK, w->now));
}

/* Wall time of boot time 0 is 0, so times in trees are milliseconds. */
static int world_begin(struct world *w)
{
	int r;

	memset(w, 0, sizeof(*w));
	at(w, 0);
	toy_items_read = 0;
	r = proc_new(&w->stats, &w->procs);
	if (r == 0)
		r = trace_new(&world_sink, w, w->procs, NULL, &w->stats, &w->trace);
	return r;
}

static void world_json(struct world *w, __u16 kind, __u32 pid, const char *json)
{
	feed(w, ev_json(&w->ev, kind, pid, json));
}

__attribute__((unused)) static void world_exec(struct world *w, __u32 pid, const char *path,
					       struct slice argv)
{
	feed(w, ev_exec(&w->ev, pid, path, "/proj", argv));
}

#define EXEC(w, pid, path, argv) world_exec(w, pid, path, SLICE(argv))

/* A run of @path begins at time 0. */
__attribute__((unused)) static void world_scope(struct world *w, const char *path,
						const char *config)
{
	char json[512];

	world_json(w, SONDE_EV_HOST, 0, "{\"boot_id\":\"b\",\"hostname\":\"h\"}");
	feed(w, ev_plain(&w->ev, SONDE_EV_TICK, 0));
	if (config)
		world_json(w, SONDE_EV_CONFIG, 0, config);
	snprintf(json, sizeof(json),
		 "{\"scope\":1,\"argv\":[\"%s\",\"do it\"],\"cwd\":\"/proj\",\"uid\":7,"
		 "\"user\":\"u\",\"tty\":true,\"owner\":\"user\"}",
		 path);
	world_json(w, SONDE_EV_SCOPE, ROOT, json);
	feed(w, ev_exec(&w->ev, ROOT, path, "/proj", slice_of(path)));
}

__attribute__((unused)) static void world_fork(struct world *w, __u32 parent, __u32 child)
{
	feed(w, ev_fork(&w->ev, parent, child));
}

__attribute__((unused)) static void world_exit(struct world *w, __u32 pid, int code, int signal)
{
	feed(w, ev_exit(&w->ev, pid, code, signal));
}

static void talk_free(struct talk *k)
{
	arena_free(k->mem);
	memset(k, 0, sizeof(*k));
}

static void world_end(struct world *w)
{
	if (w->trace)
		trace_free(w->trace);
	if (w->procs)
		proc_free(w->procs);
	for (int i = 0; i < TALKS_MAX; i++)
		talk_free(&w->talks[i]);
	buf_done(&w->blobs);
	buf_done(&w->sequence);
	buf_done(&w->state);
}

/* --- model calls --- */

static void read_items(struct talk *k, const char *json)
{
	struct json_iter it;
	struct slice raw;
	size_t n = 0;

	if (!json_array(slice_of(json), &it))
		return;
	k->call.items = arena_alloc(k->mem, 512 * sizeof(struct llm_item));
	while (k->call.items && n < 512 && json_next(&it, &raw)) {
		const XXH128_hash_t h = XXH3_128bits(raw.p, raw.n);

		k->call.items[n].raw = arena_copy(k->mem, raw);
		k->call.items[n].hash[0] = h.low64;
		k->call.items[n++].hash[1] = h.high64;
	}
	k->call.n_items = n;
}

/* Fills talk @i without beginning it, so that a test may change it. */
static struct talk *talk_make(struct world *w, unsigned i, __u32 pid, const char *items)
{
	struct talk *k = &w->talks[i];

	talk_free(k);
	k->mem = arena_new(64u << 20);
	if (!k->mem)
		return NULL;
	k->conn.id = i + 1;
	k->conn.process = (struct process_key){ .tgid = pid, .start_ns = pid * 1000ull };
	k->conn.source = SONDE_SOURCE_OPENSSL;
	k->x = (struct http_exchange){ .mem = k->mem,
				       .conn = &k->conn,
				       .method = SLICE("POST"),
				       .path = SLICE("/v1/chat"),
				       .host = SLICE("api.example.com"),
				       .number = (uint32_t)(w->now / 1000) };
	k->x.request.headers = k->headers;
	k->x.request.head_ns = w->now;
	k->call = (struct llm_call){ .mem = k->mem,
				     .http = &k->x,
				     .format = &toy_format,
				     .provider = "toy",
				     .operation = "chat",
				     .request_model = SLICE("m"),
				     LLM_REQUEST_UNSET,
				     .usage = llm_usage_unknown,
				     .provider_cost_pico_usd = LLM_UNKNOWN,
				     .tool_count = 1,
				     .start_ns = w->now };
	k->call.answer.role = LLM_ROLE_ASSISTANT;
	read_items(k, items);
	return k;
}

__attribute__((unused)) static void talk_header(struct talk *k, const char *name, const char *value)
{
	k->headers[k->x.request.n_headers++] =
		(struct http_header){ slice_of(name), slice_of(value) };
}

static void talk_begin(struct world *w, unsigned i)
{
	w->talks[i].x.now_ns = w->now;
	trace_head(w->trace, HTTP_REQUEST_HEAD, &w->talks[i].x);
	trace_call(w->trace, LLM_BEGIN, &w->talks[i].call);
}

__attribute__((unused)) static void talk_ask(struct world *w, unsigned i, __u32 pid,
					     const char *items)
{
	if (talk_make(w, i, pid, items))
		talk_begin(w, i);
}

__attribute__((unused)) static void talk_say(struct world *w, unsigned i, const char *text)
{
	struct talk *k = &w->talks[i];

	if (!k->mem)
		return;
	toy_text(&k->call.answer, k->mem, LLM_PART_TEXT, slice_of(text));
	if (!k->call.first_token_ns)
		k->call.first_token_ns = w->now;
	k->x.status = 200;
	k->x.now_ns = w->now;
	trace_call(w->trace, LLM_PROGRESS, &k->call);
}

__attribute__((unused)) static void talk_call_tool(struct world *w, unsigned i, const char *id,
						   const char *name, const char *args)
{
	struct talk *k = &w->talks[i];

	if (!k->mem)
		return;
	toy_text(&k->call.answer, k->mem, LLM_PART_TOOL_CALL, slice_of(args));
	if (!k->call.answer.last_part)
		return;
	k->call.answer.last_part->id = slice_of(id);
	k->call.answer.last_part->name = slice_of(name);
	k->call.answer.last_part->is_json = true;
	k->x.status = 200;
	k->x.now_ns = w->now;
	trace_call(w->trace, LLM_PROGRESS, &k->call);
}

static void talk_end(struct world *w, unsigned i)
{
	struct talk *k = &w->talks[i];

	if (!k->mem)
		return;
	k->call.end_ns = k->x.now_ns = w->now;
	k->x.response.end_ns = w->now;
	if (k->x.end == HTTP_END_NONE)
		k->x.end = HTTP_END_COMPLETE;
	k->call.done = k->x.end == HTTP_END_COMPLETE;
	if (k->x.status == 200 && k->call.usage.input == LLM_UNKNOWN) {
		k->call.usage.input = 10;
		k->call.usage.output = 5;
	}
	trace_call(w->trace, LLM_END, &k->call);
	talk_free(k);
}

__attribute__((unused)) static void talk_fail(struct world *w, unsigned i, int status,
					      const char *type)
{
	struct talk *k = &w->talks[i];

	k->x.status = status;
	k->call.error.type = slice_of(type);
	talk_end(w, i);
}

/* --- what came out --- */

static void add_tree(const struct world *w, const struct id64 *parent, int depth, struct buf *out)
{
	for (size_t i = 0; i < w->n_spans; i++) {
		const struct seen_span *s = &w->spans[i];

		if (!id64_eq(&s->parent, parent))
			continue;
		for (int d = 0; d < depth; d++)
			buf_add(out, SLICE("  "), SIZE_MAX);
		buf_add(out, slice_of(s->text), SIZE_MAX);
		buf_add(out, SLICE("\n"), SIZE_MAX);
		if (depth < 32)
			add_tree(w, &s->id, depth + 1, out);
	}
}

__attribute__((unused)) static void assert_tree(const struct world *w, const char *expected)
{
	struct buf out = { 0 };

	add_tree(w, &(struct id64){ 0 }, 0, &out);
	buf_add(&out, (struct slice){ "", 1 }, SIZE_MAX);
	assert_string_equal(out.p, expected);
	buf_done(&out);
}

/* The nth span whose name begins so. */
__attribute__((unused)) static const struct seen_span *span_named(const struct world *w,
								  const char *name, unsigned n)
{
	for (size_t i = 0; i < w->n_spans; i++)
		if (strncmp(w->spans[i].text, name, strlen(name)) == 0 && n-- == 0)
			return &w->spans[i];
	fail_msg("no span '%s'", name);
	return NULL;
}

__attribute__((unused)) static bool has_attr(const struct seen_span *s, const char *line)
{
	const char *p = strstr(s->attrs, line);

	return p && (p == s->attrs || p[-1] == '\n') && p[strlen(line)] == '\n';
}

__attribute__((unused)) static bool blobs_have(const struct world *w, const char *text)
{
	return slice_has(buf_slice(&w->blobs), slice_of(text));
}

/* From an attribute's name to the end of its line; "none". */
__attribute__((unused)) static const char *attr_of(const struct seen_span *s, const char *name)
{
	static char value[4][256];
	static int i;
	const char *p = strstr(s->attrs, name);

	i = (i + 1) % 4;
	snprintf(value[i], sizeof(value[i]), "%.*s", p ? (int)strcspn(p, "\n") : 4, p ? p : "none");
	return value[i];
}

/* --- the frame of a test program: one world, fresh for each test --- */

static struct world w;

static int setup(void **state)
{
	(void)state;
	return world_begin(&w);
}

static int teardown(void **state)
{
	(void)state;
	world_end(&w);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
