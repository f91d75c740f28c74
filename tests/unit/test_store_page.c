/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages: every order both ways against a plain sort, rows that come meanwhile, counts, agents. */
#include "store_make.h"

#include "store/list/page.h"
#include "store/reader.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)
#define RUNS	   37
#define CALLS	   4 /* of a run */
#define MANY	   512

static struct run some_run(uint64_t i)
{
	struct run run = make_run(i / 2); /* two begin at the same time */

	run.run_id = make_id("run", i);
	run.status = (enum run_status)(RUN_RUNNING + i % 7);
	run.end_ns = i % 5 ? run.start_ns + i % 3 * SEC : 0;
	run.llm_calls = (int64_t)(i % 4);
	run.tool_calls = i % 3 ? (int64_t)(i % 6) : LLM_UNKNOWN;
	run.processes = (int64_t)(i % 2);
	run.errors = (int64_t)(i % 3);
	run.cost_pico_usd = (int64_t)(i * 7 % 11) * 1000;
	run.equivalent_pico_usd = (int64_t)(i % 2) * 500;
	run.usage.input = i % 4 ? (int64_t)(i * 13 % 17) : LLM_UNKNOWN;
	run.usage.output = 1;
	if (i % 4 == 0)
		run.session_id = make_id("session", i / 8);
	if (i % 5 == 1)
		run.agent = SLICE("codex"), run.models = SLICE("m-2, m-9");
	return run;
}

static struct span some_span(uint64_t i, uint64_t k)
{
	struct span s = make_call(i / 2, k);

	s.run_id = make_id("run", i);
	s.span_id = id64_of(make_id("span", i * 100 + k));
	s.status = (i + k) % 3 ? SPAN_OK : SPAN_ERROR;
	s.end_ns = (i + k) % 4 ? s.start_ns + (i + k) % 5 * SEC : 0;
	s.cost.pico_usd = (int64_t)((i + k) % 6);
	s.usage.input = (int64_t)((i * k) % 7);
	if (i % 7 == 3)
		s.usage = llm_usage_unknown, s.cost = (struct cost){ .source = COST_UNKNOWN };
	return s;
}

static void fill(const char *path)
{
	struct store *s = open_store(path);

	for (uint64_t i = 0; i < RUNS; i++) {
		const struct run run = some_run(i);

		store_run(s, &run);
		for (uint64_t k = 0; k < CALLS; k++) {
			const struct span span = some_span(i, k);

			store_span(s, &span);
		}
	}
	assert_int_equal(store_close(s), 0);
}

static int64_t known(int64_t v)
{
	return v < 0 ? 0 : v;
}

/* What the orders mean, said once more. */
static int64_t key_of_run(const struct run *r, enum store_order order)
{
	switch (order) {
	case ORDER_START:
		return (int64_t)r->start_ns;
	case ORDER_DURATION:
		return r->end_ns ? (int64_t)(r->end_ns - r->start_ns) : -1;
	case ORDER_COST:
		return r->cost_pico_usd + r->equivalent_pico_usd;
	case ORDER_TOKENS:
		return known(r->usage.input) + known(r->usage.output);
	case ORDER_STEPS:
		return known(r->llm_calls) + known(r->tool_calls) + known(r->processes);
	case ORDER_ERRORS:
		return r->errors;
	}
	return 0;
}

static int64_t key_of_span(const struct span *s, enum store_order order)
{
	switch (order) {
	case ORDER_START:
		return (int64_t)s->start_ns;
	case ORDER_DURATION:
		return s->end_ns ? (int64_t)(s->end_ns - s->start_ns) : -1;
	case ORDER_COST:
		return s->cost.pico_usd;
	case ORDER_TOKENS:
		return known(s->usage.input) + known(s->usage.output);
	case ORDER_ERRORS:
		return (int64_t)s->start_ns;
	case ORDER_STEPS:
		break;
	}
	return 0;
}

/* Of steps those are there that have what they are ordered by. */
static bool can_stand(const struct span *s, enum store_order order)
{
	return order == ORDER_DURATION ? s->end_ns > 0
	       : order == ORDER_COST   ? s->cost.source != COST_UNKNOWN
	       : order == ORDER_TOKENS ? s->usage.input >= 0 || s->usage.output >= 0
	       : order == ORDER_ERRORS ? s->status == SPAN_ERROR
				       : true;
}

