/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AWS Bedrock Converse: POST .../model/{id}/converse and /converse-stream; Amazon Nova's own format
 * of InvokeModel, which is nearly the same.
 *
 * A stream is an AWS event stream of messageStart, contentBlockStart / Delta / Stop, messageStop
 * (why), metadata (usage, and last); in Nova's, each event is an object with one such member.
 * inputTokens is what neither came from nor went to the cache: the total is the sum of three, and
 * cacheDetails[] is a breakdown of what was written. What guardrails count stands in `trace` and is
 * theirs.
 *
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
 */
#include "llm/bedrock.h"

static const char *const operations[] = { "/converse", "/converse-stream", NULL };

/* --- requests --- */

/* Nova's own spellings come last. */
static const struct llm_field request_fields[] = {
	LLM_FIELD("messages", LLM_FIELD_RAW, messages),
	LLM_FIELD("system", LLM_FIELD_RAW, call.system),
	LLM_FIELD("toolConfig.tools", LLM_FIELD_RAW, call.tools),
	LLM_FIELD("inferenceConfig.maxTokens", LLM_FIELD_INT, call.max_tokens),
	LLM_FIELD("inferenceConfig.temperature", LLM_FIELD_DOUBLE, call.temperature),
	LLM_FIELD("inferenceConfig.topP", LLM_FIELD_DOUBLE, call.top_p),
	LLM_FIELD("inferenceConfig.topK", LLM_FIELD_DOUBLE, call.top_k),
	LLM_FIELD("inferenceConfig.stopSequences", LLM_FIELD_RAW, call.stop),
	LLM_FIELD("additionalModelRequestFields.top_k", LLM_FIELD_DOUBLE, call.top_k),
	LLM_FIELD("additionalModelRequestFields.inferenceConfig.topK", LLM_FIELD_DOUBLE,
		  call.top_k),
	LLM_FIELD("additionalModelRequestFields.reasoning_effort", LLM_FIELD_TEXT,
		  call.reasoning_effort),
	LLM_FIELD("additionalModelRequestFields.output_config.effort", LLM_FIELD_TEXT,
		  call.reasoning_effort),
	LLM_FIELD("additionalModelRequestFields.reasoningConfig.maxReasoningEffort", LLM_FIELD_TEXT,
		  call.reasoning_effort),
	LLM_FIELD("outputConfig.effort", LLM_FIELD_TEXT, call.reasoning_effort),
	LLM_FIELD("outputConfig.textFormat.type", LLM_FIELD_TEXT, call.output_format),
	LLM_FIELD("serviceTier.type", LLM_FIELD_TEXT, call.service_tier),
	LLM_FIELD("inferenceConfig.max_new_tokens", LLM_FIELD_INT, call.max_tokens),
	LLM_FIELD("inferenceConfig.top_p", LLM_FIELD_DOUBLE, call.top_p),
	LLM_FIELD("inferenceConfig.top_k", LLM_FIELD_DOUBLE, call.top_k),
};

static void read_request(struct llm_work *w)
{
	const struct slice guardrail =
		json_find(w->call.body, "guardrailConfig.guardrailIdentifier");

	if (!w->call.request_model.n)
		w->call.request_model = llm_bedrock_model_of(w, operations);
	w->call.stream_requested = w->call.stream_requested ||
				   llm_bedrock_model(w->call.http->path, "/converse-stream").n;
	llm_read_fields(w, request_fields, ARRAY_SIZE(request_fields));
	llm_read_items(w);
	w->call.tool_count = llm_count_tools(w->call.tools);
	llm_add_extra_text(w, "aws.bedrock.guardrail.id", llm_keep(w, guardrail));
}

static bool has_path(struct slice path, bool *ret_weak)
{
	*ret_weak = false;
	return llm_bedrock_has_path(path, operations);
}

/* Behind a proxy the model stands in the body. */
static bool shape(const struct llm_keys *k)
{
	struct json_iter it;

	return json_array(k->messages, &it) && k->inference_config.n && !k->contents.n;
}

static void read_item(struct slice value, struct arena *mem, struct llm_message *m)
{
	enum { ROLE, CONTENT, N };
	static const char *const names[N] = { "role", "content" };
	struct slice v[N];

	json_members(value, names, v, N);
	if (json_is(v[ROLE], "assistant"))
		m->role = LLM_ROLE_ASSISTANT;
	else if (json_is(v[ROLE], "system"))
		m->role = LLM_ROLE_SYSTEM;
	llm_read_content(v[CONTENT], mem, m, llm_read_converse_block);
	if (m->role == LLM_ROLE_USER && llm_only_results(m))
		m->role = LLM_ROLE_TOOL;
}

static void read_system(struct slice value, struct arena *mem, struct llm_message *m)
{
	llm_read_content(value, mem, m, llm_read_converse_block);
}

/* --- answers --- */

static const struct json_int_field usage_fields[] = {
	{ "cacheReadInputTokenCount", offsetof(struct llm_usage, cache_read) }, /* Nova's */
	{ "cacheWriteInputTokenCount", offsetof(struct llm_usage, cache_write) },
	{ "inputTokens", offsetof(struct llm_usage, input) },
	{ "outputTokens", offsetof(struct llm_usage, output) },
	{ "totalTokens", offsetof(struct llm_usage, provider_total) },
	{ "cacheReadInputTokens", offsetof(struct llm_usage, cache_read) },
	{ "cacheWriteInputTokens", offsetof(struct llm_usage, cache_write) },
};

