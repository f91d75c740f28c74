/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenInference's names, which Phoenix reads:
 * https://github.com/Arize-ai/openinference/tree/main/spec Messages are flattened there:
 * llm.input_messages.0.message.role.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/util.h"
#include "export/otlp_content.h"
#include "export/otlp_names.h"

#define MESSAGES_MAX 256 /* the last ones; so many parts of each */

static const struct otlp_rename renames[] = {
	{ "gen_ai.request.model", "llm.request.model_name", OTLP_SAME },
	{ "gen_ai.response.model", "llm.response.model_name", OTLP_SAME },
	{ "gen_ai.provider.name", "llm.provider", OTLP_SAME },
	{ "gen_ai.usage.input_tokens", "llm.token_count.prompt", OTLP_SAME },
	{ "gen_ai.usage.output_tokens", "llm.token_count.completion", OTLP_SAME },
	{ "gen_ai.usage.cache_read.input_tokens", "llm.token_count.prompt_details.cache_read",
	  OTLP_SAME },
	{ "gen_ai.usage.cache_creation.input_tokens", "llm.token_count.prompt_details.cache_write",
	  OTLP_SAME },
	{ "gen_ai.usage.reasoning.output_tokens", "llm.token_count.completion_details.reasoning",
	  OTLP_SAME },
	{ "sonde.usage.audio.input_tokens", "llm.token_count.prompt_details.audio", OTLP_SAME },
	{ "sonde.usage.audio.output_tokens", "llm.token_count.completion_details.audio",
	  OTLP_SAME },
	{ "sonde.cost.usd", "llm.cost.total", OTLP_SAME },
	{ "gen_ai.response.finish_reasons", "llm.finish_reason", OTLP_FIRST },
	{ "gen_ai.tool.name", "tool.name", OTLP_SAME },
	{ "gen_ai.tool.description", "tool.description", OTLP_SAME },
	{ "gen_ai.tool.call.id", "tool.id", OTLP_SAME },
	{ "gen_ai.agent.name", "agent.name", OTLP_SAME },
	{ "sonde.session.id", "session.id", OTLP_SAME },
	/* llm.invocation_parameters */
	{ "gen_ai.request.max_tokens", NULL, OTLP_DROP },
	{ "gen_ai.request.temperature", NULL, OTLP_DROP },
	{ "gen_ai.request.top_p", NULL, OTLP_DROP },
	{ "gen_ai.request.top_k", NULL, OTLP_DROP },
	{ "gen_ai.request.frequency_penalty", NULL, OTLP_DROP },
	{ "gen_ai.request.presence_penalty", NULL, OTLP_DROP },
	{ "gen_ai.request.seed", NULL, OTLP_DROP },
	{ "gen_ai.request.stop_sequences", NULL, OTLP_DROP },
	{ 0 },
};

/* --- what is made of several --- */

static const char *kind_of(const struct span *s)
{
	const struct slice operation = span_operation(s);

	switch (s->step) {
	case STEP_AGENT:
		return "AGENT";
	case STEP_LLM:
		if (slice_eq(operation, SLICE("embeddings")))
			return "EMBEDDING";
		return slice_eq(operation, SLICE("rerank")) ? "RERANKER" : "LLM";
	case STEP_TOOL:
		return "TOOL";
	case STEP_MCP:
		return slice_eq(operation, SLICE("execute_tool")) ? "TOOL" : "CHAIN";
	default:
		return "CHAIN";
	}
}

struct parameters {
	struct json_writer w;
	bool any;
};

static void add_parameter(void *ctx, const struct attr *a)
{
	static const char prefix[] = "gen_ai.request.";
	struct parameters *p = ctx;

	for (const struct otlp_rename *r = renames; r->from; r++)
		if (r->how == OTLP_DROP && strcmp(r->from, a->name) == 0) {
			json_key(&p->w, a->name + sizeof(prefix) - 1);
			if (a->type == ATTR_DOUBLE)
				json_put_double(&p->w, a->d);
			else if (a->type == ATTR_INT)
				json_put_int(&p->w, a->i);
			else if (a->type == ATTR_STRINGS)
				json_put_raw(&p->w, a->s);
			else
				json_put_str(&p->w, a->s);
			p->any = true;
		}
}

