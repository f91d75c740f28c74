/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mistral's Conversations: POST /v1/conversations, /v1/conversations/{id} and .../restart. The
 * server keeps what was said: a request holds new inputs only, an answer is a list of entries.
 *
 * connector_tokens are prompts that Mistral's own tools made; they are outside of prompt_tokens.
 *
 * https://docs.mistral.ai/agents/agents
 */
#include "llm/openai_chat.h"

#define ENTRY_MAX (1 << 20)

/* --- requests --- */

static const struct llm_field request_fields[] = {
	LLM_FIELD("model", LLM_FIELD_TEXT, call.request_model),
	LLM_FIELD("inputs", LLM_FIELD_RAW, messages),
	LLM_FIELD("instructions", LLM_FIELD_RAW, call.system),
	LLM_FIELD("tools", LLM_FIELD_RAW, call.tools),
	LLM_FIELD("stream", LLM_FIELD_BOOL, call.stream_requested),
	LLM_FIELD("completion_args.max_tokens", LLM_FIELD_INT, call.max_tokens),
	LLM_FIELD("completion_args.temperature", LLM_FIELD_DOUBLE, call.temperature),
	LLM_FIELD("completion_args.top_p", LLM_FIELD_DOUBLE, call.top_p),
	LLM_FIELD("completion_args.random_seed", LLM_FIELD_INT, call.seed),
	LLM_FIELD("completion_args.stop", LLM_FIELD_RAW, call.stop),
	LLM_FIELD("completion_args.response_format.type", LLM_FIELD_TEXT, call.output_format),
};

/* The word behind "/conversations/", which names the conversation. */
static struct slice conversation_of(struct slice path)
{
	const struct slice word = SLICE("/conversations/");
	const char *at = memmem(path.p, path.n, word.p, word.n);
	struct slice id = { 0 }, rest;

	if (!at)
		return id;
	id = slice_from(path, (size_t)(at - path.p) + word.n);
	slice_cut(id, '?', &id, &rest);
	slice_cut(id, '/', &id, &rest);
	slice_cut(id, '#', &id, &rest); /* Mistral's own SDK marks a stream so */
	return id;
}

/* OpenAI's conversations have such paths and hold no "inputs". */
static void read_request(struct llm_work *w)
{
	llm_read_fields(w, request_fields, ARRAY_SIZE(request_fields));
	w->no_call = !w->messages.n && (strcmp(w->call.provider, "mistral_ai") != 0 ||
					json_valid(slice_trim(w->call.body)));
	llm_read_items(w);
	w->call.tool_count = llm_count_tools(w->call.tools);
	w->call.conversation_id = conversation_of(w->call.http->path);
	llm_add_extra_text(w, "gen_ai.agent.id",
			   llm_keep(w, json_member(w->call.body, SLICE("agent_id"))));
}

static bool has_path(struct slice path, bool *ret_weak)
{
	*ret_weak = true;
	return slice_ends(path, SLICE("/v1/conversations")) ||
	       (slice_has(path, SLICE("/v1/conversations/")) && !slice_ends(path, SLICE("/items")));
}

static bool shape(const struct llm_keys *k)
{
	return k->hint == &llm_mistral_conversations && json_member(k->body, SLICE("inputs")).n > 0;
}

enum { TYPE, ROLE, CONTENT, CALL_ID, NAME, ARGUMENTS, RESULT, N_ENTRY };
static const char *const entry_names[N_ENTRY] = { "type", "role",      "content", "tool_call_id",
						  "name", "arguments", "result" };

static bool said(struct slice item)
{
	struct slice v[N_ENTRY];

	if (!json_members(item, entry_names, v, N_ENTRY))
		return false;
	return json_is(v[ROLE], "assistant") || json_is(v[TYPE], "function.call") ||
	       json_is(v[TYPE], "tool.execution") || json_is(v[TYPE], "agent.handoff");
}

static void add_call(const struct slice v[N_ENTRY], struct arena *mem, struct llm_message *m,
		     enum llm_part_type type)
{
	const struct slice arguments = v[ARGUMENTS].n && v[ARGUMENTS].p[0] == '"'
					       ? json_text(v[ARGUMENTS], mem)
					       : v[ARGUMENTS];
	struct llm_part *p = llm_add_json_part(m, mem, type, arguments);

	if (!p)
		return;
	p->id = json_text(v[CALL_ID], mem);
	p->name = json_text(v[NAME], mem);
}

static void add_entry(struct slice value, struct arena *mem, struct llm_message *m)
{
	struct slice v[N_ENTRY];
	struct llm_part *p;

	if (!json_members(value, entry_names, v, N_ENTRY)) {
		llm_add_text_part(m, mem, LLM_PART_TEXT, json_text(value, mem));
	} else if (json_is(v[TYPE], "function.call")) {
		add_call(v, mem, m, LLM_PART_TOOL_CALL);
	} else if (json_is(v[TYPE], "tool.execution")) {
		add_call(v, mem, m, LLM_PART_SERVER_TOOL_CALL);
	} else if (json_is(v[TYPE], "function.result")) {
		p = llm_add_text_part(m, mem, LLM_PART_TOOL_RESULT, json_text(v[RESULT], mem));
		if (p)
			p->id = json_text(v[CALL_ID], mem);
	} else if (v[CONTENT].n) {
		llm_read_chat_answer(value, mem, m);
	} else if ((p = llm_add_json_part(m, mem, LLM_PART_OTHER, value))) {
		p->name = json_text(v[TYPE], mem);
	}
}

