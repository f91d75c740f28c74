/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/span_json.h"

#include <stddef.h>

#include "base/format.h"
#include "base/util.h"
#include "store/attrs.h"

const char *const step_names[] = { "agent", "llm",  "tool",    "process", "http",
				   "mcp",   "file", "network", NULL };

const char *step_name(enum step_kind step)
{
	return step >= STEP_AGENT && step <= STEP_NETWORK ? step_names[step - 1] : "?";
}

enum step_kind step_of_name(const char *name)
{
	for (size_t i = 0; step_names[i]; i++)
		if (strcmp(step_names[i], name) == 0)
			return (enum step_kind)(i + 1);
	return 0;
}

const char *run_status_name(enum run_status status)
{
	return status >= RUN_RUNNING && status <= RUN_PAUSED ? run_status_names[status] : "?";
}

/* The wide row's columns and what the conventions call them. */
static const struct {
	const char *name;
	size_t offset;
} strings[] = {
	{ "gen_ai.provider.name", offsetof(struct span, provider) },
	{ "gen_ai.request.model", offsetof(struct span, request_model) },
	{ "gen_ai.response.model", offsetof(struct span, response_model) },
	{ "gen_ai.response.id", offsetof(struct span, response_id) },
	{ "gen_ai.conversation.id", offsetof(struct span, conversation_id) },
	{ "gen_ai.agent.name", offsetof(struct span, agent) },
	{ "gen_ai.agent.version", offsetof(struct span, agent_version) },
	{ "gen_ai.tool.name", offsetof(struct span, tool_name) },
	{ "gen_ai.tool.call.id", offsetof(struct span, tool_call_id) },
	{ "server.address", offsetof(struct span, server_address) },
	{ "error.type", offsetof(struct span, error_type) },
	{ "process.executable.name", offsetof(struct span, program) },
	{ "sonde.evidence", offsetof(struct span, evidence) },
	{ "sonde.lost.reason", offsetof(struct span, lost_reason) },
};

static struct slice slice_at(const struct span *s, size_t offset)
{
	return *(const struct slice *)((const char *)s + offset);
}

static void put_str(struct json_writer *w, const char *key, struct slice s)
{
	if (s.n == 0)
		return;
	json_key(w, key);
	json_put_str(w, s);
}

static void put_raw(struct json_writer *w, const char *key, struct slice json)
{
	if (json.n == 0)
		return;
	json_key(w, key);
	json_put_raw(w, json);
}

static void put_int(struct json_writer *w, const char *key, int64_t v)
{
	json_key(w, key);
	json_put_int(w, v);
}

static void put_hex128(struct json_writer *w, const char *key, const struct id128 *id)
{
	char hex[ID128_HEX_SIZE];

	if (id128_is_zero(id))
		return;
	id128_hex(id, hex);
	put_str(w, key, slice_of(hex));
}

static void put_hex64(struct json_writer *w, const char *key, const struct id64 *id)
{
	char hex[ID64_HEX_SIZE];

	json_key(w, key);
	if (id64_is_zero(id)) {
		json_put_null(w);
		return;
	}
	id64_hex(id, hex);
	json_put_str(w, slice_of(hex));
}

static void put_time(struct json_writer *w, const char *key, uint64_t ns)
{
	json_key(w, key);
	if (ns)
		json_put_int(w, (int64_t)ns);
	else
		json_put_null(w);
}

const struct attr *span_attr(const struct span *span, const char *name)
{
	for (size_t i = 0; i < span->n_attrs; i++)
		if (strcmp(span->attrs[i].name, name) == 0)
			return &span->attrs[i];
	return NULL;
}

struct slice span_attr_text(const struct span *span, const char *name)
{
	const struct attr *a = span_attr(span, name);

	if (!a || (a->type != ATTR_STRING && a->type != ATTR_STRINGS))
		return (struct slice){ 0 };
	return a->s;
}

int64_t span_attr_int(const struct span *span, const char *name)
{
	const struct attr *a = span_attr(span, name);

	return a && (a->type == ATTR_INT || a->type == ATTR_BOOL) ? a->i : LLM_UNKNOWN;
}

/* "chat gpt-5" begins with its operation. */
static void put_operation(struct json_writer *w, const struct span *s)
{
	struct slice name = { 0 }, rest;

	if (s->step == STEP_AGENT)
		name = SLICE("invoke_agent");
	else if (s->step == STEP_TOOL)
		name = SLICE("execute_tool");
	else if (s->step == STEP_LLM && !slice_cut(s->name, ' ', &name, &rest))
		name = s->name;
	if (!span_attr(s, "gen_ai.operation.name"))
		put_str(w, "gen_ai.operation.name", name);
}

