/* SPDX-License-Identifier: BSD-2-Clause */
/* Bodies divided into events: every framing, fed at every size, with gaps and damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "proto/framing.h"

struct log {
	char text[4096];
	size_t n;
};

static int record(void *ctx, const struct frame *f)
{
	struct log *l = ctx;

	l->n += (size_t)snprintf(l->text + l->n, sizeof(l->text) - l->n, "%s%.*s%s%.*s;",
				 f->failed ? "!" : "", SLICE_ARG(f->type), f->type.n ? "=" : "",
				 SLICE_ARG(f->data));
	return 0;
}

static const struct http_message plain;

/* What comes out of @in in pieces of @step; "+": it ended inside an event; "#": it was dropped;
 * "?": it is not in this framing. */
static const char *parse(const struct framing *framing, struct slice in, size_t step, size_t gap_at)
{
	static struct log l;
	struct framer f = { 0 };
	int r = 0, worst = 0;

	l = (struct log){ 0 };
	l.text[0] = 0;
	assert_int_equal(framer_open(&f, framing, record, &l, &plain), 0);
	for (size_t at = 0; at < in.n; at += step) {
		const size_t n = in.n - at < step ? in.n - at : step;

		if (gap_at > at && gap_at < at + n) {
			/* the gap is between two pieces */
			r = framer_feed(&f, (struct slice){ in.p + at, gap_at - at });
			framer_gap(&f);
			if (r >= 0)
				r = framer_feed(&f,
						(struct slice){ in.p + gap_at, at + n - gap_at });
		} else {
			if (gap_at && gap_at == at)
				framer_gap(&f);
			r = framer_feed(&f, (struct slice){ in.p + at, n });
		}
		if (r < 0)
			worst = r;
	}
	r = framer_finish(&f);
	framer_done(&f);
	if (worst == -EBADMSG)
		strcat(l.text, "?");
	else if (worst < 0)
		strcat(l.text, "#");
	if (r == -EBADMSG)
		strcat(l.text, "+");
	return l.text;
}

static void check(const struct framing *f, struct slice in, const char *want)
{
	for (size_t step = 1; step <= in.n + 1; step++)
		assert_string_equal(parse(f, in, step, 0), want);
}

