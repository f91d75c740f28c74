/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands behind the "?", and paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/params.h"
#include "api/path.h"
#include "base/util.h"

#define NOW 1796133046735338132u

static bool take(struct params *p, unsigned takes, const char *name, const char *value)
{
	assert_int_equal(params_begin(p, takes, NOW), 0);
	return params_add(p, name, value) && params_end(p);
}

static void values(void **state)
{
	struct params p;

	(void)state;
	assert_true(take(&p, PARAMS_PAGE, "limit", "1000"));
	assert_int_equal(p.page.limit, 1000);
	params_done(&p);
	assert_true(take(&p, PARAMS_SORT, "sort", "cost"));
	assert_int_equal(p.page.order, ORDER_COST);
	assert_false(p.page.ascending);
	assert_int_equal(p.page.limit, PARAMS_LIMIT);
	params_done(&p);
	assert_true(take(&p, PARAMS_SORT, "order", "asc"));
	assert_true(p.page.ascending);
	params_done(&p);
	assert_true(take(&p, PARAMS_FILTER, "since", "2h"));
	assert_true(p.filter.since_ns == NOW - 7200000000000u);
	assert_true(p.relative);
	params_done(&p);
	assert_true(take(&p, PARAMS_FILTER, "since", "2026-11-20T10:00:00Z"));
	assert_true(p.filter.since_ns == 1795168800000000000u);
	assert_false(p.relative);
	params_done(&p);
	assert_true(take(&p, PARAMS_FILTER, "until", "all"));
	assert_int_equal(p.filter.until_ns, 0);
	params_done(&p);
	assert_true(take(&p, PARAMS_FILTER, "filter", "agent:codex"));
	assert_true(slice_eq(p.filter.agent, SLICE("codex")));
	params_done(&p);
	assert_true(take(&p, PARAMS_EXPORT, "content", "1"));
	assert_true(p.content);
	params_done(&p);
}

static void what_is_wrong_is_said(void **state)
{
	static const struct {
		unsigned takes;
		const char *name, *value, *says;
	} wrong[] = {
		{ PARAMS_PAGE, "limit", "0", "1 to 1000" },
		{ PARAMS_PAGE, "limit", "1001", "1 to 1000" },
		{ PARAMS_PAGE, "limit", "-1", "1 to 1000" },
		{ PARAMS_PAGE, "limit", "", "1 to 1000" },
		{ PARAMS_PAGE, "limit", NULL, "1 to 1000" },
		{ PARAMS_PAGE, "limit", "18446744073709551617", "1 to 1000" },
		{ PARAMS_SORT, "sort", "Cost", "duration" },
		{ PARAMS_SORT, "order", "up", "asc or desc" },
		{ PARAMS_FILTER, "since", "soon", "2026-11-20" },
		{ PARAMS_FILTER, "filter", "nothing:1", "'nothing'" },
		{ PARAMS_FILTER, "limit", "1", "there are: filter since until" },
		{ PARAMS_EXPORT, "content", "yes", "0 or 1" },
		{ 0, "filter", "x", "there are none" },
		{ PARAMS_PAGE, "", "x", "no parameter ''" },
	};
	struct params p;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_false(take(&p, wrong[i].takes, wrong[i].name, wrong[i].value));
		if (!strstr(p.error, wrong[i].says))
			fail_msg("%s=%s: %s", wrong[i].name, wrong[i].value, p.error);
		params_done(&p);
	}
}

static void a_long_cursor_is_none(void **state)
{
	char text[STORE_CURSOR + 10];
	struct params p;

	(void)state;
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_false(take(&p, PARAMS_PAGE, "cursor", text));
	params_done(&p);
}

static void once_each(void **state)
{
	struct params p;

	(void)state;
	assert_int_equal(params_begin(&p, PARAMS_PAGE, NOW), 0);
	assert_true(params_add(&p, "limit", "1"));
	assert_false(params_add(&p, "limit", "2"));
	assert_non_null(strstr(p.error, "twice"));
	params_done(&p);
}

static void a_time_that_is_none(void **state)
{
	struct params p;

	(void)state;
	assert_int_equal(params_begin(&p, PARAMS_FILTER, NOW), 0);
	assert_true(params_add(&p, "since", "2026-11-21"));
	assert_true(params_add(&p, "until", "2026-11-20"));
	assert_false(params_end(&p));
	params_done(&p);
}

static void paths(void **state)
{
	static const struct {
		const char *pattern, *path;
		bool matches;
		const char *values[PATH_VALUES_MAX];
	} cases[] = {
		{ "/a/b", "/a/b", true, { "", "" } },
		{ "/a/b", "/a/b/", false, { 0 } },
		{ "/a/b", "/a/bc", false, { 0 } },
		{ "/a/b", "/a", false, { 0 } },
		{ "/a/{x}", "/a/1", true, { "1", "" } },
		{ "/a/{x}", "/a/", false, { 0 } },
		{ "/a/{x}", "/a//", false, { 0 } },
		{ "/a/{x}", "/a/1/2", false, { 0 } },
		{ "/a/{x}/s/{y}", "/a/1/s/2", true, { "1", "2" } },
		{ "/a/{x}/s/{y}", "/a/1/t/2", false, { 0 } },
		{ "/a/{x}/s", "/a//s", false, { 0 } },
		{ "/a/{x}", "/a/..", true, { "..", "" } },
	};
	struct slice values_of[PATH_VALUES_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(path_matches(cases[i].pattern, cases[i].path, values_of),
				 cases[i].matches);
		for (size_t k = 0; cases[i].matches && k < PATH_VALUES_MAX; k++)
			assert_true(slice_eq(values_of[k], slice_of(cases[i].values[k])));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(a_long_cursor_is_none),
		cmocka_unit_test(once_each),
		cmocka_unit_test(a_time_that_is_none),
		cmocka_unit_test(paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
