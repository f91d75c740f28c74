/* SPDX-License-Identifier: BSD-2-Clause */
/* What was said in a step, read from the store. */
#pragma once

#include "export/span_json.h"
#include "store/query.h"

struct said {
	struct span_content is; /* what could be read; points into the buffers below */
	struct buf input, output, system, tools, arguments, result, raw;
	size_t max; /* bytes of each */
	bool cut;   /* there is more than that: the last messages, a whole text */
};

/* Never fails: what is not kept stays empty. said_done() frees. */
void said_read(struct store_reader *r, const struct span *span, struct said *ret);
/* The same without the envelope, and of each no more than @max bytes. */
void said_read_most(struct store_reader *r, const struct span *span, size_t max, struct said *ret);
void said_done(struct said *c);
