/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Anthropic Messages: POST .../v1/messages, plain or streamed.
 *
 * A stream is message_start (id, model, input usage and a placeholder for the output), then per
 * content block content_block_start / _delta / _stop, then message_delta (stop reason, cumulative
 * usage), message_stop. input_tokens is what neither came from nor went to the cache: the total is
 * the sum of three. cache_creation{} is a breakdown of cache_creation_input_tokens.
 *
 * https://docs.anthropic.com/en/api/messages-streaming
 */
#include <stdio.h>

#include "base/id.h"
#include "llm/format.h"

#define BLOCK_INDEX_MAX (1 << 20)

/* --- requests --- */

static const struct llm_field request_fields[] = {
	LLM_FIELD("model", LLM_FIELD_TEXT, call.request_model),
	LLM_FIELD("messages", LLM_FIELD_RAW, messages),
	LLM_FIELD("system", LLM_FIELD_RAW, call.system),
	LLM_FIELD("tools", LLM_FIELD_RAW, call.tools),
	LLM_FIELD("max_tokens", LLM_FIELD_INT, call.max_tokens),
	LLM_FIELD("temperature", LLM_FIELD_DOUBLE, call.temperature),
	LLM_FIELD("top_p", LLM_FIELD_DOUBLE, call.top_p),
	LLM_FIELD("top_k", LLM_FIELD_DOUBLE, call.top_k),
	LLM_FIELD("stop_sequences", LLM_FIELD_RAW, call.stop),
	LLM_FIELD("output_config.format.type", LLM_FIELD_TEXT, call.output_format),
	LLM_FIELD("output_format.type", LLM_FIELD_TEXT, call.output_format),
	LLM_FIELD("stream", LLM_FIELD_BOOL, call.stream_requested),
	LLM_FIELD("service_tier", LLM_FIELD_TEXT, call.service_tier),
	LLM_FIELD("output_config.effort", LLM_FIELD_TEXT, call.reasoning_effort),
	LLM_FIELD("metadata.user_id", LLM_FIELD_TEXT, call.user_id),
};

/*
 * Claude Code puts device, account and session into user_id: as JSON, before that as
 * user_HEX_account_UUID_session_UUID. The session is kept as it is; of the rest, which names a
 * person, only a digest.
 */
static void split_user_id(struct llm_work *w)
{
	const struct slice user = w->call.user_id, mark = SLICE("_session_");
	struct slice session = json_text(json_find(user, "session_id"), w->call.mem), rest = user;
	const char *at = user.n ? memmem(user.p, user.n, mark.p, mark.n) : NULL;
	char hex[ID128_HEX_SIZE];
	struct id128 digest;

	if (user.n && user.p[0] == '{') {
		rest = json_find(user, "device_id");
	} else if (at) {
		rest.n = (size_t)(at - user.p);
		session = slice_from(user, rest.n + mark.n);
	} else {
		return;
	}
	digest = id_of_bytes(rest);
	id128_hex(&digest, hex);
	w->call.user_id = arena_copy(w->call.mem, slice_of(hex));
	if (!w->call.conversation_id.n)
		w->call.conversation_id = session;
}

static void read_request(struct llm_work *w)
{
	llm_read_fields(w, request_fields, ARRAY_SIZE(request_fields));
	llm_read_items(w);
	w->call.tool_count = llm_count_tools(w->call.tools);
	split_user_id(w);
}

static bool shape(const struct llm_keys *k)
{
	struct json_iter it;

	return json_array(k->messages, &it) && !k->contents.n && !k->inference_config.n &&
	       (k->anthropic_header || k->anthropic_version.n ||
		(k->max_tokens.n && (k->system.n || k->hint == &llm_anthropic)));
}

/* --- content blocks --- */

static void add_text(struct slice value, struct arena *mem, struct llm_message *m,
		     enum llm_part_type type)
{
	llm_add_text_part(m, mem, type, json_text(value, mem));
}

/* {"source":{"type":"base64|url|file|text|content", ...}} of images and documents */
static void add_media(struct slice source, struct arena *mem, struct llm_message *m,
		      struct slice kind)
{
	enum { TYPE, MEDIA_TYPE, DATA, URL, FILE_ID, N };
	static const char *const names[N] = { "type", "media_type", "data", "url", "file_id" };
	struct slice v[N], media_type;

	json_members(source, names, v, N);
	media_type = json_text(v[MEDIA_TYPE], mem);
	if (!media_type.n)
		media_type = kind;
	if (v[URL].n)
		llm_add_media_url(m, mem, media_type, json_text(v[URL], mem));
	else if (v[FILE_ID].n)
		llm_add_media_file(m, mem, media_type, json_text(v[FILE_ID], mem));
	else
		llm_add_inline_media(m, mem, media_type, json_text(v[DATA], mem));
}

