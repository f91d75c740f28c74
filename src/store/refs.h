/* SPDX-License-Identifier: BSD-2-Clause */
/* What a span refers to: nodes and blobs, by columns and in its attributes. */
#pragma once

#include "base/id.h"
#include "sonde/span.h"

struct span_ref {
	const char *column;
	size_t offset;
	bool is_node;
};

extern const struct span_ref span_refs[];
extern const int span_refs_n;

/*
 * Every text in @attrs (JSON) that could be an id in hexadecimal, as
 * "sonde.output.alternatives" has them. What only looks like one does no harm. @fn returns 0 to go
 * on; what else it returns ends it and is returned.
 */
int refs_in(struct slice attrs, int (*fn)(void *ctx, const struct id128 *id), void *ctx);
