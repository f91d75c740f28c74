/* SPDX-License-Identifier: BSD-2-Clause */
/* Metrics against the same added up by hand, in each kind of bucket, from rows and from sums. */
#include <math.h>
#include <time.h>

#include "store_make.h"

#include "store/figures/metrics.h"
#include "store/figures/times.h"
#include "store/reader.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)
#define RUNS	   300
#define STEPS	   6 /* of a run */
#define APART	   (3ull * 3600 * SEC + 77 * SEC)
#define MODELS	   3

static const char *const models[MODELS] = { "m-1", "m-2", "m-3" };

static struct run some_run(uint64_t i)
{
	struct run run = make_run(i);

	run.start_ns = START + i * APART;
	run.end_ns = i % 7 ? run.start_ns + (i % 13 + 1) * SEC : 0;
	run.status = (enum run_status)(RUN_RUNNING + i % 7);
	if (i % 4 == 1)
		run.agent = SLICE("codex");
	return run;
}

static struct span some_step(uint64_t i, uint64_t k)
{
	struct span s = make_call(0, 0);

	s.run_id = make_id("run", i);
	s.span_id = id64_of(make_id("span", i * 100 + k));
	s.start_ns = START + i * APART + k * 1000 * SEC;
	s.end_ns = (i + k) % 9 ? s.start_ns + ((i * k) % 17 + 1) * SEC / 3 : 0;
	s.final = s.end_ns != 0;
	s.agent = slice_of(i % 4 == 1 ? "codex" : "claude-code");
	s.request_model = slice_of(models[(i + k) % MODELS]);
	s.status = (i + k) % 5 ? SPAN_OK : SPAN_ERROR;
	s.first_token_ns = k % 2 ? (int64_t)(k * SEC / 10) : LLM_UNKNOWN;
	s.usage.input = i % 3 ? (int64_t)(i + k) : LLM_UNKNOWN;
	s.usage.input_audio = k == 3 ? (int64_t)i : LLM_UNKNOWN;
	s.cost.source = k == 2 ? COST_ESTIMATED : COST_TABLE;
	if (k >= 4) {
		s.step = k == 4 ? STEP_TOOL : STEP_PROCESS;
		s.tool_name = slice_of(k == 4 ? "bash" : "");
		s.usage = llm_usage_unknown;
		s.request_model = (struct slice){ 0 };
		s.first_token_ns = LLM_UNKNOWN;
		s.cost = (struct cost){ .source = COST_UNKNOWN };
	}
	return s;
}

static void fill(const char *path)
{
	struct store *s = open_store(path);

	for (uint64_t i = 0; i < RUNS; i++) {
		const struct run run = some_run(i);

		store_run(s, &run);
		for (uint64_t k = 0; k < STEPS; k++) {
			const struct span span = some_step(i, k);

			store_span(s, &span);
		}
	}
	assert_int_equal(store_close(s), 0);
}

/* --- by hand --- */

struct bucket {
	uint64_t start_ns;
	int64_t runs, status[RUN_PAUSED + 1], calls, tools, errors, input, input_known;
	int64_t run_ns[RUNS * STEPS], call_ns[RUNS * STEPS], first_ns[RUNS * STEPS];
	size_t n_run, n_call, n_first;
};

#define MANY 1024

struct by_hand {
	struct bucket bucket[MANY], total;
	size_t n;
	int64_t heat[7][24], media, audio;
	int64_t model_calls[MODELS], model_errors[MODELS], model_input[MODELS];
};

static uint64_t begin_of(uint64_t ns, enum metrics_bucket kind)
{
	time_t t = (time_t)(ns / SEC);
	struct tm tm;

	localtime_r(&t, &tm);
	if (kind == BUCKET_HOUR)
		return (uint64_t)(t - tm.tm_min * 60 - tm.tm_sec) * SEC;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_isdst = -1;
	if (kind == BUCKET_WEEK)
		while (tm.tm_wday != 1) {
			tm.tm_mday--;
			tm.tm_hour = 12;
			mktime(&tm);
		}
	if (kind == BUCKET_MONTH)
		tm.tm_mday = 1;
	tm.tm_hour = 0;
	tm.tm_isdst = -1;
	return (uint64_t)mktime(&tm) * SEC;
}

static struct bucket *bucket_of(struct by_hand *h, uint64_t ns, enum metrics_bucket kind)
{
	const uint64_t begin = begin_of(ns, kind);

