/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cohere Chat, version 2: POST /v2/chat. Messages are nearly those of OpenAI's Chat Completions; a
 * stream is SSE whose events have a "type".
 *
 * "billed_units" is what counts. "tokens" has what the model really read, with Cohere's own prompt
 * around it, and "cached_tokens" is a part of that: no part of what is billed, so it is left out.
 *
 * https://docs.cohere.com/v2/reference/chat
 */
#include "llm/cohere.h"
#include "llm/openai_chat.h"

#define AT_CONTENT	1
#define AT_CALLS	(1 << 21)
#define BLOCK_INDEX_MAX (1 << 20)

/* --- requests --- */

static const struct llm_field request_fields[] = {
	LLM_FIELD("model", LLM_FIELD_TEXT, call.request_model),
	LLM_FIELD("messages", LLM_FIELD_RAW, messages),
	LLM_FIELD("tools", LLM_FIELD_RAW, call.tools),
	LLM_FIELD("max_tokens", LLM_FIELD_INT, call.max_tokens),
	LLM_FIELD("temperature", LLM_FIELD_DOUBLE, call.temperature),
	LLM_FIELD("p", LLM_FIELD_DOUBLE, call.top_p),
	LLM_FIELD("k", LLM_FIELD_DOUBLE, call.top_k),
	LLM_FIELD("frequency_penalty", LLM_FIELD_DOUBLE, call.frequency_penalty),
	LLM_FIELD("presence_penalty", LLM_FIELD_DOUBLE, call.presence_penalty),
	LLM_FIELD("seed", LLM_FIELD_INT, call.seed),
	LLM_FIELD("stop_sequences", LLM_FIELD_RAW, call.stop),
	LLM_FIELD("response_format.type", LLM_FIELD_TEXT, call.output_format),
	LLM_FIELD("stream", LLM_FIELD_BOOL, call.stream_requested),
};

static void read_request(struct llm_work *w)
{
	llm_read_fields(w, request_fields, ARRAY_SIZE(request_fields));
	llm_read_items(w);
	w->call.tool_count = llm_count_tools(w->call.tools);
}

static bool shape(const struct llm_keys *k)
{
	struct json_iter it;

	return k->hint == &llm_cohere_chat && k->model.n && json_array(k->messages, &it);
}

/* What the model plans to do with tools is thought, not said. */
static void add_plan(struct slice message, struct arena *mem, struct llm_message *m)
{
	const struct slice plan = json_text(json_member(message, SLICE("tool_plan")), mem);

	if (plan.n)
		llm_add_text_part(m, mem, LLM_PART_REASONING, plan);
}

static void read_item(struct slice value, struct arena *mem, struct llm_message *m)
{
	add_plan(value, mem, m);
	llm_read_chat_item(value, mem, m);
}

/* --- answers --- */

void llm_read_cohere_usage(struct llm_work *w, struct slice usage)
{
	static const struct json_int_field billed_fields[] = {
		{ "input_tokens", offsetof(struct llm_usage, input) },
		{ "output_tokens", offsetof(struct llm_usage, output) },
		{ "image_tokens", offsetof(struct llm_usage, input_image) },
		{ "search_units", offsetof(struct llm_usage, search_units) },
	};
	const struct slice billed = json_member(usage, SLICE("billed_units"));

	if (!usage.n || usage.p[0] != '{')
		return;
	if (billed.n && billed.p[0] == '{')
		llm_read_usage(w, billed, billed_fields, ARRAY_SIZE(billed_fields));
	else
		llm_read_usage(w, json_member(usage, SLICE("tokens")), billed_fields, 2);
	w->call.usage = w->usage;
	if (w->usage.input >= 0)
		llm_add_count(&w->call.usage.input, w->usage.input_image);
	else
		w->call.usage.input = w->usage.input_image;
}

void llm_cohere_finish(struct llm_work *w, struct slice reason)
{
	static const struct llm_word words[] = {
		{ "COMPLETE", "stop" },	      { "STOP_SEQUENCE", "stop" },
		{ "MAX_TOKENS", "length" },   { "ERROR_LIMIT", "length" },
		{ "TOOL_CALL", "tool_call" }, { "ERROR_TOXIC", "content_filter" },
		{ "ERROR", "error" },	      { "TIMEOUT", "error" },
		{ "USER_CANCEL", "stop" },
	};

	llm_finish(w, &w->call.answer, reason, words, ARRAY_SIZE(words));
}