/* What we have estimated does not go by the name of what a provider counts. */
static const char *attribute_of(const struct llm_usage *u, const struct llm_usage_count *c)
{
	if (c->offset == offsetof(struct llm_usage, input) && (u->estimated & LLM_ESTIMATED_INPUT))
		return "sonde.usage.estimated.input_tokens";
	if (c->offset == offsetof(struct llm_usage, output) &&
	    (u->estimated & LLM_ESTIMATED_OUTPUT))
		return "sonde.usage.estimated.output_tokens";
	return c->attribute;
}

static void put_usage(struct json_writer *w, const struct span *s)
{
	bool any = false;

	for (int i = 0; i < llm_usage_counts_n; i++) {
		int64_t v = llm_usage_count(&s->usage, &llm_usage_counts[i]);

		if (v == LLM_UNKNOWN || s->step != STEP_LLM)
			continue;
		put_int(w, attribute_of(&s->usage, &llm_usage_counts[i]), v);
		any = true;
	}
	if (any) {
		json_key(w, "sonde.usage.estimated");
		json_put_bool(w, s->usage.estimated != 0);
	}
}

static void put_cost(struct json_writer *w, const struct span *s)
{
	static const char *const sources[] = { [COST_PROVIDER] = "provider_reported",
					       [COST_TABLE] = "price_table",
					       [COST_ESTIMATED] = "estimated" };

	if (s->step != STEP_LLM)
		return;
	if (s->cost.source != COST_UNKNOWN) {
		put_raw(w, "sonde.cost.usd", slice_of(format_usd(s->cost.pico_usd).s));
		put_str(w, "sonde.cost.source", slice_of(sources[s->cost.source]));
		put_str(w, "sonde.cost.price", s->cost.key);
	} else {
		put_str(w, "sonde.cost.unknown", s->cost.key);
	}
	if (s->cost.equivalent) {
		json_key(w, "sonde.cost.equivalent");
		json_put_bool(w, true);
	}
}

/* What describes the span itself, ours and OpenTelemetry's, without the attribute list. */
static void put_wide_row(struct json_writer *w, const struct span *s)
{
	put_operation(w, s);
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		if (!span_attr(s, strings[i].name))
			put_str(w, strings[i].name, slice_at(s, strings[i].offset));
	if (s->server_address.n && s->server_port > 0 && !span_attr(s, "server.port"))
		put_int(w, "server.port", s->server_port);
	if (s->finish_reason.n && !span_attr(s, "gen_ai.response.finish_reasons")) {
		json_key(w, "gen_ai.response.finish_reasons");
		json_begin(w, '[');
		json_put_str(w, s->finish_reason);
		json_end(w, ']');
	}
	if (s->first_token_ns >= 0 && s->step == STEP_LLM &&
	    !span_attr(s, "gen_ai.response.time_to_first_chunk")) {
		json_key(w, "gen_ai.response.time_to_first_chunk");
		json_put_double(w, (double)s->first_token_ns / 1e9);
	}
	if (s->process.tgid && !span_attr(s, "process.pid"))
		put_int(w, "process.pid", s->process.tgid);
	put_usage(w, s);
	put_cost(w, s);
	put_hex128(w, "sonde.run.id", &s->run_id);
	put_hex128(w, "sonde.session.id", &s->session_id);
	put_str(w, "sonde.step.kind", slice_of(step_name(s->step)));
	if (s->lost_bytes)
		put_int(w, "sonde.lost.bytes", (int64_t)s->lost_bytes);
	if (!s->final) {
		json_key(w, "sonde.open");
		json_put_bool(w, true);
	}
}

void span_content_json(struct json_writer *w, const struct span_content *c)
{
	put_raw(w, "gen_ai.system_instructions", c->system);
	put_raw(w, "gen_ai.input.messages", c->input_messages);
	put_raw(w, "gen_ai.output.messages", c->output_messages);
	put_raw(w, "gen_ai.tool.definitions", c->tools);
	put_str(w, "gen_ai.tool.call.arguments", c->arguments);
	put_str(w, "gen_ai.tool.call.result", c->result);
}

void span_json(struct json_writer *w, const struct span *s, const struct span_content *content)
{
	static const char *const kinds[] = { "UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT" };
	static const char *const codes[] = { "UNSET", "OK", "ERROR" };

	json_begin(w, '{');
	put_hex128(w, "trace_id", &s->run_id);
	put_hex64(w, "span_id", &s->span_id);
	put_hex64(w, "parent_span_id", &s->parent_id);
	put_str(w, "name", s->name);
	put_str(w, "kind", slice_of(kinds[s->kind & 3]));
	put_time(w, "start_time_unix_nano", s->start_ns);
	put_time(w, "end_time_unix_nano", s->end_ns);
	json_key(w, "status");
	json_begin(w, '{');
	put_str(w, "code", slice_of(codes[s->status <= SPAN_ERROR ? s->status : SPAN_UNSET]));
	put_str(w, "message", s->status_text);
	json_end(w, '}');
	json_key(w, "attributes");
	json_begin(w, '{');
	put_wide_row(w, s);
	for (size_t i = 0; i < s->n_attrs; i++) {
		json_key(w, s->attrs[i].name);
		attr_put(w, &s->attrs[i]);
	}
	if (content) {
		span_content_json(w, content);
		put_str(w, "sonde.http.raw", content->raw);
	}
	json_end(w, '}');
	json_end(w, '}');
}

