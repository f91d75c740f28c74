/* SPDX-License-Identifier: BSD-2-Clause */
/* Series of final spans: their sums are the store's, whatever is corrected, removed or restarted.
 */
#include "store_make.h"

#include "alloc.h"
#include "export/metrics_acc.h"
#include "store/changes.h"
#include "store/sink.h"

#include <sqlite3.h>

DEFINE_CLEANUP(struct store_sinks *, store_sinks_close)

#define ALL_LABELS 0xffffffffu

static struct metrics *make_metrics(size_t max)
{
	struct metrics *m;

	assert_int_equal(metrics_new(max, ALL_LABELS, START, &m), 0);
	return m;
}

static int add_value(void *ctx, const struct metric_series *s)
{
	*(int64_t *)ctx += s->values[0];
	return 0;
}

/* Of all series. */
static int64_t total(struct metrics *m, enum metric_id which)
{
	int64_t v = 0;

	assert_int_equal(metrics_each(m, which, add_value, &v), 0);
	return v;
}

struct wanted {
	enum metric_label label;
	const char *value;
	int64_t sum;
};

static int add_wanted(void *ctx, const struct metric_series *s)
{
	struct wanted *w = ctx;

	if (slice_eq(s->labels[w->label], slice_of(w->value)))
		w->sum += s->values[0];
	return 0;
}

/* Of the series with that value of a label. */
static int64_t total_of(struct metrics *m, enum metric_id which, enum metric_label label,
			const char *value)
{
	struct wanted w = { label, value, 0 };

	assert_int_equal(metrics_each(m, which, add_wanted, &w), 0);
	return w.sum;
}

static void read_all(struct metrics *m, struct store_reader *r)
{
	int rc;

	while ((rc = metrics_read(m, r, 7)) > 0)
		;
	assert_int_equal(rc, 0);
}

/* As the store sums them up over final spans. */
static void assert_store(struct metrics *m, struct store_reader *r)
{
	static const char *const types[] = { "input", "output", "cache_read", "cache_write",
					     "reasoning" };
	char sql[128];

	assert_int_equal(total(m, METRIC_CALLS),
			 sql_int(r, "SELECT sum(llm_calls) FROM v_minutes"));
	assert_int_equal(total(m, METRIC_TOOL_CALLS),
			 sql_int(r, "SELECT sum(tool_calls) FROM v_minutes"));
	assert_int_equal(total(m, METRIC_ERRORS) + total(m, METRIC_TOOL_ERRORS),
			 sql_int(r, "SELECT sum(errors) FROM v_minutes"));
	assert_int_equal(total(m, METRIC_UNPRICED),
			 sql_int(r, "SELECT sum(unpriced_calls) FROM v_minutes"));
	assert_int_equal(total(m, METRIC_COST) + total(m, METRIC_EQUIVALENT),
			 sql_int(r, "SELECT CAST(round(1e12 * sum(cost_usd)) AS INTEGER)"
				    " FROM v_spans WHERE final"));
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		snprintf(sql, sizeof(sql),
			 "SELECT coalesce(sum(%s_tokens), 0) FROM v_spans"
			 " WHERE final",
			 types[i]);
		assert_int_equal(total_of(m, METRIC_TOKENS, LABEL_TOKEN_TYPE, types[i]),
				 sql_int(r, sql));
	}
}

/* A store in which somebody adds up: what is corrected is kept for who has counted it. */
static struct store *open_with_sink(const char *path)
{
	_cleanup_(store_sinks_closep) struct store_sinks *sinks = NULL;
	struct store *s = open_store(path);
	struct store_error err;

	assert_int_equal(store_sinks_open(path, &sinks, &err), 0);
	assert_int_equal(store_sink_set(sinks, "prometheus", 0, (struct slice){ 0 }, START), 0);
	return s;
}

static struct span make_tool(uint64_t run, uint64_t n)
{
	struct span s = make_call(run, n);

