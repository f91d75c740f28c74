/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenAI Chat Completions and the many servers that speak it: POST .../chat/completions.
 *
 * A stream is chunks of choices[].delta; texts are joined, tool calls by their index. The dialects
 * differ most in tool calls (no index, id and name repeated, arguments null or whole) and in where
 * usage stands (an extra last chunk, the chunk with the finish reason, x_groq, a choice).
 *
 * https://platform.openai.com/docs/api-reference/chat
 */
#include "llm/openai_chat.h"

/* --- requests --- */

static const struct llm_field request_fields[] = {
	LLM_FIELD("model", LLM_FIELD_TEXT, call.request_model),
	LLM_FIELD("messages", LLM_FIELD_RAW, messages),
	LLM_FIELD("tools", LLM_FIELD_RAW, call.tools),
	LLM_FIELD("functions", LLM_FIELD_RAW, call.tools),
	LLM_FIELD("max_completion_tokens", LLM_FIELD_INT, call.max_tokens),
	LLM_FIELD("max_tokens", LLM_FIELD_INT, call.max_tokens),
	LLM_FIELD("temperature", LLM_FIELD_DOUBLE, call.temperature),
	LLM_FIELD("top_p", LLM_FIELD_DOUBLE, call.top_p),
	LLM_FIELD("top_k", LLM_FIELD_DOUBLE, call.top_k),
	LLM_FIELD("frequency_penalty", LLM_FIELD_DOUBLE, call.frequency_penalty),
	LLM_FIELD("presence_penalty", LLM_FIELD_DOUBLE, call.presence_penalty),
	LLM_FIELD("seed", LLM_FIELD_INT, call.seed),
	LLM_FIELD("random_seed", LLM_FIELD_INT, call.seed), /* Mistral */
	LLM_FIELD("stop", LLM_FIELD_RAW, call.stop),
	LLM_FIELD("response_format.type", LLM_FIELD_TEXT, call.output_format),
	LLM_FIELD("stream", LLM_FIELD_BOOL, call.stream_requested),
	LLM_FIELD("n", LLM_FIELD_INT, call.choices),
	LLM_FIELD("service_tier", LLM_FIELD_TEXT, call.service_tier),
	LLM_FIELD("reasoning_effort", LLM_FIELD_TEXT, call.reasoning_effort),
	LLM_FIELD("reasoning.effort", LLM_FIELD_TEXT, call.reasoning_effort),
	LLM_FIELD("user", LLM_FIELD_TEXT, call.user_id),
	LLM_FIELD("safety_identifier", LLM_FIELD_TEXT, call.user_id),
	LLM_FIELD("prompt_cache_key", LLM_FIELD_TEXT, call.cache_key),
	LLM_FIELD("metadata", LLM_FIELD_RAW, call.metadata),
	LLM_FIELD("metadata.session_id", LLM_FIELD_TEXT, call.conversation_id),
	LLM_FIELD("metadata.sessionId", LLM_FIELD_TEXT, call.conversation_id),
};

static void read_request(struct llm_work *w)
{
	llm_read_fields(w, request_fields, ARRAY_SIZE(request_fields));
	llm_read_items(w);
	w->call.tool_count = llm_count_tools(w->call.tools);
}

static bool shape(const struct llm_keys *k)
{
	struct slice first;
	struct json_iter it;

	return k->model.n && json_array(k->messages, &it) && json_next(&it, &first) &&
	       json_member(first, SLICE("role")).n && !json_member(first, SLICE("parts")).n &&
	       !k->contents.n && !k->inference_config.n && !k->options.n && !k->keep_alive.n &&
	       !k->anthropic_version.n && !k->anthropic_header;
}

/* --- answers --- */

static const struct llm_word finish_words[] = {
	{ "stop", "stop" },
	{ "eos", "stop" },
	{ "length", "length" },
	{ "model_length", "length" },
	{ "tool_calls", "tool_call" },
	{ "function_call", "tool_call" },
	{ "content_filter", "content_filter" },
	{ "sensitive", "content_filter" },	       /* Z.ai */
	{ "model_context_window_exceeded", "length" }, /* Z.ai */
	{ "network_error", "error" },		       /* Z.ai */
	{ "insufficient_system_resource", "error" },   /* DeepSeek */
	{ "error", "error" },
};

void llm_chat_finish(struct llm_work *w, struct llm_message *m, struct slice value)
{
	llm_finish(w, m, value, finish_words, ARRAY_SIZE(finish_words));
}

/* Where more than one answer was asked for, each has a message; else what comes in several choices
 * (Copilot: text in one, tool calls in the next) is one answer. */
struct llm_message *llm_chat_message_of(struct llm_work *w, struct slice index)
{
	struct llm_message *m = &w->call.answer;
	int64_t i = 0;

	if (w->call.choices <= 1 || !json_int64(index, &i) || i > 127)
		return m;
	for (; i > 0; i--) {
		if (!m->alternative)
			m->alternative = ARENA_NEW(w->call.mem, struct llm_message);
		if (!m->alternative)
			return m;
		m = m->alternative;
		m->role = LLM_ROLE_ASSISTANT;
	}
	return m;
}

