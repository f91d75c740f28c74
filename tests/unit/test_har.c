/* SPDX-License-Identifier: BSD-2-Clause */
/* HAR files: times, bodies, targets, files that break off. The whole way: tests/har. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "alloc.h"
#include "base/base64.h"
#include "base/util.h"
#include "cmd/import.h"
#include "sonde/stats.h"

#define SECOND 1000000000ull

static void times_in_every_spelling(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1970-01-01T00:00:00.000000001Z", 1 },
		{ "1970-01-01T00:00:00.0000000019Z", 1 },
		{ "1970-01-02T00:00:00+24:00", 0 },
		{ "2000-02-29T12:00:00Z", 951825600 * SECOND },
		{ "2000-03-01T00:00:00-0000", 951868800 * SECOND },
		{ "2024-12-31T23:59:60Z", 1735689600 * SECOND },
		{ "2026-03-01T08:00:00,5+01", 1772348400 * SECOND + SECOND / 2 },
		{ "2026-03-01T08:00", 1772352000 * SECOND },
		{ "2261-12-31T00:00:00Z", 9214560000 * SECOND },
	};
	static const char *const bad[] = {
		"",
		"2026",
		"2026-03-01",
		"2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z",
		"2026-03-32T00:00:00Z",
		"2026-03-01T25:00:00Z",
		"2026-03-01T08:60:00Z",
		"2026-03-01T08:00:00.Z",
		"2026-03-01T08:00:00Zz",
		"2026-03-01T08:00:00+1",
		"1969-12-31T23:59:59Z",
		"1970-01-01T00:00:00+00:01",
		"9999-01-01T00:00:00Z",
		"26-03-01T08:00:00Z",
		"1772352000",
	};
	uint64_t ns;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		ns = 7;
		assert_true(har_time(slice_of(good[i].text), &ns));
		assert_int_equal(ns, good[i].ns);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(har_time(slice_of(bad[i]), &ns));
}

static void base64_of_both_alphabets(void **state)
{
	static const struct {
		const char *text, *bytes;
	} good[] = {
		{ "", "" },
		{ "YQ==", "a" },
		{ "YQ", "a" },
		{ "YWI=", "ab" },
		{ "YWJj", "abc" },
		{ "Y\nW\r\nJj", "abc" },
		{ "Pz8/Pj4+", "??\?>>>" },
		{ "Pz8_Pj4-", "??\?>>>" },
		{ "YWJjZA==\n", "abcd" },
	};
	static const char *const bad[] = { "Y", "YQ===", "YQ=x", "Y!==", "YWJjZ", "\xc3\xa4" };
	struct arena *mem = arena_new(1 << 16);
	struct slice got;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_true(base64_decode(slice_of(good[i].text), mem, &got));
		assert_true(slice_eq(got, slice_of(good[i].bytes)));
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(base64_decode(slice_of(bad[i]), mem, &got));
	arena_free(mem);
}

static void targets_of_urls(void **state)
{
	static const struct {
		const char *url, *host, *path;
		uint16_t port;
	} cases[] = {
		{ "https://api.openai.com/v1?a=b#c", "api.openai.com", "/v1?a=b", 443 },
		{ "HTTPS://u:p@a.example:443/x", "a.example", "/x", 443 },
		{ "http://localhost:11434/v1", "localhost:11434", "/v1", 11434 },
		{ "wss://[2001:db8::1]/s", "[2001:db8::1]", "/s", 443 },
		{ "ws://[::1]:8080?x", "[::1]:8080", "?x", 8080 },
		{ "https://bare.example", "bare.example", "/", 443 },
		{ "https://a.example:99999/x", "a.example:99999", "/x", 443 },
		{ "/only/path", "named.example", "/only/path", 0 },
		{ "", "named.example", "/", 0 },
	};
	struct http_header host = { { "HOST", 4 }, { "named.example", 13 } };
	const struct http_message request = { .headers = &host, .n_headers = 1 };
	struct import_target t;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		import_target(slice_of(cases[i].url), &request, &t);
		assert_true(slice_eq(t.host, slice_of(cases[i].host)));
		assert_true(slice_eq(t.path, slice_of(cases[i].path)));
		assert_int_equal(t.port, cases[i].port);
	}
}

#define ENTRY                                                                                 \
	"{\"startedDateTime\":\"2026-03-01T08:00:00Z\",\"time\":5,\"request\":{\"method\":"   \
	"\"POST\",\"url\":\"https://api.openai.com/v1/chat/completions\",\"headers\":[{"      \
	"\"name\":\"A\",\"value\":\"b\"}],\"postData\":{\"text\":\"{\\\"model\\\":\\\"m\\\"}" \
	"\"}},\"response\":{\"status\":200,\"content\":{\"mimeType\":\"application/json\","   \
	"\"text\":\"e30=\",\"encoding\":\"base64\"}}}"

static const char file[] =
	"{\"log\":{\"creator\":{\"name\":\"n\",\"version\":\"1\"},\"entries\":[" ENTRY "," ENTRY
	", " ENTRY "]}}";

static void a_file_that_breaks_off_has_its_whole_entries(void **state)
{
	const struct slice entry = SLICE(ENTRY);
	const size_t first = (size_t)(strstr(file, ENTRY) - file) + entry.n;
	const size_t second = first + 1 + entry.n, third = second + 2 + entry.n;
	const char *why;
	struct slice json;
	struct har har;

	(void)state;
	for (size_t n = first - entry.n; n < sizeof(file); n++) {
		const size_t want = n >= third ? 3 : n >= second ? 2 : n >= first ? 1 : 0;
		/* Of its own size, so that reading behind it is seen. */
		char *copy = malloc(n);
		size_t got = 0;

		memcpy(copy, file, n);
		assert_true(har_open((struct slice){ copy, n }, &har, &why));
		while (har_next(&har, &json)) {
			assert_true(slice_eq(json, entry));
			got++;
		}
		assert_int_equal(got, want);
		assert_int_equal(har.it.bad, n <= third);
		free(copy);
	}
}