static size_t how_many(enum store_order order)
{
	size_t n = 0;

	for (uint64_t i = 0; i < (uint64_t)RUNS * CALLS; i++) {
		const struct span s = some_span(i / CALLS, i % CALLS);

		n += can_stand(&s, order);
	}
	return n;
}

struct row {
	int64_t key;
	uint8_t id[16];
};

static int by_key(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return x->key != y->key ? (x->key > y->key) - (x->key < y->key)
				: memcmp(x->id, y->id, sizeof(x->id));
}

struct rows {
	struct row row[MANY];
	size_t n;
	enum store_order order;
};

static void add_row(struct rows *r, int64_t key, const uint8_t *id, size_t n)
{
	assert_true(r->n < MANY);
	r->row[r->n] = (struct row){ .key = key };
	memcpy(r->row[r->n++].id, id, n);
}

static int take_run(void *ctx, const struct run *run)
{
	struct rows *r = ctx;

	add_row(r, key_of_run(run, r->order), run->run_id.b, 16);
	return 0;
}

static int take_span(void *ctx, const struct span *span)
{
	struct rows *r = ctx;

	add_row(r, key_of_span(span, r->order), span->span_id.b, 8);
	return 0;
}

static void sort(struct rows *rows, bool ascending)
{
	qsort(rows->row, rows->n, sizeof(rows->row[0]), by_key);
	for (size_t i = 0; !ascending && i < rows->n / 2; i++) {
		const struct row first = rows->row[i];

		rows->row[i] = rows->row[rows->n - 1 - i];
		rows->row[rows->n - 1 - i] = first;
	}
}

/* All pages of an order, one after the other. */
static void turn(struct store_reader *r, bool spans, struct store_page p, size_t all,
		 struct rows *ret)
{
	const struct store_filter any = { 0 };
	struct store_page_end end = { .has_more = true };
	char cursor[STORE_CURSOR] = "";

	*ret = (struct rows){ .order = p.order };
	while (end.has_more) {
		const size_t before = ret->n;

		p.cursor = slice_of(cursor);
		assert_int_equal(spans ? store_spans_page(r, &any, &p, take_span, ret, &end)
				       : store_runs_page(r, &any, &p, take_run, ret, &end),
				 0);
		assert_int_equal(end.total,
				 all < (size_t)r->count_max ? (int64_t)all : r->count_max);
		assert_true(end.total_more == (all > (size_t)r->count_max));
		assert_int_equal(ret->n - before, end.has_more ? p.limit : ret->n - before);
		assert_true(end.has_more == (end.next[0] != '\0'));
		strcpy(cursor, end.next);
	}
	assert_int_equal(ret->n, all);
}

static void assert_turns(struct store_reader *r, bool spans, struct store_page p, size_t all)
{
	static struct rows got, want;

	turn(r, spans, p, all, &got);
	want = got;
	sort(&want, p.ascending);
	assert_memory_equal(got.row, want.row, got.n * sizeof(got.row[0]));
}

static void pages_follow_every_order(void **state)
{
	const char *path = in_dir(state, "db");
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;

	fill(path);
	r = open_reader(path);
	for (int order = ORDER_START; order <= ORDER_ERRORS; order++)
		for (int up = 0; up < 4; up++)
			for (size_t limit = 3; limit < 50; limit = limit * 4 + 1) {
				const struct store_page p = { .order = (enum store_order)order,
							      .ascending = up % 2,
							      .limit = limit };

				/* few that are sorted, and many that stand in an index */
				r->count_max = up < 2 ? STORE_COUNT_MAX : 7;

				assert_turns(r, false, p, RUNS);
				if (order != ORDER_STEPS)
					assert_turns(r, true, p, how_many(p.order));
			}
}

