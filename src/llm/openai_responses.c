/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenAI Responses: POST .../responses, as JSON or as a stream.
 *
 * A stream adds items (response.output_item.added), fills them with deltas and repeats each when it
 * is done; the last event repeats the whole response with its usage. So deltas are what makes the
 * answer visible while it comes, and what the repetitions say is what counts: whatever was lost in
 * between is mended from them.
 *
 * https://platform.openai.com/docs/api-reference/responses
 */
#include "llm/openai_items.h"

#define ITEM_BITS   12 /* of a part's index: its place within its item */
#define ITEM_MAX    (1 << 18)
#define SCRATCH_MAX (32u << 20)

/* --- requests --- */

static const struct llm_field request_fields[] = {
	LLM_FIELD("model", LLM_FIELD_TEXT, call.request_model),
	LLM_FIELD("input", LLM_FIELD_RAW, messages),
	LLM_FIELD("instructions", LLM_FIELD_RAW, call.system),
	LLM_FIELD("tools", LLM_FIELD_RAW, call.tools),
	LLM_FIELD("previous_response_id", LLM_FIELD_TEXT, call.previous_response_id),
	LLM_FIELD("conversation", LLM_FIELD_TEXT, call.conversation_id),
	LLM_FIELD("conversation.id", LLM_FIELD_TEXT, call.conversation_id),
	LLM_FIELD("max_output_tokens", LLM_FIELD_INT, call.max_tokens),
	LLM_FIELD("temperature", LLM_FIELD_DOUBLE, call.temperature),
	LLM_FIELD("top_p", LLM_FIELD_DOUBLE, call.top_p),
	LLM_FIELD("text.format.type", LLM_FIELD_TEXT, call.output_format),
	LLM_FIELD("stream", LLM_FIELD_BOOL, call.stream_requested),
	LLM_FIELD("service_tier", LLM_FIELD_TEXT, call.service_tier),
	LLM_FIELD("reasoning.effort", LLM_FIELD_TEXT, call.reasoning_effort),
	LLM_FIELD("user", LLM_FIELD_TEXT, call.user_id),
	LLM_FIELD("safety_identifier", LLM_FIELD_TEXT, call.user_id),
	LLM_FIELD("prompt_cache_key", LLM_FIELD_TEXT, call.cache_key),
	LLM_FIELD("client_metadata", LLM_FIELD_RAW, call.metadata),
	LLM_FIELD("metadata", LLM_FIELD_RAW, call.metadata),
};

static void read_request(struct llm_work *w)
{
	llm_read_fields(w, request_fields, ARRAY_SIZE(request_fields));
	llm_read_items(w);
	w->call.tool_count = llm_count_tools(w->call.tools);
}

/* Embeddings have model and input too, but their input is texts or numbers. */
static bool has_items(struct slice input)
{
	struct json_iter it;
	struct slice first;

	return json_array(input, &it) && json_next(&it, &first) &&
	       json_member(first, SLICE("role")).n;
}

static bool shape(const struct llm_keys *k)
{
	return k->model.n && k->input.n && !k->messages.n &&
	       (k->hint == &llm_openai_responses || k->instructions.n ||
		k->previous_response_id.n || k->store.n || has_items(k->input));
}

/* --- the response object --- */

static const struct json_int_field usage_fields[] = {
	{ "input_tokens", offsetof(struct llm_usage, input) },
	{ "output_tokens", offsetof(struct llm_usage, output) },
	{ "total_tokens", offsetof(struct llm_usage, provider_total) },
	{ "input_tokens_details.cached_tokens", offsetof(struct llm_usage, cache_read) },
	{ "input_tokens_details.cache_write_tokens", offsetof(struct llm_usage, cache_write) },
	{ "output_tokens_details.reasoning_tokens", offsetof(struct llm_usage, reasoning) },
};

static const struct llm_word finish_words[] = {
	{ "completed", "stop" },
	{ "max_output_tokens", "length" },
	{ "content_filter", "content_filter" },
	{ "failed", "error" },
	{ "cancelled", "error" },
};

enum { ID, MODEL, STATUS, OUTPUT, USAGE, ERROR, INCOMPLETE, TIER, N };
static const char *const names[N] = {
	"id", "model", "status", "output", "usage", "error", "incomplete_details", "service_tier",
};

static void read_usage(struct llm_work *w, struct slice usage)
{
	if (!usage.n || usage.p[0] != '{')
		return;
	llm_read_usage(w, usage, usage_fields, ARRAY_SIZE(usage_fields));
	llm_read_cost(w, usage);
	llm_inclusive_usage(w);
}

