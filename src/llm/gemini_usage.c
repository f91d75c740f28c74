/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usageMetadata of Gemini. candidatesTokenCount is without thoughts, promptTokenCount without what
 * Google's own tools put into the prompt: totals are sums of two.
 */
#include "llm/gemini.h"

static const struct json_int_field usage_fields[] = {
	{ "promptTokenCount", offsetof(struct llm_usage, input) },
	{ "prompt_token_count", offsetof(struct llm_usage, input) },
	{ "candidatesTokenCount", offsetof(struct llm_usage, output) },
	{ "candidates_token_count", offsetof(struct llm_usage, output) },
	{ "responseTokenCount", offsetof(struct llm_usage, output) }, /* Live */
	{ "response_token_count", offsetof(struct llm_usage, output) },
	{ "cachedContentTokenCount", offsetof(struct llm_usage, cache_read) },
	{ "cached_content_token_count", offsetof(struct llm_usage, cache_read) },
	{ "thoughtsTokenCount", offsetof(struct llm_usage, reasoning) },
	{ "thoughts_token_count", offsetof(struct llm_usage, reasoning) },
	{ "toolUsePromptTokenCount", offsetof(struct llm_usage, input_tool) },
	{ "tool_use_prompt_token_count", offsetof(struct llm_usage, input_tool) },
	{ "totalTokenCount", offsetof(struct llm_usage, provider_total) },
	{ "total_token_count", offsetof(struct llm_usage, provider_total) },
};

/* By modality, as words or as numbers of the enumeration. */
static const struct {
	const char *lists[2], *modality, *number;
	size_t offset;
} details[] = {
#define DETAIL(camel, snake, modality, number, field)                                 \
	{                                                                             \
		{ camel, snake }, modality, number, offsetof(struct llm_usage, field) \
	}
	DETAIL("promptTokensDetails", "prompt_tokens_details", "\"IMAGE\"", "2", input_image),
	DETAIL("promptTokensDetails", "prompt_tokens_details", "\"VIDEO\"", "3", input_video),
	DETAIL("promptTokensDetails", "prompt_tokens_details", "\"AUDIO\"", "4", input_audio),
	DETAIL("cacheTokensDetails", "cache_tokens_details", "\"IMAGE\"", "2", cache_read_image),
	DETAIL("cacheTokensDetails", "cache_tokens_details", "\"AUDIO\"", "4", cache_read_audio),
	DETAIL("candidatesTokensDetails", "candidates_tokens_details", "\"IMAGE\"", "2",
	       output_image),
	DETAIL("candidatesTokensDetails", "candidates_tokens_details", "\"AUDIO\"", "4",
	       output_audio),
	DETAIL("responseTokensDetails", "response_tokens_details", "\"IMAGE\"", "2", output_image),
	DETAIL("responseTokensDetails", "response_tokens_details", "\"AUDIO\"", "4", output_audio),
#undef DETAIL
};

void llm_read_modality(struct llm_work *w, struct slice list, const char *modality, size_t offset)
{
	enum { MODALITY, COUNT, COUNT_, TOKENS, N };
	static const char *const names[N] = { "modality", "tokenCount", "token_count", "tokens" };
	struct slice v[N], one;
	struct json_iter it;

	if (!json_array(list, &it))
		return;
	while (json_next(&it, &one)) {
		json_members(one, names, v, N);
		if (!slice_ieq(v[MODALITY], slice_of(modality)))
			continue;
		for (int i = COUNT; i < N; i++)
			json_int64(v[i], llm_usage_at(&w->usage, offset));
	}
}

static void read_details(struct llm_work *w, struct slice usage)
{
	for (size_t i = 0; i < ARRAY_SIZE(details); i++) {
		const struct slice list =
			llm_either(usage, details[i].lists[0], details[i].lists[1]);

		llm_read_modality(w, list, details[i].modality, details[i].offset);
		llm_read_modality(w, list, details[i].number, details[i].offset);
	}
}

/* The tier that was really used. What is paid by capacity has no price by token. */
static void read_tier(struct llm_work *w, struct slice usage)
{
	static const struct {
		const char *traffic, *tier;
	} words[] = {
		{ "PROVISIONED_THROUGHPUT", "provisioned_throughput" },
		{ "ON_DEMAND_PRIORITY", "priority" },
		{ "ON_DEMAND_FLEX", "flex" },
	};
	const struct slice traffic = llm_either(usage, "trafficType", "traffic_type");

	llm_keep_into(w, &w->call.response_tier, llm_either(usage, "serviceTier", "service_tier"));
	if (!w->call.response_tier.n)
		w->call.response_tier =
			http_header(&w->call.http->response, SLICE("x-gemini-service-tier"));
	for (size_t i = 0; i < ARRAY_SIZE(words) && !w->call.response_tier.n; i++)
		if (json_is(traffic, words[i].traffic))
			w->call.response_tier = slice_of(words[i].tier);
}

void llm_read_gemini_usage(struct llm_work *w, struct slice usage)
{
	llm_read_usage(w, usage, usage_fields, ARRAY_SIZE(usage_fields));
	read_details(w, usage);
	read_tier(w, usage);
}

static void add_known(int64_t *sum, int64_t n)
{
	if (n < 0)
		return;
	if (*sum < 0)
		*sum = 0;
	if (__builtin_add_overflow(*sum, n, sum))
		*sum = LLM_UNKNOWN;
}

/* Where a total shows that the thoughts are in the output already, they are left there. */
static bool holds_thoughts(const struct llm_usage *u)
{
	int64_t sum;

	return u->input >= 0 && u->output >= u->reasoning &&
	       !__builtin_add_overflow(u->input, u->output, &sum) && sum == u->provider_total;
}

void llm_settle_gemini_usage(struct llm_work *w)
{
	struct llm_usage *u = &w->call.usage;

	*u = w->usage;
	if (u->input >= 0)
		add_known(&u->input, u->input_tool);
	if (!holds_thoughts(u))
		add_known(&u->output, u->reasoning);
}
