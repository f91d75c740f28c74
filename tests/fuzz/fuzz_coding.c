/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * However the bytes are cut, the same comes out: all of it where the input is sound, else what
 * comes out of one run begins what comes out of the other. The limit holds, no memory is kept.
 *
 * Input: which codings, the cut, then the encoded bytes.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/util.h"
#include "proto/coding.h"

#define LIMIT 100000

static void collect(void *ctx, struct slice piece)
{
	if (buf_add(ctx, piece, LIMIT) < 0)
		abort();
}

static bool decode(const char *names, struct slice in, size_t cut, struct buf *out)
{
	struct arena_budget budget = { 0, 64 << 20 };
	struct coding_limits limits = { LIMIT, 1 << 30, &budget };
	const char *why = NULL;
	struct coding *c;

	if (coding_new(slice_of(names), &limits, collect, out, &c) < 0)
		abort();
	for (size_t at = 0; at < in.n && !why; at += cut)
		why = coding_feed(c,
				  (struct slice){ in.p + at, in.n - at < cut ? in.n - at : cut });
	if (!why)
		why = coding_finish(c);
	coding_free(c);
	if (budget.used != 0)
		abort();
	return !why;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const names[] = { "gzip", "deflate",	 "br",
					     "zstd", "gzip, br", "zstd, gzip" };
	struct buf whole = { 0 }, cut = { 0 };
	struct slice in = { (const char *)data + 2, n - 2 };
	const char *name;
	bool a, b;

	if (n < 3)
		return 0;
	name = names[data[0] % ARRAY_SIZE(names)];
	a = decode(name, in, n, &whole);
	b = decode(name, in, 1 + data[1] % 32, &cut);
	if (a != b || (a && whole.n != cut.n))
		abort();
	if (whole.n && memcmp(whole.p ? whole.p : "", cut.p ? cut.p : "",
			      whole.n < cut.n ? whole.n : cut.n) != 0)
		abort();
	buf_done(&whole);
	buf_done(&cut);
	return 0;
}