	for (size_t i = 0; i < h->n; i++)
		if (h->bucket[i].start_ns == begin)
			return &h->bucket[i];
	assert_true(h->n < MANY);
	h->bucket[h->n].start_ns = begin;
	return &h->bucket[h->n++];
}

static void add_run(struct bucket *b, const struct run *r)
{
	b->runs++;
	b->status[r->status]++;
	if (r->end_ns)
		b->run_ns[b->n_run++] = (int64_t)(r->end_ns - r->start_ns);
}

static void add_step(struct bucket *b, const struct span *s)
{
	b->errors += s->status == SPAN_ERROR;
	if (s->step == STEP_TOOL) {
		b->tools++;
		return;
	}
	b->calls++;
	if (s->usage.input >= 0) {
		b->input += s->usage.input;
		b->input_known++;
	}
	if (s->end_ns)
		b->call_ns[b->n_call++] = (int64_t)(s->end_ns - s->start_ns);
	if (s->first_token_ns >= 0)
		b->first_ns[b->n_first++] = s->first_token_ns;
}

static void add_call(struct by_hand *h, const struct span *s, size_t model)
{
	const time_t t = (time_t)(s->start_ns / SEC);
	struct tm tm;

	localtime_r(&t, &tm);
	h->heat[(tm.tm_wday + 6) % 7][tm.tm_hour]++;
	h->media += s->usage.input_audio > 0;
	h->audio += s->usage.input_audio > 0 ? s->usage.input_audio : 0;
	h->model_calls[model]++;
	h->model_errors[model] += s->status == SPAN_ERROR;
	h->model_input[model] += s->usage.input > 0 ? s->usage.input : 0;
}

static bool is_in(uint64_t ns, const struct store_filter *f)
{
	return ns >= f->since_ns && (!f->until_ns || ns < f->until_ns);
}

static struct by_hand *add_up(const struct store_filter *f, enum metrics_bucket kind)
{
	struct by_hand *h = calloc(1, sizeof(*h));

	assert_non_null(h);
	for (uint64_t i = 0; i < RUNS; i++) {
		const struct run run = some_run(i);

		if (f->agent.n && !slice_eq(f->agent, run.agent))
			continue;
		if (is_in(run.start_ns, f)) {
			add_run(&h->total, &run);
			add_run(bucket_of(h, run.start_ns, kind), &run);
		}
		for (uint64_t k = 0; k < STEPS; k++) {
			const struct span s = some_step(i, k);

			if (s.step == STEP_PROCESS || !is_in(s.start_ns, f))
				continue;
			add_step(&h->total, &s);
			add_step(bucket_of(h, s.start_ns, kind), &s);
			if (s.step == STEP_LLM)
				add_call(h, &s, (i + k) % MODELS);
		}
	}
	return h;
}

/* --- both --- */