static void a_cursor_is_of_its_order(void **state)
{
	static const char *const bad[] = { "x", "r0d", "r0d000000000000000g",
					   "r0d0000000000000001" };
	const struct store_filter any = { 0 };
	const char *path = in_dir(state, "db");
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	struct store_page p = { .limit = 3 };
	static struct rows rows;
	struct store_page_end end;
	char cursor[STORE_CURSOR];

	fill(path);
	r = open_reader(path);
	assert_int_equal(store_runs_page(r, &any, &p, take_run, &rows, &end), 0);
	strcpy(cursor, end.next);
	p.cursor = slice_of(cursor);
	assert_int_equal(store_runs_page(r, &any, &p, take_run, &rows, &end), 0);
	assert_int_equal(store_spans_page(r, &any, &p, take_span, &rows, &end), -EINVAL);
	p.ascending = true;
	assert_int_equal(store_runs_page(r, &any, &p, take_run, &rows, &end), -EINVAL);
	p.ascending = false;
	p.order = ORDER_COST;
	assert_int_equal(store_runs_page(r, &any, &p, take_run, &rows, &end), -EINVAL);
	p.order = ORDER_START;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		p.cursor = slice_of(bad[i]);
		assert_int_equal(store_runs_page(r, &any, &p, take_run, &rows, &end), -EINVAL);
	}
	for (size_t i = 0; cursor[i]; i++) { /* each of its bytes matters */
		char other[STORE_CURSOR];

		strcpy(other, cursor);
		other[i] = 'z';
		p.cursor = slice_of(other);
		assert_int_equal(store_runs_page(r, &any, &p, take_run, &rows, &end), -EINVAL);
	}
	p = (struct store_page){ .order = ORDER_STEPS, .limit = 3 };
	assert_int_equal(store_spans_page(r, &any, &p, take_span, &rows, &end), -EINVAL);
	p = (struct store_page){ .limit = 0 };
	assert_int_equal(store_runs_page(r, &any, &p, take_run, &rows, &end), -EINVAL);
	p = (struct store_page){ .order = (enum store_order)99, .limit = 1 };
	assert_int_equal(store_runs_page(r, &any, &p, take_run, &rows, &end), -EINVAL);
}

/* Newer ones come and others end while pages are turned: nothing is seen twice or left out. */
static void rows_that_come_move_no_page(void **state)
{
	const struct store_filter any = { 0 };
	const char *path = in_dir(state, "db");
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	struct store_page p = { .limit = 5 };
	struct store_page_end end = { .has_more = true };
	static struct rows rows;
	char cursor[STORE_CURSOR] = "";

	fill(path);
	r = open_reader(path);
	for (uint64_t i = 0; end.has_more; i++) {
		struct store *s = open_store(path);
		struct run run = some_run(RUNS + 2 * i);

		p.cursor = slice_of(cursor);
		assert_int_equal(store_runs_page(r, &any, &p, take_run, &rows, &end), 0);
		strcpy(cursor, end.next);
		store_run(s, &run);
		assert_int_equal(store_close(s), 0);
		assert_true(i < 20);
	}
	assert_int_equal(rows.n, RUNS);
	for (size_t i = 1; i < rows.n; i++)
		assert_true(by_key(&rows.row[i - 1], &rows.row[i]) > 0);
}

struct sessions {
	struct store_session_row row[MANY];
	size_t n;
};

static int take_session(void *ctx, const struct store_session_row *row)
{
	struct sessions *s = ctx;

	s->row[s->n++] = *row;
	return 0;
}

static void sessions_turn_too(void **state)
{
	const struct store_filter filters[] = { { 0 },
						{ .agent = SLICE("claude-code") },
						{ .until_ns = START + 600 * SEC } };
	const char *path = in_dir(state, "db");
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;

	fill(path);
	r = open_reader(path);
	for (size_t i = 0; i < ARRAY_SIZE(filters); i++)
		for (size_t limit = 1; limit < 8; limit++) {
			struct store_page p = { .limit = limit };
			struct store_page_end end = { .has_more = true };
			char cursor[STORE_CURSOR] = "";
			struct sessions all = { .n = 0 }, turned = { .n = 0 };

			store_sessions(r, &filters[i], take_session, &all);
			while (end.has_more) {
				p.cursor = slice_of(cursor);
				assert_int_equal(store_sessions_page(r, &filters[i], &p,
								     take_session, &turned, &end),
						 0);
				assert_int_equal(end.total, all.n);
				strcpy(cursor, end.next);
			}
			assert_int_equal(turned.n, all.n);
			for (size_t k = 0; k < all.n; k++) {
				assert_true(id128_eq(&turned.row[k].session_id,
						     &all.row[k].session_id));
				assert_int_equal(turned.row[k].runs, all.row[k].runs);
				assert_int_equal(turned.row[k].usage.output,
						 all.row[k].usage.output);
			}
		}
}