enum { TYPE, TEXT, THINKING, ID, NAME, INPUT, USE_ID, CONTENT, IS_ERROR, SOURCE, N_BLOCK };
static const char *const block_names[N_BLOCK] = {
	"type",	 "text",	"thinking", "id",	"name",
	"input", "tool_use_id", "content",  "is_error", "source",
};

static void add_use(const struct slice v[N_BLOCK], struct arena *mem, struct llm_message *m,
		    enum llm_part_type type)
{
	struct llm_part *p = llm_add_json_part(m, mem, type, v[INPUT]);

	if (!p)
		return;
	p->id = json_text(v[ID], mem);
	p->name = json_text(v[NAME], mem);
}

static void read_block(struct slice block, struct arena *mem, struct llm_message *m);

static void add_result(const struct slice v[N_BLOCK], struct arena *mem, struct llm_message *m)
{
	struct llm_part *p =
		llm_add_result(m, mem, json_text(v[USE_ID], mem), v[CONTENT], read_block);

	if (p)
		p->is_error = slice_eq(v[IS_ERROR], SLICE("true"));
}

/* web_search_tool_result, mcp_tool_result ...: the server ran the tool inside of the answer. */
static void add_server_result(const struct slice v[N_BLOCK], struct arena *mem,
			      struct llm_message *m)
{
	struct llm_part *p = llm_add_json_part(m, mem, LLM_PART_SERVER_TOOL_RESULT, v[CONTENT]);

	if (!p)
		return;
	p->id = json_text(v[USE_ID], mem);
	p->name = json_text(v[TYPE], mem);
	p->is_error = slice_eq(v[IS_ERROR], SLICE("true"));
}

static void add_other(const struct slice v[N_BLOCK], struct slice block, struct arena *mem,
		      struct llm_message *m)
{
	struct llm_part *p = llm_add_json_part(m, mem, LLM_PART_OTHER, block);

	if (p)
		p->name = json_text(v[TYPE], mem);
}

/* size: a dispatcher over the block types. */
static void read_block(struct slice block, struct arena *mem, struct llm_message *m)
{
	struct slice v[N_BLOCK];

	if (!json_members(block, block_names, v, N_BLOCK))
		add_text(block, mem, m, LLM_PART_TEXT);
	else if (json_is(v[TYPE], "text"))
		add_text(v[TEXT], mem, m, LLM_PART_TEXT);
	else if (json_is(v[TYPE], "thinking"))
		add_text(v[THINKING], mem, m, LLM_PART_REASONING);
	else if (json_is(v[TYPE],
			 "redacted_thinking")) /* encrypted: that it is there is all we know */
		llm_add_part(m, mem, LLM_PART_REASONING);
	else if (json_is(v[TYPE], "tool_use"))
		add_use(v, mem, m, LLM_PART_TOOL_CALL);
	else if (json_is(v[TYPE], "server_tool_use") || json_is(v[TYPE], "mcp_tool_use"))
		add_use(v, mem, m, LLM_PART_SERVER_TOOL_CALL);
	else if (json_is(v[TYPE], "tool_result"))
		add_result(v, mem, m);
	else if (slice_ends(v[TYPE], SLICE("_tool_result\"")))
		add_server_result(v, mem, m);
	else if (json_is(v[TYPE], "image"))
		add_media(v[SOURCE], mem, m, SLICE("image"));
	else if (json_is(v[TYPE], "document"))
		add_media(v[SOURCE], mem, m, SLICE("document"));
	else
		add_other(v, block, mem, m);
}

static void read_item(struct slice value, struct arena *mem, struct llm_message *m)
{
	enum { ITEM_ROLE, ITEM_CONTENT, N };
	static const char *const names[N] = { "role", "content" };
	struct slice v[N];

	json_members(value, names, v, N);
	if (json_is(v[ITEM_ROLE], "assistant"))
		m->role = LLM_ROLE_ASSISTANT;
	else if (json_is(v[ITEM_ROLE], "system"))
		m->role = LLM_ROLE_SYSTEM;
	llm_read_content(v[ITEM_CONTENT], mem, m, read_block);
	if (m->role == LLM_ROLE_USER && llm_only_results(m))
		m->role = LLM_ROLE_TOOL;
}

/* Claude Code's first block is a line of version and checksum that differs from call to call. */
static void read_system_block(struct slice block, struct arena *mem, struct llm_message *m)
{
	if (!slice_starts(json_member(block, SLICE("text")),
			  SLICE("\"x-anthropic-billing-header:")))
		read_block(block, mem, m);
}

