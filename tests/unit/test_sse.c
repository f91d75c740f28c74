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
#include "proto/sse.h"

/* Writes what the parser emits as "type=data;" so that a case reads as one string. */
struct log {
	char text[256];
	size_t n;
};

static int record(void *ctx, const struct sse_event *ev)
{
	struct log *l = ctx;

	l->n += (size_t)snprintf(l->text + l->n, sizeof(l->text) - l->n, "%.*s=%.*s;",
				 SLICE_ARG(ev->type), SLICE_ARG(ev->data));
	return 0;
}

/* Feeds @in in pieces of @step bytes; what came out, and '+' where an event was left unfinished. */
static const char *parse(struct slice in, size_t step)
{
	static struct log l;
	struct sse p;

	l = (struct log){ 0 };
	sse_init(&p, record, &l);
	for (size_t i = 0; i < in.n; i += step)
		assert_int_equal(
			sse_feed(&p, (struct slice){ in.p + i, in.n - i < step ? in.n - i : step }),
			0);
	if (sse_finish(&p))
		strcat(l.text, "+");
	sse_done(&p);
	return l.text;
}

static void sse_events(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{ "data: a\n\n", "=a;" },
		{ "data:a\n\n", "=a;" },	      /* the space is optional */
		{ "data:  a\n\n", "= a;" },	      /* and only one of them */
		{ "data: a\ndata: b\n\n", "=a\nb;" }, /* lines join */
		{ "data\n\n", "=;" },		      /* a field without a value */
		{ "data\ndata\n\n", "=\n;" },
		{ "event: x\ndata: a\n\n", "x=a;" },
		{ "data: a\nevent: x\ndata: b\n\n", "x=a\nb;" },
		{ "event: x\n\ndata: a\n\n", "=a;" },	    /* no data, no event; type resets */
		{ ": ping\r\ndata: a\r\n\r\n", "=a;" },	    /* comment, CRLF */
		{ "data: a\r\rdata: b\r\r", "=a;=b;" },	    /* CR */
		{ "data: a\n\r\ndata: b\r\n\n", "=a;=b;" }, /* mixed */
		{ "data: a\r\n\rdata: b\n\r", "=a;=b;" },
		{ "id: 7\nretry: 5\ndata: a\nid\n\n", "=a;" },
		{ "\xef\xbb\xbf"
		  "data: a\n\n",
		  "=a;" }, /* byte order mark */
		{ "data: a\n\n\xef\xbb\xbf"
		  "data: b\n\n",
		  "=a;" },				 /* only at the start */
		{ " data: a\n\ndata: b\n\n", "=a;=b;" }, /* seen: a blank first */
		{ "\n\n data: a\n\n", "=a;" },
		{ "data: a\n\n data: b\n\n", "=a;" }, /* elsewhere it is another field */
		{ "data: a:b\n\n", "=a:b;" },
		{ "Data: a\n\n", "" },		  /* names are case-sensitive */
		{ "data: a\n\ndata: b", "=a;+" }, /* cut short: b is not complete */
		{ "data: a\n\ndata: b\n", "=a;+" },
		{ "data: a\n\nevent: b\n", "=a;+" },
		{ "data: a\n\n: b", "=a;" },
		{ "\n\n\n", "" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (size_t step = 1; step <= strlen(cases[i].in) + 1; step++)
			assert_string_equal(parse(slice_of(cases[i].in), step), cases[i].want);
}

static void sse_event_comes_with_its_last_byte(void **state)
{
	struct log l = { 0 };
	struct sse p;

	(void)state;
	sse_init(&p, record, &l);
	sse_feed(&p, SLICE("data: a\r\n\r"));
	assert_string_equal(l.text, "=a;");
	sse_feed(&p, SLICE("\ndata: b\n"));
	assert_string_equal(l.text, "=a;");
	sse_feed(&p, SLICE("\n"));
	assert_string_equal(l.text, "=a;=b;");
	sse_done(&p);
}

static int count(void *ctx, const struct sse_event *ev)
{
	(*(size_t *)ctx) += 1 + ev->data.n;
	return 0;
}

/* @lines times a line of @n bytes, then "\n", in pieces of @step. */
static int feed_big(struct sse *p, size_t n, size_t lines, size_t step)
{
	char *big = malloc(n + 1);
	int r = 0;

	assert_non_null(big);
	memset(big, 'a', n);
	memcpy(big, "data:", 5);
	big[n] = '\n';
	for (size_t k = 0; k < lines; k++)
		for (size_t i = 0; i <= n && r == 0; i += step)
			r = sse_feed(
				p, (struct slice){ big + i, n + 1 - i < step ? n + 1 - i : step });
	free(big);
	return r;
}

static void sse_drops_an_event_over_the_limit_and_reads_the_next(void **state)
{
	static const struct {
		size_t n, lines, step;
	} cases[] = {
		{ SSE_EVENT_MAX + 1, 1, SIZE_MAX / 2 },
		{ SSE_EVENT_MAX + 1, 1, 100000 },
		{ SSE_EVENT_MAX / 2 + 6, 2, 100000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t n = 0;
		struct sse p;

		sse_init(&p, count, &n);
		assert_int_equal(feed_big(&p, cases[i].n, cases[i].lines, cases[i].step), -E2BIG);
		assert_int_equal(sse_feed(&p, SLICE("\ndata: a\n\ndata: bc\n\n")), 0);
		assert_int_equal(n, 2 + 3);
		sse_done(&p);
	}
}

static void sse_takes_an_event_of_just_the_limit(void **state)
{
	size_t n = 0;
	struct sse p;

	(void)state;
	sse_init(&p, count, &n);
	assert_int_equal(feed_big(&p, SSE_EVENT_MAX, 1, 1 << 20), 0);
	assert_int_equal(sse_feed(&p, SLICE("\n")), 0);
	assert_int_equal(n, 1 + SSE_EVENT_MAX - 5);
	sse_done(&p);
}

static int refuse(void *ctx, const struct sse_event *ev)
{
	(void)ctx, (void)ev;
	return -ECANCELED;
}

static void sse_returns_what_the_callback_returned(void **state)
{
	struct sse p;

	(void)state;
	sse_init(&p, refuse, NULL);
	assert_int_equal(sse_feed(&p, SLICE("data: a\n\ndata: b\n\n")), -ECANCELED);
	sse_done(&p);
}

static void sse_survives_refused_memory(void **state)
{
	(void)state;
	for (long n = 1;; n++) {
		struct log l = { 0 };
		struct sse p;
		int r;

		sse_init(&p, record, &l);
		alloc_refuse(n);
		r = sse_feed(&p, SLICE("event: x\ndata: a\nda"));
		if (r == 0)
			r = sse_feed(&p, SLICE("ta: b\n\n"));
		if (!alloc_allow()) {
			assert_string_equal(l.text, "x=a\nb;");
			sse_done(&p);
			break;
		}
		assert_int_equal(r, -ENOMEM);
		assert_string_equal(l.text, "");
		sse_done(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sse_events),
		cmocka_unit_test(sse_event_comes_with_its_last_byte),
		cmocka_unit_test(sse_drops_an_event_over_the_limit_and_reads_the_next),
		cmocka_unit_test(sse_takes_an_event_of_just_the_limit),
		cmocka_unit_test(sse_returns_what_the_callback_returned),
		cmocka_unit_test(sse_survives_refused_memory),
	};

	return cmocka_run_group_tests_name("sse", tests, NULL, NULL);
}