static void read_status(struct llm_work *w, const struct slice v[N])
{
	struct slice reason = v[STATUS];

	if (json_is(reason, "incomplete"))
		reason = json_member(v[INCOMPLETE], SLICE("reason"));
	/* A response that runs in the background has not finished. */
	if (!json_is(reason, "in_progress") && !json_is(reason, "queued"))
		llm_finish(w, &w->call.answer, reason.n ? reason : v[STATUS], finish_words,
			   ARRAY_SIZE(finish_words));
}

static void read_head(struct llm_work *w, const struct slice v[N])
{
	if (v[ID].n && (v[STATUS].n || v[OUTPUT].n)) /* what compacts has no status */
		w->answered = true;
	llm_keep_into(w, &w->call.response_id, v[ID]);
	llm_keep_into(w, &w->call.response_model, v[MODEL]);
	llm_keep_into(w, &w->call.response_tier, v[TIER]);
	read_usage(w, v[USAGE]);
	read_status(w, v);
	llm_read_error(w, v[ERROR]);
}

/* OpenAI bills web searches one by one, but does not count them. */
static void count_searches(struct llm_work *w)
{
	int64_t n = 0;

	for (const struct llm_part *p = w->call.answer.parts; p; p = p->next)
		n += p->type == LLM_PART_SERVER_TOOL_CALL && slice_eq(p->name, SLICE("web_search"));
	if (n)
		w->usage.web_searches = w->call.usage.web_searches = n;
}

static void read_response(struct llm_work *w, struct slice body)
{
	struct slice v[N], item;
	struct json_iter it;

	json_members(body, names, v, N);
	read_head(w, v);
	llm_read_credits(w, body);
	if (w->call.http->status >= 300 && !v[ERROR].n)
		llm_read_error(w, body);
	if (json_array(v[OUTPUT], &it))
		while (json_next(&it, &item))
			llm_read_openai_item(item, w->call.mem, &w->call.answer);
	w->call.answer.role = LLM_ROLE_ASSISTANT;
	count_searches(w);
}

/* --- streams --- */

static int place(int64_t output_index, int64_t within)
{
	if (output_index < 0 || output_index >= ITEM_MAX)
		output_index = 0;
	if (within < 0 || within >= 1 << ITEM_BITS)
		within = 0;
	return (int)(output_index << ITEM_BITS | within);
}

static int64_t number(struct slice data, struct slice member)
{
	int64_t n = 0;

	json_int64(json_member(data, member), &n);
	return n;
}

static void replace_text(struct llm_work *w, struct llm_part *p, const struct llm_part *by)
{
	const struct slice text = buf_slice(&by->text);

	if (!text.n || slice_eq(buf_slice(&p->text), text))
		return;
	p->text = llm_lend(arena_copy(w->call.mem, text));
}

/* What an item says of itself completes or corrects what its deltas said. @whole: it has ended. */
static void settle_part(struct llm_work *w, const struct llm_part *by, int at, bool whole)
{
	struct llm_part *p = llm_part_at(w, &w->call.answer, by->type, at);

	if (!p)
		return;
	if (!p->id.n)
		p->id = arena_copy(w->call.mem, by->id);
	if (!p->name.n)
		p->name = arena_copy(w->call.mem, by->name);
	p->is_json = by->is_json;
	p->is_error = by->is_error;
	p->size = by->size;
	llm_keep_data(w->call.mem, p, by->data);
	p->whole |= whole;
	replace_text(w, p, by);
	if (!p->start_ns && (p->text.n || p->name.n))
		llm_touch(w, p);
}

static void settle_item(struct llm_work *w, int64_t output_index, struct slice item, bool whole)
{
	_cleanup_(arena_freep) struct arena *scratch = arena_new(SCRATCH_MAX);
	struct llm_message m = { 0 };

	if (!scratch || !item.n)
		return;
	llm_read_openai_item(item, scratch, &m);
	for (const struct llm_part *p = m.parts; p; p = p->next)
		settle_part(w, p, place(output_index, p->index), whole);
}

static void on_item(struct llm_work *w, struct slice data)
{
	settle_item(w, number(data, SLICE("output_index")), json_member(data, SLICE("item")),
		    false);
}

static void on_item_done(struct llm_work *w, struct slice data)
{
	settle_item(w, number(data, SLICE("output_index")), json_member(data, SLICE("item")), true);
}

/* Any event that holds the response: created, in_progress, completed, incomplete, failed. */
static void on_response(struct llm_work *w, struct slice data)
{
	struct slice v[N], item;
	struct json_iter it;
	int64_t i = 0;

	json_members(json_member(data, SLICE("response")), names, v, N);
	read_head(w, v);
	llm_read_credits(w, data);
	if (json_array(v[OUTPUT], &it))
		while (json_next(&it, &item))
			settle_item(w, i++, item, false);
	count_searches(w);
}

