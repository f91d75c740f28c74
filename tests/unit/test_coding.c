/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "alloc.h"
#include "base/buf.h"
#include "base/util.h"
#include "proto/coding.h"

/* "event: a\ndata: {\"n\": 1}\n\nevent: a\ndata: {\"n\": 2}\n\n", flushed in the middle. */
#define TEXT "event: a\ndata: {\"n\": 1}\n\nevent: a\ndata: {\"n\": 2}\n\n"

static const unsigned char br_text[] = { 0x0b, 0x0c, 0x80, 0x65, 0x76, 0x65, 0x6e, 0x74, 0x3a,
					 0x20, 0x61, 0x0a, 0x64, 0x61, 0x74, 0x61, 0x3a, 0x20,
					 0x7b, 0x22, 0x6e, 0x22, 0x3a, 0x20, 0x31, 0x7d, 0x0a,
					 0x0a, 0x81, 0x01, 0x80, 0x5f, 0x5a, 0x41, 0xa6, 0xac,
					 0x4f, 0x89, 0xb2, 0x4c, 0xa0, 0xd0, 0x38, 0x00 };
#define BR_HALF 28

enum kind { GZIP, ZLIB, RAW, ZSTD, BR };

/* zlib and zstd encode here; brotli's encoder is no library of ours, so its output is at hand. */
static struct slice encode(enum kind kind, struct slice in, char *room, size_t cap,
			   size_t *ret_half)
{
	static const int windows[] = { [GZIP] = 31, [ZLIB] = 15, [RAW] = -15 };
	size_t half = in.n / 2;
	z_stream z = { 0 };

	if (kind == BR) {
		*ret_half = BR_HALF;
		return (struct slice){ (const char *)br_text, sizeof(br_text) };
	}
	if (kind == ZSTD) {
		ZSTD_CCtx *c = ZSTD_createCCtx();
		ZSTD_outBuffer out = { room, cap, 0 };
		ZSTD_inBuffer first = { in.p, half, 0 }, second = { in.p + half, in.n - half, 0 };

		ZSTD_compressStream2(c, &out, &first, ZSTD_e_flush);
		*ret_half = out.pos;
		assert_int_equal(ZSTD_compressStream2(c, &out, &second, ZSTD_e_end), 0);
		ZSTD_freeCCtx(c);
		return (struct slice){ room, out.pos };
	}
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, windows[kind], 8, 0), Z_OK);
	z.next_in = (unsigned char *)in.p;
	z.avail_in = (unsigned)half;
	z.next_out = (unsigned char *)room;
	z.avail_out = (unsigned)cap;
	assert_int_equal(deflate(&z, Z_SYNC_FLUSH), Z_OK);
	*ret_half = z.total_out;
	z.avail_in = (unsigned)(in.n - half);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return (struct slice){ room, z.total_out };
}

static void collect(void *ctx, struct slice piece)
{
	assert_int_equal(buf_add(ctx, piece, SIZE_MAX / 2), 0);
}

static const struct coding_limits wide = { .bytes = 1 << 30, .ratio = 200 };

/* Decodes in pieces of @cut bytes; why it stopped, or NULL. */
static const char *decode(const char *names, struct slice in, size_t cut,
			  const struct coding_limits *limits, struct buf *out)
{
	const char *why = NULL;
	struct coding *c;

	assert_int_equal(coding_new(slice_of(names), limits, collect, out, &c), 0);
	assert_non_null(c);
	for (size_t at = 0; at < in.n && !why; at += cut) {
		size_t n = in.n - at < cut ? in.n - at : cut;
		char *copy = malloc(n);

		assert_non_null(copy);
		memcpy(copy, in.p + at, n);
		why = coding_feed(c, (struct slice){ copy, n });
		free(copy);
	}
	if (!why)
		why = coding_finish(c);
	coding_free(c);
	return why;
}

