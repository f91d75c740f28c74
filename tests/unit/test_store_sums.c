/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists made of sums are those made of all steps, whatever became of these. */
#include <time.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "store/figures/cost_sums.h"
#include "store/figures/reach.h"
#include "store/figures/times.h"
#include "store/list/filter.h"
#include "store/reader.h"
#include "store_make.h"

#define DAY   (86400 * SEC)
#define DAYS  6
#define RUNS  40
#define STEPS 30

static uint64_t state;

static uint64_t chance(uint64_t below)
{
	state ^= state << 13, state ^= state >> 7, state ^= state << 17;
	return (state >> 11) % below;
}

static const char *const words[] = { "a", "b", "c", "" };

static struct slice word(unsigned n)
{
	return slice_of(words[chance(n)]);
}

static uint64_t moment(void)
{
	return START + chance(DAYS * DAY);
}

/* --- a store of everything that can be --- */

static void put_run(struct store *s, uint64_t n)
{
	struct run run = make_run(n);

	run.start_ns = moment();
	run.end_ns = run.start_ns + SEC;
	run.status = RUN_COMPLETED;
	run.project = word(4);
	run.user = word(3);
	run.host = word(2);
	run.workflow = word(4);
	store_run(s, &run);
}

static struct span any_call(uint64_t run, uint64_t n)
{
	static const struct attr mismatch = { .name = "sonde.cost.mismatch",
					      .type = ATTR_BOOL,
					      .i = 1 };
	static const struct attr twice = { .name = "sonde.duplicate_of",
					   .type = ATTR_STRING,
					   .s = SLICE("0123456789abcdef") };
	struct span c = make_call(run, n);

	/* few of them have calls on several days */
	c.start_ns = run % 4 ? START + run % DAYS * DAY + chance(DAY / 2) : moment();
	c.end_ns = c.start_ns + chance(SEC);
	c.agent = word(4);
	c.session_id = run % 3 ? make_id("session", run % 5) : (struct id128){ { 0 } };
	c.provider = word(4);
	c.request_model = word(4);
	c.response_model = word(4);
	c.usage.input = chance(3) ? (int64_t)chance(1000) : LLM_UNKNOWN;
	c.usage.images = run % DAYS == 2 ? 3 : LLM_UNKNOWN;
	c.usage.estimated = chance(9) ? 0 : (int)chance(4);
	c.cost = (struct cost){ .pico_usd = (int64_t)chance(1000000),
				.source = (enum cost_source)chance(4),
				.equivalent = chance(3) == 0 };
	if (c.cost.source == COST_UNKNOWN)
		c.cost.pico_usd = LLM_UNKNOWN;
	c.final = chance(12) != 0;
	if (chance(8) == 0) {
		c.attrs = chance(2) ? &mismatch : &twice;
		c.n_attrs = 1;
	}
	return c;
}

static struct span any_tool(struct store *s, uint64_t run, uint64_t n)
{
	struct span t = any_call(run, n);
	char text[32];

	snprintf(text, sizeof(text), "{\"n\":%d}", (int)chance(5));
	t.step = STEP_TOOL;
	t.tool_name = word(3);
	t.status = chance(3) ? SPAN_OK : SPAN_ERROR;
	t.usage = llm_usage_unknown;
	/* what goes on repeats only what does as well */
	if (t.final && chance(4)) {
		t.args_blob = id_of_bytes(slice_of(text));
		store_blob(s, &t.args_blob, "text", slice_of(text));
	}
	return t;
}

static void put_any(struct store *s, uint64_t run, uint64_t n)
{
	const struct span span = n % 2 ? any_tool(s, run, n) : any_call(run, n);

	store_span(s, &span);
}

/* New steps, corrected ones, and runs that turn out to be another project's. */
static void change(struct store *s)
{
	for (int i = 0; i < 300; i++) {
		const uint64_t run = chance(RUNS);

		if (chance(20) == 0)
			put_run(s, run);
		put_any(s, run, chance(STEPS));
		if (chance(40) == 0)
			store_flush(s);
	}
	store_flush(s);
}

/* --- what lists say --- */

static void add(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct buf *b, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	assert_int_equal(buf_add(b, slice_of(text), SIZE_MAX), 0);
}