	s.step = STEP_TOOL;
	s.tool_name = SLICE("Bash");
	s.usage = llm_usage_unknown;
	s.cost = (struct cost){ 0 };
	s.status = n % 2 ? SPAN_ERROR : SPAN_UNSET;
	return s;
}

static void put_some(struct store *s, uint64_t run)
{
	struct run r = make_run(run);
	struct span span;

	store_run(s, &r);
	for (uint64_t i = 0; i < 20; i++) {
		span = i % 3 == 2 ? make_tool(run, i) : make_call(run, i);
		store_span(s, &span);
	}
	assert_int_equal(store_flush(s), 0);
}

static void sums_are_those_of_the_store(void **state)
{
	const char *path = in_dir(state, "db");
	_cleanup_(store_closep) struct store *s = open_with_sink(path);
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	_cleanup_(metrics_freep) struct metrics *m = make_metrics(100);

	put_some(s, 1);
	r = open_reader(path);
	read_all(m, r);
	assert_store(m, r);
	put_some(s, 2);
	read_all(m, r);
	assert_store(m, r);
	assert_int_equal(metrics_seq(m), 40);
	assert_int_equal(total_of(m, METRIC_CALLS, LABEL_USER, "alice"), 28);
}

/* Other tokens, another model, another price. */
static struct span corrected(uint64_t run, uint64_t n, int64_t input, const char *model)
{
	struct span s = make_call(run, n);

	s.usage.input = input;
	s.response_model = slice_of(model);
	s.cost.pico_usd = input * 7;
	return s;
}

static void put(struct store *s, struct span span)
{
	store_span(s, &span);
	assert_int_equal(store_flush(s), 0);
}

static void a_correction_takes_out_what_was_counted(void **state)
{
	const char *path = in_dir(state, "db");
	_cleanup_(store_closep) struct store *s = open_with_sink(path);
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	_cleanup_(metrics_freep) struct metrics *before = make_metrics(100);
	_cleanup_(metrics_freep) struct metrics *between = make_metrics(100);
	_cleanup_(metrics_freep) struct metrics *after = make_metrics(100);

	put_some(s, 1);
	r = open_reader(path);
	read_all(before, r);
	put(s, corrected(1, 0, 5000, "m-2")); /* twice: one that nobody has read */
	put(s, corrected(1, 0, 6000, "m-3"));
	read_all(between, r);
	put(s, corrected(1, 0, 7000, "m-3"));
	put(s, corrected(1, 3, 900, "m-3"));
	read_all(before, r);
	read_all(between, r);
	read_all(after, r);
	assert_store(after, r);
	assert_int_equal(total_of(after, METRIC_CALLS, LABEL_MODEL, "m-3"), 2);
	assert_int_equal(total_of(between, METRIC_TOKENS, LABEL_MODEL, "m-3"),
			 total_of(after, METRIC_TOKENS, LABEL_MODEL, "m-3"));
	assert_int_equal(total_of(before, METRIC_TOKENS, LABEL_MODEL, "m-2"), 0);
	assert_int_equal(total(before, METRIC_CORRECTIONS), 4);
}

/* The series that a call has left shows what it has shown until it comes to that again. */
static void what_is_shown_never_falls(void **state)
{
	const char *path = in_dir(state, "db");
	_cleanup_(store_closep) struct store *s = open_with_sink(path);
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	_cleanup_(metrics_freep) struct metrics *m = make_metrics(100);
	int64_t shown;

	put_some(s, 1);
	r = open_reader(path);
	read_all(m, r);
	shown = total_of(m, METRIC_CALLS, LABEL_MODEL, "m-1");
	put(s, corrected(1, 0, 5000, "m-2"));
	read_all(m, r);
	assert_int_equal(total_of(m, METRIC_CALLS, LABEL_MODEL, "m-1"), shown);
	assert_int_equal(total_of(m, METRIC_CALLS, LABEL_MODEL, "m-2"), 1);
	put(s, make_call(1, 50));
	read_all(m, r);
	assert_int_equal(total_of(m, METRIC_CALLS, LABEL_MODEL, "m-1"), shown);
	assert_store(m, r);
}

