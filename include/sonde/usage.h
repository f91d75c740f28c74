/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a model call used, in one vector for all providers.
 *
 * Inclusive: input and output are totals of tokens; every other count of tokens is a part of one of
 * them, and a breakdown is never added to what it breaks down. LLM_UNKNOWN where the provider did
 * not say, which is never the same as 0.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LLM_UNKNOWN (-1) /* a count that nobody told us; never the same as 0 */

enum { LLM_ESTIMATED_INPUT = 1, LLM_ESTIMATED_OUTPUT = 2 };

/*
 * X(member, attribute, name): the member, which is its column in the store as well; the attribute
 * of a span; its name in a run's "usage" and wherever usage is given as JSON. The first line is of
 * the store's first version, the second of its third: columns are only ever added, in this order.
 */
#define LLM_USAGE_COUNTS_1(X)                                                                     \
	X(input, "gen_ai.usage.input_tokens", "input_tokens")                                     \
	X(output, "gen_ai.usage.output_tokens", "output_tokens")                                  \
	X(cache_read, "gen_ai.usage.cache_read.input_tokens", "cache_read_input_tokens")          \
	/* all that was written; the next two are a breakdown of it where known */                \
	X(cache_write, "gen_ai.usage.cache_creation.input_tokens", "cache_creation_input_tokens") \
	X(cache_write_5m, "sonde.usage.cache_creation_5m.input_tokens",                           \
	  "cache_creation_5m_input_tokens")                                                       \
	X(cache_write_1h, "sonde.usage.cache_creation_1h.input_tokens",                           \
	  "cache_creation_1h_input_tokens")                                                       \
	X(reasoning, "gen_ai.usage.reasoning.output_tokens", "reasoning_output_tokens")           \
	X(input_audio, "sonde.usage.audio.input_tokens", "audio_input_tokens")                    \
	X(input_image, "sonde.usage.image.input_tokens", "image_input_tokens")                    \
	X(output_audio, "sonde.usage.audio.output_tokens", "audio_output_tokens")                 \
	/* requests to a search engine, not tokens */                                             \
	X(web_searches, "sonde.usage.web_searches", "web_searches")

#define LLM_USAGE_COUNTS_3(X)                                                               \
	/* prompts that the provider's own tools made */                                    \
	X(input_tool, "sonde.usage.tool_use.input_tokens", "tool_use_input_tokens")         \
	X(input_video, "sonde.usage.video.input_tokens", "video_input_tokens")              \
	X(output_image, "sonde.usage.image.output_tokens", "image_output_tokens")           \
	/* parts of cache_read, and of input_audio or input_image */                        \
	X(cache_read_audio, "sonde.usage.cache_read_audio.input_tokens",                    \
	  "cache_read_audio_input_tokens")                                                  \
	X(cache_read_image, "sonde.usage.cache_read_image.input_tokens",                    \
	  "cache_read_image_input_tokens")                                                  \
	/* no tokens: milliseconds of sound that was listened to, pictures made, units of a \
	 * re-ranker */                                                                     \
	X(audio_ms, "sonde.usage.audio_ms", "audio_ms")                                     \
	X(images, "sonde.usage.images", "images")                                           \
	X(search_units, "sonde.usage.search_units", "search_units")

#define LLM_USAGE_COUNTS(X) LLM_USAGE_COUNTS_1(X) LLM_USAGE_COUNTS_3(X)

struct llm_usage {
#define LLM_USAGE_MEMBER(member, attribute, name) int64_t member;
	LLM_USAGE_COUNTS(LLM_USAGE_MEMBER)
#undef LLM_USAGE_MEMBER
	int64_t provider_total; /* what the provider says is the sum, for the self-check */
	int estimated;		/* LLM_ESTIMATED_*: which totals are none of the provider's */
};

/* One count, for tables. */
struct llm_usage_count {
	const char *column, *attribute, *name;
	size_t offset;
};

/* In the order of LLM_USAGE_COUNTS. */
extern const struct llm_usage_count llm_usage_counts[];
extern const int llm_usage_counts_n;
extern const struct llm_usage llm_usage_unknown;

static inline int64_t *llm_usage_at(struct llm_usage *u, size_t offset)
{
	return (int64_t *)((char *)u + offset);
}

static inline int64_t llm_usage_count(const struct llm_usage *u, const struct llm_usage_count *c)
{
	return *(const int64_t *)((const char *)u + c->offset);
}