static int on_cost(void *ctx, const struct store_cost_row *row)
{
	struct buf *b = ctx;

	add(b, "%.*s: %lld runs ~%lld %lld calls %lld %lld, %lld %lld %lld, ~%d",
	    SLICE_ARG(row->key), (long long)row->runs, (long long)row->estimated_pico_usd,
	    (long long)row->calls, (long long)row->cost_pico_usd,
	    (long long)row->equivalent_pico_usd, (long long)row->unpriced_calls,
	    (long long)row->usage_unknown_calls, (long long)row->mismatched_calls,
	    row->usage.estimated);
	for (int i = 0; i < llm_usage_counts_n; i++)
		add(b, " %lld", (long long)llm_usage_count(&row->usage, &llm_usage_counts[i]));
	add(b, "\n");
	return 0;
}

struct tools {
	struct buf text;
	int64_t times[64][3], repeats;
	int n;
};

static int on_tool(void *ctx, const struct store_tool_row *row)
{
	struct tools *t = ctx;

	add(&t->text, "%.*s/%.*s: %lld calls %lld runs %lld errors\n", SLICE_ARG(row->tool),
	    SLICE_ARG(row->agent), (long long)row->calls, (long long)row->runs,
	    (long long)row->errors);
	t->repeats += row->repeats;
	t->times[t->n][0] = row->p50_ns;
	t->times[t->n][1] = row->p95_ns;
	t->times[t->n++][2] = row->p99_ns;
	return 0;
}

static void compare_cost(struct store_reader *r, const struct store_filter *f)
{
	for (enum store_group by = GROUP_AGENT; by <= GROUP_TOTAL;
	     by = (enum store_group)(by + 1)) {
		_cleanup_(buf_done) struct buf summed = { 0 }, read = { 0 };

		r->sums_above = -1;
		assert_int_equal(store_cost(r, f, by, on_cost, &summed), 0);
		r->sums_above = INT64_MAX;
		assert_int_equal(store_cost(r, f, by, on_cost, &read), 0);
		add(&summed, "%s", "");
		add(&read, "%s", "");
		buf_add(&summed, (struct slice){ "", 1 }, SIZE_MAX);
		buf_add(&read, (struct slice){ "", 1 }, SIZE_MAX);
		assert_string_equal(summed.p, read.p);
	}
}

static void compare_tools(struct store_reader *r, const struct store_filter *f)
{
	struct tools summed = { 0 }, read = { 0 };

	r->sums_above = -1;
	assert_int_equal(store_tools(r, f, on_tool, &summed), 0);
	r->sums_above = INT64_MAX;
	assert_int_equal(store_tools(r, f, on_tool, &read), 0);
	buf_add(&summed.text, (struct slice){ "", 1 }, SIZE_MAX);
	buf_add(&read.text, (struct slice){ "", 1 }, SIZE_MAX);
	assert_string_equal(summed.text.p, read.text.p);
	if (!f->since_ns && !f->until_ns)
		assert_int_equal(summed.repeats, read.repeats);
	for (int i = 0; i < read.n; i++)
		for (int k = 0; k < 3; k++) {
			const double is = (double)summed.times[i][k];
			const double was = (double)read.times[i][k];

			assert_true(is >= was * (1 - TIMES_ERROR_PERCENT / 100) - 1);
			assert_true(is <= was * (1 + TIMES_ERROR_PERCENT / 100) + 1);
		}
	buf_done(&summed.text);
	buf_done(&read.text);
}

/* What a filter asks of one thing, and of two, which sums do not have. */
static void narrow(struct store_filter *f, struct arena *mem)
{
	static size_t i;
	static const char *const texts[] = {
		"",	      "agent:a",      "agent:a,b",	 "-agent:a",
		"model:b",    "model:a,b,zz", "provider:c",	 "provider:a,c -provider:a",
		"project:a",  "user:b",	      "-user:a,b",	 "host:a",
		"-host:zz",   "workflow:c",   "agent:a model:b", "provider:b -host:a",
		"agent:none",
	};
	struct store_error err;

	assert_int_equal(store_filter_parse(slice_of(texts[i++ % ARRAY_SIZE(texts)]), mem, f, &err),
			 0);
}

