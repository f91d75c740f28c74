/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/span_attrs.h"

#include "base/format.h"
#include "base/json.h"
#include "base/util.h"

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

/* Who gets them, and of what. */
struct giving {
	const struct span *span;
	span_attr_fn fn;
	void *ctx;
};

static void give_text(const struct giving *g, const char *name, struct slice s)
{
	if (s.n)
		g->fn(g->ctx, &(struct attr){ .name = name, .type = ATTR_STRING, .s = s });
}

static void give_int(const struct giving *g, const char *name, int64_t v)
{
	g->fn(g->ctx, &(struct attr){ .name = name, .type = ATTR_INT, .i = v });
}

static void give_bool(const struct giving *g, const char *name, bool v)
{
	g->fn(g->ctx, &(struct attr){ .name = name, .type = ATTR_BOOL, .i = v });
}

static void give_id(const struct giving *g, const char *name, const struct id128 *id)
{
	char hex[ID128_HEX_SIZE];

	if (id128_is_zero(id))
		return;
	id128_hex(id, hex);
	give_text(g, name, slice_of(hex));
}

/* "chat gpt-5" begins with its operation. */
struct slice span_operation(const struct span *s)
{
	const struct slice told = span_attr_text(s, "gen_ai.operation.name");
	struct slice name, rest;

	if (told.n)
		return told;
	if (s->step == STEP_AGENT)
		return SLICE("invoke_agent");
	if (s->step == STEP_TOOL)
		return SLICE("execute_tool");
	if (s->step != STEP_LLM)
		return (struct slice){ 0 };
	return slice_cut(s->name, ' ', &name, &rest) ? name : s->name;
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

static void give_usage(const struct giving *g)
{
	const struct span *s = g->span;
	bool any = false;

	for (int i = 0; i < llm_usage_counts_n; i++) {
		const int64_t v = llm_usage_count(&s->usage, &llm_usage_counts[i]);

		if (v == LLM_UNKNOWN || s->step != STEP_LLM)
			continue;
		give_int(g, attribute_of(&s->usage, &llm_usage_counts[i]), v);
		any = true;
	}
	if (any)
		give_bool(g, "sonde.usage.estimated", s->usage.estimated != 0);
}

static void give_usd(const struct giving *g, int64_t pico_usd)
{
	const struct text32 exact = format_usd(pico_usd);

	g->fn(g->ctx, &(struct attr){ .name = "sonde.cost.usd",
				      .type = ATTR_DOUBLE,
				      .s = slice_of(exact.s),
				      .d = (double)pico_usd / 1e12 });
}

static void give_cost(const struct giving *g)
{
	static const char *const sources[] = { [COST_PROVIDER] = "provider_reported",
					       [COST_TABLE] = "price_table",
					       [COST_ESTIMATED] = "estimated" };
	const struct cost *c = &g->span->cost;

	if (g->span->step != STEP_LLM)
		return;
	if (c->source != COST_UNKNOWN) {
		give_usd(g, c->pico_usd);
		give_text(g, "sonde.cost.source", slice_of(sources[c->source]));
		give_text(g, "sonde.cost.price", c->key);
	} else {
		give_text(g, "sonde.cost.unknown", c->key);
	}
	if (c->equivalent)
		give_bool(g, "sonde.cost.equivalent", true);
}

static void give_finish_reason(const struct giving *g)
{
	struct buf list = { 0 };
	struct json_writer w = { .out = &list };

	if (!g->span->finish_reason.n || span_attr(g->span, "gen_ai.response.finish_reasons"))
		return;
	json_begin(&w, '[');
	json_put_str(&w, g->span->finish_reason);
	json_end(&w, ']');
	if (w.r == 0)
		g->fn(g->ctx, &(struct attr){ .name = "gen_ai.response.finish_reasons",
					      .type = ATTR_STRINGS,
					      .s = buf_slice(&list) });
	buf_done(&list);
}

static void give_first_chunk(const struct giving *g)
{
	static const char name[] = "gen_ai.response.time_to_first_chunk";
	const struct span *s = g->span;

	if (s->first_token_ns >= 0 && s->step == STEP_LLM && !span_attr(s, name))
		g->fn(g->ctx, &(struct attr){ .name = name,
					      .type = ATTR_DOUBLE,
					      .d = (double)s->first_token_ns / 1e9 });
}

/* Columns, where the attribute is not among those besides. */
static void give_columns(const struct giving *g)
{
	const struct span *s = g->span;

	if (!span_attr(s, "gen_ai.operation.name"))
		give_text(g, "gen_ai.operation.name", span_operation(s));
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		if (!span_attr(s, strings[i].name))
			give_text(g, strings[i].name,
				  *(const struct slice *)((const char *)s + strings[i].offset));
	if (s->server_address.n && s->server_port > 0 && !span_attr(s, "server.port"))
		give_int(g, "server.port", s->server_port);
	give_finish_reason(g);
	give_first_chunk(g);
	if (s->process.tgid && !span_attr(s, "process.pid"))
		give_int(g, "process.pid", s->process.tgid);
}

void span_attrs_each(const struct span *s, span_attr_fn fn, void *ctx)
{
	const struct giving g = { .span = s, .fn = fn, .ctx = ctx };

	give_columns(&g);
	give_usage(&g);
	give_cost(&g);
	give_id(&g, "sonde.run.id", &s->run_id);
	give_id(&g, "sonde.session.id", &s->session_id);
	give_text(&g, "sonde.step.kind", slice_of(step_name(s->step)));
	if (s->lost_bytes)
		give_int(&g, "sonde.lost.bytes", (int64_t)s->lost_bytes);
	if (!s->final)
		give_bool(&g, "sonde.open", true);
	for (size_t i = 0; i < s->n_attrs; i++)
		fn(ctx, &s->attrs[i]);
}
