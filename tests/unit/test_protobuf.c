/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>

#include "base/util.h"
#include "proto/protobuf.h"

/* Every type that there is: 1: 150, 2: "ab", 3: fixed32 7, 4: fixed64 9, 16: "" */
static const char message[] = "\x08\x96\x01"
			      "\x12\x02"
			      "ab"
			      "\x1d\x07\x00\x00\x00"
			      "\x21\x09\x00\x00\x00\x00\x00\x00\x00"
			      "\x82\x01\x00";

static void every_type_is_walked(void **state)
{
	static const struct {
		uint32_t number;
		enum protobuf_type type;
		uint64_t value;
	} want[] = {
		{ 1, PROTOBUF_VARINT, 150 }, { 2, PROTOBUF_BYTES, 0 },	{ 3, PROTOBUF_FIXED32, 7 },
		{ 4, PROTOBUF_FIXED64, 9 },  { 16, PROTOBUF_BYTES, 0 },
	};
	struct slice rest = { message, sizeof(message) - 1 };
	struct protobuf_field f;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		assert_true(protobuf_next(&rest, &f));
		assert_int_equal(f.number, want[i].number);
		assert_int_equal(f.type, want[i].type);
		assert_int_equal(f.value, want[i].value);
	}
	assert_false(protobuf_next(&rest, &f));
	assert_int_equal(rest.n, 0);
}

static void fields_are_found_by_number(void **state)
{
	const struct slice m = { message, sizeof(message) - 1 };
	uint64_t v = 1;

	(void)state;
	assert_true(slice_eq(protobuf_bytes(m, 2), SLICE("ab")));
	assert_int_equal(protobuf_bytes(m, 1).n, 0); /* a number */
	assert_int_equal(protobuf_bytes(m, 5).n, 0);
	assert_true(protobuf_number(m, 4, &v));
	assert_int_equal(v, 9);
	assert_false(protobuf_number(m, 2, &v));
	assert_false(protobuf_number(m, 9, &v));
	/* Of a number that is there twice the last holds. */
	assert_true(protobuf_number(SLICE("\x08\x01\x08\x02"), 1, &v));
	assert_int_equal(v, 2);
	assert_true(protobuf_number(SLICE("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), 1, &v));
	assert_true(v == UINT64_MAX);
}

static void what_is_no_field_ends_the_walk(void **state)
{
	static const struct slice bad[] = {
		{ "\x08", 1 },	   /* no value */
		{ "\x08\x80", 2 }, /* an open number */
		{ "\x12\x05"
		  "ab",
		  4 }, /* longer than what is there */
		{ "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11 },
		{ "\x1d\x01\x02", 3 },			   /* fixed32 */
		{ "\x21\x01\x02\x03\x04\x05\x06\x07", 8 }, /* fixed64 */
		{ "\x0b\x0c", 2 },			   /* a group */
		{ "\x0f", 1 },				   /* no type */
		{ "\x00\x01", 2 },			   /* field 0 */
		{ "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01\x01", 12 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		/* Of exact size, so that reading past the end is seen. */
		char *copy = malloc(bad[i].n);
		struct slice rest = { copy, bad[i].n };
		struct protobuf_field f;

		assert_non_null(copy);
		memcpy(copy, bad[i].p, bad[i].n);
		assert_false(protobuf_next(&rest, &f));
		assert_int_equal(rest.n, bad[i].n);
		free(copy);
	}
}

/* What is written reads back, nested lengths of several bytes too. */
static void what_is_written_is_read(void **state)
{
	struct buf out = { 0 };
	struct protobuf_writer w = { .out = &out };
	char text[300];
	struct slice inner;
	uint64_t v = 0;

	(void)state;
	memset(text, 'x', sizeof(text));
	protobuf_put_varint(&w, 1, 150);
	protobuf_begin(&w, 2);
	protobuf_put_bytes(&w, 1, (struct slice){ text, sizeof(text) });
	protobuf_begin(&w, 2);
	protobuf_end(&w);
	protobuf_put_fixed64(&w, 3, UINT64_MAX);
	protobuf_end(&w);
	protobuf_put_fixed32(&w, 3, 7);
	protobuf_begin(&w, 4);
	protobuf_put_packed64(&w, 1);
	protobuf_put_packed64(&w, 2);
	protobuf_end(&w);
	assert_int_equal(w.r, 0);
	assert_true(slice_starts(buf_slice(&out), SLICE("\x08\x96\x01\x12")));
	inner = protobuf_bytes(buf_slice(&out), 2);
	assert_int_equal(protobuf_bytes(inner, 1).n, sizeof(text));
	assert_true(protobuf_number(inner, 3, &v));
	assert_true(v == UINT64_MAX);
	assert_true(protobuf_number(buf_slice(&out), 3, &v));
	assert_int_equal(v, 7);
	assert_int_equal(protobuf_bytes(buf_slice(&out), 4).n, 16);
	buf_done(&out);
}

static void writing_is_bounded(void **state)
{
	struct buf out = { 0 };
	struct protobuf_writer w = { .out = &out, .max = 8 };

	(void)state;
	protobuf_put_bytes(&w, 1, SLICE("0123456789"));
	assert_int_equal(w.r, -E2BIG);
	buf_done(&out);
	out = (struct buf){ 0 };
	w = (struct protobuf_writer){ .out = &out };
	for (int i = 0; i <= PROTOBUF_DEPTH_MAX; i++)
		protobuf_begin(&w, 1);
	assert_int_equal(w.r, -E2BIG);
	for (int i = 0; i <= PROTOBUF_DEPTH_MAX; i++)
		protobuf_end(&w);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_is_walked),
		cmocka_unit_test(fields_are_found_by_number),
		cmocka_unit_test(what_is_no_field_ends_the_walk),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(writing_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
