/* SPDX-License-Identifier: BSD-2-Clause */
/* What a content level leaves of texts and messages; private to content*.c. */
#pragma once

#include "trace/content.h"

struct content_message_key {
	uint64_t hash[2]; /* XXH3-128 of the bytes as sent */
	const struct llm_format *format;
};

/* Whether arguments and results of that tool are kept. */
bool content_keeps_tool(const struct trace *t, struct slice tool);

/*
 * @text redacted and cut to the limit, in @mem. Whether it was cut (or lost to refused memory);
 * then it is no JSON any more.
 */
bool content_shorten(struct trace *t, struct slice text, bool is_json, struct arena *mem,
		     struct slice *ret);

/*
 * The id of a message's canonical form at this level, redacted; the blob is given to the sink where
 * it is kept. 0 or -ENOMEM.
 */
int content_message_id(struct trace *t, const struct llm_message *m, struct arena *mem,
		       struct id128 *ret);
