/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * However the bytes are cut, the same events come out. The first input byte picks the cut.
 */
#include <stdint.h>
#include <stdlib.h>

#include "proto/sse.h"

static int sum(void *ctx, const struct sse_event *ev)
{
	uint64_t *h = ctx;

	for (size_t i = 0; i < ev->data.n; i++)
		*h = *h * 31 + (unsigned char)ev->data.p[i];
	for (size_t i = 0; i < ev->type.n; i++)
		*h = *h * 37 + (unsigned char)ev->type.p[i];
	*h = *h * 41 + 1;
	return 0;
}

static uint64_t digest(const uint8_t *data, size_t n, size_t step)
{
	uint64_t h = 0;
	struct sse p;

	sse_init(&p, sum, &h);
	for (size_t i = 0; i < n; i += step)
		sse_feed(&p, (struct slice){ (const char *)data + i, n - i < step ? n - i : step });
	h = h * 2 + sse_finish(&p);
	sse_done(&p);
	return h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n < 2)
		return 0;
	if (digest(data + 1, n - 1, n) != digest(data + 1, n - 1, 1 + data[0] % 16))
		abort();
	return 0;
}