void usage_json(struct json_writer *w, const struct llm_usage *u)
{
	for (int i = 0; i < llm_usage_counts_n; i++) {
		int64_t v = llm_usage_count(u, &llm_usage_counts[i]);

		if (v != LLM_UNKNOWN)
			put_int(w, llm_usage_counts[i].name, v);
	}
	if (u->estimated) {
		json_key(w, "estimated");
		json_put_bool(w, true);
	}
}

/* "a,b" as an array. */
static void put_list(struct json_writer *w, const char *key, struct slice list)
{
	struct slice one;

	json_key(w, key);
	json_begin(w, '[');
	while (slice_cut(list, ',', &one, &list))
		json_put_str(w, slice_trim(one));
	if (list.n)
		json_put_str(w, slice_trim(list));
	json_end(w, ']');
}

static void put_run_totals(struct json_writer *w, const struct run *r)
{
	const struct {
		const char *name;
		int64_t v;
	} totals[] = {
		{ "llm_calls", r->llm_calls },
		{ "tool_calls", r->tool_calls },
		{ "processes", r->processes },
		{ "errors", r->errors },
		{ "unpriced_calls", r->unpriced_calls },
		{ "usage_unknown_calls", r->usage_unknown_calls },
		{ "lost_bytes", (int64_t)r->lost_bytes },
	};

	for (size_t i = 0; i < ARRAY_SIZE(totals); i++)
		if (totals[i].v != LLM_UNKNOWN)
			put_int(w, totals[i].name, totals[i].v);
	json_key(w, "usage");
	json_begin(w, '{');
	usage_json(w, &r->usage);
	json_end(w, '}');
	/* The sum of the priced calls; where no call could be priced there is none. */
	if (r->llm_calls == 0 || r->unpriced_calls < r->llm_calls)
		put_raw(w, "cost_usd", slice_of(format_usd(r->cost_pico_usd).s));
	if (r->equivalent_pico_usd > 0)
		put_raw(w, "equivalent_usd", slice_of(format_usd(r->equivalent_pico_usd).s));
}

static void put_run_who(struct json_writer *w, const struct run *r)
{
	const struct {
		const char *name;
		struct slice s;
	} texts[] = {
		{ "status", slice_of(run_status_name(r->status)) },
		{ "status_reason", r->status_reason },
		{ "agent", r->agent },
		{ "agent_version", r->agent_version },
		{ "provider", r->provider },
		{ "task", r->task },
		{ "command", r->command },
		{ "cwd", r->cwd },
		{ "user", r->user },
		{ "host", r->host },
		{ "trigger", r->trigger },
		{ "trigger_name", r->trigger_name },
		{ "workflow", r->workflow },
		{ "project", r->project },
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		put_str(w, texts[i].name, texts[i].s);
}

void run_json(struct json_writer *w, const struct run *r, const char *db)
{
	json_begin(w, '{');
	put_str(w, "type", SLICE("run"));
	put_hex128(w, "run_id", &r->run_id);
	put_hex128(w, "session_id", &r->session_id);
	put_time(w, "start_time_unix_nano", r->start_ns);
	put_time(w, "end_time_unix_nano", r->end_ns);
	put_run_who(w, r);
	put_list(w, "models", r->models);
	put_int(w, "uid", r->uid);
	if (r->process.tgid)
		put_int(w, "pid", r->process.tgid);
	if (r->end_ns && r->exit_signal)
		put_int(w, "exit_signal", r->exit_signal);
	else if (r->end_ns && r->process.tgid)
		put_int(w, "exit_code", r->exit_code);
	put_run_totals(w, r);
	put_raw(w, "resource", r->resource);
	put_raw(w, "assurance", r->assurance);
	put_raw(w, "notes", r->notes);
	if (r->writable_by_agent) {
		json_key(w, "writable_by_agent");
		json_put_bool(w, true);
	}
	if (db)
		put_str(w, "store", slice_of(db));
	json_end(w, '}');
}

void json_line(struct json_writer *w, FILE *f)
{
	if (w->r == 0) {
		/* Line ends of JSON that stands as traffic had it: blanks between its tokens. */
		for (size_t i = 0; i < w->out->n; i++)
			if (w->out->p[i] == '\n' || w->out->p[i] == '\r')
				w->out->p[i] = ' ';
		buf_add(w->out, SLICE("\n"), SIZE_MAX);
		fwrite(w->out->p, 1, w->out->n, f);
	}
	w->out->n = 0;
	w->comma = false;
	w->r = 0;
}
