/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a store's columns may hold, were the file somebody else's: attributes as any text, packed
 * content as any bytes. And what is written comes back: attributes that were read once are the
 * same when written and read again; content that was packed unpacks to itself, and any other size
 * is refused.
 */
#include <stdlib.h>

#include "store/attrs.h"
#include "store/blob.h"
#include "store/db.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void attributes(struct slice in)
{
	struct arena *mem = arena_new(8u << 20);
	const struct attr *first, *second;
	size_t n_first, n_second;
	struct buf json = { 0 };

	check(mem != NULL);
	attrs_read(in, mem, &first, &n_first);
	if (attrs_write(first, n_first, &json) == 0) {
		attrs_read(buf_slice(&json), mem, &second, &n_second);
		check(arena_failed(mem) || n_first == n_second);
		for (size_t i = 0; i < n_first && !arena_failed(mem); i++)
			check(first[i].type == second[i].type && first[i].i == second[i].i);
	}
	buf_done(&json);
	arena_free(mem);
}

static void content(struct blob_coder *c, struct slice in)
{
	struct buf out = { 0 };
	enum blob_codec codec;
	struct slice packed;
	char *copy;

	for (int i = BLOB_PLAIN; i <= BLOB_ZSTD_DICT_1 + 1; i++) {
		blob_unpack(c, (enum blob_codec)i, in, in.n * 3, &out);
		out.n = 0;
	}
	check(blob_pack(c, in, &packed, &codec) == 0);
	copy = malloc(packed.n + 1); /* unpacking uses the coder's buffer */
	check(copy != NULL);
	if (packed.n)
		memcpy(copy, packed.p, packed.n);
	packed.p = copy;
	check(blob_unpack(c, codec, packed, in.n + 1, &out) < 0);
	check(blob_unpack(c, codec, packed, in.n, &out) == 0);
	check(slice_eq(buf_slice(&out), in));
	free(copy);
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct blob_coder *coder;
	struct slice in = { (const char *)data, size };

	if (!coder)
		check(blob_coder_new(&coder) == 0);
	attributes(in);
	content(coder, in);
	return 0;
}
