/* SPDX-License-Identifier: BSD-2-Clause */
/* What was said in a step, read from the store. */
#pragma once

#include "export/span_json.h"
#include "store/query.h"

struct said {
	struct span_content is; /* what could be read; points into the buffers below */
	struct buf input, output, system, tools, arguments, result, raw;
};

/* Never fails: what is not kept stays empty. said_done() frees. */
void said_read(struct store_reader *r, const struct span *span, struct said *ret);
void said_done(struct said *c);
