/* SPDX-License-Identifier: BSD-2-Clause */
/* What commands make of runs: where the time went, what differs, text as HTML. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "base/cleanup.h"
#include "base/id_set.h"
#include "base/lcs.h"
#include "base/util.h"
#include "cmd/budget.h"
#include "export/diff.h"
#include "export/html_text.h"

/* --- time --- */

struct work {
	enum spend what;
	uint64_t from, to;
};

static struct budget spend(const struct work *work, size_t n, uint64_t from, uint64_t to)
{
	struct spending *s = spending_new();
	struct budget b;

	for (size_t i = 0; i < n; i++)
		assert_int_equal(spending_add(s, work[i].what, work[i].from, work[i].to), 0);
	spending_sum(s, from, to, &b);
	spending_free(s);
	return b;
}

static void each_moment_is_spent_once(void **state)
{
	static const struct {
		struct work work[4];
		size_t n;
		uint64_t want[SPEND_NR]; /* of 100 */
	} cases[] = {
		{ { { 0 } }, 0, { 0, 0, 0, 100 } },
		{ { { SPEND_MODEL, 0, 100 } }, 1, { 100, 0, 0, 0 } },
		{ { { SPEND_MODEL, 10, 30 }, { SPEND_TOOL, 30, 50 } }, 2, { 20, 20, 0, 60 } },
		/* two tools at once are one time */
		{ { { SPEND_TOOL, 10, 50 }, { SPEND_TOOL, 20, 60 } }, 2, { 0, 50, 0, 50 } },
		/* a tool while a model answers is the model's */
		{ { { SPEND_TOOL, 0, 100 }, { SPEND_MODEL, 40, 60 } }, 2, { 20, 80, 0, 0 } },
		{ { { SPEND_WAITING, 0, 50 }, { SPEND_TOOL, 25, 75 } }, 2, { 0, 50, 25, 25 } },
		/* what lies before or behind counts for nothing */
		{ { { SPEND_MODEL, 0, 20 }, { SPEND_TOOL, 90, 500 } }, 2, { 20, 10, 0, 70 } },
		{ { { SPEND_MODEL, 500, 600 } }, 1, { 0, 0, 0, 100 } },
		{ { { SPEND_MODEL, 60, 40 }, { SPEND_TOOL, 5, 5 } }, 2, { 0, 0, 0, 100 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct budget b = spend(cases[i].work, cases[i].n, 0, 100);

		for (int k = 0; k < SPEND_NR; k++)
			if (b.ns[k] != cases[i].want[k])
				fail_msg("case %zu: %s is %lu", i, spend_names[k], b.ns[k]);
	}
}

static void shares_add_up(void **state)
{
	(void)state;
	for (uint64_t total = 1; total < 3000; total += 7) {
		const struct work work[] = { { SPEND_MODEL, 0, total / 3 },
					     { SPEND_TOOL, total / 3, total / 2 },
					     { SPEND_WAITING, total / 2, total * 6 / 7 } };
		const struct budget b = spend(work, ARRAY_SIZE(work), 0, total);
		unsigned shares = 0;
		uint64_t ns = 0;

		for (int k = 0; k < SPEND_NR; k++) {
			shares += b.per_mille[k];
			ns += b.ns[k];
		}
		assert_int_equal(shares, 1000);
		assert_int_equal(ns, total);
	}
	assert_int_equal(spend(NULL, 0, 5, 5).per_mille[SPEND_IDLE], 0);
}

/* --- what is common --- */

struct words {
	const char *a, *b;
};

static bool same_letter(void *ctx, size_t a, size_t b)
{
	const struct words *w = ctx;

	return w->a[a] == w->b[b];
}

static void sequences_are_aligned(void **state)
{
	static const struct {
		struct words w;
		const char *common;
	} cases[] = {
		{ { "", "" }, "" },
		{ { "abc", "" }, "" },
		{ { "abc", "abc" }, "abc" },
		{ { "abc", "xyz" }, "" },
		{ { "abcd", "abxd" }, "abd" },
		{ { "abcabba", "cbabac" }, "baba" },
		{ { "aaa", "aaaaa" }, "aaa" },
		{ { "xaby", "zabw" }, "ab" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct words w = cases[i].w;
		struct lcs_pair *pairs = NULL;
		char got[16] = "";
		size_t n;

		assert_int_equal(lcs(strlen(w.a), strlen(w.b), same_letter, &w, &pairs, &n, NULL),
				 0);
		for (size_t k = 0; k < n; k++) {
			got[k] = w.a[pairs[k].a];
			assert_int_equal(w.a[pairs[k].a], w.b[pairs[k].b]);
			assert_true(k == 0 ||
				    (pairs[k].a > pairs[k - 1].a && pairs[k].b > pairs[k - 1].b));
		}
		assert_int_equal(n, strlen(cases[i].common));
		if (i != 5) /* which has several as long */
			assert_string_equal(got, cases[i].common);
		free(pairs);
	}
}

static bool never(void *ctx, size_t a, size_t b)
{
	(void)ctx;
	(void)a;
	(void)b;
	return false;
}

static void what_is_too_long_is_cut_and_said(void **state)
{
	struct lcs_pair *pairs = NULL;
	bool cut = false;
	size_t n;

	(void)state;
	assert_int_equal(lcs(LCS_MAX + 1, 1, never, NULL, &pairs, &n, &cut), 0);
	assert_true(cut);
	assert_int_equal(n, 0);
	assert_int_equal(lcs(10, 10, never, NULL, &pairs, &n, &cut), 0);
	assert_false(cut);
}

static void texts_differ_as_diff_says(void **state)
{
	static const struct {
		const char *a, *b, *want;
	} cases[] = {
		{ "", "", "" },
		{ "one\ntwo\n", "one\ntwo\n", "" },
		{ "one\ntwo", "one\nTWO", "@@ -1,2 +1,2 @@\n one\n-two\n+TWO\n" },
		{ "", "new\n", "@@ -0,0 +1,1 @@\n+new\n" },
		{ "1\n2\n3\n4\n5\n6\n7\n8\n", "1\n2\n3\n4\n5\n6\n7\n8\n9\n",
		  "@@ -6,3 +6,4 @@\n 6\n 7\n 8\n+9\n" },
		{ "a\n1\n2\n3\n4\n5\n6\n7\nb\n", "A\n1\n2\n3\n4\n5\n6\n7\nB\n",
		  "@@ -1,4 +1,4 @@\n-a\n+A\n 1\n 2\n 3\n@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-b\n+B\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf b = { 0 };

		assert_int_equal(diff_text(slice_of(cases[i].a), slice_of(cases[i].b), &b), 0);
		if (!slice_eq(buf_slice(&b), slice_of(cases[i].want)))
			fail_msg("case %zu: %.*s", i, SLICE_ARG(buf_slice(&b)));
		buf_done(&b);
	}
}

static void ids_are_remembered(void **state)
{
	struct id_set s = { 0 };
	struct id128 id = { { 1 } };

	(void)state;
	assert_false(id_set_has(&s, &id));
	assert_int_equal(id_set_add(&s, &id), 0);
	assert_int_equal(id_set_add(&s, &id), 0);
	assert_true(id_set_has(&s, &id));
	id.b[15] = 1;
	assert_false(id_set_has(&s, &id));
	id_set_done(&s);
}

/* --- HTML --- */

static char *as_html(struct slice s)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	html_text(f, s);
	fclose(f);
	return text;
}

static void nothing_becomes_markup(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "plain \xc3\xa4 \xf0\x9f\x98\x80", "plain \xc3\xa4 \xf0\x9f\x98\x80" },
		{ "<script>alert('x')</script>",
		  "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" },
		{ "\" onload=\"x & y", "&quot; onload=&quot;x &amp; y" },
		{ "a\033[31m", "a\xef\xbf\xbd[31m" },
		{ "line\n\ttab", "line\n\ttab" },
		{ "\xff\xc0<", "\xef\xbf\xbd\xef\xbf\xbd&lt;" },
		{ "x\xe2\x80\xae"
		  "y\xe2\x81\xa9",
		  "x\xef\xbf\xbdy\xef\xbf\xbd" },
		{ "\xc2\x9b", "\xef\xbf\xbd" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *got = as_html(slice_of(cases[i].in));

		assert_string_equal(got, cases[i].out);
		free(got);
	}
}

static void refused_memory_is_an_error(void **state)
{
	struct words w = { "abcabba", "cbabac" };
	long nth;

	(void)state;
	for (nth = 1; nth < 100; nth++) {
		struct lcs_pair *pairs = NULL;
		struct buf b = { 0 };
		size_t n;
		int r, r2;

		alloc_refuse(nth);
		r = lcs(7, 6, same_letter, &w, &pairs, &n, NULL);
		r2 = diff_text(SLICE("a\nb"), SLICE("b\nc"), &b);
		free(pairs);
		buf_done(&b);
		if (!alloc_allow())
			break;
		assert_true(r == -ENOMEM || r2 == -ENOMEM || b.n == 0);
	}
	assert_true(nth > 5 && nth < 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_moment_is_spent_once),
		cmocka_unit_test(shares_add_up),
		cmocka_unit_test(sequences_are_aligned),
		cmocka_unit_test(what_is_too_long_is_cut_and_said),
		cmocka_unit_test(texts_differ_as_diff_says),
		cmocka_unit_test(ids_are_remembered),
		cmocka_unit_test(nothing_becomes_markup),
		cmocka_unit_test(refused_memory_is_an_error),
	};

	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