static int by_number(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void assert_percentile(int64_t got, int64_t *list, size_t n, unsigned percent)
{
	double want;

	if (n == 0) {
		assert_int_equal(got, LLM_UNKNOWN);
		return;
	}
	qsort(list, n, sizeof(*list), by_number);
	want = (double)list[(n * percent + 99) / 100 - 1];
	if (fabs((double)got - want) > want * TIMES_ERROR_PERCENT / 100)
		fail_msg("p%u %lld, not %.0f", percent, (long long)got, want);
}

static void assert_row(const struct store_metrics_row *got, struct bucket *want)
{
	assert_int_equal(got->runs, want->runs);
	assert_memory_equal(got->status, want->status, sizeof(got->status));
	assert_int_equal(got->llm_calls, want->calls);
	assert_int_equal(got->tool_calls, want->tools);
	assert_int_equal(got->errors, want->errors);
	assert_int_equal(got->usage.input, want->input_known ? want->input : LLM_UNKNOWN);
	assert_percentile(got->run_p50_ns, want->run_ns, want->n_run, 50);
	assert_percentile(got->run_p95_ns, want->run_ns, want->n_run, 95);
	assert_percentile(got->call_p50_ns, want->call_ns, want->n_call, 50);
	assert_percentile(got->call_p95_ns, want->call_ns, want->n_call, 95);
	assert_percentile(got->call_p99_ns, want->call_ns, want->n_call, 99);
	assert_percentile(got->ttft_p50_ns, want->first_ns, want->n_first, 50);
	assert_percentile(got->ttft_p95_ns, want->first_ns, want->n_first, 95);
}

struct seen_metrics {
	struct by_hand *want;
	size_t buckets, models;
	uint64_t last_ns;
	enum metrics_bucket kind;
	int64_t calls;
};

static int see_bucket(void *ctx, const struct store_metrics_row *row)
{
	struct seen_metrics *s = ctx;

	assert_true(row->start_ns > s->last_ns);
	s->last_ns = row->start_ns;
	assert_int_equal(begin_of(row->start_ns, s->kind), row->start_ns);
	assert_row(row, bucket_of(s->want, row->start_ns, s->kind));
	s->buckets++;
	return 0;
}

static int see_model(void *ctx, const struct store_model_share *share)
{
	struct seen_metrics *s = ctx;

	assert_true(s->calls >= share->llm_calls);
	s->calls = share->llm_calls;
	for (size_t i = 0; i < MODELS; i++)
		if (slice_eq(share->model, slice_of(models[i]))) {
			assert_int_equal(share->llm_calls, s->want->model_calls[i]);
			assert_int_equal(share->errors, s->want->model_errors[i]);
			assert_int_equal(share->usage.input, s->want->model_input[i]);
			s->models++;
		}
	return 0;
}

static void assert_metrics(struct store_reader *r, const struct store_filter *f,
			   enum metrics_bucket kind)
{
	static const struct store_metrics_fns fns = { see_bucket, see_model };
	struct seen_metrics s = { .want = add_up(f, kind), .kind = kind, .calls = INT64_MAX };
	const size_t n = s.want->n;
	struct store_metrics got;

	assert_int_equal(store_metrics(r, f, kind, &fns, &s, &got), 0);
	assert_int_equal(s.buckets, n);
	assert_int_equal(s.models, s.want->total.calls ? MODELS : 0);
	assert_row(&got.total, &s.want->total);
	assert_memory_equal(got.heat, s.want->heat, sizeof(got.heat));
	assert_int_equal(got.media.sessions, s.want->media);
	assert_int_equal(got.media.input_audio, s.want->audio);
	assert_false(got.capped);
	free(s.want);
}

static const char *const zones[] = { "UTC", "Europe/Berlin", "Asia/Kathmandu", "Asia/Kolkata" };

static void in_zone(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

static void metrics_are_as_by_hand(void **state)
{
	const struct store_filter filters[] = {
		{ 0 },
		{ .since_ns = START + 5 * APART + 17 * SEC },
		{ .since_ns = START + 9 * APART, .until_ns = START + 120 * APART + 1200 * SEC },
		{ .until_ns = START },
		{ .since_ns = START + 100 * SEC, .until_ns = START + 400 * SEC },
		{ .agent = SLICE("codex") },
	};
	const char *path = in_dir(state, "db");
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;

	fill(path);
	for (size_t z = 0; z < ARRAY_SIZE(zones); z++)
		for (int sums = 0; sums < 2; sums++) {
			in_zone(zones[z]);
			r = open_reader(path);
			r->sums_above = sums ? 0 : INT64_MAX;
			for (size_t i = 0; i < ARRAY_SIZE(filters); i++)
				for (int kind = BUCKET_HOUR + (z > 0); kind <= BUCKET_MONTH; kind++)
					if (kind != BUCKET_HOUR || filters[i].until_ns)
						assert_metrics(r, &filters[i],
							       (enum metrics_bucket)kind);
			store_reader_close(TAKE(r));
		}
	in_zone("UTC");
}

static int count(void *ctx, const struct store_metrics_row *row)
{
	(void)row;
	++*(int *)ctx;
	return 0;
}

/* There may be more hours than anybody looks at: the newest are given, and all is in the total. */
static void buckets_are_bounded(void **state)
{
	const struct store_filter any = { 0 };
	const struct store_metrics_fns fns = { .bucket = count };
	const char *path = in_dir(state, "db");
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	struct store *s = open_store(path);
	struct store_metrics got;
	int n = 0;

	for (uint64_t i = 0; i < METRICS_BUCKETS + 50; i++) {
		struct run run = some_run(i);

		store_run(s, &run);
	}
	assert_int_equal(store_close(s), 0);
	r = open_reader(path);
	assert_int_equal(store_metrics(r, &any, BUCKET_HOUR, &fns, &n, &got), 0);
	assert_int_equal(n, METRICS_BUCKETS);
	assert_true(got.capped);
	assert_int_equal(got.total.runs, METRICS_BUCKETS + 50);
	assert_int_equal(store_metrics(r, &any, (enum metrics_bucket)9, &fns, &n, &got), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(metrics_are_as_by_hand),
		TEST(buckets_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
