/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AWS Bedrock InvokeModel: POST .../model/{id}/invoke and /invoke-with-response-stream. Bodies are
 * in the format of the model's maker, which is found here and takes over.
 *
 * A stream's events are {"bytes":base64} around an event of that format. Its last one has
 * "amazon-bedrock-invocationMetrics", whose counts matter only where the maker tells none: of
 * answers with tools they are lower than the maker's own.
 *
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelWithResponseStream.html
 */
#include "llm/bedrock.h"

static const char *const operations[] = { "/invoke", "/invoke-with-response-stream", NULL };

/* The first whose members are all there, in a body for a model of that maker. */
static const struct {
	const char *member, *other;
	const char *maker; /* a part of the model's name */
	const struct llm_format *format;
} inside[] = {
	{ "anthropic_version", NULL, NULL, &llm_anthropic },
	{ "messages", "inferenceConfig", NULL, &llm_bedrock_converse }, /* Nova */
	{ "messages", "schemaVersion", NULL, &llm_bedrock_converse },
	{ "messages", NULL, "amazon.nova", &llm_bedrock_converse },
	{ "messages", NULL, "anthropic.claude", &llm_anthropic },
	{ "messages", NULL, NULL, &llm_openai_chat },
	{ "message", NULL, NULL, &llm_cohere_chat_v1 },
	{ "texts", NULL, NULL, &llm_cohere_embed },
	{ "images", "input_type", NULL, &llm_cohere_embed },
	{ "query", "documents", NULL, &llm_rerank },
};

static bool has(struct slice body, const char *member)
{
	return !member || json_member(body, slice_of(member)).n;
}

/* By what is in the body; where that cannot be read, by the maker's name. */
static const struct llm_format *format_inside(struct slice body, struct slice model)
{
	for (size_t i = 0; i < ARRAY_SIZE(inside); i++)
		if ((!inside[i].maker || slice_has(model, slice_of(inside[i].maker))) &&
		    has(body, inside[i].member) && has(body, inside[i].other))
			return inside[i].format;
	if (!json_valid(slice_trim(body)) && slice_has(model, SLICE("anthropic.claude")))
		return &llm_anthropic;
	return &llm_bedrock_text;
}

static void read_metrics(struct llm_work *w, struct slice metrics)
{
	static const struct json_int_field counts[] = {
		{ "inputTokenCount", offsetof(struct llm_usage, input) },
		{ "outputTokenCount", offsetof(struct llm_usage, output) },
		{ "cacheReadInputTokenCount", offsetof(struct llm_usage, cache_read) },
		{ "cacheWriteInputTokenCount", offsetof(struct llm_usage, cache_write) },
	};
	int64_t latency = LLM_UNKNOWN;

	json_find_ints(metrics, counts, ARRAY_SIZE(counts), &w->beside);
	json_int64(json_member(metrics, SLICE("invocationLatency")), &latency);
	llm_add_extra(w, "sonde.bedrock.latency_ms", latency);
}

static bool unwrap(struct llm_work *w, struct frame *f)
{
	struct slice inner;

	if (!slice_eq(f->type, SLICE("chunk"))) /* a proxy's, as the maker streams it */
		return true;
	inner = json_text(json_member(f->data, SLICE("bytes")), w->call.mem);
	if (!llm_base64(inner, &w->unwrapped))
		return false;
	f->type = (struct slice){ 0 };
	f->data = buf_slice(&w->unwrapped);
	read_metrics(w, json_member(f->data, SLICE("amazon-bedrock-invocationMetrics")));
	return true;
}

static void read_request(struct llm_work *w)
{
	struct llm_call *call = &w->call;

	call->request_model = llm_bedrock_model_of(w, operations);
	call->stream_requested = llm_bedrock_model(call->http->path, operations[1]).n > 0;
	llm_add_extra_text(
		w, "aws.bedrock.guardrail.id",
		http_header(&call->http->request, SLICE("x-amzn-bedrock-guardrailidentifier")));
	w->unwrap = unwrap;
	call->format = format_inside(call->body, call->request_model);
	if (call->format->operation)
		call->operation = call->format->operation;
	call->format->request(w);
}

/* Others may have such paths: on a host that nobody knows the body has to be a model's. */
static bool has_path(struct slice path, bool *ret_weak)
{
	*ret_weak = true;
	return llm_bedrock_has_path(path, operations);
}

static bool shape(const struct llm_keys *k)
{
	static const char *const known[] = {
		"messages", "prompt", "inputText", "message",
		"texts",    "query",  "taskType",  "anthropic_version"
	};
	struct slice v[ARRAY_SIZE(known)];

	if (k->hint != &llm_bedrock_invoke || !json_members(k->body, known, v, ARRAY_SIZE(known)))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (v[i].n)
			return true;
	return false;
}

static bool answers(struct slice object)
{
	(void)object;
	return false;
}

const struct llm_format llm_bedrock_invoke = {
	.name = "bedrock.invoke",
	.provider = "aws.bedrock",
	.has_path = has_path,
	.shape = shape,
	.request = read_request,
	.answers = answers,
};