static const struct {
	const char *name;
	enum kind kind;
	const char *bad, *cut;
} codings[] = {
	{ "gzip", GZIP, "bad gzip", "gzip cut short" },
	{ "x-gzip", GZIP, "bad gzip", "gzip cut short" },
	{ "deflate", ZLIB, "bad deflate", "deflate cut short" },
	{ "Deflate", RAW, "bad deflate", "deflate cut short" },
	{ "zstd", ZSTD, "bad zstd", "zstd cut short" },
	{ "br", BR, "bad br", "br cut short" },
	{ "identity, gzip", GZIP, "bad gzip", "gzip cut short" },
};

static void coding_decodes_however_it_is_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(codings); i++) {
		char room[1000];
		size_t half;
		struct slice in = encode(codings[i].kind, SLICE(TEXT), room, sizeof(room), &half);

		for (size_t cut = 1; cut <= in.n; cut++) {
			struct buf out = { 0 };

			assert_null(decode(codings[i].name, in, cut, &wide, &out));
			assert_true(slice_eq(buf_slice(&out), SLICE(TEXT)));
			buf_done(&out);
		}
	}
}

static void coding_hands_on_what_was_flushed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(codings); i++) {
		char room[1000];
		struct buf out = { 0 };
		size_t half;
		struct coding *c;
		struct slice in = encode(codings[i].kind, SLICE(TEXT), room, sizeof(room), &half);

		coding_new(slice_of(codings[i].name), &wide, collect, &out, &c);
		assert_null(coding_feed(c, (struct slice){ in.p, half }));
		assert_true(
			slice_eq(buf_slice(&out), (struct slice){ TEXT, (sizeof(TEXT) - 1) / 2 }));
		assert_string_equal(coding_finish(c), codings[i].cut);
		coding_free(c);
		buf_done(&out);
	}
}

static void coding_says_what_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(codings); i++) {
		struct buf out = { 0 };

		assert_string_equal(decode(codings[i].name,
					   SLICE("\xff\xfe this is nothing that any of them made"),
					   7, &wide, &out),
				    codings[i].bad);
		buf_done(&out);
	}
}

static void coding_undoes_them_in_reverse(void **state)
{
	char a[1000], b[1000];
	size_t half;
	struct buf out = { 0 };
	struct slice in = encode(GZIP, SLICE(TEXT), a, sizeof(a), &half);

	(void)state;
	in = encode(ZSTD, in, b, sizeof(b), &half);
	for (size_t cut = 1; cut <= in.n; cut++) {
		out.n = 0;
		assert_null(decode("gzip, zstd", in, cut, &wide, &out));
		assert_true(slice_eq(buf_slice(&out), SLICE(TEXT)));
	}
	out.n = 0;
	assert_string_equal(decode("zstd, gzip", in, 10, &wide, &out), "bad gzip");
	/* of a format before zstd's first release */
	assert_string_equal(
		decode("zstd", SLICE("\x25\xb5\x2f\xfd\x04\xd5\xfd\x13"), 10, &wide, &out),
		"bad zstd");
	buf_done(&out);
}

static void coding_reads_gzip_members_and_ignores_padding(void **state)
{
	char room[2000];
	size_t half;
	struct slice in = encode(GZIP, SLICE(TEXT), room, 1000, &half);
	size_t n = in.n;

	(void)state;
	memcpy(room + n, room, n);
	memset(room + 2 * n, 0, 5);
	for (size_t cut = 1; cut <= 2 * n; cut++) {
		struct buf out = { 0 };

		assert_null(decode("gzip", (struct slice){ room, 2 * n + 5 }, cut, &wide, &out));
		assert_true(slice_eq(buf_slice(&out), SLICE(TEXT TEXT)));
		buf_done(&out);
	}
}