static void read_system(struct slice value, struct arena *mem, struct llm_message *m)
{
	llm_read_content(value, mem, m, read_system_block);
}

/* --- answers --- */

static const struct json_int_field usage_fields[] = {
	{ "input_tokens", offsetof(struct llm_usage, input) },
	{ "output_tokens", offsetof(struct llm_usage, output) },
	{ "cache_read_input_tokens", offsetof(struct llm_usage, cache_read) },
	{ "cache_creation_input_tokens", offsetof(struct llm_usage, cache_write) },
	{ "cache_creation.ephemeral_5m_input_tokens", offsetof(struct llm_usage, cache_write_5m) },
	{ "cache_creation.ephemeral_1h_input_tokens", offsetof(struct llm_usage, cache_write_1h) },
	{ "output_tokens_details.thinking_tokens", offsetof(struct llm_usage, reasoning) },
	{ "server_tool_use.web_search_requests", offsetof(struct llm_usage, web_searches) },
};

/* Fast answers have a price of their own, whatever tier they were served in. */
static void read_price_rules(struct llm_work *w, struct slice usage)
{
	const bool fast = json_is(json_member(usage, SLICE("speed")), "fast");

	if (fast)
		w->call.response_tier = SLICE("fast");
	else if (!slice_eq(w->call.response_tier, SLICE("fast")))
		llm_keep_into(w, &w->call.response_tier, json_member(usage, SLICE("service_tier")));
	llm_keep_into(w, &w->call.response_geo, json_member(usage, SLICE("inference_geo")));
}

static void read_usage(struct llm_work *w, struct slice usage)
{
	struct llm_usage *u = &w->call.usage;

	if (!usage.n || usage.p[0] != '{')
		return;
	llm_read_usage(w, usage, usage_fields, ARRAY_SIZE(usage_fields));
	llm_read_cost(w, usage);
	read_price_rules(w, usage);
	*u = w->usage;
	if (u->input >= 0) {
		llm_add_count(&u->input, u->cache_read);
		llm_add_count(&u->input, u->cache_write);
	}
}

static const struct llm_word finish_words[] = {
	{ "end_turn", "stop" },	     { "stop_sequence", "stop" },
	{ "pause_turn", "stop" },    { "compaction", "stop" },
	{ "max_tokens", "length" },  { "model_context_window_exceeded", "length" },
	{ "tool_use", "tool_call" }, { "refusal", "content_filter" },
};

static void finish(struct llm_work *w, struct slice reason)
{
	llm_finish(w, &w->call.answer, reason, finish_words, ARRAY_SIZE(finish_words));
}

enum { MSG_ID, MSG_MODEL, MSG_CONTENT, MSG_STOP, MSG_USAGE, MSG_ERROR, MSG_REQUEST, N_MSG };
static const char *const msg_names[N_MSG] = { "id",    "model", "content",   "stop_reason",
					      "usage", "error", "request_id" };

static void read_head(struct llm_work *w, const struct slice v[N_MSG])
{
	if (v[MSG_CONTENT].n)
		w->answered = true;
	llm_keep_into(w, &w->call.response_id, v[MSG_ID]);
	llm_keep_into(w, &w->call.response_model, v[MSG_MODEL]);
	read_usage(w, v[MSG_USAGE]);
}

static void read_response(struct llm_work *w, struct slice body)
{
	struct slice v[N_MSG];

	json_members(body, msg_names, v, N_MSG);
	read_head(w, v);
	llm_read_content(v[MSG_CONTENT], w->call.mem, &w->call.answer, read_block);
	finish(w, v[MSG_STOP]);
	if (v[MSG_ERROR].n || w->call.http->status >= 300)
		llm_read_error(w, v[MSG_ERROR].n ? v[MSG_ERROR] : body);
	if (!w->call.request_id.n)
		w->call.request_id = llm_keep(w, v[MSG_REQUEST]);
}

/* --- streams --- */

static int block_index(struct slice data)
{
	int64_t i = 0;

	json_int64(json_member(data, SLICE("index")), &i);
	return i >= 0 && i < BLOCK_INDEX_MAX ? (int)i : 0;
}

static struct llm_part *open_block(struct llm_work *w, int index)
{
	struct llm_part *found = NULL;

	for (struct llm_part *p = w->call.answer.parts; p; p = p->next)
		if (p->index == index)
			found = p;
	return found;
}