static void lines(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{ "{\"a\":1}\n{\"a\":2}\n", "{\"a\":1};{\"a\":2};" },
		{ "{\"a\":1}\r\n\r\n {\"a\":2} ", "{\"a\":1};{\"a\":2};" },
		{ "\x1e{\"a\":1}\n\x1e{\"a\":2}\n", "{\"a\":1};{\"a\":2};" },
		{ "\n\n\n", "" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check(&framing_lines, slice_of(cases[i].in), cases[i].want);
	assert_string_equal(parse(&framing_lines, SLICE("{1}\n{2}\n{3}\n"), 99, 6), "{1};{3};");
}

static void arrays(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{ "[{\"a\":[1,{}]}\n,\r\n{\"b\":\"]},[\\\"\"}]\n",
		  "{\"a\":[1,{}]};{\"b\":\"]},[\\\"\"};" },
		{ " [ 1 , \"x,y\" ,[2,3], null ] trailing", "1;\"x,y\";[2,3];null;" },
		{ "[]", "" },
		{ "[{\"a\":1},{\"b\"", "{\"a\":1};+" },
		{ "[{\"a\":1}", "{\"a\":1};+" },
		{ "{\"a\":1}", "?" },
		{ "[{}}]", "{};?" },
		{ "[}", "?" },
		{ "[{\"a\":1},}]", "{\"a\":1};?" },
		{ "", "+" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check(&framing_array, slice_of(cases[i].in), cases[i].want);
	assert_string_equal(parse(&framing_array, SLICE("[{},{},{}]"), 99, 5), "{};?");
}

/* --- binary --- */

static void put(struct buf *b, struct slice s)
{
	assert_int_equal(buf_add(b, s, 1 << 30), 0);
}

static void put_u32(struct buf *b, uint32_t v)
{
	const uint32_t be = htobe32(v);

	put(b, (struct slice){ (const char *)&be, 4 });
}

static void put_crc(struct buf *b, size_t from)
{
	put_u32(b, (uint32_t)crc32(0, (const unsigned char *)b->p + from, (unsigned)(b->n - from)));
}

static void put_header(struct buf *b, const char *name, const char *value)
{
	const char n[] = { (char)strlen(name) };
	const char type[] = { 7, (char)(strlen(value) >> 8), (char)strlen(value) };

	put(b, (struct slice){ n, 1 });
	put(b, slice_of(name));
	put(b, (struct slice){ type, 3 });
	put(b, slice_of(value));
}

static void put_aws(struct buf *b, const char *kind, const char *type, const char *payload)
{
	_cleanup_(buf_done) struct buf headers = { 0 };
	const size_t from = b->n;
	/* one of each other type of value, to be skipped */
	static const char odd[] =
		"\1a\0\1b\1\1c\2x\1d\3xx\1e\4xxxx\1f\5xxxxxxxx\1g\6\0\3abc\1h\x08xxxxxxxx"
		"\1i\x09xxxxxxxxxxxxxxxx";

	put(&headers, SLICE(odd));
	put_header(&headers, ":message-type", kind);
	put_header(&headers, kind[0] == 'e' && kind[1] == 'x' ? ":exception-type" : ":event-type",
		   type);
	put_u32(b, (uint32_t)(16 + headers.n + strlen(payload)));
	put_u32(b, (uint32_t)headers.n);
	put_crc(b, from);
	put(b, buf_slice(&headers));
	put(b, slice_of(payload));
	put_crc(b, from);
}

static void aws(void **state)
{
	_cleanup_(buf_done) struct buf b = { 0 };
	size_t first, second;

	(void)state;
	put_aws(&b, "event", "messageStart", "{}");
	first = b.n;
	put_aws(&b, "event", "metadata", "{\"usage\":1}");
	second = b.n;
	put_aws(&b, "exception", "throttlingException", "{\"message\":\"no\"}");
	check(&framing_aws, buf_slice(&b),
	      "messageStart={};metadata={\"usage\":1};!throttlingException={\"message\":\"no\"};");
	check(&framing_aws, (struct slice){ b.p, second - 1 }, "messageStart={};+");
	/* what a gap goes through is gone, the next is found */
	for (size_t gap = first + 1; gap < second; gap++)
		assert_string_equal(parse(&framing_aws, buf_slice(&b), 7, gap),
				    "messageStart={};!throttlingException={\"message\":\"no\"};");
	/* a byte of the second is damaged: it is dropped and counted, whichever it is */
	for (size_t at = first; at < second; at++) {
		b.p[at] ^= 1;
		assert_string_equal(parse(&framing_aws, buf_slice(&b), b.n, 0),
				    "messageStart={};!throttlingException={\"message\":\"no\"};#");
		b.p[at] ^= 1;
	}
}

static void put_envelope(struct buf *b, uint8_t flags, struct slice message)
{
	put(b, (struct slice){ (const char *)&flags, 1 });
	put_u32(b, (uint32_t)message.n);
	put(b, message);
}

static void put_gzip(struct buf *b, const char *text)
{
	unsigned char out[256];
	z_stream z = { .next_in = (unsigned char *)text,
		       .avail_in = (unsigned)strlen(text),
		       .next_out = out,
		       .avail_out = sizeof(out) };

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, 0), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	put_envelope(b, 1, (struct slice){ (const char *)out, z.total_out });
}

static void envelopes(void **state)
{
	_cleanup_(buf_done) struct buf b = { 0 };
	size_t n;

	(void)state;
	put_envelope(&b, 0, SLICE("one"));
	put_envelope(&b, 0, SLICE(""));
	put_gzip(&b, "compressed");
	put_envelope(&b, 2, SLICE("{}"));
	n = b.n;
	check(&framing_envelope, buf_slice(&b), "one;;compressed;end={};");
	check(&framing_envelope, (struct slice){ b.p, n - 1 }, "one;;compressed;+");
	assert_string_equal(parse(&framing_envelope, buf_slice(&b), n, 9), "one;?");
	put_envelope(&b, 1, SLICE("no gzip"));
	put_envelope(&b, 0, SLICE("next"));
	check(&framing_envelope, buf_slice(&b), "one;;compressed;end={};next;#");
	put_envelope(&b, 4, SLICE("no such flag"));
	check(&framing_envelope, buf_slice(&b), "one;;compressed;end={};next;?");
}

/* --- limits --- */

static int count(void *ctx, const struct frame *f)
{
	*(size_t *)ctx += 1 + f->data.n;
	return 0;
}

/* Feeds @unit until @n bytes have come, then @last; what came out, and the most that was held. */
static size_t flood(const struct framing *framing, struct slice head, struct slice unit, size_t n,
		    struct slice last, size_t *ret_held)
{
	struct framer f = { 0 };
	size_t out = 0;

	*ret_held = 0;
	assert_int_equal(framer_open(&f, framing, count, &out, &plain), 0);
	framer_feed(&f, head);
	for (size_t i = 0; i < n; i += unit.n) {
		framer_feed(&f, unit);
		if (framer_held(&f) > *ret_held)
			*ret_held = framer_held(&f);
	}
	framer_feed(&f, last);
	framer_done(&f);
	return out;
}

static void what_is_too_large_is_skipped(void **state)
{
	_cleanup_(buf_done) struct buf unit = { 0 }, head = { 0 };
	size_t held;

	(void)state;
	while (unit.n < 1 << 20)
		put(&unit, SLICE("aaaaaaaaaaaaaaaa"));
	assert_int_equal(flood(&framing_lines, SLICE(""), buf_slice(&unit), 64 << 20,
			       SLICE("\nxy\n"), &held),
			 3);
	assert_true(held <= 3 * FRAME_MAX);
	assert_int_equal(flood(&framing_array, SLICE("[\""), buf_slice(&unit), 64 << 20,
			       SLICE("\",12]"), &held),
			 3);
	assert_true(held <= 3 * FRAME_MAX);
	assert_int_equal(flood(&framing_sse, SLICE("data:"), buf_slice(&unit), 64 << 20,
			       SLICE("\n\ndata:xy\n\n"), &held),
			 3);
	assert_true(held <= 3 * FRAME_MAX);
	put(&head, SLICE("\0"));
	put_u32(&head, 64 << 20);
	assert_int_equal(flood(&framing_envelope, buf_slice(&head), buf_slice(&unit), 64 << 20,
			       (struct slice){ "\0\0\0\0\2xy", 7 }, &held),
			 3);
	assert_true(held <= 3 * FRAME_MAX);
}

/* --- which it is --- */

static const char *choose(const char *type, const char *first)
{
	struct http_header header = { SLICE("Content-Type"), slice_of(type) };
	const struct http_message m = { .headers = &header, .n_headers = 1 };
	const struct framing *f = framing_of(&m, slice_of(first));

	return f ? f->name : "none";
}

static void by_type_and_beginning(void **state)
{
	(void)state;
	assert_string_equal(choose("text/event-stream", "data: {}"), "sse");
	assert_string_equal(choose("Text/Event-Stream; charset=utf-8", ""), "sse");
	assert_string_equal(choose("text/event-stream", "{\"error\":1}"), "none");
	assert_string_equal(choose("text/event-stream", "[{\"error\":1}]"), "json array");
	assert_string_equal(choose("application/json", "event: x"), "sse");
	assert_string_equal(choose("application/json", "{\"a\":1}"), "none");
	assert_string_equal(choose("application/json; charset=UTF-8", "[{\"a\":1}"), "json array");
	assert_string_equal(choose("application/x-ndjson", "{\"a\":1}"), "ndjson");
	assert_string_equal(choose("application/vnd.amazon.eventstream", "{"), "aws event stream");
	assert_string_equal(choose("application/connect+proto", ""), "grpc");
	assert_string_equal(choose("application/grpc+proto", ""), "grpc");
	assert_string_equal(choose("text/html", "<html>"), "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(arrays),
		cmocka_unit_test(aws),
		cmocka_unit_test(envelopes),
		cmocka_unit_test(what_is_too_large_is_skipped),
		cmocka_unit_test(by_type_and_beginning),
	};

	return cmocka_run_group_tests_name("framing", tests, NULL, NULL);
}