static void coding_stops_at_its_limits(void **state)
{
	static char zeros[20 << 20], room[100000];
	static const struct coding_limits small = { .bytes = 1000, .ratio = 200 };
	struct buf out = { 0 };
	size_t half;
	struct slice in =
		encode(GZIP, (struct slice){ zeros, sizeof(zeros) }, room, sizeof(room), &half);

	(void)state;
	assert_string_equal(decode("gzip", in, 100, &small, &out), "over limit");
	assert_int_equal(out.n, 1000);
	out.n = 0;
	/* 1:1000, which is more than 1:200 */
	assert_string_equal(decode("gzip", in, 100, &wide, &out), "over limit");
	assert_in_range(out.n, 16 << 20, 17 << 20);
	buf_done(&out);
}

static void coding_takes_its_memory_from_the_budget(void **state)
{
	char room[1000];
	size_t half;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(codings); i++) {
		struct arena_budget budget = { 0, 8 << 20 };
		struct coding_limits limits = { 1 << 30, 200, &budget };
		struct buf out = { 0 };
		struct slice in = encode(codings[i].kind, SLICE(TEXT), room, sizeof(room), &half);
		struct coding *c = NULL;
		const char *why;
		int r;

		assert_null(decode(codings[i].name, in, 10, &limits, &out));
		assert_int_equal(budget.used, 0);
		budget.max = 6000;
		r = coding_new(slice_of(codings[i].name), &limits, collect, &out, &c);
		if (r == 0) {
			why = coding_feed(c, in);
			assert_true(!why || strcmp(why, "out of memory") == 0);
			coding_free(c);
		} else {
			assert_int_equal(r, -ENOMEM);
		}
		assert_int_equal(budget.used, 0);
		buf_done(&out);
	}
}

static void coding_names(void **state)
{
	static const struct {
		const char *names;
		int r;
		bool none;
	} cases[] = {
		{ "", 0, true },
		{ "identity", 0, true },
		{ " Identity ", 0, true },
		{ "gzip", 0, false },
		{ "br,gzip", 0, false },
		{ "compress", -EOPNOTSUPP, true },
		{ "gzip, x", -EOPNOTSUPP, true },
		{ "gzip,gzip,gzip,gzip,gzip", -EOPNOTSUPP, true },
		{ "gzip,,", 0, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct coding *c = NULL;

		assert_int_equal(coding_new(slice_of(cases[i].names), &wide, collect, NULL, &c),
				 cases[i].r);
		assert_int_equal(!c, cases[i].none);
		coding_free(c);
	}
}

static void ignore(void *ctx, struct slice piece)
{
	(void)ctx, (void)piece;
}

static void coding_survives_refused_memory(void **state)
{
	char room[1000];
	size_t half;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(codings); i++) {
		struct slice in = encode(codings[i].kind, SLICE(TEXT), room, sizeof(room), &half);
		bool refused = true;

		for (long n = 1; refused; n++) {
			struct coding *c = NULL;
			const char *why = NULL;
			int r;

			alloc_refuse(n);
			r = coding_new(slice_of(codings[i].name), &wide, ignore, NULL, &c);
			if (r == 0)
				why = coding_feed(c, in);
			refused = alloc_allow();
			assert_true(r == 0 || r == -ENOMEM);
			assert_true(!why || strcmp(why, "out of memory") == 0);
			assert_true(refused || (r == 0 && !why));
			coding_free(c);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(coding_decodes_however_it_is_cut),
		cmocka_unit_test(coding_hands_on_what_was_flushed),
		cmocka_unit_test(coding_says_what_is_wrong),
		cmocka_unit_test(coding_undoes_them_in_reverse),
		cmocka_unit_test(coding_reads_gzip_members_and_ignores_padding),
		cmocka_unit_test(coding_stops_at_its_limits),
		cmocka_unit_test(coding_takes_its_memory_from_the_budget),
		cmocka_unit_test(coding_names),
		cmocka_unit_test(coding_survives_refused_memory),
	};

	return cmocka_run_group_tests_name("coding", tests, NULL, NULL);
}
