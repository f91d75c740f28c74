/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cmd/screen.h"
#include "cmd/table.h"

#define MS 1000000ull
#define S  1000000000ull

static void durations_are_short(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{ 0, "0.0 ms" },
		{ 400000, "0.4 ms" },
		{ 12 * MS, "12 ms" },
		{ 999 * MS, "999 ms" },
		{ 1000 * MS, "1.0 s" },
		{ 3249 * MS, "3.2 s" },
		{ 59949 * MS, "59.9 s" },
		{ 59990 * MS, "1m 00s" },
		{ 243 * S, "4m 03s" },
		{ 3599 * S, "59m 59s" },
		{ 7500 * S, "2h 05m" },
		{ 86400 * S, "1d 00h" },
		{ 100 * 86400 * S, "100d 00h" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(format_duration(cases[i].ns).s, cases[i].text);
}

static void counts_never_round_up_to_the_next_unit(void **state)
{
	static const struct {
		int64_t n;
		const char *text;
	} cases[] = {
		{ -1, "?" },
		{ 0, "0" },
		{ 999, "999" },
		{ 1000, "1,000" },
		{ 9999, "9,999" },
		{ 12345, "12.3k" },
		{ 999999, "999.9k" },
		{ 1000000, "1.0M" },
		{ 1999999999, "1.9G" },
		{ INT64_MAX, "9223372036.8G" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(format_count(cases[i].n).s, cases[i].text);
	assert_string_equal(format_bytes(1023).s, "1023 B");
	assert_string_equal(format_bytes(1536).s, "1.5 KiB");
	assert_string_equal(format_bytes(UINT64_MAX).s, "16777215.9 TiB");
}

static void money_is_exact_where_programs_read_it(void **state)
{
	static const struct {
		int64_t pico;
		const char *people, *exact;
	} cases[] = {
		{ 0, "$0", "0" },
		{ 1, "<$0.0001", "0.000000000001" },
		{ 4210000000, "$0.0042", "0.00421" },
		{ 10667250000, "$0.0107", "0.01066725" },
		{ 12345000000000, "$12.35", "12.345" },
		{ 3000000000000, "$3.00", "3" },
		{ -1500000000000, "$-1.50", "-1.5" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_string_equal(format_usd(cases[i].pico).s, cases[i].exact);
		if (cases[i].pico != 12345000000000) /* a tie: either way is right */
			assert_string_equal(format_cost(cases[i].pico).s, cases[i].people);
	}
}

static void what_a_plan_covers_is_marked(void **state)
{
	(void)state;
	assert_string_equal(format_costs(0, 0).s, "$0");
	assert_string_equal(format_costs(4200000000, 0).s, "$0.0042");
	assert_string_equal(format_costs(0, 12340000000000).s, "~$12.34");
	assert_string_equal(format_costs(4200000000, 12340000000000).s, "$0.0042 + ~$12.34");
}

static void text_from_traffic_cannot_move_the_cursor(void **state)
{
	static const struct {
		struct slice in;
		size_t max;
		const char *out;
		size_t width;
	} cases[] = {
		{ { "plain", 5 }, 0, "plain", 5 },
		{ { "a\033[2Jb", 6 }, 0, "a?[2Jb", 6 },
		{ { "a\x9b"
		    "b",
		    3 },
		  0,
		  "a?b",
		  3 },
		{ { "a\xc2\x9b"
		    "b",
		    4 },
		  0,
		  "a?b",
		  3 }, /* CSI as UTF-8 */
		{ { "a\xe2\x80\xae"
		    "b",
		    5 },
		  0,
		  "a?b",
		  3 }, /* right-to-left override */
		{ { "two\nlines\t", 10 }, 0, "two lines ", 10 },
		{ { "nul\0x", 5 }, 0, "nul?x", 5 },
		{ { "\xff\xfe", 2 }, 0, "??", 2 },
		{ { "\xc3\xa4\xc3\xb6\xc3\xbc", 6 }, 3, "\xc3\xa4\xc3\xb6\xc3\xbc", 3 },
		{ { "\xc3\xa4\xc3\xb6\xc3\xbc", 6 }, 2, "\xc3\xa4…", 2 },
		{ { "\xe4\xb8\x96\xe7\x95\x8c!", 7 }, 4, "\xe4\xb8\x96…", 3 }, /* wide ones */
		{ { "", 0 }, 5, "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf b = { 0 };

		assert_int_equal(text_clean(&b, cases[i].in, cases[i].max), cases[i].width);
		buf_add(&b, (struct slice){ "", 1 }, 1000);
		assert_string_equal(b.p, cases[i].out);
		buf_done(&b);
	}
}

static void text_is_harmless_however_it_is_cut(void **state)
{
	static const char hostile[] = "\033]0;x\007\xe2\x80\xae\xf0\x9f\x98\x80\xc3\x28\r\n\x9b";

	(void)state;
	for (size_t n = 0; n < sizeof(hostile); n++)
		for (size_t max = 0; max < 12; max++) {
			struct buf b = { 0 };
			size_t width = text_clean(&b, (struct slice){ hostile, n }, max);

			assert_true(max == 0 || width <= max);
			for (size_t i = 0; i < b.n; i++)
				assert_true((unsigned char)b.p[i] >= 0x20 && b.p[i] != 0x7f);
			buf_done(&b);
		}
}

static void blocks_keep_lines_and_indent_them(void **state)
{
	struct buf b = { 0 };

	(void)state;
	text_block(&b, SLICE("one\n\n  two\033\nthree"), "> ");
	buf_add(&b, (struct slice){ "", 1 }, 1000);
	assert_string_equal(b.p, "one\n> \n>   two?\n> three");
	buf_done(&b);
}

static char *print(const struct table *t, int width)
{
	char *text = NULL;
	size_t n;
	struct screen s = { .f = open_memstream(&text, &n), .width = width };

	table_print(t, &s);
	fclose(s.f);
	return text;
}

static void tables_are_aligned_and_give_way(void **state)
{
	static const struct table_column columns[] = {
		{ "NAME", false, false }, { "N", true, false }, { "TEXT", false, true }, { 0 }
	};
	struct table *t = table_new(columns);
	char *text;

	(void)state;
	text = print(t, 0);
	assert_string_equal(text, "");
	free(text);
	table_add_text(t, "\xc3\xa4");
	table_add_text(t, "7");
	table_add_text(t, "a text that is long enough to be cut");
	table_add_text(t, "longer");
	table_add_text(t, "1,000");
	table_add_text(t, "x\ny");
	text = print(t, 0);
	assert_string_equal(text, "NAME        N  TEXT\n"
				  "\xc3\xa4           7  a text that is long enough to be cut\n"
				  "longer  1,000  x y\n");
	free(text);
	text = print(t, 30);
	assert_string_equal(text, "NAME        N  TEXT\n"
				  "\xc3\xa4           7  a text that is…\n"
				  "longer  1,000  x y\n");
	free(text);
	table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_are_short),
		cmocka_unit_test(counts_never_round_up_to_the_next_unit),
		cmocka_unit_test(money_is_exact_where_programs_read_it),
		cmocka_unit_test(what_a_plan_covers_is_marked),
		cmocka_unit_test(text_from_traffic_cannot_move_the_cursor),
		cmocka_unit_test(text_is_harmless_however_it_is_cut),
		cmocka_unit_test(blocks_keep_lines_and_indent_them),
		cmocka_unit_test(tables_are_aligned_and_give_way),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests_name("format", tests, NULL, NULL);
}
