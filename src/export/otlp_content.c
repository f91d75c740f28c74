/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/otlp_content.h"

#include <errno.h>

#include "base/util.h"

struct slice otlp_system_parts(struct slice json)
{
	const struct slice parts = json_member(json, SLICE("parts"));

	return parts.n ? parts : json;
}

/* --- messages --- */

static const struct {
	const char *reason, *told;
} reasons[] = {
	{ "stop", "stop" },
	{ "stop", "end_turn" },
	{ "stop", "stop_sequence" },
	{ "stop", "completed" },
	{ "stop", "complete" },
	{ "length", "length" },
	{ "length", "max_tokens" },
	{ "length", "max_output_tokens" },
	{ "length", "model_context_window_exceeded" },
	{ "tool_call", "tool_call" },
	{ "tool_call", "tool_calls" },
	{ "tool_call", "tool_use" },
	{ "tool_call", "function_call" },
	{ "content_filter", "content_filter" },
	{ "content_filter", "content_filtered" },
	{ "content_filter", "refusal" },
	{ "content_filter", "safety" },
	{ "content_filter", "recitation" },
	{ "content_filter", "prohibited_content" },
	{ "content_filter", "blocklist" },
	{ "content_filter", "guardrail_intervened" },
	{ "error", "error" },
	{ "error", "failed" },
	{ "error", "malformed_function_call" },
};

struct slice otlp_finish_reason(struct slice told)
{
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (slice_ieq(told, slice_of(reasons[i].told)))
			return slice_of(reasons[i].reason);
	return told;
}

/* Of the choice of that number; where nobody told, no more than that is said. */
static struct slice reason_of(const struct span *s, int choice, struct arena *mem)
{
	struct slice list = span_attr_text(s, "gen_ai.response.finish_reasons"), item;
	struct slice told = choice == 0 ? s->finish_reason : (struct slice){ 0 };
	struct json_iter it;

	if (json_array(list, &it))
		for (int i = 0; i <= choice && json_next(&it, &item); i++)
			if (i == choice)
				told = json_text(item, mem);
	if (told.n)
		return otlp_finish_reason(told);
	return s->status == SPAN_ERROR ? SLICE("error") : SLICE("unknown");
}

static bool lacks_bytes(struct slice part)
{
	return json_is(json_member(part, SLICE("type")), "blob") &&
	       !json_member(part, SLICE("content")).n;
}

static void put_part(struct json_writer *w, struct slice part)
{
	struct slice key, value;
	struct json_iter it;

	if (!lacks_bytes(part) || !json_object(part, &it)) {
		json_put_raw(w, part);
		return;
	}
	json_begin(w, '{');
	while (json_next_member(&it, &key, &value)) {
		json_put_key(w, key);
		json_put_raw(w, slice_eq(key, SLICE("type")) ? SLICE("\"sonde.blob\"") : value);
	}
	json_end(w, '}');
}

static void put_parts(struct json_writer *w, struct slice parts)
{
	struct slice part;
	struct json_iter it;

	json_begin(w, '[');
	if (json_array(parts, &it))
		while (json_next(&it, &part))
			put_part(w, part);
	json_end(w, ']');
}

static void put_message(struct json_writer *w, struct slice message, struct slice reason)
{
	struct slice key, value;
	struct json_iter it;

	if (!json_object(message, &it))
		return;
	json_begin(w, '{');
	while (json_next_member(&it, &key, &value)) {
		json_put_key(w, key);
		if (slice_eq(key, SLICE("parts")))
			put_parts(w, value);
		else
			json_put_raw(w, value);
	}
	if (reason.n) {
		json_key(w, "finish_reason");
		json_put_str(w, reason);
	}
	json_end(w, '}');
}

int otlp_messages(const struct span *span, struct slice messages, struct buf *ret)
{
	_cleanup_(arena_freep) struct arena *mem = arena_new(65536);
	struct json_writer w = { .out = ret };
	struct slice message;
	struct json_iter it;

	if (!mem || !json_array(messages, &it))
		return mem ? 0 : -ENOMEM;
	json_begin(&w, '[');
	for (int i = 0; json_next(&it, &message); i++)
		put_message(&w, message, span ? reason_of(span, i, mem) : (struct slice){ 0 });
	json_end(&w, ']');
	return w.r;
}

/* --- tools --- */

/* The first of these that is there. */
static struct slice any_of(struct slice object, const char *const *names)
{
	struct slice v = { 0 };

	for (; *names && !v.n; names++)
		v = json_member(object, slice_of(*names));
	return v;
}

static void put_member(struct json_writer *w, const char *key, struct slice json)
{
	if (!json.n)
		return;
	json_key(w, key);
	json_put_raw(w, json);
}

/* Whose schema is one level further down: Bedrock's {"json": ...}. */
static struct slice parameters_of(struct slice tool)
{
	static const char *const names[] = {
		"parameters",		"input_schema",		 "inputSchema",
		"parametersJsonSchema", "parameter_definitions", NULL
	};
	const struct slice v = any_of(tool, names), below = json_member(v, SLICE("json"));

	return below.n ? below : v;
}

static void put_function(struct json_writer *w, struct slice tool, struct slice type)
{
	json_begin(w, '{');
	json_key(w, "type");
	if (type.n)
		json_put_raw(w, type);
	else
		json_put_str(w, SLICE("function"));
	put_member(w, "name", json_member(tool, SLICE("name")));
	put_member(w, "description", json_member(tool, SLICE("description")));
	put_member(w, "parameters", parameters_of(tool));
	json_end(w, '}');
}

/* A tool of the provider's own, that has no name but its kind: {"googleSearch":{}}. */
static void put_nameless(struct json_writer *w, struct slice tool, struct slice type)
{
	struct slice key = { 0 }, value;
	struct json_iter it;

	if (!type.n && !(json_object(tool, &it) && json_next_member(&it, &key, &value)))
		return;
	json_begin(w, '{');
	for (int i = 0; i < 2; i++) {
		json_key(w, i ? "name" : "type");
		if (type.n)
			json_put_raw(w, type);
		else
			json_put_str(w, key);
	}
	json_end(w, '}');
}

static void put_tool(struct json_writer *w, struct slice tool)
{
	static const char *const lists[] = { "functionDeclarations", "function_declarations",
					     NULL };
	static const char *const wraps[] = { "function", "toolSpec", NULL };
	const struct slice list = any_of(tool, lists), wrapped = any_of(tool, wraps),
			   type = json_member(tool, SLICE("type"));
	struct slice one;
	struct json_iter it;

	if (json_array(list, &it))
		while (json_next(&it, &one))
			put_function(w, one, (struct slice){ 0 });
	else if (wrapped.n && wrapped.p[0] == '{')
		put_function(w, wrapped, (struct slice){ 0 });
	else if (json_member(tool, SLICE("name")).n)
		put_function(w, tool, type);
	else
		put_nameless(w, tool, type);
}

int otlp_tool_definitions(struct slice tools, struct buf *ret)
{
	struct json_writer w = { .out = ret };
	struct slice tool;
	struct json_iter it;

	if (!json_array(tools, &it))
		return 0;
	json_begin(&w, '[');
	while (json_next(&it, &tool))
		if (tool.n && tool.p[0] == '{')
			put_tool(&w, tool);
	json_end(&w, ']');
	return w.r;
}
