/* SPDX-License-Identifier: BSD-2-Clause */
/* The rows of `sonde top`: from a store, summed, and through JSON as the daemon gives them. */
#include "cmd/top.h"
#include "store_make.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

static const char *fill(void **state)
{
	const char *path = in_dir(state, "db");
	struct store *s = open_store(path);

	for (uint64_t i = 0; i < 6; i++) {
		struct run run = make_run(i);

		run.status = RUN_COMPLETED;
		run.end_ns = run.start_ns + 10 * SEC;
		run.process.tgid = i < 2 ? 42 : 100 + (uint32_t)i;
		run.uid = i < 3 ? 1000 : 1001;
		run.agent = i % 2 ? SLICE("codex") : SLICE("claude-code");
		run.llm_calls = 2;
		run.unpriced_calls = 0;
		run.cost_pico_usd = (int64_t)(i + 1) * 1000000000;
		run.usage.input = 100;
		run.usage.output = 10;
		if (i == 4)
			run.resource = SLICE("{\"container.id\":\"0123456789abcdef\","
					     "\"k8s.namespace.name\":\"team\","
					     "\"k8s.pod.name\":\"agent-0\"}");
		store_run(s, &run);
	}
	assert_int_equal(store_close(s), 0);
	return path;
}

struct fixture {
	struct top_row rows[TOP_ROWS_MAX];
	struct top t;
};

static struct fixture *read_all(void **state)
{
	static struct fixture f;
	_cleanup_(store_reader_closep) struct store_reader *r = open_reader(fill(state));

	f.t = (struct top){ .rows = f.rows, .now_ns = START + 3600 * SEC, .since_ns = START };
	assert_int_equal(top_read(&f.t, r), 0);
	assert_int_equal(f.t.n, 6);
	return &f;
}

static size_t groups(void **state, enum top_group by, const char *filter)
{
	struct fixture *f = read_all(state);

	f->t.by = by;
	snprintf(f->t.filter, sizeof(f->t.filter), "%s", filter);
	top_arrange(&f->t);
	return f->t.n;
}

static void rows_are_summed_by_what_is_asked_for(void **state)
{
	struct fixture *f = read_all(state);

	f->t.by = TOP_USER;
	top_arrange(&f->t);
	assert_int_equal(f->t.n, 2);
	assert_string_equal(f->rows[0].key, "alice 1001"); /* one name, two users */
	assert_string_equal(f->rows[1].key, "alice 1000");
	assert_int_equal(f->rows[0].runs, 3);
	assert_int_equal(f->rows[0].cost_pico_usd, 15 * 1000000000ll);
	assert_int_equal(f->rows[1].calls, 6);
	assert_int_equal(groups(state, TOP_AGENT, ""), 2);
	assert_int_equal(groups(state, TOP_PROCESS, ""), 5);
	assert_int_equal(groups(state, TOP_CONTAINER, ""), 2);
	assert_int_equal(groups(state, TOP_POD, ""), 2);
	assert_int_equal(groups(state, TOP_RUN, ""), 6);
}

static void a_filter_looks_at_words_in_either_case(void **state)
{
	assert_int_equal(groups(state, TOP_RUN, "CODEX"), 3);
	assert_int_equal(groups(state, TOP_RUN, "team/agent"), 1);
	assert_int_equal(groups(state, TOP_RUN, "completed"), 6);
	assert_int_equal(groups(state, TOP_RUN, "0123456789ab"), 1);
	assert_int_equal(groups(state, TOP_RUN, "no such"), 0);
}

static void a_group_opens_into_its_runs(void **state)
{
	struct fixture *f = read_all(state);

	f->t.within = TOP_USER;
	snprintf(f->t.within_key, sizeof(f->t.within_key), "alice 1001");
	top_arrange(&f->t);
	assert_int_equal(f->t.n, 3);
}

static void rows_are_sorted(void **state)
{
	struct fixture *f = read_all(state);

	f->t.sort = TOP_BY_COST;
	top_arrange(&f->t);
	assert_int_equal(f->rows[0].cost_pico_usd, 6 * 1000000000ll);
	f->t.ascending = true;
	top_arrange(&f->t);
	assert_int_equal(f->rows[0].cost_pico_usd, 1000000000ll);
}

static void a_row_survives_the_way_through_json(void **state)
{
	struct fixture *f = read_all(state);

	for (size_t i = 0; i < f->t.n; i++) {
		_cleanup_(buf_done) struct buf line = { 0 };
		struct json_writer w = { .out = &line };
		struct top_row got;

		f->rows[i].tokens_per_s = 2.5;
		f->rows[i].state = i ? TOP_ENDED : TOP_TOOL;
		top_row_put(&w, &f->t, &f->rows[i], i);
		assert_int_equal(w.r, 0);
		assert_true(top_row_parse(buf_slice(&line), &got));
		assert_memory_equal(&got, &f->rows[i], sizeof(got));
	}
}

static void what_is_no_row_is_none(void **state)
{
	static const char *const lines[] = {
		"",
		"{}",
		"[]",
		"{\"run_id\":\"12\"}",
		"{\"run_id\":\"zz0ec3b9e9bd2ee614412d3e4f6a0570\"}",
		"{\"run_id\":\"ef0ec3b9e9bd2ee614412d3e4f6a0570\"",
		"{\"run_id\":17}",
	};
	struct top_row row;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		assert_false(top_row_parse(slice_of(lines[i]), &row));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rows_are_summed_by_what_is_asked_for),
		TEST(a_filter_looks_at_words_in_either_case),
		TEST(a_group_opens_into_its_runs),
		TEST(rows_are_sorted),
		TEST(a_row_survives_the_way_through_json),
		TEST(what_is_no_row_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
