/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Mistral has beside its dialect of Chat Completions: POST /v1/fim/completions (code between a
 * prefix and a suffix, answered as a chat is) and POST /v1/ocr (pages, counted as such).
 *
 * https://docs.mistral.ai/api
 */
#include "llm/openai_chat.h"

static const struct llm_field request_fields[] = {
	LLM_FIELD("model", LLM_FIELD_TEXT, call.request_model),
	LLM_FIELD("prompt", LLM_FIELD_RAW, messages),
	LLM_FIELD("max_tokens", LLM_FIELD_INT, call.max_tokens),
	LLM_FIELD("temperature", LLM_FIELD_DOUBLE, call.temperature),
	LLM_FIELD("top_p", LLM_FIELD_DOUBLE, call.top_p),
	LLM_FIELD("random_seed", LLM_FIELD_INT, call.seed),
	LLM_FIELD("stop", LLM_FIELD_RAW, call.stop),
	LLM_FIELD("stream", LLM_FIELD_BOOL, call.stream_requested),
};

static void read_request(struct llm_work *w)
{
	llm_read_fields(w, request_fields, ARRAY_SIZE(request_fields));
	llm_read_items(w);
}

static void read_item(struct slice value, struct arena *mem, struct llm_message *m)
{
	llm_add_text_part(m, mem, LLM_PART_TEXT, json_text(value, mem));
}

static bool said(struct slice item)
{
	(void)item;
	return false;
}

static bool no(struct slice object)
{
	(void)object;
	return false;
}

static bool shape_fim(const struct llm_keys *k)
{
	return k->hint == &llm_mistral_fim && k->model.n && json_member(k->body, SLICE("prompt")).n;
}

static void read_response(struct llm_work *w, struct slice body)
{
	llm_openai_chat.response(w, body);
}

static void read_event(struct llm_work *w, const struct frame *f)
{
	llm_openai_chat.event(w, f);
}

static bool shape_ocr(const struct llm_keys *k)
{
	return k->hint == &llm_mistral_ocr && k->model.n &&
	       json_member(k->body, SLICE("document")).n;
}

/* What was read is text of pages, and no message. */
static void read_pages(struct llm_work *w, struct slice body)
{
	int64_t pages = LLM_UNKNOWN;

	if (json_member(body, SLICE("pages")).n)
		w->answered = true;
	llm_keep_into(w, &w->call.response_model, json_member(body, SLICE("model")));
	json_int64(json_find(body, "usage_info.pages_processed"), &pages);
	llm_add_extra(w, "sonde.usage.pages", pages);
	if (w->call.http->status >= 300)
		llm_read_error(w, body);
}

static void read_pages_event(struct llm_work *w, const struct frame *f)
{
	read_pages(w, f->data);
}

static const char *const fim_paths[] = { "/fim/completions", NULL };
static const char *const ocr_paths[] = { "/v1/ocr", NULL };

const struct llm_format llm_mistral_fim = {
	.name = "mistral.fim",
	.provider = "mistral_ai",
	.paths = fim_paths,
	.needs_model = true,
	.shape = shape_fim,
	.said = said,
	.request = read_request,
	.item = read_item,
	.answers = no,
	.response = read_response,
	.event = read_event,
	.operation = "text_completion",
	.framing = &framing_sse,
};

const struct llm_format llm_mistral_ocr = {
	.no_estimate = true,
	.name = "mistral.ocr",
	.provider = "mistral_ai",
	.weak_paths = ocr_paths,
	.shape = shape_ocr,
	.said = said,
	.request = read_request,
	.item = read_item,
	.answers = no,
	.response = read_pages,
	.event = read_pages_event,
	.operation = "generate_content",
};