static void save(const char *path, struct metrics *m)
{
	_cleanup_(store_sinks_closep) struct store_sinks *sinks = NULL;
	struct buf state = { 0 };
	struct store_error err;

	assert_int_equal(store_sinks_open(path, &sinks, &err), 0);
	assert_int_equal(metrics_save(m, &state), 0);
	assert_int_equal(
		store_sink_set(sinks, "prometheus", metrics_seq(m), buf_slice(&state), START), 0);
	buf_done(&state);
}

static struct metrics *load(const char *path, size_t max)
{
	_cleanup_(store_sinks_closep) struct store_sinks *sinks = NULL;
	struct metrics *m = make_metrics(max);
	struct buf state = { 0 };
	struct store_error err;
	int64_t seq;

	assert_int_equal(store_sinks_open(path, &sinks, &err), 0);
	assert_int_equal(store_sink_get(sinks, "prometheus", &seq, &state), 0);
	assert_int_equal(metrics_load(m, seq, buf_slice(&state)), 0);
	buf_done(&state);
	return m;
}

static void a_restart_goes_on_where_it_was(void **state)
{
	const char *path = in_dir(state, "db");
	_cleanup_(store_closep) struct store *s = open_with_sink(path);
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	_cleanup_(metrics_freep) struct metrics *m = make_metrics(100), *again = NULL;

	put_some(s, 1);
	r = open_reader(path);
	read_all(m, r);
	save(path, m);
	put_some(s, 2);
	read_all(m, r); /* is not saved: it ends here */
	put(s, corrected(1, 0, 5000, "m-1"));
	put(s, corrected(2, 0, 5000, "m-1"));
	again = load(path, 100);
	assert_int_equal(metrics_seq(again), 20);
	assert_int_equal(metrics_start_ns(again), START);
	read_all(again, r);
	assert_store(again, r);
}

static int64_t kept(const char *path)
{
	int64_t n = -1;
	sqlite3 *db;
	sqlite3_stmt *s;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM superseded", -1, &s, NULL),
			 SQLITE_OK);
	if (sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return n;
}

static void what_was_corrected_is_kept_while_it_is_needed(void **state)
{
	const char *path = in_dir(state, "db");
	_cleanup_(store_closep) struct store *s = open_store(path);
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	_cleanup_(metrics_freep) struct metrics *m = make_metrics(100);
	const struct store_gc_options all = { .runs_before_ns = START * 2 };
	struct store_gc_result result;
	struct store_error err;
	struct run ended = make_run(1);

	put_some(s, 1);
	put(s, corrected(1, 0, 5000, "m-1"));
	assert_int_equal(kept(path), 0); /* nobody adds up */
	r = open_reader(path);
	read_all(m, r);
	save(path, m);
	put(s, corrected(1, 0, 6000, "m-1"));
	put(s, corrected(1, 0, 7000, "m-1"));
	assert_int_equal(kept(path), 2);
	read_all(m, r);
	save(path, m);
	put(s, corrected(1, 0, 8000, "m-1"));
	assert_int_equal(kept(path), 1); /* of the others nobody needs anything */
	ended.status = RUN_COMPLETED;
	ended.end_ns = START + SEC;
	store_run(s, &ended);
	assert_int_equal(store_flush(s), 0);
	assert_int_equal(store_gc(path, &all, &result, &err), 0);
	assert_int_equal(kept(path), 0); /* it goes with its run */
	read_all(m, r);
	assert_int_equal(total(m, METRIC_CALLS), 14);
}

/* --- labels --- */

static int count_series(void *ctx, const struct metric_series *s)
{
	int *n = ctx;

	n[s->other]++;
	return 0;
}