static void put_parameters(const struct otlp_naming *n)
{
	_cleanup_(buf_done) struct buf text = { 0 };
	struct parameters p = { .w = { .out = &text } };

	json_begin(&p.w, '{');
	span_attrs_each(n->span, add_parameter, &p);
	json_end(&p.w, '}');
	if (p.w.r < 0)
		otlp_fail(n->w, p.w.r);
	else if (p.any)
		otlp_name_text(n, "llm.invocation_parameters", buf_slice(&text));
}

static void put_more(const struct otlp_naming *n)
{
	const struct span *s = n->span;

	otlp_name_text(n, "openinference.span.kind", slice_of(kind_of(s)));
	if (n->run)
		otlp_name_text(n, "user.id", n->run->user);
	if (s->step != STEP_LLM)
		return;
	otlp_name_text(n, "llm.model_name",
		       s->response_model.n ? s->response_model : s->request_model);
	otlp_name_text(n, "llm.system", s->provider);
	if (s->usage.input != LLM_UNKNOWN && s->usage.output != LLM_UNKNOWN && !s->usage.estimated)
		otlp_name_int(n, "llm.token_count.total", s->usage.input + s->usage.output);
	put_parameters(n);
}

/* --- messages --- */

/* Where a message is put: "llm.input_messages.3.message". */
struct place {
	const struct otlp_naming *n;
	char prefix[64];
	struct arena *mem;
};

__attribute__((format(printf, 3, 4))) static void put(const struct place *at, struct slice v,
						      const char *fmt, ...)
{
	char name[160];
	va_list ap;
	int len = snprintf(name, sizeof(name), "%s.", at->prefix);

	va_start(ap, fmt);
	vsnprintf(name + len, sizeof(name) - (size_t)len, fmt, ap);
	va_end(ap);
	otlp_name_text(at->n, name, v);
}

/* A string's text, or JSON as it stands. */
static struct slice text_of(const struct place *at, struct slice json)
{
	return json.n && json.p[0] == '"' ? json_text(json, at->mem) : json;
}

enum { PART_TYPE, PART_CONTENT, PART_ID, PART_NAME, PART_ARGUMENTS, PART_RESPONSE, PART_NR };

static bool read_part(struct slice part, struct slice ret[PART_NR])
{
	static const char *const names[PART_NR] = { "type", "content",	 "id",
						    "name", "arguments", "response" };

	return json_members(part, names, ret, PART_NR);
}

/* An answer of a tool is a message of its own there. */
static bool is_response(struct slice part)
{
	return json_is(json_member(part, SLICE("type")), "tool_call_response");
}

static void put_part(const struct place *at, struct slice part, int i, int *calls)
{
	struct slice v[PART_NR];

	if (!read_part(part, v))
		return;
	if (json_is(v[PART_TYPE], "tool_call")) {
		const int c = (*calls)++;

		put(at, text_of(at, v[PART_ID]), "tool_calls.%d.tool_call.id", c);
		put(at, text_of(at, v[PART_NAME]), "tool_calls.%d.tool_call.function.name", c);
		put(at, text_of(at, v[PART_ARGUMENTS]),
		    "tool_calls.%d.tool_call.function.arguments", c);
	} else {
		put(at, text_of(at, v[PART_TYPE]), "contents.%d.message_content.type", i);
		put(at, text_of(at, v[PART_CONTENT]), "contents.%d.message_content.text", i);
	}
}

static size_t count_items(struct slice list)
{
	struct slice item;
	struct json_iter it;
	size_t n = 0;

	if (json_array(list, &it))
		while (json_next(&it, &item))
			n++;
	return n;
}

/* One text is the content of its message, not a list of one. */
static bool put_only_text(const struct place *at, struct slice parts)
{
	struct slice part, content;
	struct json_iter it;

	if (count_items(parts) != 1 || !json_array(parts, &it) || !json_next(&it, &part) ||
	    !json_is(json_member(part, SLICE("type")), "text"))
		return false;
	content = json_member(part, SLICE("content"));
	put(at, text_of(at, content), "content");
	return true;
}

/* What is left of a message without the answers of tools. */
static void put_message(const struct place *at, struct slice role, struct slice parts)
{
	struct slice part;
	struct json_iter it;
	int calls = 0, i = 0;

	put(at, text_of(at, role), "role");
	if (put_only_text(at, parts) || !json_array(parts, &it))
		return;
	while (i < MESSAGES_MAX && json_next(&it, &part))
		if (!is_response(part))
			put_part(at, part, i++, &calls);
}

