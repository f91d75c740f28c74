/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cohere Chat, version 1: POST /v1/chat, and Command R's body in Bedrock's InvokeModel. What is
 * asked is "message", what was said before "chat_history"; tool calls have no ids.
 *
 * A stream is JSON lines (or SSE) of objects with an "event_type"; the last repeats the whole
 * answer.
 *
 * https://docs.cohere.com/v1/reference/chat
 */
#include "llm/cohere.h"

enum { AT_TEXT, AT_CALLS };

/* --- requests --- */

static const struct llm_field request_fields[] = {
	LLM_FIELD("model", LLM_FIELD_TEXT, call.request_model),
	LLM_FIELD("chat_history", LLM_FIELD_RAW, messages),
	LLM_FIELD("preamble", LLM_FIELD_RAW, call.system),
	LLM_FIELD("preamble_override", LLM_FIELD_RAW, call.system),
	LLM_FIELD("tools", LLM_FIELD_RAW, call.tools),
	LLM_FIELD("conversation_id", LLM_FIELD_TEXT, call.conversation_id),
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
	enum { MESSAGE, RESULTS, N };
	static const char *const names[N] = { "message", "tool_results" };
	struct slice v[N];

	llm_read_fields(w, request_fields, ARRAY_SIZE(request_fields));
	llm_read_items(w);
	json_members(w->call.body, names, v, N);
	if (v[MESSAGE].n > 2) {
		w->messages = v[MESSAGE];
		llm_read_items(w);
	}
	w->messages = v[RESULTS];
	llm_read_items(w);
	w->call.tool_count = llm_count_tools(w->call.tools);
}

static bool shape(const struct llm_keys *k)
{
	enum { MESSAGE, HISTORY, PREAMBLE, CONNECTORS, N };
	static const char *const names[N] = { "message", "chat_history", "preamble", "connectors" };
	struct slice v[N];

	return json_members(k->body, names, v, N) && v[MESSAGE].n &&
	       (v[HISTORY].n || v[PREAMBLE].n || v[CONNECTORS].n ||
		(k->hint == &llm_cohere_chat_v1 && k->model.n)) &&
	       !k->messages.n;
}

static bool said(struct slice item)
{
	return json_is(json_member(item, SLICE("role")), "CHATBOT");
}

static void add_call(struct slice call, struct arena *mem, struct llm_message *m)
{
	struct llm_part *p = llm_add_json_part(m, mem, LLM_PART_TOOL_CALL,
					       json_member(call, SLICE("parameters")));

	if (p)
		p->name = json_text(json_member(call, SLICE("name")), mem);
}

static void add_calls(struct slice list, struct arena *mem, struct llm_message *m)
{
	struct json_iter it;
	struct slice call;

	if (json_array(list, &it))
		while (json_next(&it, &call))
			add_call(call, mem, m);
}

/* {"call":{...},"outputs":[...]} */
static void add_result(struct slice value, struct arena *mem, struct llm_message *m)
{
	struct llm_part *p = llm_add_json_part(m, mem, LLM_PART_TOOL_RESULT,
					       json_member(value, SLICE("outputs")));

	m->role = LLM_ROLE_TOOL;
	if (p)
		p->name = json_text(json_find(value, "call.name"), mem);
}

static void add_text(struct slice value, struct arena *mem, struct llm_message *m)
{
	const struct slice text = json_text(value, mem);

	if (text.n)
		llm_add_text_part(m, mem, LLM_PART_TEXT, text);
}

static void read_item(struct slice value, struct arena *mem, struct llm_message *m)
{
	enum { ROLE, MESSAGE, CALLS, RESULTS, CALL, N };
	static const char *const names[N] = { "role", "message", "tool_calls", "tool_results",
					      "call" };
	struct slice v[N], result;
	struct json_iter it;

	if (!json_members(value, names, v, N)) {
		add_text(value, mem, m);
		return;
	}
	if (v[CALL].n)
		add_result(value, mem, m);
	if (json_is(v[ROLE], "CHATBOT"))
		m->role = LLM_ROLE_ASSISTANT;
	else if (json_is(v[ROLE], "SYSTEM"))
		m->role = LLM_ROLE_SYSTEM;
	add_text(v[MESSAGE], mem, m);
	add_calls(v[CALLS], mem, m);
	if (json_array(v[RESULTS], &it))
		while (json_next(&it, &result))
			add_result(result, mem, m);
}