static void too_many_series_are_counted_as_other(void **state)
{
	_cleanup_(metrics_freep) struct metrics *m = make_metrics(10);
	char model[32];
	int n[2] = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct span s = make_call(1, (uint64_t)i);

		snprintf(model, sizeof(model), "m-%d", i);
		s.response_model = slice_of(model);
		assert_int_equal(metrics_add(m, 1, &s, NULL), 0);
		if (i >= 500) /* in the same one that it was counted in */
			assert_int_equal(metrics_add(m, -1, &s, NULL), 0);
	}
	assert_int_equal(metrics_each(m, METRIC_CALLS, count_series, n), 0);
	assert_int_equal(n[false], 10);
	assert_int_equal(n[true], 1);
	assert_int_equal(total(m, METRIC_CALLS), 500);
	assert_int_equal(total_of(m, METRIC_CALLS, LABEL_MODEL, "other"), 490);
	/* the types of tokens stay apart */
	assert_int_equal(total_of(m, METRIC_TOKENS, LABEL_TOKEN_TYPE, "input"), 500 * 100);
	assert_int_equal(total_of(m, METRIC_TOKENS, LABEL_TOKEN_TYPE, "output"), 500 * 10);
}

static int keep_agent(void *ctx, const struct metric_series *s)
{
	snprintf(ctx, 512, "%.*s", SLICE_ARG(s->labels[LABEL_AGENT]));
	return 0;
}

static void values_of_labels_are_clean_and_short(void **state)
{
	static const struct {
		struct slice in;
		const char *out;
	} cases[] = {
		{ SLICE("claude-code"), "claude-code" },
		{ SLICE("a\nb\x7f\"\\"), "a b \"\\" },
		{ SLICE("a\0b"), "a b" },
		{ SLICE("\xc3\xa9\xff"), "\xc3\xa9\xef\xbf\xbd" },
	};
	char got[512], big[400];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(metrics_freep) struct metrics *m = make_metrics(10);
		struct span s = make_call(1, 1);

		s.agent = cases[i].in;
		assert_int_equal(metrics_add(m, 1, &s, NULL), 0);
		assert_int_equal(metrics_each(m, METRIC_CALLS, keep_agent, got), 0);
		assert_string_equal(got, cases[i].out);
	}
	for (size_t i = 0; i < sizeof(big); i += 2)
		memcpy(big + i, "\xc3\xa9", 2);
	memcpy(big, "xy", 2);
	for (size_t from = 0; from < 2; from++) { /* the limit between characters, and inside one */
		_cleanup_(metrics_freep) struct metrics *m = make_metrics(10);
		struct span s = make_call(1, 1);

		s.agent = (struct slice){ big + from, sizeof(big) - from };
		assert_int_equal(metrics_add(m, 1, &s, NULL), 0);
		assert_int_equal(metrics_each(m, METRIC_CALLS, keep_agent, got), 0);
		assert_int_equal(strlen(got), METRIC_VALUE_MAX - from);
	}
}

static void where_it_ran_is_the_resources_word(void **state)
{
	_cleanup_(metrics_freep) struct metrics *m = make_metrics(10);
	struct run run = make_run(1);
	struct span s = make_call(1, 1);

	(void)state;
	run.resource = SLICE("{\"container.id\":\"0123\",\"container.name\":\"c1\","
			     "\"k8s.namespace.name\":\"prod\",\"k8s.container.name\":\"agent\"}");
	assert_int_equal(metrics_add(m, 1, &s, &run), 0);
	run.resource = SLICE("{\"container.name\":\"c2\",\"k8s.namespace.name\":17}");
	assert_int_equal(metrics_add(m, 1, &s, &run), 0);
	assert_int_equal(total_of(m, METRIC_CALLS, LABEL_CONTAINER, "agent"), 1);
	assert_int_equal(total_of(m, METRIC_CALLS, LABEL_NAMESPACE, "prod"), 1);
	assert_int_equal(total_of(m, METRIC_CALLS, LABEL_CONTAINER, "c2"), 1);
	assert_int_equal(total_of(m, METRIC_CALLS, LABEL_NAMESPACE, ""), 1);
}

