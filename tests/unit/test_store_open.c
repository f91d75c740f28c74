/* SPDX-License-Identifier: BSD-2-Clause */
/* What an engine leaves open: kept with the run, given back, and closed where nobody goes on. */
#include <sqlite3.h>
#include <time.h>

#include "alloc.h"
#include "store/sink.h"
#include "store_alloc.h"
#include "store_make.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

static char seen[1024];

static int see(void *ctx, struct slice state)
{
	(void)ctx;
	snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%.*s;", SLICE_ARG(state));
	return 0;
}

static const char *states(struct store *s)
{
	seen[0] = '\0';
	assert_int_equal(store_states(s, see, NULL), 0);
	return seen;
}

static int64_t count(const char *path, const char *sql)
{
	sqlite3_stmt *st = NULL;
	sqlite3 *db = NULL;
	int64_t n = -1;

	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	if (sqlite3_step(st) == SQLITE_ROW)
		n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

/* A run that goes on, with a call in flight, a tool that is waited for and one that has ended. */
static void put_open(struct store *s)
{
	const struct run run = make_run(1);
	struct span flight = make_call(1, 1), tool = make_call(1, 2), done = make_call(1, 3);

	flight.final = tool.final = false;
	flight.end_ns = tool.end_ns = 0;
	tool.step = STEP_TOOL;
	store_run(s, &run);
	store_span(s, &flight);
	store_span(s, &tool);
	store_span(s, &done);
	store_state(s, &run.run_id, SLICE("{\"first\":1}"));
	store_state(s, &run.run_id, SLICE("{\"second\":2}"));
}

static void the_newest_state_comes_back(void **state)
{
	const char *path = in_dir(state, "db");
	struct store *s = open_store(path);
	const struct id128 id = make_id("run", 1);

	put_open(s);
	assert_int_equal(store_close(s), 0);
	s = open_store(path);
	assert_string_equal(states(s), "{\"second\":2};");
	store_state(s, &id, (struct slice){ 0 });
	assert_int_equal(store_flush(s), 0);
	assert_string_equal(states(s), "");
	assert_int_equal(store_close(s), 0);
}

static void what_was_in_flight_is_over_when_the_run_goes_on(void **state)
{
	const char *path = in_dir(state, "db");
	struct store *s = open_store(path);
	struct span again = make_call(1, 2);

	put_open(s);
	assert_int_equal(store_close(s), 0);
	s = open_store(path);
	store_cut(s, &(struct store_cut){ .run = make_id("run", 1), .in_flight = true });
	again.step = STEP_TOOL; /* the tool has its result after all */
	store_span(s, &again);
	assert_int_equal(store_close(s), 0);
	assert_int_equal(count(path, "SELECT count(*) FROM spans WHERE final = 0"), 0);
	assert_int_equal(count(path, "SELECT count(*) FROM spans WHERE status = 2"), 1);
	assert_int_equal(count(path, "SELECT count(*) FROM spans WHERE attrs LIKE "
				     "'%sonde.cut%engine died%' AND end_ns = start_ns"),
			 1);
	assert_int_equal(count(path, "SELECT count(DISTINCT seq) FROM spans"), 3);
	assert_int_equal(count(path, "SELECT max(seq) = (SELECT value FROM counters WHERE name ="
				     " 'seq') FROM spans"),
			 1);
	assert_int_equal(count(path, "SELECT sum(llm_calls) FROM rollups"), 2);
	assert_int_equal(count(path, "SELECT sum(tool_calls) FROM rollups"), 1);
	assert_int_equal(count(path, "SELECT status FROM runs"), RUN_RUNNING);
	assert_sound(path);
}

static void a_run_that_ended_unseen_is_told_with_all_its_steps(void **state)
{
	const char *path = in_dir(state, "db");
	struct store *s = open_store(path);

	put_open(s);
	store_cut(s, &(struct store_cut){ .run = make_id("run", 1),
					  .run_ended = true,
					  .why = SLICE("it ended unseen") });
	assert_int_equal(store_close(s), 0);
	assert_int_equal(count(path, "SELECT count(*) FROM spans WHERE final = 0"), 0);
	assert_int_equal(count(path, "SELECT count(*) FROM runs WHERE status = 6 AND status_reason"
				     " = 'it ended unseen' AND end_ns > start_ns"),
			 1);
	assert_sound(path);
}

static void a_step_alone_can_be_cut(void **state)
{
	const char *path = in_dir(state, "db");
	struct store *s = open_store(path);

	put_open(s);
	store_cut(s, &(struct store_cut){ .run = make_id("run", 1),
					  .span = id64_of(make_id("span", 100002)),
					  .why = SLICE("gone") });
	assert_int_equal(store_close(s), 0);
	assert_int_equal(count(path, "SELECT count(*) FROM spans WHERE final = 0"), 1);
	assert_int_equal(count(path, "SELECT count(*) FROM spans WHERE attrs LIKE '%gone%'"), 1);
}

/* --- retention --- */

static struct store_gc_result collect(const char *path, struct store_gc_options o)
{
	struct store_gc_result res;
	struct store_error err = { "" };

	if (store_gc(path, &o, &res, &err) < 0)
		fail_msg("%s", err.text);
	return res;
}

static void fill(const char *path, uint64_t runs)
{
	struct store *s = open_store(path);

	for (uint64_t n = 0; n < runs; n++) {
		struct run run = make_run(n);

		run.status = RUN_COMPLETED;
		run.end_ns = run.start_ns + SEC;
		store_run(s, &run);
		for (uint64_t i = 0; i < 4; i++) {
			const struct span span = make_call(n, i);

			store_span(s, &span);
		}
	}
	assert_int_equal(store_close(s), 0);
}

static void set_sink(const char *path, const char *name, int64_t seq)
{
	struct store_sinks *sinks = NULL;
	struct store_error err;

	assert_int_equal(store_sinks_open(path, &sinks, &err), 0);
	assert_int_equal(store_sink_set(sinks, name, seq, (struct slice){ 0 }, 1), 0);
	store_sinks_close(sinks);
}

#define LONG_AGO (START + 1000 * 60 * SEC)

static void runs_that_a_sink_has_not_got_stay(void **state)
{
	const char *path = in_dir(state, "db");
	struct store_gc_result res;

	fill(path, 5);
	set_sink(path, "fast", 20);
	set_sink(path, "slow", 9); /* of the third run one step */
	res = collect(path, (struct store_gc_options){ .runs_before_ns = LONG_AGO,
						       .sinks_keep_bytes = 1 << 30 });
	assert_int_equal(res.runs, 2);
	assert_int_equal(res.unsent, 0);
	assert_int_equal(count(path, "SELECT count(*) FROM runs"), 3);
	res = collect(path, (struct store_gc_options){ .runs_before_ns = LONG_AGO });
	assert_int_equal(res.runs, 3);
	assert_int_equal(res.unsent, 11);
	assert_sound(path);
}

static void but_not_when_they_take_too_much(void **state)
{
	const char *path = in_dir(state, "db");
	struct store_gc_result res;

	fill(path, 5);
	set_sink(path, "slow", 0);
	res = collect(path,
		      (struct store_gc_options){ .max_bytes = 1 << 30, .sinks_keep_bytes = 1 });
	assert_int_equal(res.runs, 0);
	res = collect(path,
		      (struct store_gc_options){ .max_bytes = 1, .sinks_keep_bytes = 1 << 30 });
	assert_int_equal(res.runs, 0);
	res = collect(path, (struct store_gc_options){ .max_bytes = 1, .sinks_keep_bytes = 1 });
	assert_true(res.runs > 0);
	assert_int_equal(res.unsent, 4 * res.runs);
}

static void a_run_that_may_go_on_stays(void **state)
{
	const char *path = in_dir(state, "db");
	struct store *s;
	const struct id128 id = make_id("run", 3);

	fill(path, 5);
	s = open_store(path);
	store_state(s, &id, SLICE("{}"));
	assert_int_equal(store_close(s), 0);
	collect(path, (struct store_gc_options){ .runs_before_ns = LONG_AGO });
	assert_int_equal(count(path, "SELECT count(*) FROM runs"), 1);
	assert_int_equal(count(path, "SELECT count(*) FROM open_state"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_newest_state_comes_back),
		TEST(what_was_in_flight_is_over_when_the_run_goes_on),
		TEST(a_run_that_ended_unseen_is_told_with_all_its_steps),
		TEST(a_step_alone_can_be_cut),
		TEST(runs_that_a_sink_has_not_got_stay),
		TEST(but_not_when_they_take_too_much),
		TEST(a_run_that_may_go_on_stays),
	};

	return cmocka_run_group_tests_name("store_open", tests, NULL, NULL);
}