static void compare(const char *path)
{
	_cleanup_(store_reader_closep) struct store_reader *r = open_reader(path);
	_cleanup_(arena_freep) struct arena *mem = arena_new(1 << 20);

	for (int i = 0; i < 9; i++) {
		struct store_filter f = { 0 };

		f.since_ns = i % 3 ? moment() - DAY / 2 : 0;
		f.until_ns = i % 2 ? START + DAY + chance(DAYS * DAY) : 0;
		if (f.until_ns && f.until_ns <= f.since_ns)
			f.until_ns = 0;
		narrow(&f, mem);
		f.limit = i % 3 ? 0 : 3;
		compare_cost(r, &f);
	}
	for (int i = 0; i < 16; i++) {
		struct store_filter f = { 0 };

		if (i && i % 2)
			f.since_ns = moment() - DAY / 2;
		if (i && i % 4 < 2)
			f.until_ns = (f.since_ns ? f.since_ns : START) + chance(DAYS * DAY);
		if (i % 5 == 4)
			f.since_ns = f.since_ns / DAY * DAY;
		compare_cost(r, &f);
		f.agent = i % 3 == 1 ? SLICE("a") : (struct slice){ 0 };
		f.tool = i % 7 == 1 ? SLICE("b") : (struct slice){ 0 };
		compare_tools(r, &f);
	}
}

static void in_zone(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

static void lists_of_sums_are_those_of_steps(void **state_)
{
	const char *path = in_dir(state_, "db");
	struct store *s = open_store(path);

	state = 88172645463325252ull;
	for (uint64_t run = 0; run < RUNS; run++)
		put_run(s, run);
	for (int round = 0; round < 4; round++) {
		change(s);
		in_zone("UTC");
		compare(path);
	}
	in_zone("Asia/Kolkata"); /* half an hour off */
	compare(path);
	in_zone("America/New_York");
	compare(path);
	in_zone("Asia/Kathmandu"); /* no sums of its days: they are read from the calls */
	compare(path);
	in_zone("UTC");
	assert_int_equal(store_close(s), 0);
	assert_sound(path);
}

/* Which questions sums answer. */
static void a_filter_on_one_thing_is_answered_by_sums(void **state_)
{
	static const struct {
		const char *filter;
		enum store_group by;
		bool known;
	} cases[] = {
		{ "agent:a", GROUP_AGENT, true },	  { "agent:a", GROUP_TOTAL, true },
		{ "agent:a", GROUP_DAY, true },		  { "agent:a", GROUP_HOUR, false },
		{ "agent:a", GROUP_MODEL, false },	  { "-agent:a", GROUP_AGENT, true },
		{ "-agent:a", GROUP_TOTAL, false }, /* a run may have two of the others */
		{ "host:a", GROUP_HOST, true },		  { "host:a,b", GROUP_TOTAL, false },
		{ "agent:a host:a", GROUP_AGENT, false }, { "agent:a cost>1", GROUP_AGENT, false },
		{ "agent:a tool:b", GROUP_AGENT, false }, { "agent:a words", GROUP_AGENT, false },
	};
	_cleanup_(arena_freep) struct arena *mem = arena_new(1 << 20);
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	const char *path = in_dir(state_, "db");
	struct store *s = open_store(path);
	struct store_error err;

	state = 521288629ull;
	for (uint64_t run = 0; run < RUNS; run++)
		put_run(s, run);
	change(s);
	assert_int_equal(store_close(s), 0);
	r = open_reader(path);
	r->sums_above = -1;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct store_filter f = { 0 };

		assert_int_equal(store_filter_parse(slice_of(cases[i].filter), mem, &f, &err), 0);
		if (cost_sums_know(r, &f, cases[i].by) != cases[i].known)
			fail_msg("%s by %d", cases[i].filter, cases[i].by);
	}
}

static int count_calls(void *ctx, const struct store_cost_row *row)
{
	(void)row->key;
	*(int64_t *)ctx += row->calls;
	return 0;
}

static int count_offers(void *ctx, const struct store_offer *offer)
{
	*(int64_t *)ctx += offer->calls;
	return 0;
}

static int64_t calls_of(struct store_reader *r, const struct store_filter *f)
{
	int64_t n = 0;

	assert_int_equal(store_cost(r, f, GROUP_TOTAL, count_calls, &n), 0);
	return n;
}