static void read_item(struct slice value, struct arena *mem, struct llm_message *m)
{
	if (said(value))
		m->role = LLM_ROLE_ASSISTANT;
	else if (json_is(json_member(value, SLICE("type")), "function.result"))
		m->role = LLM_ROLE_TOOL;
	add_entry(value, mem, m);
}

/* --- answers --- */

static void read_usage(struct llm_work *w, struct slice usage)
{
	static const struct json_int_field fields[] = {
		{ "prompt_tokens", offsetof(struct llm_usage, input) },
		{ "completion_tokens", offsetof(struct llm_usage, output) },
		{ "total_tokens", offsetof(struct llm_usage, provider_total) },
		{ "connector_tokens", offsetof(struct llm_usage, input_tool) },
		{ "connectors.web_search", offsetof(struct llm_usage, web_searches) },
	};

	llm_read_usage(w, usage, fields, ARRAY_SIZE(fields));
	w->call.usage = w->usage;
	if (w->usage.input >= 0)
		llm_add_count(&w->call.usage.input, w->usage.input_tool);
}

static void read_response(struct llm_work *w, struct slice body)
{
	enum { ID, OUTPUTS, USAGE, N };
	static const char *const names[N] = { "conversation_id", "outputs", "usage" };
	struct slice v[N], entry;
	struct json_iter it;

	json_members(body, names, v, N);
	llm_keep_into(w, &w->call.conversation_id, v[ID]);
	read_usage(w, v[USAGE]);
	if (w->call.http->status >= 300)
		llm_read_error(w, body);
	if (!json_array(v[OUTPUTS], &it))
		return;
	w->answered = true;
	while (json_next(&it, &entry)) {
		llm_keep_into(w, &w->call.response_model, json_member(entry, SLICE("model")));
		add_entry(entry, w->call.mem, &w->call.answer);
	}
}

/* --- streams --- */

static int index_of(struct slice data)
{
	int64_t i = 0;

	json_int64(json_member(data, SLICE("output_index")), &i);
	return i >= 0 && i < ENTRY_MAX ? (int)i : 0;
}

static void on_started(struct llm_work *w, struct slice data)
{
	w->answered = true;
	llm_keep_into(w, &w->call.conversation_id, json_member(data, SLICE("conversation_id")));
}

/* A text, or one piece of a list of them. */
static void on_text(struct llm_work *w, struct slice data)
{
	struct slice content = json_member(data, SLICE("content"));

	llm_keep_into(w, &w->call.response_model, json_member(data, SLICE("model")));
	if (content.n && content.p[0] == '{')
		content = json_member(content, SLICE("text"));
	if (content.n > 2)
		llm_add_text(w, llm_part_at(w, &w->call.answer, LLM_PART_TEXT, index_of(data)),
			     content);
}

static void add_call_piece(struct llm_work *w, struct slice data, enum llm_part_type type)
{
	struct llm_part *p = llm_part_at(w, &w->call.answer, type, index_of(data));

	if (!p)
		return;
	p->is_json = true;
	llm_keep_into(w, &w->call.response_model, json_member(data, SLICE("model")));
	llm_keep_into(w, &p->id, json_member(data, SLICE("tool_call_id")));
	llm_keep_into(w, &p->name, json_member(data, SLICE("name")));
	llm_touch(w, p);
	llm_add_text(w, p, json_member(data, SLICE("arguments")));
}

static void on_call(struct llm_work *w, struct slice data)
{
	add_call_piece(w, data, LLM_PART_TOOL_CALL);
}

static void on_execution(struct llm_work *w, struct slice data)
{
	add_call_piece(w, data, LLM_PART_SERVER_TOOL_CALL);
}

static void on_done(struct llm_work *w, struct slice data)
{
	read_usage(w, json_member(data, SLICE("usage")));
	w->call.done = true;
}

static void on_error(struct llm_work *w, struct slice data)
{
	llm_read_error(w, data);
}

static const struct llm_reader events[] = {
	{ "message.output.delta", on_text },
	{ "function.call.delta", on_call },
	{ "tool.execution.started", on_execution },
	{ "tool.execution.delta", on_execution },
	{ "conversation.response.started", on_started },
	{ "conversation.response.done", on_done },
	{ "conversation.response.error", on_error },
};

static void read_event(struct llm_work *w, const struct frame *f)
{
	llm_read_by_type(w, llm_event_type(f, SLICE("type")), f->data, events, ARRAY_SIZE(events));
}

static bool answers(struct slice object)
{
	return json_is(json_member(object, SLICE("object")), "conversation.response") ||
	       json_is(json_member(object, SLICE("type")), "conversation.response.started");
}

const struct llm_format llm_mistral_conversations = {
	.name = "mistral.conversations",
	.provider = "mistral_ai",
	.has_path = has_path,
	.shape = shape,
	.said = said,
	.request = read_request,
	.item = read_item,
	.system = read_item,
	.answers = answers,
	.response = read_response,
	.event = read_event,
	.framing = &framing_sse,
	.no_end_mark = true,
};