/* Nobody gets to know users and projects from a port that asks nobody who it is, unless wanted. */
static void users_are_told_only_where_asked_for(void **state)
{
	struct metrics *m;
	struct run run = make_run(1);
	struct span s = make_call(1, 1);

	(void)state;
	assert_int_equal(metrics_new(10, METRIC_LABEL(LABEL_PROJECT), START, &m), 0);
	assert_int_equal(metrics_add(m, 1, &s, &run), 0);
	assert_int_equal(total_of(m, METRIC_CALLS, LABEL_USER, "alice"), 0);
	assert_int_equal(total_of(m, METRIC_CALLS, LABEL_PROJECT, "/home/a/project"), 1);
	metrics_free(m);
}

/* --- what counts --- */

static void a_call_seen_twice_is_one(void **state)
{
	_cleanup_(metrics_freep) struct metrics *m = make_metrics(10);
	const struct attr twin = { .name = "sonde.duplicate_of",
				   .type = ATTR_STRING,
				   .s = SLICE("0011223344556677") };
	const struct attr refused = { .name = "http.response.status_code",
				      .type = ATTR_INT,
				      .i = 429 };
	struct span s = make_call(1, 1);

	(void)state;
	s.usage = llm_usage_unknown;
	s.cost = (struct cost){ 0 };
	assert_int_equal(metrics_add(m, 1, &s, NULL), 0);
	s.attrs = &twin;
	s.n_attrs = 1;
	assert_int_equal(metrics_add(m, 1, &s, NULL), 0);
	s.attrs = &refused;
	assert_int_equal(metrics_add(m, 1, &s, NULL), 0);
	assert_int_equal(total(m, METRIC_CALLS), 2);
	assert_int_equal(total(m, METRIC_UNPRICED), 1);
	assert_int_equal(total(m, METRIC_USAGE_UNKNOWN), 1);
	assert_int_equal(total(m, METRIC_TOKENS), 0);
}

static int keep_values(void *ctx, const struct metric_series *s)
{
	memcpy(ctx, s->values, 16 * sizeof(int64_t));
	return 0;
}

static void bounds_of_buckets_belong_to_them(void **state)
{
	static const struct {
		int64_t ns;
		size_t bucket;
	} cases[] = { { 0, 0 },		{ 10000000, 0 },     { 10000001, 1 },	 { 20000000, 1 },
		      { 640000000, 6 }, { 81920000000, 13 }, { 81920000001, 14 } };
	int64_t v[16];

	(void)state;
	assert_int_equal(metric_defs[METRIC_DURATION].n_buckets, 14);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(metrics_freep) struct metrics *m = make_metrics(10);
		struct span s = make_call(1, 1);

		s.end_ns = s.start_ns + (uint64_t)cases[i].ns;
		assert_int_equal(metrics_add(m, 1, &s, NULL), 0);
		assert_int_equal(metrics_each(m, METRIC_DURATION, keep_values, v), 0);
		assert_int_equal(v[cases[i].bucket], 1);
		assert_int_equal(v[15], cases[i].ns);
	}
}

static void runs_are_counted_by_how_they_ended(void **state)
{
	_cleanup_(metrics_freep) struct metrics *m = make_metrics(10);
	struct attr status = { .name = "sonde.run.status",
			       .type = ATTR_STRING,
			       .s = SLICE("failed") };
	struct span s = make_call(1, 1);

	(void)state;
	s.step = STEP_AGENT;
	s.attrs = &status;
	s.n_attrs = 1;
	assert_int_equal(metrics_add(m, 1, &s, NULL), 0);
	status.s = SLICE("something new");
	assert_int_equal(metrics_add(m, 1, &s, NULL), 0);
	s.parent_id = id64_of(make_id("span", 9)); /* a sub-agent */
	assert_int_equal(metrics_add(m, 1, &s, NULL), 0);
	assert_int_equal(total(m, METRIC_RUNS), 2);
	assert_int_equal(total_of(m, METRIC_RUNS, LABEL_STATUS, "failed"), 1);
	assert_int_equal(total_of(m, METRIC_RUNS, LABEL_STATUS, "incomplete"), 1);
}