static void add_detail(int64_t *to, int64_t n)
{
	if (*to == LLM_UNKNOWN)
		*to = 0;
	llm_add_count(to, n);
}

static void read_cache_details(struct llm_work *w, struct slice details)
{
	struct llm_usage *u = &w->usage;
	struct slice detail;
	struct json_iter it;
	int64_t n;

	if (!json_array(details, &it))
		return;
	u->cache_write_5m = u->cache_write_1h = LLM_UNKNOWN;
	while (json_next(&it, &detail)) {
		const struct slice ttl = json_member(detail, SLICE("ttl"));

		if (!json_int64(json_member(detail, SLICE("inputTokens")), &n))
			continue;
		if (json_is(ttl, "5m"))
			add_detail(&u->cache_write_5m, n);
		else if (json_is(ttl, "1h"))
			add_detail(&u->cache_write_1h, n);
	}
}

static void read_usage(struct llm_work *w, struct slice usage)
{
	struct llm_usage *u = &w->call.usage;

	if (!usage.n || usage.p[0] != '{')
		return;
	llm_read_usage(w, usage, usage_fields, ARRAY_SIZE(usage_fields));
	read_cache_details(w, json_member(usage, SLICE("cacheDetails")));
	*u = w->usage;
	if (u->input >= 0) {
		llm_add_count(&u->input, u->cache_read);
		llm_add_count(&u->input, u->cache_write);
	}
}

static const struct llm_word finish_words[] = {
	{ "end_turn", "stop" },
	{ "stop_sequence", "stop" },
	{ "max_tokens", "length" },
	{ "model_context_window_exceeded", "length" },
	{ "tool_use", "tool_call" },
	{ "guardrail_intervened", "content_filter" },
	{ "content_filtered", "content_filter" },
	{ "refusal", "content_filter" },
	{ "malformed_model_output", "error" },
	{ "malformed_tool_use", "error" },
};

static void finish(struct llm_work *w, struct slice reason)
{
	llm_finish(w, &w->call.answer, reason, finish_words, ARRAY_SIZE(finish_words));
}

/* What stands in an answer in one piece as well as in a stream's metadata. */
static void read_metadata(struct llm_work *w, struct slice data)
{
	enum { USAGE, METRICS, TIER, TRACE, PERFORMANCE, N };
	static const char *const names[N] = { "usage", "metrics", "serviceTier", "trace",
					      "performanceConfig" };
	int64_t latency = LLM_UNKNOWN;
	struct slice v[N];

	json_members(data, names, v, N);
	read_usage(w, v[USAGE]);
	llm_keep_into(w, &w->call.response_tier, json_member(v[TIER], SLICE("type")));
	llm_keep_into(w, &w->call.response_model,
		      json_find(v[TRACE], "promptRouter.invokedModelId"));
	/* "optimized" has a price of its own. */
	llm_add_extra_text(w, "sonde.bedrock.performance",
			   llm_keep(w, json_member(v[PERFORMANCE], SLICE("latency"))));
	json_int64(json_member(v[METRICS], SLICE("latencyMs")), &latency);
	llm_add_extra(w, "sonde.bedrock.latency_ms", latency);
}

static void read_response(struct llm_work *w, struct slice body)
{
	const struct slice content = json_find(body, "output.message.content");

	if (content.n)
		w->answered = true;
	llm_read_content(content, w->call.mem, &w->call.answer, llm_read_converse_block);
	finish(w, json_member(body, SLICE("stopReason")));
	read_metadata(w, body);
	if (w->call.http->status >= 300)
		llm_read_error(w, body);
}

/* --- streams --- */

static void on_start(struct llm_work *w, struct slice data)
{
	(void)data;
	w->answered = true;
}

static void on_stop(struct llm_work *w, struct slice data)
{
	finish(w, json_member(data, SLICE("stopReason")));
}

static void on_metadata(struct llm_work *w, struct slice data)
{
	read_metadata(w, data);
	w->call.done = true;
}

static const struct llm_reader events[] = {
	{ "contentBlockDelta", llm_read_converse_delta },
	{ "contentBlockStart", llm_read_converse_start },
	{ "messageStart", on_start },
	{ "messageStop", on_stop },
	{ "metadata", on_metadata },
};

static void read_event(struct llm_work *w, const struct frame *f)
{
	struct slice key, value;
	struct json_iter it;

	if (f->type.n) {
		llm_read_by_type(w, f->type, f->data, events, ARRAY_SIZE(events));
		return;
	}
	json_object(f->data, &it);
	while (json_next_member(&it, &key, &value))
		llm_read_by_type(w, key, value, events, ARRAY_SIZE(events));
}

static bool answers(struct slice object)
{
	return json_find(object, "output.message").n ||
	       json_member(object, SLICE("stopReason")).n ||
	       json_member(object, SLICE("messageStart")).n;
}

const struct llm_format llm_bedrock_converse = {
	.name = "bedrock.converse",
	.provider = "aws.bedrock",
	.has_path = has_path,
	.shape = shape,
	.said = llm_assistant_said,
	.request = read_request,
	.item = read_item,
	.system = read_system,
	.answers = answers,
	.response = read_response,
	.event = read_event,
};
