/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Local servers' own way to complete a prompt, of which all say the same in other words: llama.cpp
 * (/completion, /infill), SGLang (/generate) and Text Generation Inference (/generate,
 * /generate_stream). The server knows one model; requests name none.
 *
 * llama.cpp and TGI stream pieces, SGLang repeats the whole text in every event.
 */
#include "llm/openai_chat.h"

static const struct llm_field request_fields[] = {
	LLM_FIELD("model", LLM_FIELD_TEXT, call.request_model),
	LLM_FIELD("prompt", LLM_FIELD_RAW, messages),
	LLM_FIELD("inputs", LLM_FIELD_RAW, messages),
	LLM_FIELD("text", LLM_FIELD_RAW, messages),
	LLM_FIELD("input_ids", LLM_FIELD_RAW, messages),
	LLM_FIELD("input_prefix", LLM_FIELD_RAW, messages),
	LLM_FIELD("n_predict", LLM_FIELD_INT, call.max_tokens),
	LLM_FIELD("parameters.max_new_tokens", LLM_FIELD_INT, call.max_tokens),
	LLM_FIELD("sampling_params.max_new_tokens", LLM_FIELD_INT, call.max_tokens),
	LLM_FIELD("temperature", LLM_FIELD_DOUBLE, call.temperature),
	LLM_FIELD("parameters.temperature", LLM_FIELD_DOUBLE, call.temperature),
	LLM_FIELD("sampling_params.temperature", LLM_FIELD_DOUBLE, call.temperature),
	LLM_FIELD("top_p", LLM_FIELD_DOUBLE, call.top_p),
	LLM_FIELD("parameters.top_p", LLM_FIELD_DOUBLE, call.top_p),
	LLM_FIELD("sampling_params.top_p", LLM_FIELD_DOUBLE, call.top_p),
	LLM_FIELD("top_k", LLM_FIELD_DOUBLE, call.top_k),
	LLM_FIELD("parameters.top_k", LLM_FIELD_DOUBLE, call.top_k),
	LLM_FIELD("sampling_params.top_k", LLM_FIELD_DOUBLE, call.top_k),
	LLM_FIELD("seed", LLM_FIELD_INT, call.seed),
	LLM_FIELD("parameters.seed", LLM_FIELD_INT, call.seed),
	LLM_FIELD("stop", LLM_FIELD_RAW, call.stop),
	LLM_FIELD("parameters.stop", LLM_FIELD_RAW, call.stop),
	LLM_FIELD("sampling_params.stop", LLM_FIELD_RAW, call.stop),
	LLM_FIELD("stream", LLM_FIELD_BOOL, call.stream_requested),
};

static void read_request(struct llm_work *w)
{
	llm_read_fields(w, request_fields, ARRAY_SIZE(request_fields));
	llm_read_inputs(w);
}

/* Such words are common: only under the paths of these servers. */
static bool shape(const struct llm_keys *k)
{
	return k->hint == &llm_local_text && !k->model.n &&
	       (k->prompt.n || k->sampling_params.n || (k->inputs.n && k->parameters.n));
}

static const struct json_int_field usage_fields[] = {
	/* llama.cpp: all of the prompt, its cached part included */
	{ "tokens_evaluated", offsetof(struct llm_usage, input) },
	{ "tokens_predicted", offsetof(struct llm_usage, output) },
	{ "timings.cache_n", offsetof(struct llm_usage, cache_read) },
	/* SGLang */
	{ "meta_info.prompt_tokens", offsetof(struct llm_usage, input) },
	{ "meta_info.completion_tokens", offsetof(struct llm_usage, output) },
	{ "meta_info.cached_tokens", offsetof(struct llm_usage, cache_read) },
	{ "meta_info.reasoning_tokens", offsetof(struct llm_usage, reasoning) },
	/* TGI tells the prompt only where it was asked for details of it */
	{ "details.generated_tokens", offsetof(struct llm_usage, output) },
	{ "details.input_length", offsetof(struct llm_usage, input) },
};