/* --- state --- */

static void a_state_that_is_none_is_refused(void **state)
{
	_cleanup_(metrics_freep) struct metrics *m = make_metrics(10);
	struct span s = make_call(1, 1);
	struct buf text = { 0 };

	(void)state;
	assert_int_equal(metrics_add(m, 1, &s, NULL), 0);
	assert_int_equal(metrics_save(m, &text), 0);
	for (size_t cut = 0; cut < text.n; cut++) {
		_cleanup_(metrics_freep) struct metrics *other = make_metrics(10);

		assert_int_equal(metrics_load(other, 5, (struct slice){ text.p, cut }), -EBADMSG);
		assert_int_equal(metrics_seq(other), 0);
		assert_int_equal(total(other, METRIC_CALLS), 0);
	}
	for (size_t i = 0; i < text.n; i++) { /* damaged: never more than another number */
		_cleanup_(metrics_freep) struct metrics *other = make_metrics(10);

		text.p[i] ^= 1;
		metrics_load(other, 5, buf_slice(&text));
		text.p[i] ^= 1;
	}
	assert_int_equal(metrics_load(m, 5, buf_slice(&text)), 0);
	assert_int_equal(total(m, METRIC_CALLS), 1);
	buf_done(&text);
}

static void other_labels_begin_anew(void **state)
{
	_cleanup_(metrics_freep) struct metrics *m = make_metrics(10), *other = NULL;
	struct buf text = { 0 };

	(void)state;
	assert_int_equal(metrics_save(m, &text), 0);
	assert_int_equal(metrics_new(10, 0, START, &other), 0);
	assert_int_equal(metrics_load(other, 5, buf_slice(&text)), -EBADMSG);
	buf_done(&text);
}

static int work(void)
{
	struct span call = make_call(1, 1), tool = make_tool(1, 2);
	struct metrics *m = NULL;
	struct buf text = { 0 };
	int r = metrics_new(10, ALL_LABELS, START, &m);

	if (r == 0)
		r = metrics_add(m, 1, &call, NULL);
	if (r == 0)
		r = metrics_add(m, 1, &tool, NULL);
	if (r == 0)
		r = metrics_save(m, &text);
	if (r == 0)
		r = metrics_load(m, 1, buf_slice(&text));
	buf_done(&text);
	metrics_free(m);
	return r;
}

static void refused_memory_is_an_error(void **state)
{
	int r;

	(void)state;
	for (long n = 1;; n++) {
		alloc_refuse(n);
		r = work();
		if (!alloc_allow())
			break;
		assert_true(r == -ENOMEM || r == -EBADMSG);
	}
	assert_int_equal(r, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sums_are_those_of_the_store),
		TEST(a_correction_takes_out_what_was_counted),
		TEST(what_is_shown_never_falls),
		TEST(a_restart_goes_on_where_it_was),
		TEST(what_was_corrected_is_kept_while_it_is_needed),
		cmocka_unit_test(too_many_series_are_counted_as_other),
		cmocka_unit_test(values_of_labels_are_clean_and_short),
		cmocka_unit_test(where_it_ran_is_the_resources_word),
		cmocka_unit_test(users_are_told_only_where_asked_for),
		cmocka_unit_test(a_call_seen_twice_is_one),
		cmocka_unit_test(bounds_of_buckets_belong_to_them),
		cmocka_unit_test(runs_are_counted_by_how_they_ended),
		cmocka_unit_test(a_state_that_is_none_is_refused),
		cmocka_unit_test(other_labels_begin_anew),
		cmocka_unit_test(refused_memory_is_an_error),
	};

	return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