static void on_message_start(struct llm_work *w, struct slice data)
{
	const struct slice message = json_member(data, SLICE("message"));
	struct slice v[N_MSG];

	json_members(message, msg_names, v, N_MSG);
	w->answered = true;
	read_head(w, v);
	/* One to seven tokens that are not there yet: real only if nothing else is told. */
	w->held_output = w->usage.output;
	w->usage.output = w->call.usage.output = LLM_UNKNOWN;
}

static void on_block_start(struct llm_work *w, struct slice data)
{
	const struct slice block =
		arena_copy(w->call.mem, json_member(data, SLICE("content_block")));
	struct llm_message one = { 0 };
	struct llm_part *p, *from;

	read_block(block, w->call.mem, &one);
	from = one.parts;
	if (!from)
		return;
	p = llm_new_part_at(w, &w->call.answer, from->type, block_index(data));
	if (!p)
		return;
	p->id = from->id;
	p->name = from->name;
	p->text = from->text;
	p->is_json = from->is_json;
	p->is_error = from->is_error;
	if (p->name.n || p->text.n)
		llm_touch(w, p);
}

/* Arguments come as pieces of JSON text; until the first one the block holds {}. */
static void add_arguments(struct llm_work *w, struct llm_part *p, struct slice piece)
{
	if (piece.n <= 2)
		return;
	if (!p->joined)
		p->text = (struct buf){ 0 };
	p->joined = true;
	llm_add_text(w, p, piece);
}

static void on_block_delta(struct llm_work *w, struct slice data)
{
	enum { D_TYPE, D_TEXT, D_THINKING, D_JSON, D_CONTENT, N };
	static const char *const names[N] = { "type", "text", "thinking", "partial_json",
					      "content" };
	struct llm_part *p = open_block(w, block_index(data));
	struct slice v[N];

	json_members(json_member(data, SLICE("delta")), names, v, N);
	/* The block's start may have been lost. */
	if (!p && (v[D_TEXT].n || v[D_THINKING].n || v[D_JSON].n))
		p = llm_new_part_at(w, &w->call.answer,
				    v[D_TEXT].n	      ? LLM_PART_TEXT
				    : v[D_THINKING].n ? LLM_PART_REASONING
						      : LLM_PART_TOOL_CALL,
				    block_index(data));
	if (!p)
		return;
	if (v[D_JSON].n) {
		p->is_json = true;
		add_arguments(w, p, v[D_JSON]);
	} else {
		llm_add_text(w, p, v[D_TEXT].n ? v[D_TEXT] : v[D_THINKING]);
	}
}

static void on_block_stop(struct llm_work *w, struct slice data)
{
	struct llm_part *p = open_block(w, block_index(data));

	if (!p)
		return;
	p->whole = true;
	if (p->start_ns)
		p->end_ns = w->now_ns;
}

static void on_message_delta(struct llm_work *w, struct slice data)
{
	finish(w, json_find(data, "delta.stop_reason"));
	read_usage(w, json_member(data, SLICE("usage")));
}

static void on_message_stop(struct llm_work *w, struct slice data)
{
	(void)data;
	if (w->call.usage.output == LLM_UNKNOWN)
		w->usage.output = w->call.usage.output = w->held_output;
	w->call.done = true;
}

static void on_error(struct llm_work *w, struct slice data)
{
	const struct slice error = json_member(data, SLICE("error"));

	llm_read_error(w, error.n ? error : data);
	if (!w->call.request_id.n)
		w->call.request_id = llm_keep(w, json_member(data, SLICE("request_id")));
}

static const struct llm_reader events[] = {
	{ "content_block_delta", on_block_delta },
	{ "content_block_start", on_block_start },
	{ "content_block_stop", on_block_stop },
	{ "message_start", on_message_start },
	{ "message_delta", on_message_delta },
	{ "message_stop", on_message_stop },
	{ "error", on_error },
};

static void read_event(struct llm_work *w, const struct frame *f)
{
	llm_read_by_type(w, llm_event_type(f, SLICE("type")), f->data, events, ARRAY_SIZE(events));
}

static bool answers(struct slice object)
{
	const struct slice type = json_member(object, SLICE("type"));

	return json_is(type, "message") || json_is(type, "message_start");
}

static const char *const paths[] = { "/v1/messages", NULL };
static const char *const weak_paths[] = { "/messages", NULL };

const struct llm_format llm_anthropic = {
	.name = "anthropic.messages",
	.provider = "anthropic",
	.paths = paths,
	.weak_paths = weak_paths,
	.needs_model = true,
	.shape = shape,
	.said = llm_assistant_said,
	.request = read_request,
	.item = read_item,
	.system = read_system,
	.answers = answers,
	.response = read_response,
	.event = read_event,
};