static const struct llm_word finish_words[] = {
	{ "eos", "stop" },	 { "word", "stop" },	      { "limit", "length" }, /* llama.cpp */
	{ "stop", "stop" },	 { "length", "length" },      { "abort", "error" },  /* SGLang */
	{ "eos_token", "stop" }, { "stop_sequence", "stop" },			     /* TGI */
};

/* Counts of a prompt that was only begun are not its usage. */
static void read_counts(struct llm_work *w, struct slice object, bool last)
{
	if (!last && !json_member(object, SLICE("meta_info")).n)
		return;
	llm_read_usage(w, object, usage_fields, ARRAY_SIZE(usage_fields));
	llm_inclusive_usage(w);
}

static void read_finish(struct llm_work *w, struct llm_message *m, struct slice object)
{
	static const char *const paths[] = { "stop_type", "meta_info.finish_reason.type",
					     "details.finish_reason" };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		const struct slice value = json_find(object, paths[i]);

		if (value.n && !json_is(value, "none"))
			llm_finish(w, m, value, finish_words, ARRAY_SIZE(finish_words));
	}
}

static void set_text(struct llm_work *w, struct llm_message *m, struct slice value)
{
	struct llm_part *p = llm_part_at(w, m, LLM_PART_TEXT, 0);

	if (!p)
		return;
	p->text.n = 0;
	llm_add_text(w, p, value);
}

enum { CONTENT, STOP, TOKEN, GENERATED, TEXT, META, ERROR, MODEL, N };
static const char *const names[N] = { "content", "stop",      "token", "generated_text",
				      "text",	 "meta_info", "error", "model" };

static void read_one(struct llm_work *w, struct llm_message *m, struct slice object)
{
	struct slice v[N];
	bool last;

	json_members(object, names, v, N);
	last = !w->call.streamed || slice_eq(v[STOP], SLICE("true")) ||
	       (v[GENERATED].n && v[GENERATED].p[0] == '"');
	w->answered = w->answered || v[CONTENT].n || v[GENERATED].n || v[META].n;
	llm_keep_into(w, &w->call.response_model, v[MODEL]);
	llm_keep_into(w, &w->call.response_id, json_member(v[META], SLICE("id")));
	if (v[META].n)
		set_text(w, m, v[TEXT]);
	else if (v[GENERATED].n && v[GENERATED].p[0] == '"')
		set_text(w, m, v[GENERATED]);
	else if (v[TOKEN].n && v[TOKEN].p[0] == '{')
		llm_add_text(w, llm_part_at(w, m, LLM_PART_TEXT, 0),
			     json_member(v[TOKEN], SLICE("text")));
	else if (v[CONTENT].n)
		llm_add_text(w, llm_part_at(w, m, LLM_PART_TEXT, 0), v[CONTENT]);
	read_counts(w, object, last);
	read_finish(w, m, object);
	if (last && w->call.streamed)
		w->call.done = true;
	llm_read_error(w, v[ERROR]);
}

static void read_response(struct llm_work *w, struct slice body)
{
	read_one(w, &w->call.answer, body);
	if (w->call.http->status >= 300 && !w->call.error.type.n)
		llm_read_error(w, body);
}

static void read_event(struct llm_work *w, const struct frame *f)
{
	read_one(w, &w->call.answer, f->data);
}

static bool answers(struct slice object)
{
	return json_member(object, SLICE("meta_info")).n ||
	       json_member(object, SLICE("generated_text")).n ||
	       (json_member(object, SLICE("content")).n && json_member(object, SLICE("stop")).n);
}

static const char *const weak_paths[] = { "/completion", "/infill", "/generate", "/generate_stream",
					  NULL };

const struct llm_format llm_local_text = {
	.name = "local.completion",
	.provider = "local",
	.operation = "text_completion",
	.weak_paths = weak_paths,
	.shape = shape,
	.said = llm_never_said,
	.request = read_request,
	.item = llm_read_input,
	.system = llm_read_input,
	.answers = answers,
	.response = read_response,
	.event = read_event,
};