/* --- answers --- */

enum { ID, ID2, TEXT, CALLS, FINISH, META, N_ANSWER };
static const char *const answer_names[N_ANSWER] = { "response_id", "generation_id", "text",
						    "tool_calls",  "finish_reason", "meta" };

/* An answer, or what the last event repeats of it: text and calls only where none came. */
static void read_whole(struct llm_work *w, struct slice object)
{
	struct llm_message *m = &w->call.answer;
	struct slice v[N_ANSWER], call;
	struct json_iter it;

	if (!json_members(object, answer_names, v, N_ANSWER))
		return;
	if (v[TEXT].n || v[CALLS].n)
		w->answered = true;
	llm_keep_into(w, &w->call.response_id, v[ID].n > 2 ? v[ID] : v[ID2]);
	if (!llm_has_part(m, LLM_PART_TEXT) && v[TEXT].n > 2)
		llm_add_text(w, llm_part_at(w, m, LLM_PART_TEXT, AT_TEXT), v[TEXT]);
	llm_cohere_finish(w, v[FINISH]);
	llm_read_cohere_usage(w, v[META]);
	if (llm_has_part(m, LLM_PART_TOOL_CALL) || !json_array(v[CALLS], &it))
		return;
	while (json_next(&it, &call)) {
		struct llm_part *p = llm_new_part_at(w, m, LLM_PART_TOOL_CALL, AT_CALLS);

		if (!p)
			return;
		p->is_json = true;
		p->name = llm_keep(w, json_member(call, SLICE("name")));
		arena_add(w->call.mem, &p->text, json_member(call, SLICE("parameters")));
		llm_touch(w, p);
	}
}

static void read_response(struct llm_work *w, struct slice body)
{
	read_whole(w, body);
	if (w->call.http->status >= 300)
		llm_read_error(w, body);
}

static void on_start(struct llm_work *w, struct slice data)
{
	w->answered = true;
	llm_keep_into(w, &w->call.response_id, json_member(data, SLICE("generation_id")));
}

static void on_text(struct llm_work *w, struct slice data)
{
	llm_add_text(w, llm_part_at(w, &w->call.answer, LLM_PART_TEXT, AT_TEXT),
		     json_member(data, SLICE("text")));
}

static void on_end(struct llm_work *w, struct slice data)
{
	read_whole(w, json_member(data, SLICE("response")));
	llm_cohere_finish(w, json_member(data, SLICE("finish_reason")));
	llm_read_error(w, json_member(data, SLICE("error")));
	w->call.done = true;
}

static const struct llm_reader events[] = {
	{ "text-generation", on_text },
	{ "stream-start", on_start },
	{ "tool-calls-generation", read_whole },
	{ "stream-end", on_end },
};

static void read_event(struct llm_work *w, const struct frame *f)
{
	const struct slice type = llm_event_type(f, SLICE("event_type"));

	llm_read_by_type(w, type, f->data, events, ARRAY_SIZE(events));
	if (!type.n)
		llm_read_error(w, json_member(f->data, SLICE("message")));
}

static bool answers(struct slice object)
{
	enum { EVENT, GENERATION, TEXT_, N };
	static const char *const names[N] = { "event_type", "generation_id", "text" };
	struct slice v[N];

	json_members(object, names, v, N);
	return v[EVENT].n || (v[GENERATION].n && v[TEXT_].n);
}

static const char *const weak_paths[] = { "/v1/chat", NULL };

const struct llm_format llm_cohere_chat_v1 = {
	.own_paths = true,
	.name = "cohere.chat_v1",
	.provider = "cohere",
	.weak_paths = weak_paths,
	.shape = shape,
	.said = said,
	.request = read_request,
	.item = read_item,
	.system = read_item,
	.answers = answers,
	.response = read_response,
	.event = read_event,
	.framing = &framing_lines,
};
