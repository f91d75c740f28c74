/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/refs.h"

#include "base/util.h"

#define HEX_DIGITS 32

const struct span_ref span_refs[] = {
	{ "input_node", offsetof(struct span, input_node), true },
	{ "output_node", offsetof(struct span, output_node), true },
	{ "system_blob", offsetof(struct span, system_blob), false },
	{ "tools_blob", offsetof(struct span, tools_blob), false },
	{ "args_blob", offsetof(struct span, args_blob), false },
	{ "result_blob", offsetof(struct span, result_blob), false },
	{ "raw_blob", offsetof(struct span, raw_blob), false },
};

const int span_refs_n = ARRAY_SIZE(span_refs);

int refs_in(struct slice attrs, int (*fn)(void *ctx, const struct id128 *id), void *ctx)
{
	struct slice rest = attrs, before;
	struct id128 id;
	int r = 0;

	/* between two quotes, whether they are those of a name or of a value */
	while (r == 0 && slice_cut(rest, '"', &before, &rest))
		if (before.n == HEX_DIGITS && id128_parse(before, &id) == 0)
			r = fn(ctx, &id);
	return r;
}
