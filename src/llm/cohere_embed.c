/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Embeddings as Cohere has them (/v1/embed, /v2/embed). What is embedded is data and no
 * conversation: there are no messages.
 *
 * https://docs.cohere.com/reference/embed
 */
#include "llm/cohere.h"

static const struct llm_field request_fields[] = {
	LLM_FIELD("model", LLM_FIELD_TEXT, call.request_model),
};

static void read_request(struct llm_work *w)
{
	llm_read_fields(w, request_fields, ARRAY_SIZE(request_fields));
}

static bool said(struct slice item)
{
	(void)item;
	return false;
}

static void read_item(struct slice value, struct arena *mem, struct llm_message *m)
{
	llm_add_text_part(m, mem, LLM_PART_TEXT, json_text(value, mem));
}

static bool shape_embed(const struct llm_keys *k)
{
	enum { TYPE, TEXTS, IMAGES, INPUTS, N };
	static const char *const names[N] = { "input_type", "texts", "images", "inputs" };
	struct slice v[N];

	return k->hint == &llm_cohere_embed && k->model.n && json_members(k->body, names, v, N) &&
	       (v[TEXTS].n || (v[TYPE].n && (v[IMAGES].n || v[INPUTS].n)));
}

/* How those count who took the interface over. */
static const struct json_int_field other_usage[] = {
	{ "total_tokens", offsetof(struct llm_usage, input) },
	{ "prompt_tokens", offsetof(struct llm_usage, input) },
	{ "total_tokens", offsetof(struct llm_usage, provider_total) },
};

static void read_response(struct llm_work *w, struct slice body)
{
	enum { ID, ID2, MODEL, META, USAGE, EMBEDDINGS, RESULTS, N };
	static const char *const names[N] = { "id",    "response_id", "model",	"meta",
					      "usage", "embeddings",  "results" };
	struct slice v[N];

	json_members(body, names, v, N);
	if (v[EMBEDDINGS].n || v[RESULTS].n)
		w->answered = true;
	llm_keep_into(w, &w->call.response_id, v[ID].n ? v[ID] : v[ID2]);
	llm_keep_into(w, &w->call.response_model, v[MODEL]);
	llm_read_usage(w, v[USAGE], other_usage, ARRAY_SIZE(other_usage));
	w->call.usage = w->usage;
	llm_read_cohere_usage(w, v[META]);
	if (w->call.http->status >= 300)
		llm_read_error(w, body);
}

static void read_event(struct llm_work *w, const struct frame *f)
{
	read_response(w, f->data);
}

static bool answers(struct slice object)
{
	(void)object;
	return false;
}

static const char *const embed_paths[] = { "/v1/embed", "/v2/embed", NULL };

const struct llm_format llm_cohere_embed = {
	.own_paths = true,
	.name = "cohere.embed",
	.provider = "cohere",
	.weak_paths = embed_paths,
	.needs_model = true,
	.shape = shape_embed,
	.said = said,
	.request = read_request,
	.item = read_item,
	.answers = answers,
	.response = read_response,
	.event = read_event,
	.operation = "embeddings",
	.no_output = true,
};
