/* SPDX-License-Identifier: BSD-2-Clause */
/* Prometheus' text: exact numbers, whole histograms, clean labels; and what captures answer. */
#include "store_make.h"

#include "alloc.h"
#include "export/prometheus.h"
#include "export/prometheus_health.h"
#include "sonde/stats.h"

static void assert_text(struct buf *text, const char *want)
{
	if (!slice_eq(buf_slice(text), slice_of(want)))
		fail_msg("got:\n%.*s\nwant:\n%s", SLICE_ARG(buf_slice(text)), want);
	buf_done(text);
}

static bool has_line(const struct buf *text, const char *line)
{
	struct slice rest = buf_slice(text), one;

	while (slice_cut(rest, '\n', &one, &rest))
		if (slice_eq(one, slice_of(line)))
			return true;
	return false;
}

static void assert_line(const struct buf *text, const char *line)
{
	if (!has_line(text, line))
		fail_msg("no line '%s' in:\n%.*s", line, SLICE_ARG(buf_slice(text)));
}

static void numbers_are_exact(void **state)
{
	static const struct {
		int64_t v;
		int digits;
		const char *text;
	} cases[] = {
		{ 0, 0, "0" },
		{ 0, 12, "0" },
		{ 195000000, 12, "0.000195" },
		{ 1500, 3, "1.5" },
		{ 1, 12, "0.000000000001" },
		{ -1, 9, "-0.000000001" },
		{ 1000, 3, "1" },
		{ 1030, 3, "1.03" },
		{ INT64_MAX, 0, "9223372036854775807" },
		{ INT64_MIN, 9, "-9223372036.854775808" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf text = { 0 };
		struct prometheus p = { .out = &text };
		char want[256];

		prometheus_family(&p, "a", PROMETHEUS_GAUGE, "b");
		prometheus_sample(&p, NULL, 0, cases[i].v, cases[i].digits);
		snprintf(want, sizeof(want), "# HELP a b\n# TYPE a gauge\na %s\n", cases[i].text);
		assert_text(&text, want);
	}
}

static void labels_are_escaped(void **state)
{
	const struct prometheus_label labels[] = { { "x", SLICE("a\"b\\c\ne") },
						   { "none", { 0 } },
						   { "y", SLICE("\xc3\xa9") } };
	struct buf text = { 0 };
	struct prometheus p = { .out = &text };

	(void)state;
	prometheus_family(&p, "n", PROMETHEUS_COUNTER, "Some.");
	prometheus_sample(&p, labels, ARRAY_SIZE(labels), 3, 0);
	assert_text(&text, "# HELP n_total Some.\n# TYPE n_total counter\n"
			   "n_total{x=\"a\\\"b\\\\c\\ne\",y=\"\xc3\xa9\"} 3\n");
}

static void openmetrics_names_families(void **state)
{
	struct buf text = { 0 };
	struct prometheus p = { .out = &text, .openmetrics = true };

	(void)state;
	prometheus_family(&p, "n", PROMETHEUS_COUNTER, "Some.");
	prometheus_sample(&p, NULL, 0, 3, 0);
	prometheus_end(&p);
	assert_text(&text, "# HELP n Some.\n# TYPE n counter\nn_total 3\n# EOF\n");
}

static void a_histogram_adds_up(void **state)
{
	static const int64_t ms[] = { 5, 15, 15, 700, 90000 };
	_cleanup_(metrics_freep) struct metrics *m = NULL;
	_cleanup_(buf_done) struct buf text = { 0 };
	struct prometheus p = { .out = &text };

	(void)state;
	assert_int_equal(metrics_new(10, 0, START, &m), 0);
	for (size_t i = 0; i < ARRAY_SIZE(ms); i++) {
		struct span s = make_call(1, 1);

		s.end_ns = s.start_ns + (uint64_t)ms[i] * 1000000;
		assert_int_equal(metrics_add(m, 1, &s, NULL), 0);
	}
	prometheus_metrics(&p, m);
	assert_int_equal(p.r, 0);
#define CALL "agent=\"claude-code\",provider=\"anthropic\",model=\"m-1\",operation=\"chat\""
	assert_line(&text, "sonde_llm_duration_seconds_bucket{" CALL ",le=\"0.01\"} 1");
	assert_line(&text, "sonde_llm_duration_seconds_bucket{" CALL ",le=\"0.02\"} 3");
	assert_line(&text, "sonde_llm_duration_seconds_bucket{" CALL ",le=\"0.64\"} 3");
	assert_line(&text, "sonde_llm_duration_seconds_bucket{" CALL ",le=\"1.28\"} 4");
	assert_line(&text, "sonde_llm_duration_seconds_bucket{" CALL ",le=\"81.92\"} 4");
	assert_line(&text, "sonde_llm_duration_seconds_bucket{" CALL ",le=\"+Inf\"} 5");
	assert_line(&text, "sonde_llm_duration_seconds_sum{" CALL "} 90.735");
	assert_line(&text, "sonde_llm_duration_seconds_count{" CALL "} 5");
	assert_line(&text, "sonde_llm_calls_total{" CALL "} 5");
	assert_line(&text, "sonde_llm_tokens_total{agent=\"claude-code\",provider=\"anthropic\","
			   "model=\"m-1\",operation=\"chat\",type=\"cache_read\"} 200");
	assert_line(&text, "sonde_llm_cost_usd_total{" CALL "} 0.000005");
}

/* --- captures --- */

static void answer(struct health *h, const char *json)
{
	health_capture(h, slice_of(json));
}

static struct buf written(struct health *h)
{
	struct buf text = { 0 };
	struct prometheus p = { .out = &text };

	health_write(h, &p);
	assert_int_equal(p.r, 0);
	return text;
}

static void assert_health(struct health *h, const char *const lines[])
{
	_cleanup_(buf_done) struct buf text = written(h);

	for (size_t i = 0; lines[i]; i++)
		assert_line(&text, lines[i]);
}

static void counts_of_captures_only_grow(void **state)
{
	_cleanup_(health_freep) struct health *h = NULL;

	(void)state;
	assert_int_equal(health_new(&h), 0);
	health_begin(h);
	answer(h, "{\"engine\":1,\"started_boot_ns\":1,\"lag_ms\":5,\"loss\":{\"ring_full\":10},"
		  "\"health\":{\"events\":100,\"engine_rss_bytes\":7}}");
	answer(h, "{\"engine\":2,\"started_boot_ns\":1,\"lag_ms\":9,\"loss\":{\"ring_full\":1},"
		  "\"health\":{\"events\":50,\"engine_rss_bytes\":8}}");
	answer(h, "{\"engine\":2,\"started_boot_ns\":1,\"health\":{\"events\":999}}"); /* twice */
	assert_health(h, (const char *const[]){
				 "sonde_captures 2", "sonde_loss_total{reason=\"ring_full\"} 11",
				 "sonde_engine_events_total 150", "sonde_engine_lag_seconds 0.009",
				 "sonde_engine_rss_bytes 15", NULL });
	health_begin(h); /* the first has gone, the second went on */
	answer(h, "{\"engine\":2,\"started_boot_ns\":1,\"loss\":{\"ring_full\":4},"
		  "\"health\":{\"events\":60}}");
	assert_health(h, (const char *const[]){ "sonde_captures 1",
						"sonde_loss_total{reason=\"ring_full\"} 14",
						"sonde_engine_events_total 160", NULL });
	health_begin(h); /* its number was given to another */
	answer(h, "{\"engine\":2,\"started_boot_ns\":8,\"loss\":{\"ring_full\":2},"
		  "\"prober_lost\":true}");
	answer(h, "{\"restarts\":{\"engine\":2}}"); /* the supervisor's */
	answer(h, "{\"restarts\":{\"engine\":3,\"exporter\":1}}");
	assert_health(h,
		      (const char *const[]){ "sonde_captures 1", "sonde_capture_starts_total 3",
					     "sonde_loss_total{reason=\"ring_full\"} 16",
					     "sonde_engine_prober_lost 1",
					     "sonde_restarts_total{process=\"engine\"} 3", NULL });
}

static void many_captures_are_bounded(void **state)
{
	_cleanup_(health_freep) struct health *h = NULL;
	char json[128];

	(void)state;
	assert_int_equal(health_new(&h), 0);
	for (int i = 1; i <= 1000; i++) {
		if (i % 50 == 1)
			health_begin(h);
		snprintf(json, sizeof(json), "{\"engine\":%d,\"health\":{\"events\":2}}", i);
		answer(h, json);
	}
	assert_health(h, (const char *const[]){ "sonde_captures 50",
						"sonde_engine_events_total 2000", NULL });
}

static void nonsense_is_not_taken(void **state)
{
	static const char *const bad[] = {
		"",
		"{",
		"[]",
		"null",
		"{\"engine\":\"x\"}",
		"{\"engine\":-1,\"health\":{\"events\":5}}",
		"{\"engine\":0}",
		"{\"engine\":1,\"loss\":[1,2],\"health\":7}",
		"{\"engine\":2,\"loss\":{\"a\\\"b\":1,\"A b\":2,\"\":3,\"x\":-5,\"y\":1.5}}",
		"{\"engine\":3,\"loss\":{"
		"\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\":1}}",
	};
	_cleanup_(health_freep) struct health *h = NULL;
	_cleanup_(buf_done) struct buf text = { 0 };

	(void)state;
	assert_int_equal(health_new(&h), 0);
	health_begin(h);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		answer(h, bad[i]);
	text = written(h);
	assert_line(&text, "sonde_captures 3");
	assert_line(&text, "sonde_engine_events_total 0");
	assert_false(slice_has(buf_slice(&text), SLICE("reason=")));
}

/* However many names there are. */
static void names_are_bounded(void **state)
{
	_cleanup_(health_freep) struct health *h = NULL;
	_cleanup_(buf_done) struct buf text = { 0 };
	char json[128];

	(void)state;
	assert_int_equal(health_new(&h), 0);
	for (int i = 1; i <= 5000; i++) {
		health_begin(h);
		snprintf(json, sizeof(json), "{\"engine\":1,\"loss\":{\"r%d\":1}}", i);
		answer(h, json);
	}
	text = written(h);
	assert_in_range(text.n, 1000, 100000);
}

/* --- METRICS.md --- */

static char *read_doc(void)
{
	char *text = calloc(1, 100000);
	FILE *f = fopen("src/export/METRICS.md", "re");

	assert_non_null(f);
	assert_true(fread(text, 1, 99999, f) > 0);
	fclose(f);
	return text;
}

static void every_metric_is_in_the_table(void **state)
{
	_cleanup_(freep) char *doc = read_doc();
	char row[128];

	(void)state;
	for (int i = 0; i < METRIC_NR; i++) {
		snprintf(row, sizeof(row), "| `%s%s` | %s |", prometheus_name(i),
			 metric_defs[i].buckets ? "" : "_total",
			 metric_defs[i].buckets ? "histogram" : "counter");
		if (!strstr(doc, row))
			fail_msg("METRICS.md has no row '%s'", row);
	}
	for (int i = 0; i < STAT_NR; i++) {
		snprintf(row, sizeof(row), "| `sonde_engine_%s_total` | counter |", stat_names[i]);
		if (!strstr(doc, row))
			fail_msg("METRICS.md has no row '%s'", row);
	}
}

static int work(void)
{
	struct buf text = { 0 };
	struct prometheus p = { .out = &text };
	struct health *h = NULL;
	struct metrics *m = NULL;
	const struct span s = make_call(1, 1);
	int r = health_new(&h);

	if (r == 0)
		r = metrics_new(10, 0, START, &m);
	if (r == 0)
		r = metrics_add(m, 1, &s, NULL);
	if (r == 0) {
		health_begin(h);
		answer(h, "{\"engine\":1,\"loss\":{\"ring_full\":10}}");
		health_write(h, &p);
		prometheus_metrics(&p, m);
		r = p.r;
	}
	buf_done(&text);
	metrics_free(m);
	health_free(h);
	return r;
}

/* What could not be counted for want of memory is counted in the next round. */
static void refused_memory_is_an_error(void **state)
{
	int r;

	(void)state;
	for (long n = 1;; n++) {
		alloc_refuse(n);
		r = work();
		if (!alloc_allow())
			break;
		assert_true(r == -ENOMEM || r == 0);
	}
	assert_int_equal(r, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_exact),
		cmocka_unit_test(labels_are_escaped),
		cmocka_unit_test(openmetrics_names_families),
		cmocka_unit_test(a_histogram_adds_up),
		cmocka_unit_test(counts_of_captures_only_grow),
		cmocka_unit_test(many_captures_are_bounded),
		cmocka_unit_test(nonsense_is_not_taken),
		cmocka_unit_test(names_are_bounded),
		cmocka_unit_test(every_metric_is_in_the_table),
		cmocka_unit_test(refused_memory_is_an_error),
	};

	return cmocka_run_group_tests_name("prometheus", tests, NULL, NULL);
}