static void on_end(struct llm_work *w, struct slice data)
{
	on_response(w, data);
	w->call.done = true;
}

static void on_error(struct llm_work *w, struct slice data)
{
	const struct slice error = json_member(data, SLICE("error"));

	llm_read_error(w, error.n && error.p[0] == '{' ? error : data);
}

static const struct llm_reader events[] = {
	{ "response.output_item.added", on_item }, { "response.output_item.done", on_item_done },
	{ "response.created", on_response },	   { "response.queued", on_response },
	{ "response.in_progress", on_response },   { "response.completed", on_end },
	{ "response.incomplete", on_end },	   { "response.failed", on_end },
	{ "response.cancelled", on_end },	   { "error", on_error },
};

/* Pieces of text, and where in its item each goes. */
static const struct {
	const char *type, *within;
	enum llm_part_type part;
	int base;
} deltas[] = {
	{ "response.output_text.delta", "content_index", LLM_PART_TEXT, 0 },
	{ "response.function_call_arguments.delta", "", LLM_PART_TOOL_CALL, 0 },
	{ "response.reasoning_summary_text.delta", "summary_index", LLM_PART_REASONING, 0 },
	{ "response.reasoning_text.delta", "content_index", LLM_PART_REASONING, OPENAI_THOUGHTS },
	{ "response.custom_tool_call_input.delta", "", LLM_PART_TOOL_CALL, 0 },
	{ "response.refusal.delta", "content_index", LLM_PART_REFUSAL, 0 },
	{ "response.mcp_call_arguments.delta", "", LLM_PART_SERVER_TOOL_CALL, 0 },
	{ "response.code_interpreter_call_code.delta", "", LLM_PART_SERVER_TOOL_CALL, 0 },
};

static bool read_delta(struct llm_work *w, struct slice type, struct slice data)
{
	for (size_t i = 0; i < ARRAY_SIZE(deltas); i++) {
		int at;

		if (!slice_eq(type, slice_of(deltas[i].type)))
			continue;
		at = place(number(data, SLICE("output_index")),
			   deltas[i].base + number(data, slice_of(deltas[i].within)));
		w->answered = true;
		llm_add_text(w, llm_part_at(w, &w->call.answer, deltas[i].part, at),
			     json_member(data, SLICE("delta")));
		return true;
	}
	return false;
}

/* web_search_call.searching, mcp_call.completed ...: when a tool of the server's ran. */
static void note_time(struct llm_work *w, struct slice data)
{
	const struct slice output_index = json_member(data, SLICE("output_index"));
	int64_t i;

	if (!json_int64(output_index, &i))
		return;
	for (struct llm_part *p = w->call.answer.parts; p; p = p->next)
		if (p->type == LLM_PART_SERVER_TOOL_CALL && p->index == place(i, 0))
			llm_touch(w, p);
}

void llm_read_openai_event(struct llm_work *w, struct slice type, struct slice data)
{
	if (read_delta(w, type, data))
		return;
	if (!llm_read_by_type(w, type, data, events, ARRAY_SIZE(events)))
		note_time(w, data);
}

static void read_event(struct llm_work *w, const struct frame *f)
{
	const struct slice type = llm_event_type(f, SLICE("type"));

	if (!type.n && json_member(f->data, SLICE("error")).n)
		on_error(w, f->data);
	else
		llm_read_openai_event(w, type, f->data);
}

static bool answers(struct slice object)
{
	const struct slice kind = json_member(object, SLICE("object"));

	return json_is(kind, "response") || json_is(kind, "response.compaction") ||
	       slice_starts(json_member(object, SLICE("type")), SLICE("\"response."));
}

/* /responses/{id}: asked for until it is there, or streamed once more. */
static bool fetches(struct slice path)
{
	struct slice id = slice_base(path);

	path.n -= id.n;
	return id.n && slice_ends(path, SLICE("/responses/"));
}

static const char *const paths[] = { "/v1/responses", "/responses/compact", NULL };
static const char *const weak_paths[] = { "/responses", NULL };

const struct llm_format llm_openai_responses = {
	.name = "openai.responses",
	.provider = "openai",
	.paths = paths,
	.weak_paths = weak_paths,
	.fetches = fetches,
	.needs_model = true,
	.shape = shape,
	.said = llm_openai_item_said,
	.request = read_request,
	.item = llm_read_openai_item,
	.system = llm_read_openai_content,
	.answers = answers,
	.response = read_response,
	.event = read_event,
};