/* --- no memory --- */

static void no_blob(void *ctx, const struct id128 *id, const char *kind, struct slice bytes)
{
	(void)ctx, (void)id, (void)kind, (void)bytes;
}

static void no_node(void *ctx, const struct id128 *id, const struct id128 *parent,
		    const struct id128 *message, uint32_t depth)
{
	(void)ctx, (void)id, (void)parent, (void)message, (void)depth;
}

static void count_span(void *ctx, const struct span *span)
{
	*(unsigned *)ctx += span->final && span->step == STEP_LLM;
}

static void no_run(void *ctx, const struct run *run)
{
	(void)ctx, (void)run;
}

static void on_event(void *ctx, const struct sonde_event *e)
{
	pipeline_feed(ctx, e);
}

static void each_allocation_may_be_refused(void **state)
{
	static const struct trace_sink sink = {
		.blob = no_blob, .node = no_node, .span = count_span, .run = no_run
	};
	unsigned calls;
	bool refused = true;

	(void)state;
	for (long n = 1; refused; n++) {
		struct stats stats = { 0 };
		const struct pipeline_config c = { .sink = &sink, .ctx = &calls, .stats = &stats };
		struct import_file f = { .text = SLICE(file), .name = "x", .event = on_event };
		struct import_counts counts;
		const char *why;
		int r;

		calls = 0;
		assert_int_equal(pipeline_new(&c, &f.pipeline), 0);
		f.event_ctx = f.pipeline;
		alloc_refuse(n);
		r = import_run(&f, &counts, &why);
		refused = alloc_allow();
		assert_true(r == 0 || (refused && r == -ENOMEM));
		assert_true(refused || calls == 3);
		pipeline_end(f.pipeline);
		pipeline_free(f.pipeline);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_in_every_spelling),
		cmocka_unit_test(base64_of_both_alphabets),
		cmocka_unit_test(targets_of_urls),
		cmocka_unit_test(a_file_that_breaks_off_has_its_whole_entries),
		cmocka_unit_test(each_allocation_may_be_refused),
	};

	return cmocka_run_group_tests_name("har", tests, NULL, NULL);
}
