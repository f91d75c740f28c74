/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "alloc.h"
#include "intake/spill.h"

#define HEADER sizeof(struct sonde_event)

/* The nth event: its number is its time, its size depends on it. */
static const struct sonde_event *event(uint64_t n)
{
	static _Alignas(8) char bytes[SONDE_EVENT_MAX];
	struct sonde_event *e = (void *)bytes;

	memset(bytes, (int)n, sizeof(bytes));
	e->ts_ns = n;
	e->size = (uint32_t)(HEADER + n * 977 % (SONDE_EVENT_MAX - HEADER));
	return e;
}

static void check_next(struct spill *s, uint64_t n)
{
	const struct sonde_event *want = event(n), *got = spill_peek(s);

	assert_non_null(got);
	assert_int_equal(got->size, want->size);
	assert_memory_equal(got, want, want->size);
	spill_next(s);
}

static void what_goes_in_first_comes_out_first(void **state)
{
	struct spill s = { .max = 64u << 20 };
	uint64_t in = 0, out = 0;

	(void)state;
	assert_null(spill_peek(&s));
	/* Filling and emptying at changing pace, over many blocks. */
	for (int turn = 0; turn < 40; turn++) {
		for (int i = 0; i < 5 + turn; i++)
			assert_int_equal(spill_add(&s, event(in++)), 0);
		for (int i = 0; i < 30 && out < in; i++)
			check_next(&s, out++);
	}
	while (out < in)
		check_next(&s, out++);
	assert_null(spill_peek(&s));
	assert_int_equal(s.bytes, 0);
	spill_done(&s);
}

static void it_is_bounded_and_takes_again_when_there_is_room(void **state)
{
	struct spill s = { .max = 100000 };
	uint64_t n = 0;

	(void)state;
	while (spill_add(&s, event(n)) == 0)
		n++;
	assert_true(n > 1);
	assert_true(s.bytes <= s.max);
	assert_int_equal(spill_add(&s, event(n)), -ENOBUFS);
	for (uint64_t i = 0; i < n; i++)
		check_next(&s, i);
	assert_int_equal(spill_add(&s, event(n)), 0);
	check_next(&s, n);
	spill_done(&s);
}

static void refused_memory_leaves_what_was_there(void **state)
{
	struct spill s = { .max = 64u << 20 };
	uint64_t n = 0;
	int r = 0;

	(void)state;
	assert_int_equal(spill_add(&s, event(n++)), 0);
	alloc_refuse(1);
	while (r == 0 && n < 200) /* until a new block is needed */
		r = spill_add(&s, event(n++));
	assert_true(alloc_allow());
	assert_int_equal(r, -ENOMEM);
	for (uint64_t i = 0; i + 1 < n; i++)
		check_next(&s, i);
	assert_null(spill_peek(&s));
	spill_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_in_first_comes_out_first),
		cmocka_unit_test(it_is_bounded_and_takes_again_when_there_is_room),
		cmocka_unit_test(refused_memory_leaves_what_was_there),
	};

	return cmocka_run_group_tests_name("spill", tests, NULL, NULL);
}
