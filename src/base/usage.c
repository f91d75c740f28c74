/* SPDX-License-Identifier: BSD-2-Clause */
#include "sonde/usage.h"

#include "base/util.h"

const struct llm_usage_count llm_usage_counts[] = {
#define COUNT(member, attribute, name) \
	{ #member, attribute, name, offsetof(struct llm_usage, member) },
	LLM_USAGE_COUNTS(COUNT)
#undef COUNT
};

const int llm_usage_counts_n = ARRAY_SIZE(llm_usage_counts);

const struct llm_usage llm_usage_unknown = {
#define UNKNOWN(member, attribute, name) .member = LLM_UNKNOWN,
	LLM_USAGE_COUNTS(UNKNOWN)
#undef UNKNOWN
		.provider_total = LLM_UNKNOWN,
};
