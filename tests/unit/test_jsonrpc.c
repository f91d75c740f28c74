/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "alloc.h"
#include "base/util.h"
#include "proto/jsonrpc.h"

static struct arena_budget budget;
static char said[1024];
static size_t n_said;

static void record(void *ctx, const struct jsonrpc_message *m)
{
	static const char kinds[] = "xQNRE";

	(void)ctx;
	n_said += (size_t)snprintf(
		said + n_said, sizeof(said) - n_said, "%c%s%llu %.*s %.*s %.*s%.*s;",
		kinds[m->kind], m->kind || m->is_json ? "" : "!", (unsigned long long)m->pos,
		SLICE_ARG(m->id), SLICE_ARG(m->method), SLICE_ARG(m->params), SLICE_ARG(m->value));
	if (n_said > sizeof(said))
		n_said = sizeof(said) - 1;
}

static void begin(struct jsonrpc *p)
{
	budget = (struct arena_budget){ .max = 1 << 20 };
	n_said = 0;
	said[0] = '\0';
	jsonrpc_init(p, &budget, record, NULL);
}

static void end(struct jsonrpc *p)
{
	jsonrpc_finish(p, 9);
	jsonrpc_done(p);
	assert_int_equal(budget.used, 0);
}

static const char *parse(struct slice in, size_t step)
{
	struct jsonrpc p;

	begin(&p);
	for (size_t i = 0; i < in.n; i += step)
		jsonrpc_feed(&p, (struct slice){ in.p + i, in.n - i < step ? in.n - i : step }, i,
			     i);
	end(&p);
	return said;
}

#define V "\"jsonrpc\":\"2.0\","

static const struct {
	const char *in, *want;
} cases[] = {
	{ "{" V "\"id\":1,\"method\":\"a/b\",\"params\":{\"x\":1}}\n", "Q0 1 a/b {\"x\":1};" },
	{ "{\"method\":\"m\",\"jsonrpc\":\"2.0\",\"id\":\"s\"}\n", "Q0 \"s\" m ;" },
	{ "{" V "\"method\":\"n\"}\n", "N0  n ;" },
	{ "{" V "\"method\":\"n\",\"id\":null}\n", "N0 null n ;" },
	{ "{" V "\"id\":7,\"result\":{}}\n", "R0 7  {};" },
	{ "{" V "\"id\":7,\"error\":{\"code\":-1}}\r\n", "E0 7  {\"code\":-1};" },
	{ "{" V "\"id\":1,\"result\":1}\n\n  \n{" V "\"id\":2,\"result\":2}\n",
	  "R0 1  1;R40 2  2;" },
	{ "[{" V "\"id\":1,\"result\":1},{" V "\"method\":\"n\"},3]\n", "R0 1  1;N0  n ;x0   ;" },
	{ "{" V "\"id\":1,\"result\":1}", "R0 1  1;" }, /* the end is a line's end */
	{ "{" V "\"id\":1,\"resu", "" },
	{ "{\"id\":1,\"result\":1}\n", "x0   ;" }, /* some other JSON */
	{ "{" V "\"id\":1}\n", "x0 1  ;" },
	{ "[]\n5\n\"x\"\n", "x0   ;x3   ;x5   ;" },
	{ "Server starts\n{" V "\"method\":\"n\"}\n", "x!0   ;N14  n ;" },
	{ "{" V "\"method\":\"n\"} {}\n", "x!0   ;" },
	{ "{" V "\"method\":\"\",\"result\":1}\n", "R0   1;" },
	{ "", "" },
};

static void messages_come_out_of_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(parse(slice_of(cases[i].in), SIZE_MAX / 2), cases[i].want);
}

static void messages_are_the_same_at_every_cut_size(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (size_t step = 1; step <= strlen(cases[i].in); step++)
			assert_string_equal(parse(slice_of(cases[i].in), step), cases[i].want);
}

static void a_gap_costs_the_message_that_it_is_in(void **state)
{
	const struct slice whole = SLICE("{" V "\"method\":\"n\"}\n");
	struct jsonrpc p;

	(void)state;
	for (size_t at = 0; at <= whole.n; at++) {
		begin(&p);
		jsonrpc_feed(&p, (struct slice){ whole.p, at }, 0, 1);
		jsonrpc_gap(&p);
		jsonrpc_feed(&p, slice_from(whole, whole.n - 3), 100, 2); /* the rest of a line */
		jsonrpc_feed(&p, whole, 103, 3);
		end(&p);
		assert_string_equal(said, at == whole.n ? "N0  n ;x!100   ;N103  n ;"
							: "x!100   ;N103  n ;");
	}
	begin(&p);
	jsonrpc_gap(&p);
	jsonrpc_feed(&p, whole, 5, 1); /* what was missing ended with a line */
	end(&p);
	assert_string_equal(said, "N5  n ;");
}

static void times_are_those_of_a_messages_ends(void **state)
{
	struct jsonrpc p;

	(void)state;
	begin(&p);
	jsonrpc_feed(&p, SLICE("{" V "\"meth"), 0, 10);
	assert_int_equal(p.begin_ns, 10);
	jsonrpc_feed(&p, SLICE("od\":\"n\"}\n"), 20, 11);
	jsonrpc_feed(&p, SLICE("{" V), 29, 12);
	assert_int_equal(p.begin_ns, 12);
	assert_int_equal(p.line_pos, 29);
	end(&p);
}

static void a_line_over_the_limit_is_dropped_alone(void **state)
{
	static char part[65536];
	const struct slice next = SLICE("\n{" V "\"method\":\"n\"}\n");
	struct jsonrpc p;

	(void)state;
	memset(part, 'x', sizeof(part));
	begin(&p);
	for (int i = 0; i < 64; i++) {
		jsonrpc_feed(&p, (struct slice){ part, sizeof(part) }, 0, 1);
		assert_true(budget.used <= budget.max);
	}
	jsonrpc_feed(&p, next, 100, 2);
	end(&p);
	assert_string_equal(said, "N101  n ;");
}

static void refused_memory_costs_a_message(void **state)
{
	const struct slice in = SLICE("{" V "\"method\":\"n\"}\n{" V "\"method\":\"o\"}\n");

	(void)state;
	for (long n = 1;; n++) {
		struct jsonrpc p;
		bool refused;

		begin(&p);
		alloc_refuse(n);
		for (size_t i = 0; i < in.n; i++)
			jsonrpc_feed(&p, (struct slice){ in.p + i, 1 }, i, i);
		refused = alloc_allow();
		end(&p);
		if (!refused) {
			assert_string_equal(said, "N0  n ;N31  o ;");
			break;
		}
		assert_true(said[0] == '\0' || strcmp(said, "N0  n ;") == 0 ||
			    strcmp(said, "N31  o ;") == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_come_out_of_lines),
		cmocka_unit_test(messages_are_the_same_at_every_cut_size),
		cmocka_unit_test(a_gap_costs_the_message_that_it_is_in),
		cmocka_unit_test(times_are_those_of_a_messages_ends),
		cmocka_unit_test(a_line_over_the_limit_is_dropped_alone),
		cmocka_unit_test(refused_memory_costs_a_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