static void a_session_tells_what_was_said_last(void **state)
{
	const char *path = in_dir(state, "db");
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	const struct id128 id = make_id("session", 1), none = make_id("session", 99);
	struct store *s;
	struct id128 node;

	fill(path);
	s = open_store(path);
	for (uint64_t k = 0; k < 3; k++) {
		struct span span = some_span(12, 50 + k); /* the newest run of session 1 */

		span.output_node = make_id("node", k);
		store_span(s, &span);
	}
	assert_int_equal(store_close(s), 0);
	r = open_reader(path);
	assert_int_equal(store_session_latest(r, &id, &node), 0);
	assert_true(id128_eq(&node, &(struct id128){ 0 }) == false);
	assert_memory_equal(node.b, make_id("node", 2).b, sizeof(node.b));
	assert_int_equal(store_session_latest(r, &none, &node), -ENOENT);
}

static void runs_are_counted_by_status(void **state)
{
	const struct store_filter failed = { .status = SLICE("failed") },
				  codex = { .agent = SLICE("codex") };
	const char *path = in_dir(state, "db");
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	struct store_run_counts all, of_failed, of_codex;
	int64_t want[RUN_PAUSED + 1] = { 0 }, want_codex = 0;

	fill(path);
	r = open_reader(path);
	for (uint64_t i = 0; i < RUNS; i++) {
		want[some_run(i).status]++;
		want_codex += i % 5 == 1;
	}
	assert_int_equal(store_run_counts(r, &(struct store_filter){ 0 }, &all), 0);
	assert_memory_equal(all.status, want, sizeof(want));
	assert_int_equal(all.total, RUNS);
	assert_false(all.more);
	assert_int_equal(store_run_counts(r, &failed, &of_failed), 0);
	assert_memory_equal(of_failed.status, want, sizeof(want));
	assert_int_equal(store_run_counts(r, &codex, &of_codex), 0);
	assert_int_equal(of_codex.total, want_codex);
}

static void counting_stops(void **state)
{
	const struct store_filter any = { 0 };
	const struct store_page p = { .limit = 1 };
	const char *path = in_dir(state, "db");
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	static struct rows rows;
	struct store_page_end end;
	struct store *s = open_store(path);

	put_calls(s, 1, 0, STORE_COUNT_MAX + 5);
	assert_int_equal(store_close(s), 0);
	r = open_reader(path);
	assert_int_equal(store_spans_page(r, &any, &p, take_span, &rows, &end), 0);
	assert_true(end.total_more);
	assert_true(end.total <= STORE_COUNT_MAX && end.total > 0);
	assert_true(end.has_more);
}

static int no_row(void *ctx, const struct store_cost_row *row)
{
	(void)ctx, (void)row;
	return 0;
}

static void nobody_holds_a_reader_up(void **state)
{
	const struct store_filter any = { 0 };
	const char *path = in_dir(state, "db");
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	struct store *s = open_store(path);

	put_calls(s, 1, 0, 20000);
	assert_int_equal(store_close(s), 0);
	r = open_reader(path);
	r->sums_above = INT64_MAX;
	store_limit(r, 1);
	assert_int_equal(store_cost(r, &any, GROUP_MODEL, no_row, NULL), -ETIMEDOUT);
	store_limit(r, 0);
	assert_int_equal(store_cost(r, &any, GROUP_MODEL, no_row, NULL), 0);
}

static int see_one(void *ctx, const struct span *span)
{
	*(struct span *)ctx = *span;
	return 0;
}

static void one_span_is_read(void **state)
{
	const struct id128 run = make_id("run", 3), other = make_id("run", 4);
	const struct id64 id = id64_of(make_id("span", 302));
	const char *path = in_dir(state, "db");
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	struct span got;

	fill(path);
	r = open_reader(path);
	assert_int_equal(store_span_read(r, &run, &id, see_one, &got), 0);
	assert_true(id64_eq(&got.span_id, &id));
	assert_int_equal(store_span_read(r, &other, &id, see_one, &got), -ENOENT);
}

struct agents {
	struct store_agent_row row[8];
	char words[8][3][64];
	size_t n;
};

/* From sums they are near. */
static void assert_near(int64_t got, int64_t want)
{
	assert_true(llabs(got - want) <= want * 33 / 1000 + 1);
}

