/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Anthropic's older Text Completions: POST /v1/complete with a prompt that holds the conversation
 * as text. A stream's events ("completion") bring pieces of the text. No usage is told.
 *
 * https://docs.anthropic.com/en/api/complete
 */
#include "llm/format.h"

static const struct llm_field request_fields[] = {
	LLM_FIELD("model", LLM_FIELD_TEXT, call.request_model),
	LLM_FIELD("prompt", LLM_FIELD_RAW, messages),
	LLM_FIELD("max_tokens_to_sample", LLM_FIELD_INT, call.max_tokens),
	LLM_FIELD("temperature", LLM_FIELD_DOUBLE, call.temperature),
	LLM_FIELD("top_p", LLM_FIELD_DOUBLE, call.top_p),
	LLM_FIELD("top_k", LLM_FIELD_DOUBLE, call.top_k),
	LLM_FIELD("stop_sequences", LLM_FIELD_RAW, call.stop),
	LLM_FIELD("stream", LLM_FIELD_BOOL, call.stream_requested),
	LLM_FIELD("metadata.user_id", LLM_FIELD_TEXT, call.user_id),
};

static void read_request(struct llm_work *w)
{
	llm_read_fields(w, request_fields, ARRAY_SIZE(request_fields));
	llm_read_inputs(w);
}

static bool shape(const struct llm_keys *k)
{
	return k->hint == &llm_anthropic_complete && k->model.n && k->prompt.n &&
	       json_member(k->body, SLICE("max_tokens_to_sample")).n;
}

static const struct llm_word finish_words[] = {
	{ "stop_sequence", "stop" },
	{ "max_tokens", "length" },
};

static void read_response(struct llm_work *w, struct slice body)
{
	enum { ID, MODEL, COMPLETION, REASON, ERROR, N };
	static const char *const names[N] = { "id", "model", "completion", "stop_reason", "error" };
	struct slice v[N];

	json_members(body, names, v, N);
	w->answered = w->answered || v[COMPLETION].n;
	llm_keep_into(w, &w->call.response_id, v[ID]);
	llm_keep_into(w, &w->call.response_model, v[MODEL]);
	if (v[COMPLETION].n > 2)
		llm_add_text(w, llm_part_at(w, &w->call.answer, LLM_PART_TEXT, 0), v[COMPLETION]);
	llm_finish(w, &w->call.answer, v[REASON], finish_words, ARRAY_SIZE(finish_words));
	llm_read_error(w, v[ERROR]);
}

static void read_event(struct llm_work *w, const struct frame *f)
{
	read_response(w, f->data);
}

static bool answers(struct slice object)
{
	return json_member(object, SLICE("completion")).n > 0;
}

static const char *const weak_paths[] = { "/v1/complete", NULL };

const struct llm_format llm_anthropic_complete = {
	.name = "anthropic.complete",
	.provider = "anthropic",
	.operation = "text_completion",
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
