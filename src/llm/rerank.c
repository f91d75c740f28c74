/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Re-ranking of documents as Cohere, Jina, vLLM and others offer it: POST .../rerank with a query
 * and documents. Some count tokens, some units of searching.
 */
#include "llm/format.h"

static const struct llm_field request_fields[] = {
	LLM_FIELD("model", LLM_FIELD_TEXT, call.request_model),
	LLM_FIELD("query", LLM_FIELD_RAW, messages),
	LLM_FIELD(
		"rerankingConfiguration.bedrockRerankingConfiguration.modelConfiguration.modelArn",
		LLM_FIELD_TEXT, call.request_model), /* of Bedrock's agent runtime */
};

/* The query is what was asked; documents would be stored once more with every question. */
static void read_request(struct llm_work *w)
{
	llm_read_fields(w, request_fields, ARRAY_SIZE(request_fields));
	if (w->messages.n)
		llm_add_item(w, w->messages);
}

static bool shape(const struct llm_keys *k)
{
	return k->hint == &llm_rerank && k->query.n && k->documents.n;
}

static const struct json_int_field usage_fields[] = {
	{ "usage.total_tokens", offsetof(struct llm_usage, input) },
	{ "usage.prompt_tokens", offsetof(struct llm_usage, input) },
	{ "usage.total_tokens", offsetof(struct llm_usage, provider_total) },
	{ "usage.search_units", offsetof(struct llm_usage, search_units) },
	{ "meta.tokens.input_tokens", offsetof(struct llm_usage, input) },
	{ "meta.billed_units.input_tokens", offsetof(struct llm_usage, input) },
	{ "meta.billed_units.search_units", offsetof(struct llm_usage, search_units) },
};

static void read_response(struct llm_work *w, struct slice body)
{
	enum { ID, MODEL, RESULTS, DATA, ERROR, N };
	static const char *const names[N] = { "id", "model", "results", "data", "error" };
	struct slice v[N];

	json_members(body, names, v, N);
	w->answered = v[RESULTS].n || v[DATA].n;
	llm_keep_into(w, &w->call.response_id, v[ID]);
	llm_keep_into(w, &w->call.response_model, v[MODEL]);
	llm_read_usage(w, body, usage_fields, ARRAY_SIZE(usage_fields));
	llm_read_cost(w, json_member(body, SLICE("usage")));
	llm_inclusive_usage(w);
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
	return json_member(object, SLICE("results")).n &&
	       (json_member(object, SLICE("usage")).n || json_member(object, SLICE("meta")).n);
}

static const char *const weak_paths[] = { "/rerank", NULL };

const struct llm_format llm_rerank = {
	.name = "rerank",
	.provider = "local",
	.no_estimate = true,
	.operation = "rerank",
	.single = true,
	.no_output = true,
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
