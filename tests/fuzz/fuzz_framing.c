/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first byte chooses the framing, the second the size of the pieces and where bytes are
 * missing; what comes out in one piece must come out in many.
 */
#include <stdlib.h>
#include <xxhash.h>

#include "base/util.h"
#include "proto/framing.h"

static int mix(void *ctx, const struct frame *f)
{
	XXH64_hash_t *h = ctx;

	*h = XXH64(f->type.p, f->type.n, *h);
	*h = XXH64(f->data.p, f->data.n, *h + f->failed);
	return 0;
}

static XXH64_hash_t digest(const struct framing *framing, struct slice in, size_t step, size_t gap)
{
	static const struct http_message none;
	struct framer f = { 0 };
	XXH64_hash_t h = 0;

	if (framer_open(&f, framing, mix, &h, &none) < 0)
		abort();
	for (size_t i = 0; i < in.n; i += step) {
		/* a copy of just its size: a read past the end is seen */
		const size_t n = in.n - i < step ? in.n - i : step;
		char *piece = malloc(n);

		if (!piece)
			abort();
		memcpy(piece, in.p + i, n);
		framer_feed(&f, (struct slice){ piece, n });
		free(piece);
		if (gap && i / step == gap)
			framer_gap(&f);
	}
	framer_finish(&f);
	framer_done(&f);
	return h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct framing *const framings[] = {
		&framing_sse, &framing_lines, &framing_array, &framing_aws, &framing_envelope,
	};
	const struct framing *framing;
	struct slice in;
	size_t step;

	if (size < 3)
		return 0;
	framing = framings[data[0] % ARRAY_SIZE(framings)];
	step = 1 + data[1] % 64;
	in = (struct slice){ (const char *)data + 2, size - 2 };
	if (digest(framing, in, in.n, 0) != digest(framing, in, step, 0))
		abort();
	digest(framing, in, step, 1 + data[1] / 64);
	return 0;
}