static int take_agent(void *ctx, const struct store_agent_row *row)
{
	struct agents *a = ctx;

	assert_true(a->n < ARRAY_SIZE(a->row));
	snprintf(a->words[a->n][0], 64, "%.*s", SLICE_ARG(row->agent));
	snprintf(a->words[a->n][1], 64, "%.*s", SLICE_ARG(row->models));
	snprintf(a->words[a->n][2], 64, "%.*s", SLICE_ARG(row->providers));
	a->row[a->n++] = *row;
	return 0;
}

static int by_number(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* The same by hand. */
static struct store_agent_row agent_of(bool codex)
{
	struct store_agent_row a = { .usage = llm_usage_unknown };
	int64_t took[RUNS], n = 0;

	a.usage.input = a.usage.output = 0;
	for (uint64_t i = 0; i < RUNS; i++) {
		const struct run r = some_run(i);

		if ((i % 5 == 1) != codex)
			continue;
		a.runs++;
		a.status[r.status]++;
		a.llm_calls += known(r.llm_calls);
		a.tool_calls += known(r.tool_calls);
		a.errors += known(r.errors);
		a.cost_pico_usd += r.cost_pico_usd;
		a.equivalent_pico_usd += r.equivalent_pico_usd;
		a.usage.input += known(r.usage.input);
		a.usage.output += known(r.usage.output);
		a.last_ns = r.start_ns > a.last_ns ? r.start_ns : a.last_ns;
		if (r.end_ns)
			took[n++] = (int64_t)(r.end_ns - r.start_ns);
	}
	qsort(took, (size_t)n, sizeof(took[0]), by_number);
	a.p50_ns = took[(n * 50 + 99) / 100 - 1];
	a.p95_ns = took[(n * 95 + 99) / 100 - 1];
	return a;
}

static void assert_agent(const struct store_agent_row *got, const struct store_agent_row *want)
{
	assert_int_equal(got->runs, want->runs);
	assert_memory_equal(got->status, want->status, sizeof(got->status));
	assert_int_equal(got->llm_calls, want->llm_calls);
	assert_int_equal(got->tool_calls, want->tool_calls);
	assert_int_equal(got->errors, want->errors);
	assert_int_equal(got->cost_pico_usd, want->cost_pico_usd);
	assert_int_equal(got->equivalent_pico_usd, want->equivalent_pico_usd);
	assert_int_equal(got->usage.input, want->usage.input);
	assert_int_equal(got->usage.output, want->usage.output);
	assert_int_equal(got->usage.reasoning, LLM_UNKNOWN);
	assert_int_equal(got->last_ns, want->last_ns);
	assert_near(got->p50_ns, want->p50_ns);
	assert_near(got->p95_ns, want->p95_ns);
}

static void agents_are_sums_of_their_runs(void **state)
{
	const struct store_agent_row claude = agent_of(false), codex = agent_of(true);
	const char *path = in_dir(state, "db");
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;

	fill(path);
	r = open_reader(path);
	for (int sums = 0; sums < 2; sums++) {
		struct agents a = { .n = 0 };

		r->sums_above = sums ? -1 : INT64_MAX;
		assert_int_equal(store_agents(r, &(struct store_filter){ 0 }, take_agent, &a), 0);
		assert_int_equal(a.n, 2);
		assert_string_equal(a.words[0][0], "claude-code");
		assert_string_equal(a.words[0][1], "m-1,m-2");
		assert_string_equal(a.words[0][2], "anthropic");
		assert_string_equal(a.words[1][0], "codex");
		assert_string_equal(a.words[1][1], "m-2,m-9");
		assert_agent(&a.row[0], &claude);
		assert_agent(&a.row[1], &codex);
		a.n = 0;
		assert_int_equal(store_agents(r, &(struct store_filter){ .agent = SLICE("codex") },
					      take_agent, &a),
				 0);
		assert_int_equal(a.n, 1);
		assert_agent(&a.row[0], &codex);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pages_follow_every_order),
		TEST(a_cursor_is_of_its_order),
		TEST(rows_that_come_move_no_page),
		TEST(sessions_turn_too),
		TEST(a_session_tells_what_was_said_last),
		TEST(runs_are_counted_by_status),
		TEST(counting_stops),
		TEST(nobody_holds_a_reader_up),
		TEST(one_span_is_read),
		TEST(agents_are_sums_of_their_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
