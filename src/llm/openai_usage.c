/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What chats and completions used, in the words of all servers that speak them.
 *
 * OpenAI counts inclusively, and nearly all follow. xAI and Perplexity count reasoning beside the
 * output, Perplexity what it cites as well.
 */
#include "llm/openai_chat.h"

#define AT(member) offsetof(struct llm_usage, member)

/* Some spellings are those of one server; the usual ones come last and win. */
static const struct json_int_field usage_fields[] = {
	{ "input_tokens", AT(input) },
	{ "output_tokens", AT(output) },
	{ "prompt_tokens", AT(input) },
	{ "completion_tokens", AT(output) },
	{ "total_tokens", AT(provider_total) },
	{ "cached_tokens", AT(cache_read) },		 /* Together, Moonshot, Anthropic */
	{ "prompt_cache_hit_tokens", AT(cache_read) },	 /* DeepSeek */
	{ "cached_prompt_text_tokens", AT(cache_read) }, /* older xAI */
	{ "prompt_token_details.cached_tokens", AT(cache_read) }, /* Writer, Assistants */
	{ "input_tokens_details.cached_tokens", AT(cache_read) },
	{ "prompt_tokens_details.cached_tokens", AT(cache_read) },
	{ "prompt_tokens_details.cache_write_tokens", AT(cache_write) },
	{ "prompt_tokens_details.audio_tokens", AT(input_audio) },
	{ "prompt_tokens_details.image_tokens", AT(input_image) },
	{ "prompt_tokens_details.video_tokens", AT(input_video) },
	{ "reasoning_tokens", AT(reasoning) },
	{ "completion_token_details.reasoning_tokens", AT(reasoning) },
	{ "completion_tokens_details.reasoning_tokens", AT(reasoning) },
	{ "completion_tokens_details.audio_tokens", AT(output_audio) },
	{ "completion_tokens_details.image_tokens", AT(output_image) },
	{ "num_search_queries", AT(web_searches) },		     /* Perplexity */
	{ "server_tool_use.web_search_requests", AT(web_searches) }, /* OpenRouter */
	{ "num_sources_used", AT(web_searches) },		     /* xAI: billed by source */
	{ "server_side_tool_usage_details.web_search_calls", AT(web_searches) },
};

/* What a provider counts beside its output though it is output. */
static const struct {
	const char *provider, *member;
} beside_output[] = {
	{ "x_ai", "completion_tokens_details.reasoning_tokens" },
	{ "x_ai", "reasoning_tokens" },
	{ "perplexity", "reasoning_tokens" },
	{ "perplexity", "completion_tokens_details.reasoning_tokens" },
	{ "perplexity", "citation_tokens" },
};

/* The first of each pair of spellings that is there, summed. */
static int64_t read_beside(const struct llm_work *w, struct slice usage)
{
	int64_t sum = 0, n, reasoning = LLM_UNKNOWN;

	for (size_t i = 0; i < ARRAY_SIZE(beside_output); i++) {
		const char *member = beside_output[i].member;

		if (strcmp(w->call.provider, beside_output[i].provider) != 0 ||
		    !json_int64(json_find(usage, member), &n) || n <= 0)
			continue;
		if (slice_ends(slice_of(member), SLICE("reasoning_tokens"))) {
			if (reasoning != LLM_UNKNOWN)
				continue;
			reasoning = n;
		}
		if (__builtin_add_overflow(sum, n, &sum))
			return 0;
	}
	return sum;
}

/*
 * call.usage of w->usage. A total that covers only the wire's two counts shows, of xAI, that the
 * output holds all already; Perplexity's never covers more, so what comes beside is added to it.
 */
static void make_inclusive(struct llm_work *w, struct slice usage)
{
	struct llm_usage *u = &w->call.usage;
	const int64_t beside = read_beside(w, usage);
	int64_t sum, output, total;

	llm_inclusive_usage(w);
	if (beside <= 0 || u->output < 0)
		return;
	if (__builtin_add_overflow(u->output, beside, &output)) {
		u->output = LLM_UNKNOWN;
		return;
	}
	if (u->input >= 0 && !__builtin_add_overflow(u->input, u->output, &sum) &&
	    sum == u->provider_total) {
		if (strcmp(w->call.provider, "perplexity") != 0)
			return;
		if (!__builtin_add_overflow(sum, beside, &total))
			u->provider_total = total;
	}
	u->output = output;
}

void llm_read_chat_usage(struct llm_work *w, struct slice usage)
{
	int64_t in = 0, out = 0;

	if (!usage.n || usage.p[0] != '{')
		return;
	/* SGLang may send zeros where it does not know: no prompt has no tokens. */
	if (json_int64(json_find(usage, "prompt_tokens"), &in) && in == 0 &&
	    json_int64(json_find(usage, "completion_tokens"), &out) && out == 0)
		return;
	llm_read_usage(w, usage, usage_fields, ARRAY_SIZE(usage_fields));
	json_scaled(json_find(usage, "prompt_audio_seconds"), 3, &w->usage.audio_ms); /* Mistral */
	llm_read_cost(w, usage);
	make_inclusive(w, usage);
}

/* llama.cpp tells its work in `timings` even where nobody asked for usage. */
void llm_read_timings(struct llm_work *w, struct slice timings)
{
	struct {
		int64_t prompt, cached, predicted;
	} t = { LLM_UNKNOWN, LLM_UNKNOWN, LLM_UNKNOWN };
	static const struct json_int_field fields[] = { { "prompt_n", 0 },
							{ "cache_n", 8 },
							{ "predicted_n", 16 } };
	struct llm_usage *u = &w->call.usage;

	if (w->usage.input != LLM_UNKNOWN)
		return;
	json_find_ints(timings, fields, ARRAY_SIZE(fields), &t);
	if (t.prompt < 0 ||
	    __builtin_add_overflow(t.prompt, t.cached > 0 ? t.cached : 0, &u->input))
		return;
	u->cache_read = t.cached;
	u->output = t.predicted;
}