/* MiniMax tells errors beside a status of success. */
static void read_base_error(struct llm_work *w, struct slice base)
{
	enum { CODE, MESSAGE, N };
	static const char *const names[N] = { "status_code", "status_msg" };
	struct slice v[N];
	int64_t code;

	if (!json_members(base, names, v, N) || !json_int64(v[CODE], &code) || code == 0)
		return;
	w->answered = true;
	w->call.error = (struct llm_error){
		.type = SLICE("error"),
		.code = arena_copy(w->call.mem, v[CODE]),
		.message = llm_keep(w, v[MESSAGE]),
	};
}

struct slice llm_read_chat_top(struct llm_work *w, struct slice object)
{
	enum { ID, MODEL, CHOICES, USAGE, ERROR, TIER, GROQ, TIMINGS, SERVED, BASE, N };
	static const char *const names[N] = {
		"id",		"model",  "choices", "usage",	 "error",
		"service_tier", "x_groq", "timings", "provider", "base_resp",
	};
	struct slice v[N];

	json_members(object, names, v, N);
	if (v[CHOICES].n && v[CHOICES].p[0] == '[')
		w->answered = true;
	llm_keep_into(w, &w->call.response_id, v[ID]);
	llm_keep_into(w, &w->call.response_model, v[MODEL]);
	llm_keep_into(w, &w->call.response_tier, v[TIER]);
	llm_keep_into(w, &w->call.served_by, v[SERVED]);
	llm_read_chat_usage(w, v[USAGE]);
	llm_read_chat_usage(w, json_member(v[GROQ], SLICE("usage")));
	llm_read_timings(w, v[TIMINGS]);
	llm_read_credits(w, object);
	llm_read_error(w, v[ERROR].n ? v[ERROR] : json_member(v[GROQ], SLICE("error")));
	read_base_error(w, v[BASE]);
	return v[CHOICES];
}

enum { INDEX, DELTA, MESSAGE, FINISH, USAGE, ERROR, STOP_REASON, N_CHOICE };
static const char *const choice_names[N_CHOICE] = { "index", "delta", "message",    "finish_reason",
						    "usage", "error", "stop_reason" };

/* Mistral on Bedrock has another name for it. */
static void finish(struct llm_work *w, struct llm_message *m, const struct slice v[N_CHOICE])
{
	llm_chat_finish(w, m, v[FINISH].n ? v[FINISH] : v[STOP_REASON]);
}

static void read_response(struct llm_work *w, struct slice body)
{
	const struct slice choices = llm_read_chat_top(w, body);
	struct slice v[N_CHOICE], choice;
	struct json_iter it;

	if (w->call.http->status >= 300 && !w->call.error.type.n)
		llm_read_error(w, body);
	if (!json_array(choices, &it))
		return;
	while (json_next(&it, &choice)) {
		struct llm_message *m;

		json_members(choice, choice_names, v, N_CHOICE);
		m = llm_chat_message_of(w, v[INDEX]);
		llm_read_chat_answer(v[MESSAGE], w->call.mem, m);
		finish(w, m, v);
		llm_read_chat_usage(w, v[USAGE]); /* Moonshot */
		llm_read_error(w, v[ERROR]);	  /* OpenRouter */
	}
}

static void read_event(struct llm_work *w, const struct frame *f)
{
	const struct slice choices = llm_read_chat_top(w, f->data);
	struct slice v[N_CHOICE], choice;
	struct json_iter it;

	if (slice_eq(f->type, SLICE("error")) && !w->call.error.type.n)
		llm_read_error(w, f->data);
	if (!json_array(choices, &it))
		return;
	while (json_next(&it, &choice)) {
		struct llm_message *m;

		json_members(choice, choice_names, v, N_CHOICE);
		m = llm_chat_message_of(w, v[INDEX]);
		/* Some servers send whole messages; MiniMax ends its stream with one that repeats
		 * what the deltas said. */
		if (v[DELTA].n && v[DELTA].p[0] == '{')
			llm_read_chat_delta(w, m, v[DELTA]);
		else if (!m->parts)
			llm_read_chat_delta(w, m, v[MESSAGE]);
		finish(w, m, v);
		llm_read_chat_usage(w, v[USAGE]);
		llm_read_error(w, v[ERROR]);
	}
}

static bool answers(struct slice object)
{
	return json_member(object, SLICE("choices")).n > 0;
}

/* The second is Mistral's, where the model is an agent's. */
static const char *const paths[] = { "/chat/completions", "/agents/completions", NULL };

const struct llm_format llm_openai_chat = {
	.name = "openai.chat",
	.provider = "openai",
	.paths = paths,
	.shape = shape,
	.said = llm_assistant_said,
	.request = read_request,
	.item = llm_read_chat_item,
	.system = llm_read_chat_item,
	.answers = answers,
	.response = read_response,
	.event = read_event,
};