static void read_response(struct llm_work *w, struct slice body)
{
	enum { ID, MESSAGE, FINISH, USAGE, META, N };
	static const char *const names[N] = { "id", "message", "finish_reason", "usage", "meta" };
	struct slice v[N];

	json_members(body, names, v, N);
	llm_keep_into(w, &w->call.response_id, v[ID]);
	if (v[MESSAGE].n && v[MESSAGE].p[0] == '{') {
		w->answered = true;
		add_plan(v[MESSAGE], w->call.mem, &w->call.answer);
		llm_read_chat_answer(v[MESSAGE], w->call.mem, &w->call.answer);
	}
	llm_cohere_finish(w, v[FINISH]);
	llm_read_cohere_usage(w, v[USAGE].n ? v[USAGE] : v[META]);
	if (w->call.http->status >= 300)
		llm_read_error(w, body);
}

/* --- streams --- */

static int index_of(struct slice data)
{
	int64_t i = 0;

	json_int64(json_member(data, SLICE("index")), &i);
	return i >= 0 && i < BLOCK_INDEX_MAX ? (int)i : 0;
}

static void on_start(struct llm_work *w, struct slice data)
{
	w->answered = true;
	llm_keep_into(w, &w->call.response_id, json_member(data, SLICE("id")));
}

static void on_content(struct llm_work *w, struct slice data)
{
	enum { TEXT, THINKING, N };
	static const char *const names[N] = { "text", "thinking" };
	const int at = AT_CONTENT + index_of(data);
	struct llm_message *m = &w->call.answer;
	struct slice v[N];

	json_members(json_find(data, "delta.message.content"), names, v, N);
	if (v[THINKING].n > 2)
		llm_add_text(w, llm_part_at(w, m, LLM_PART_REASONING, at), v[THINKING]);
	if (v[TEXT].n > 2)
		llm_add_text(w, llm_part_at(w, m, LLM_PART_TEXT, at), v[TEXT]);
}

static void on_plan(struct llm_work *w, struct slice data)
{
	llm_add_text(w, llm_part_at(w, &w->call.answer, LLM_PART_REASONING, 0),
		     json_find(data, "delta.message.tool_plan"));
}

static void on_call(struct llm_work *w, struct slice data)
{
	const struct slice call = json_find(data, "delta.message.tool_calls");
	struct llm_part *p =
		llm_part_at(w, &w->call.answer, LLM_PART_TOOL_CALL, AT_CALLS + index_of(data));

	if (!p)
		return;
	p->is_json = true;
	llm_keep_into(w, &p->id, json_member(call, SLICE("id")));
	llm_keep_into(w, &p->name, json_find(call, "function.name"));
	llm_touch(w, p);
	llm_add_text(w, p, json_find(call, "function.arguments"));
}

static void on_end(struct llm_work *w, struct slice data)
{
	const struct slice delta = json_member(data, SLICE("delta"));

	llm_keep_into(w, &w->call.response_id, json_member(data, SLICE("id")));
	llm_cohere_finish(w, json_member(delta, SLICE("finish_reason")));
	llm_read_cohere_usage(w, json_member(delta, SLICE("usage")));
	llm_read_error(w, json_member(delta, SLICE("error")));
	w->call.done = true;
}

static const struct llm_reader events[] = {
	{ "content-delta", on_content }, { "content-start", on_content },
	{ "tool-call-delta", on_call },	 { "tool-call-start", on_call },
	{ "tool-plan-delta", on_plan },	 { "message-start", on_start },
	{ "message-end", on_end },
};

static void read_event(struct llm_work *w, const struct frame *f)
{
	llm_read_by_type(w, llm_event_type(f, SLICE("type")), f->data, events, ARRAY_SIZE(events));
}

static bool answers(struct slice object)
{
	enum { TYPE, FINISH, MESSAGE, N };
	static const char *const names[N] = { "type", "finish_reason", "message" };
	struct slice v[N];

	json_members(object, names, v, N);
	return json_is(v[TYPE], "message-start") ||
	       (v[FINISH].n && v[MESSAGE].n && v[MESSAGE].p[0] == '{');
}

static const char *const paths[] = { "/v2/chat", NULL };

const struct llm_format llm_cohere_chat = {
	.name = "cohere.chat",
	.provider = "cohere",
	.paths = paths,
	.needs_model = true,
	.shape = shape,
	.said = llm_assistant_said,
	.request = read_request,
	.item = read_item,
	.system = read_item,
	.answers = answers,
	.response = read_response,
	.event = read_event,
	.framing = &framing_sse,
};
