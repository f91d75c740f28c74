/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenAI's older Completions: POST .../completions with a prompt, and what fills the middle of a
 * file from it (prompt and suffix; Mistral's and DeepSeek's answer as chats do). A stream is chunks
 * of choices[].text. Usage counts as in chats.
 *
 * https://platform.openai.com/docs/api-reference/completions
 */
#include "llm/openai_chat.h"

static const struct llm_field request_fields[] = {
	LLM_FIELD("model", LLM_FIELD_TEXT, call.request_model),
	LLM_FIELD("prompt", LLM_FIELD_RAW, messages),
	LLM_FIELD("prompt_token_ids", LLM_FIELD_RAW, messages),
	LLM_FIELD("max_tokens", LLM_FIELD_INT, call.max_tokens),
	LLM_FIELD("temperature", LLM_FIELD_DOUBLE, call.temperature),
	LLM_FIELD("top_p", LLM_FIELD_DOUBLE, call.top_p),
	LLM_FIELD("top_k", LLM_FIELD_DOUBLE, call.top_k),
	LLM_FIELD("frequency_penalty", LLM_FIELD_DOUBLE, call.frequency_penalty),
	LLM_FIELD("presence_penalty", LLM_FIELD_DOUBLE, call.presence_penalty),
	LLM_FIELD("seed", LLM_FIELD_INT, call.seed),
	LLM_FIELD("random_seed", LLM_FIELD_INT, call.seed),
	LLM_FIELD("stop", LLM_FIELD_RAW, call.stop),
	LLM_FIELD("stream", LLM_FIELD_BOOL, call.stream_requested),
	LLM_FIELD("n", LLM_FIELD_INT, call.choices),
	LLM_FIELD("user", LLM_FIELD_TEXT, call.user_id),
	LLM_FIELD("service_tier", LLM_FIELD_TEXT, call.service_tier),
};

static void read_request(struct llm_work *w)
{
	struct slice first = { 0 };
	struct json_iter it;
	int64_t prompts = 0;

	llm_read_fields(w, request_fields, ARRAY_SIZE(request_fields));
	llm_read_inputs(w);
	/* Each of several prompts has its choices. */
	if (json_array(w->messages, &it) && json_next(&it, &first) && w->call.n_items > 1)
		prompts = (int64_t)w->call.n_items;
	if (prompts && w->call.choices <= 1)
		w->call.choices = prompts;
}

static bool shape(const struct llm_keys *k)
{
	return k->model.n && k->prompt.n && (k->hint == &llm_openai_text || k->max_tokens.n) &&
	       !k->messages.n && !k->options.n && !k->keep_alive.n && !k->input.n;
}

enum { INDEX, TEXT, DELTA, MESSAGE, FINISH, USAGE, REASONING, N };
static const char *const names[N] = { "index",	       "text",	"delta",    "message",
				      "finish_reason", "usage", "reasoning" };

static void read_choices(struct llm_work *w, struct slice choices)
{
	struct slice choice, v[N];
	struct llm_message *m;
	struct json_iter it;

	if (!json_array(choices, &it))
		return;
	while (json_next(&it, &choice)) {
		json_members(choice, names, v, N);
		m = llm_chat_message_of(w, v[INDEX]);
		if (v[REASONING].n > 2 && v[REASONING].p[0] == '"') /* OpenRouter */
			llm_add_text(w, llm_part_at(w, m, LLM_PART_REASONING, 0), v[REASONING]);
		if (v[TEXT].n > 2 && v[TEXT].p[0] == '"')
			llm_add_text(w, llm_part_at(w, m, LLM_PART_TEXT, 1), v[TEXT]);
		else if (v[DELTA].n || v[MESSAGE].n)
			llm_read_chat_delta(w, m, v[DELTA].n ? v[DELTA] : v[MESSAGE]);
		llm_chat_finish(w, m, v[FINISH]);
		llm_read_chat_usage(w, v[USAGE]);
	}
}

static void read_response(struct llm_work *w, struct slice body)
{
	read_choices(w, llm_read_chat_top(w, body));
	if (w->call.http->status >= 300 && !w->call.error.type.n)
		llm_read_error(w, body);
}

static void read_event(struct llm_work *w, const struct frame *f)
{
	read_choices(w, llm_read_chat_top(w, f->data));
	if (slice_eq(f->type, SLICE("error")) && !w->call.error.type.n)
		llm_read_error(w, f->data);
}

static bool answers(struct slice object)
{
	return json_member(object, SLICE("choices")).n > 0;
}

static const char *const paths[] = { "/v1/completions", "/fim/completions", NULL };
static const char *const weak_paths[] = { "/completions", NULL };

const struct llm_format llm_openai_text = {
	.name = "openai.completions",
	.provider = "openai",
	.operation = "text_completion",
	.paths = paths,
	.weak_paths = weak_paths,
	.needs_model = true,
	.shape = shape,
	.said = llm_never_said,
	.request = read_request,
	.item = llm_read_input,
	.system = llm_read_input,
	.answers = answers,
	.response = read_response,
	.event = read_event,
};
