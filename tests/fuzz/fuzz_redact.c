/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Redacting twice is the same as once, JSON stays JSON, and a key planted between words is never
 * in the output.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "trace/redact.h"

typedef int (*redact_fn)(struct redactor *r, struct slice in, struct buf *out);

static void twice(redact_fn fn, struct redactor *r, struct slice in)
{
	struct buf once = { 0 }, again = { 0 };

	if (fn(r, in, &once) < 0 || fn(r, buf_slice(&once), &again) < 0)
		abort();
	if (!slice_eq(buf_slice(&once), buf_slice(&again)))
		abort();
	if (fn == redact_json && json_valid(in) && !json_valid(buf_slice(&once)))
		abort();
	buf_done(&once);
	buf_done(&again);
}

static void plant(struct redactor *r, struct slice in)
{
	struct slice key = SLICE(" ghp_aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5 ");
	struct buf text = { 0 }, out = { 0 };
	size_t at = in.n / 2;

	/* The fuzzer finds the key and puts it where it is none, behind a letter. */
	if (slice_has(in, SLICE("aB3d")))
		return;
	if (buf_add(&text, (struct slice){ in.p, at }, SIZE_MAX / 2) < 0 ||
	    buf_add(&text, key, SIZE_MAX / 2) < 0 ||
	    buf_add(&text, slice_from(in, at), SIZE_MAX / 2) < 0 ||
	    redact(r, buf_slice(&text), &out) < 1)
		abort();
	if (slice_has(buf_slice(&out), SLICE("aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5")))
		abort();
	buf_done(&text);
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct redactor *r;
	struct slice in = { (const char *)data, n };
	struct redactor *own;
	struct buf out = { 0 };

	if (!r) {
		if (redactor_new(&r) < 0)
			abort();
		redactor_learn(r, SLICE("Tr0ub4dor&3/horse"));
	}
	if (n == 0)
		return 0;
	twice(redact, r, in);
	twice(redact_json, r, in);
	plant(r, in);
	/* These learn, so they get a redactor of their own. */
	if (redactor_new(&own) < 0 || redact_argv(own, in, &out) < 0 ||
	    redact_url(own, in, &out) < 0)
		abort();
	redactor_free(own);
	buf_done(&out);
	return 0;
}