/* What no sum has is of the newest calls, and it is said since when. */
static void figures_reach_back(void **state_)
{
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	const char *path = in_dir(state_, "db");
	struct store_filter f = { .since_ns = START + DAY }, of_run = { .run = make_id("run", 1) };
	struct store *s = open_store(path);
	uint64_t since = 0;
	int64_t n, all;

	for (uint64_t i = 0; i < 100; i++) {
		struct span c = make_call(i % 5, i);
		char text[16];

		snprintf(text, sizeof(text), "[%d]", (int)(i % 3));
		c.start_ns = START + i * DAY / 20;
		c.end_ns = c.start_ns + SEC;
		c.agent = SLICE("a");
		c.provider = SLICE("p");
		c.tools_blob = id_of_bytes(slice_of(text));
		store_blob(s, &c.tools_blob, "tools", slice_of(text));
		store_span(s, &c);
	}
	assert_int_equal(store_close(s), 0);
	r = open_reader(path);
	r->sums_above = -1;
	r->reach_max = 30;

	/* sums have it */
	f.agent = SLICE("a");
	assert_int_equal(store_cost_reach(r, &f, GROUP_AGENT, &since), 0);
	assert_int_equal(since, f.since_ns);
	/* calls are read one by one */
	f.provider = SLICE("p");
	assert_int_equal(store_cost_reach(r, &f, GROUP_AGENT, &since), 0);
	assert_int_equal(since, START + 69 * DAY / 20 + 1);
	all = calls_of(r, &f);
	assert_int_equal(all, 80);
	f.since_ns = since;
	assert_int_equal(calls_of(r, &f), 30);
	n = 0;
	assert_int_equal(store_offers(r, &f, count_offers, &n), 0);
	assert_int_equal(n, 30);
	/* so few are all of them */
	assert_int_equal(store_cost_reach(r, &f, GROUP_AGENT, &since), 0);
	assert_int_equal(since, f.since_ns);
	assert_int_equal(store_offers_reach(r, &f, &since), 0);
	assert_int_equal(since, f.since_ns);
	f.since_ns = 0;
	assert_int_equal(store_offers_reach(r, &f, &since), 0);
	assert_int_equal(since, START + 69 * DAY / 20 + 1);
	/* a run's are few whatever there is */
	assert_int_equal(store_cost_reach(r, &of_run, GROUP_AGENT, &since), 0);
	assert_int_equal(since, 0);
}

static void what_goes_leaves_the_sums(void **state_)
{
	const struct store_gc_options oldest = { .runs_before_ns = START + 2 * DAY },
				      content = { .content_before_ns = START + 4 * DAY },
				      all = { .runs_before_ns = START + 9 * DAY };
	const char *path = in_dir(state_, "db");
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	struct store *s = open_store(path);
	struct store_gc_result res;
	struct store_error err;
	char tables[128];
	sqlite3 *db;
	int64_t n = -1;

	state = 362436069ull;
	for (uint64_t run = 0; run < RUNS; run++)
		put_run(s, run);
	change(s);
	change(s);
	assert_int_equal(store_close(s), 0);
	assert_int_equal(store_gc(path, &oldest, &res, &err), 0);
	assert_true(res.runs > 0 && res.runs < RUNS);
	compare(path);
	assert_int_equal(store_gc(path, &content, &res, &err), 0);
	assert_true(res.content_spans > 0);
	compare(path);
	assert_sound(path);
	assert_int_equal(store_gc(path, &all, &res, &err), 0);
	assert_int_equal(db_open(path, SQLITE_OPEN_READWRITE, &db), SQLITE_OK);
	snprintf(tables, sizeof(tables),
		 "SELECT (SELECT count(*) FROM present) + (SELECT count(*)"
		 " FROM seen) + (SELECT count(*) FROM spans)");
	assert_int_equal(db_int(db, tables, &n), SQLITE_OK);
	assert_int_equal(n, 0);
	db_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lists_of_sums_are_those_of_steps, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(a_filter_on_one_thing_is_answered_by_sums, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(figures_reach_back, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(what_goes_leaves_the_sums, make_dir, remove_dir),
	};

	return cmocka_run_group_tests_name("store_sums", tests, NULL, NULL);
}
