/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenAI's embeddings and the servers that offer the same: POST .../embeddings. There is no output
 * to count; the vectors are not kept.
 *
 * https://platform.openai.com/docs/api-reference/embeddings
 */
#include "llm/format.h"

static const struct llm_field request_fields[] = {
	LLM_FIELD("model", LLM_FIELD_TEXT, call.request_model),
	LLM_FIELD("input", LLM_FIELD_RAW, messages),
	LLM_FIELD("user", LLM_FIELD_TEXT, call.user_id),
	LLM_FIELD("service_tier", LLM_FIELD_TEXT, call.service_tier),
};

static void read_request(struct llm_work *w)
{
	llm_read_fields(w, request_fields, ARRAY_SIZE(request_fields));
	llm_read_inputs(w);
}

/* Many APIs have a model and an input. */
static bool shape(const struct llm_keys *k)
{
	(void)k;
	return false;
}

static const struct json_int_field usage_fields[] = {
	{ "total_tokens", offsetof(struct llm_usage, input) }, /* Jina, Voyage: all there is */
	{ "input_tokens", offsetof(struct llm_usage, input) },
	{ "prompt_tokens", offsetof(struct llm_usage, input) },
	{ "total_tokens", offsetof(struct llm_usage, provider_total) },
	{ "prompt_tokens_details.cached_tokens", offsetof(struct llm_usage, cache_read) },
	{ "prompt_tokens_details.image_tokens", offsetof(struct llm_usage, input_image) },
	{ "prompt_tokens_details.audio_tokens", offsetof(struct llm_usage, input_audio) },
};

static void read_response(struct llm_work *w, struct slice body)
{
	enum { ID, MODEL, DATA, USAGE, ERROR, PROVIDER, N };
	static const char *const names[N] = { "id", "model", "data", "usage", "error", "provider" };
	struct slice v[N];

	json_members(body, names, v, N);
	w->answered = v[DATA].n > 0;
	llm_keep_into(w, &w->call.response_id, v[ID]);
	llm_keep_into(w, &w->call.response_model, v[MODEL]);
	llm_keep_into(w, &w->call.served_by, v[PROVIDER]);
	if (v[USAGE].n && v[USAGE].p[0] == '{') {
		llm_read_usage(w, v[USAGE], usage_fields, ARRAY_SIZE(usage_fields));
		llm_read_cost(w, v[USAGE]);
		llm_inclusive_usage(w);
	}
	llm_read_error(w, v[ERROR]);
	if (w->call.http->status >= 300 && !w->call.error.type.n)
		llm_read_error(w, body);
}

static void read_event(struct llm_work *w, const struct frame *f)
{
	read_response(w, f->data);
}

static bool answers(struct slice object)
{
	return json_member(object, SLICE("data")).n && json_member(object, SLICE("usage")).n &&
	       json_is(json_member(object, SLICE("object")), "list");
}

static const char *const paths[] = { "/embeddings", NULL };

const struct llm_format llm_openai_embeddings = {
	.name = "openai.embeddings",
	.provider = "openai",
	.operation = "embeddings",
	.single = true,
	.no_output = true,
	.paths = paths,
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
