/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * However the API server's answer is cut, the same is told, and the same is asked next. The first
 * input byte picks the cut, and whether it is a list or what changes.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <xxhash.h>

#include "enrich/watch.h"

#define FIRST                                                                          \
	"{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{\"metadata\":{\"uid\":" \
	"\"u1\",\"name\":\"p1\"}}]}"

static int on_send(void *ctx, struct slice json)
{
	uint64_t *h = ctx;

	if (!json_valid(json) || json.n > 16384)
		abort();
	*h = XXH3_64bits_withSeed(json.p, json.n, *h);
	return 0;
}

static void answer(struct watch *w, struct slice body, size_t step, uint64_t *h)
{
	struct buf path = { 0 };
	int r;

	if (watch_path(w, &path) < 0)
		abort();
	*h = XXH3_64bits_withSeed(path.p, path.n, *h);
	buf_done(&path);
	r = 0;
	for (size_t i = 0; i < body.n && r == 0; i += step)
		r = watch_body(w,
			       (struct slice){ body.p + i, body.n - i < step ? body.n - i : step });
	*h = *h * 31 + (uint64_t)watch_done(w, 200, r, 5000);
}

static uint64_t digest(struct slice body, size_t step, bool list)
{
	static const char *const labels[] = { "app", "a*" };
	const struct pod_context c = { .node = "n", .labels = labels, .n_labels = 2 };
	struct facts *facts = NULL;
	struct watch *w = NULL;
	uint64_t h = 0;

	if (facts_new(on_send, &h, &facts) < 0 || watch_new(facts, &c, &w) < 0)
		abort();
	answer(w, list ? body : SLICE("{}"), step, &h);
	if (!list)
		answer(w, SLICE(FIRST), step, &h);
	answer(w, body, step, &h);
	answer(w, SLICE(FIRST), step, &h);
	h = h * 31 + facts_count(facts);
	watch_free(w);
	facts_free(facts);
	return h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct slice body = { (const char *)data + 1, n - 1 };

	if (n < 2)
		return 0;
	if (digest(body, n, data[0] & 1) != digest(body, 1 + data[0] / 2 % 16, data[0] & 1))
		abort();
	return 0;
}
