/* SPDX-License-Identifier: BSD-2-Clause */
/* What is content but no message of the list: system prompts, tool lists, arguments, results. */
#include <xxhash.h>

#include "base/json.h"
#include "llm/llm.h"
#include "trace/content_level.h"
#include "trace/state.h"

#define TOOLS_MAX 4096 /* of one list, of which names are kept */

/* The same bytes come with every call of a session: read once. Where they are new, *ret_new. */
static struct id128 *known_text(struct trace *t, const struct llm_call *call, struct slice raw,
				bool *ret_new)
{
	const XXH128_hash_t h = XXH3_128bits(raw.p, raw.n);
	struct content_message_key key = { .hash = { h.low64, h.high64 }, .format = call->format };
	struct id128 *id = cache_find(&t->content.texts, &key);

	*ret_new = !id;
	return id ? id : cache_add(&t->content.texts, &key);
}

struct id128 content_system(struct trace *t, const struct llm_call *call, struct arena *scratch)
{
	struct llm_message m = { .role = LLM_ROLE_SYSTEM };
	struct id128 *known, id = { 0 };
	bool is_new;

	if (call->system.n == 0)
		return id;
	known = known_text(t, call, call->system, &is_new);
	if (known && !is_new)
		return *known;
	llm_read_system(call->format, call->system, scratch, &m);
	m.role = LLM_ROLE_SYSTEM;
	content_message_id(t, &m, scratch, &id);
	if (known)
		*known = id;
	return id;
}

/* --- tool lists --- */

/* A definition without the mark that clients move from one tool to another between turns. */
static void put_tool(struct json_writer *w, struct slice tool, struct arena *mem)
{
	struct json_iter it;
	struct slice key, value;

	if (!json_object(tool, &it)) {
		json_put_raw(w, tool);
		return;
	}
	json_begin(w, '{');
	while (json_next_member(&it, &key, &value)) {
		if (slice_eq(key, SLICE("cache_control")))
			continue;
		/* The key lies between its quotes; its escapes need them. */
		json_put_key(w, json_text((struct slice){ key.p - 1, key.n + 2 }, mem));
		json_put_raw(w, value);
	}
	json_end(w, '}');
}

/* Type and name, of a list that is longer than the level keeps. */
static void put_tool_name(struct json_writer *w, struct slice tool, struct arena *mem)
{
	struct slice name = json_member(tool, SLICE("name"));

	if (name.n == 0)
		name = json_member(json_member(tool, SLICE("function")), SLICE("name"));
	json_begin(w, '{');
	json_key(w, "type");
	json_put_str(w, json_text(json_member(tool, SLICE("type")), mem));
	json_key(w, "name");
	json_put_str(w, json_text(name, mem));
	json_end(w, '}');
}

static void put_tools(struct json_writer *w, struct slice raw, bool names_only, struct arena *mem)
{
	struct json_iter it;
	struct slice tool;
	size_t n = 0;

	json_begin(w, '[');
	if (json_array(raw, &it))
		while (n++ < TOOLS_MAX && json_next(&it, &tool)) {
			if (names_only)
				put_tool_name(w, tool, mem);
			else
				put_tool(w, tool, mem);
		}
	json_end(w, ']');
}

struct id128 content_tools(struct trace *t, const struct llm_call *call, struct arena *scratch)
{
	const bool short_only =
		t->config.content == CONTENT_STANDARD && call->tools.n > t->config.content_limit;
	struct buf json = { 0 }, clean = { 0 };
	struct json_writer w = { .out = &json };
	struct id128 *known, id = { 0 };
	bool is_new;

	if (call->tools.n == 0 || !content_keeps_messages(t))
		return id;
	known = known_text(t, call, call->tools, &is_new);
	if (known && !is_new)
		return *known;
	put_tools(&w, call->tools, short_only, scratch);
	if (w.r == 0 && redact_json(t->redactor, buf_slice(&json), &clean) >= 0)
		id = content_blob(t, "tools", buf_slice(&clean));
	if (known)
		*known = id;
	buf_done(&json);
	buf_done(&clean);
	return id;
}

/* --- arguments and results --- */

struct id128 content_tool_text(struct trace *t, struct slice tool, struct slice text, bool is_json,
			       struct arena *scratch)
{
	struct buf clean = { 0 };
	struct id128 id = { 0 };
	struct slice out;
	int r;

	if (!content_keeps_text(t) || !content_keeps_tool(t, tool) || text.n == 0)
		return id;
	if (t->config.content == CONTENT_STANDARD) {
		content_shorten(t, text, is_json, scratch, &out);
		return out.n ? content_blob(t, "text", out) : id;
	}
	r = is_json ? redact_json(t->redactor, text, &clean) : redact(t->redactor, text, &clean);
	if (r >= 0)
		id = content_blob(t, "text", buf_slice(&clean));
	buf_done(&clean);
	return id;
}
