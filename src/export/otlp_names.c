/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/otlp_names.h"

#include <errno.h>

#include "base/util.h"
#include "export/otlp_content.h"

void otlp_name_text(const struct otlp_naming *n, const char *name, struct slice s)
{
	if (s.n)
		otlp_attr(n->w, n->list,
			  &(struct attr){ .name = name, .type = ATTR_STRING, .s = s });
}

void otlp_name_int(const struct otlp_naming *n, const char *name, int64_t v)
{
	otlp_attr(n->w, n->list, &(struct attr){ .name = name, .type = ATTR_INT, .i = v });
}

/* --- OpenTelemetry --- */

/* And what receivers gather the steps of a conversation by, which is no GenAI name. */
static void put_more(const struct otlp_naming *n)
{
	char hex[ID128_HEX_SIZE];

	/* What comes in pieces was asked for in pieces, however that is said there. */
	if (n->span->step == STEP_LLM && n->span->first_token_ns >= 0 &&
	    !span_attr(n->span, "gen_ai.request.stream"))
		otlp_attr(n->w, n->list,
			  &(struct attr){
				  .name = "gen_ai.request.stream", .type = ATTR_BOOL, .i = 1 });
	if (id128_is_zero(&n->span->session_id))
		return;
	id128_hex(&n->span->session_id, hex);
	otlp_name_text(n, "session.id", slice_of(hex));
}

/* Structured values may stand as JSON text on spans. */
static void put_content(const struct otlp_naming *n)
{
	const struct span_content *c = n->said;
	_cleanup_(buf_done) struct buf input = { 0 }, output = { 0 }, tools = { 0 };

	if (otlp_messages(NULL, c->input_messages, &input) < 0 ||
	    otlp_messages(n->span, c->output_messages, &output) < 0 ||
	    otlp_tool_definitions(c->tools, &tools) < 0)
		otlp_fail(n->w, -ENOMEM);
	otlp_name_text(n, "gen_ai.system_instructions", otlp_system_parts(c->system));
	otlp_name_text(n, "gen_ai.input.messages", buf_slice(&input));
	otlp_name_text(n, "gen_ai.output.messages", buf_slice(&output));
	otlp_name_text(n, "gen_ai.tool.definitions", buf_slice(&tools));
	otlp_name_text(n, "gen_ai.tool.call.arguments", c->arguments);
	otlp_name_text(n, "gen_ai.tool.call.result", c->result);
}

static const struct otlp_rename renames_141[] = { { 0 } };

const struct otlp_profile otlp_profile_141 = {
	.renames = renames_141,
	.more = put_more,
	.content = put_content,
};

/* Of the conventions' own repository, after the names had left that of OpenTelemetry's others. */
static const struct otlp_rename renames_latest[] = {
	{ "gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_write.input_tokens",
	  OTLP_SAME },
	{ "gen_ai.request.top_k", "gen_ai.request.top_k", OTLP_AS_INT },
	{ "sonde.request.previous_response_id", "gen_ai.request.previous_response.id", OTLP_SAME },
	{ "sonde.request.reasoning_effort", "gen_ai.request.reasoning.level", OTLP_SAME },
	{ "sonde.usage.audio.input_tokens", "gen_ai.usage.audio.input_tokens", OTLP_SAME },
	{ "sonde.usage.audio.output_tokens", "gen_ai.usage.audio.output_tokens", OTLP_SAME },
	{ "sonde.usage.image.input_tokens", "gen_ai.usage.image.input_tokens", OTLP_SAME },
	{ "sonde.usage.image.output_tokens", "gen_ai.usage.image.output_tokens", OTLP_SAME },
	{ 0 },
};

const struct otlp_profile otlp_profile_latest = {
	.renames = renames_latest,
	.more = put_more,
	.content = put_content,
};

static const struct otlp_profile *const profiles[] = {
	[SINK_NAMES_141] = &otlp_profile_141,
	[SINK_NAMES_LATEST] = &otlp_profile_latest,
	[SINK_NAMES_OPENINFERENCE] = &otlp_profile_openinference,
};

/* --- one by one --- */

/* Arguments of commands: prompts are among them. */
static bool is_content(const char *name)
{
	static const char *const names[] = { "process.command_line", "process.command_args",
					     "sonde.mcp.server.command_line" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static const struct otlp_rename *find_rename(const struct otlp_profile *p, const char *name)
{
	for (const struct otlp_rename *r = p->renames; r->from; r++)
		if (strcmp(r->from, name) == 0)
			return r;
	return NULL;
}

static void put_first(const struct otlp_naming *n, const char *name, struct slice list)
{
	_cleanup_(arena_freep) struct arena *mem = arena_new(list.n + 4096);
	struct slice item;
	struct json_iter it;

	if (!mem)
		otlp_fail(n->w, -ENOMEM);
	if (mem && json_array(list, &it) && json_next(&it, &item))
		otlp_name_text(n, name, json_text(item, mem));
}

static void put_renamed(const struct otlp_naming *n, const struct otlp_rename *r,
			const struct attr *a)
{
	struct attr to = *a;

	to.name = r->to;
	switch (r->how) {
	case OTLP_DROP:
		return;
	case OTLP_FIRST:
		put_first(n, r->to, a->s);
		return;
	case OTLP_AS_INT:
		if (a->type == ATTR_DOUBLE && a->d > -1e15 && a->d < 1e15) {
			to.type = ATTR_INT;
			to.i = (int64_t)a->d;
		}
		break;
	case OTLP_SAME:
		break;
	}
	otlp_attr(n->w, n->list, &to);
}

static void put_attr(void *ctx, const struct attr *a)
{
	const struct otlp_naming *n = ctx;
	const struct otlp_rename *r = find_rename(profiles[n->form->names], a->name);

	if (is_content(a->name) && !n->form->content)
		return;
	if (r)
		put_renamed(n, r, a);
	else
		otlp_attr(n->w, n->list, a);
}

void otlp_put_attributes(struct otlp_writer *w, const struct otlp_field *list,
			 const struct otlp_form *form, const struct span *span, int64_t version,
			 const struct run *run, const struct span_content *said)
{
	struct otlp_naming n = { w, list, form, span, run, said };

	span_attrs_each(span, put_attr, &n);
	if (version > 1)
		otlp_name_int(&n, "sonde.span.version", version);
	profiles[form->names]->more(&n);
	if (said)
		profiles[form->names]->content(&n);
	if (said && said->cut)
		otlp_attr(w, list,
			  &(struct attr){ .name = "sonde.content.cut", .type = ATTR_BOOL, .i = 1 });
}