static void put_response(const struct place *at, struct slice part)
{
	struct slice v[PART_NR];

	if (!read_part(part, v))
		return;
	put(at, SLICE("tool"), "role");
	put(at, text_of(at, v[PART_ID]), "tool_call_id");
	put(at, text_of(at, v[PART_RESPONSE]), "content");
}

/* Messages that one becomes: each is told apart by the next number. */
static void put_each(struct place *at, const char *list, struct slice message, int *number)
{
	static const char *const names[] = { "role", "parts" };
	struct slice v[2], part;
	struct json_iter it;
	size_t others = 0, responses = 0;

	if (!json_members(message, names, v, 2))
		return;
	for (bool more = json_array(v[1], &it); more && json_next(&it, &part);) {
		if (!is_response(part)) {
			others++;
		} else if (responses++ < MESSAGES_MAX) {
			snprintf(at->prefix, sizeof(at->prefix), "%s.%d.message", list,
				 (*number)++);
			put_response(at, part);
		}
	}
	if (responses && !others)
		return;
	snprintf(at->prefix, sizeof(at->prefix), "%s.%d.message", list, (*number)++);
	put_message(at, v[0], v[1]);
}

static void put_messages(const struct otlp_naming *n, const char *list, struct slice messages)
{
	const size_t all = count_items(messages),
		     skip = all > MESSAGES_MAX ? all - MESSAGES_MAX : 0;
	struct slice message;
	struct json_iter it;
	int number = 0;

	if (!json_array(messages, &it))
		return;
	for (size_t i = 0; json_next(&it, &message); i++) {
		struct place at = { .n = n };

		if (i < skip)
			continue;
		at.mem = arena_new(2 * message.n + 65536);
		if (!at.mem) {
			otlp_fail(n->w, -ENOMEM);
			return;
		}
		put_each(&at, list, message, &number);
		arena_free(at.mem);
	}
}

static void put_tools(const struct otlp_naming *n, struct slice tools)
{
	_cleanup_(buf_done) struct buf list = { 0 };
	char name[64];
	struct slice tool;
	struct json_iter it;

	if (otlp_tool_definitions(tools, &list) < 0)
		otlp_fail(n->w, -ENOMEM);
	if (!json_array(buf_slice(&list), &it))
		return;
	for (int i = 0; i < MESSAGES_MAX && json_next(&it, &tool); i++) {
		snprintf(name, sizeof(name), "llm.tools.%d.tool.json_schema", i);
		otlp_name_text(n, name, tool);
	}
}

static void put_value(const struct otlp_naming *n, const char *name, const char *type,
		      struct slice v)
{
	if (!v.n)
		return;
	otlp_name_text(n, name, v);
	otlp_name_text(n, type, json_valid(v) ? SLICE("application/json") : SLICE("text/plain"));
}

/* A system prompt is the first message. */
static void put_input(const struct otlp_naming *n)
{
	const struct span_content *c = n->said;
	_cleanup_(buf_done) struct buf all = { 0 };
	const struct slice messages = c->input_messages.n ? c->input_messages : SLICE("[]");

	if (!c->system.n) {
		put_messages(n, "llm.input_messages", messages);
		return;
	}
	buf_add(&all, SLICE("[{\"role\":\"system\",\"parts\":"), SIZE_MAX);
	buf_add(&all, otlp_system_parts(c->system), SIZE_MAX);
	buf_add(&all, count_items(messages) ? SLICE("},") : SLICE("}"), SIZE_MAX);
	if (buf_add(&all, slice_from(messages, 1), SIZE_MAX) < 0)
		otlp_fail(n->w, -ENOMEM);
	put_messages(n, "llm.input_messages", buf_slice(&all));
}

static void put_content(const struct otlp_naming *n)
{
	const struct span_content *c = n->said;
	const bool call = n->span->step == STEP_LLM;

	put_input(n);
	put_messages(n, "llm.output_messages", c->output_messages);
	put_tools(n, c->tools);
	put_value(n, "input.value", "input.mime_type", call ? c->input_messages : c->arguments);
	put_value(n, "output.value", "output.mime_type", call ? c->output_messages : c->result);
	otlp_name_text(n, "tool.parameters", c->arguments);
}

const struct otlp_profile otlp_profile_openinference = {
	.renames = renames,
	.more = put_more,
	.content = put_content,
};
