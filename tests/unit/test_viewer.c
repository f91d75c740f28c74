/* SPDX-License-Identifier: BSD-2-Clause */
/* Two users in one store: nothing of one is there for the other, whatever is asked. */
#include "base/json.h"
#include "store/sink.h"
#include "viewer_make.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

static const char *hex_of(struct id128 id, size_t digits)
{
	static char hex[4][ID128_HEX_SIZE];
	static int n;

	n = (n + 1) % 4;
	id128_hex(&id, hex[n]);
	hex[n][digits] = '\0';
	return hex[n];
}

static int see_cost(void *ctx, const struct store_cost_row *row)
{
	*(int64_t *)ctx += row->calls;
	return 0;
}

static int see_tool(void *ctx, const struct store_tool_row *row)
{
	*(int64_t *)ctx += row->calls;
	assert_slice(row->tool, "Bash");
	return 0;
}

static int see_offer(void *ctx, const struct store_offer *offer)
{
	*(int64_t *)ctx += offer->calls;
	assert_slice(offer->agent, "claude-code");
	return 0;
}

static int see_session(void *ctx, const struct store_session_row *row)
{
	*(int64_t *)ctx += 1;
	assert_int_equal(row->runs, RUNS);
	assert_slice(row->task, "alicework parser");
	return 0;
}

static int see_final(void *ctx, int64_t seq, int64_t version, const struct span *span,
		     const struct run *run)
{
	(void)seq, (void)version, (void)span;
	*(int64_t *)ctx += 1;
	assert_int_equal(run->uid, ALICE);
	return 0;
}

static void lists_and_sums_are_the_viewers_own(void **state)
{
	const struct store_filter all = { 0 }, foreign = { .user = SLICE("bob") },
				  words = { .text = SLICE("bobwork") },
				  common = { .text = SLICE("parser") },
				  session = { .session = make_id("session", BOB) },
				  run = { .run = make_id("run", number(BOB, 1)) },
				  tool = { .tool = SLICE("shell") };
	const struct store_filter *none[] = { &foreign, &words, &session, &run, &tool };
	_cleanup_(store_reader_closep) struct store_reader *r = open_as(fill(state), ALICE);
	int64_t cost = 0, tools = 0, offers = 0, sessions = 0, finals = 0;
	struct seen seen = { 0 }, nothing = { 0 }, found = { 0 };

	assert_int_equal(store_runs(r, &all, see_run, &seen), 0);
	assert_int_equal(store_spans(r, &all, see_span, &seen), 0);
	assert_int_equal(seen.runs, RUNS);
	assert_int_equal(seen.spans, 2 * RUNS);
	for (int i = 0; i < seen.runs; i++)
		assert_int_equal(seen.run[i].uid, ALICE);
	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		assert_int_equal(store_runs(r, none[i], see_run, &nothing), 0);
		assert_int_equal(store_spans(r, none[i], see_span, &nothing), 0);
		assert_int_equal(store_cost(r, none[i], GROUP_USER, see_cost, &cost), 0);
	}
	assert_int_equal(nothing.runs + nothing.spans + cost, 0);
	assert_int_equal(store_runs(r, &common, see_run, &found), 0);
	assert_int_equal(found.runs, RUNS);
	assert_int_equal(store_cost(r, &all, GROUP_MODEL, see_cost, &cost), 0);
	assert_int_equal(store_tools(r, &all, see_tool, &tools), 0);
	assert_int_equal(store_offers(r, &all, see_offer, &offers), 0);
	assert_int_equal(store_sessions(r, &all, see_session, &sessions), 0);
	assert_int_equal(store_final_spans(r, 0, 1000, see_final, &finals), 0);
	assert_int_equal(cost, RUNS);
	assert_int_equal(tools, RUNS);
	assert_int_equal(offers, RUNS);
	assert_int_equal(sessions, 1);
	assert_int_equal(finals, 2 * RUNS);
}

static void references_find_nothing_foreign(void **state)
{
	_cleanup_(store_reader_closep) struct store_reader *r = open_as(fill(state), ALICE);
	const struct id128 mine = make_id("run", number(ALICE, RUNS - 1));
	const struct id128 theirs = make_id("run", number(BOB, RUNS - 1));
	struct id128 got;

	assert_int_equal(store_run_find(r, "last", &got), 0); /* the newest is bob's */
	assert_true(id128_eq(&got, &mine));
	assert_int_equal(store_run_find(r, hex_of(mine, 8), &got), 0);
	assert_int_equal(store_run_find(r, hex_of(theirs, 8), &got), -ENOENT);
	assert_int_equal(store_run_find(r, hex_of(theirs, 32), &got), -ENOENT);
	assert_int_equal(store_session_find(r, hex_of(make_id("session", BOB), 8), &got), -ENOENT);
	assert_int_equal(store_session_find(r, "last", &got), 0);
	got.b[0] ^= make_id("session", ALICE).b[0];
	assert_int_equal(got.b[0], 0);
}

static int count_message(void *ctx, const struct id128 *node, struct slice json)
{
	(void)node, (void)json;
	*(int *)ctx += 1;
	return 0;
}

static void content_is_read_by_who_refers_to_it(void **state)
{
	static const char *const texts[] = { "system", "tools", "args", "answer", "choice" };
	_cleanup_(store_reader_closep) struct store_reader *r = open_as(fill(state), ALICE);
	_cleanup_(buf_done) struct buf text = { 0 };
	const struct id128 common = text_id("hello", 0);
	struct id128 nodes[] = { make_id("node", ALICE), make_id("choice", ALICE),
				 make_id("node", 1), make_id("node", BOB), make_id("choice", BOB) };
	int n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) { /* cold: no row was read before */
		const struct id128 mine = text_id(texts[i], ALICE), theirs = text_id(texts[i], BOB);

		assert_int_equal(store_blob_read(r, &theirs, &text), -ENOENT);
		assert_int_equal(text.n, 0);
		assert_int_equal(store_blob_read(r, &mine, &text), 0);
		text.n = 0;
	}
	assert_int_equal(store_blob_read(r, &common, &text), 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(store_conversation(r, &nodes[i], count_message, &n), 0);
	assert_int_equal(n, 4);
	for (size_t i = 3; i < ARRAY_SIZE(nodes); i++)
		assert_int_equal(store_conversation(r, &nodes[i], count_message, &n), 0);
	assert_int_equal(n, 4);
}

static void what_comes_later_can_be_read_too(void **state)
{
	const char *path = fill(state);
	_cleanup_(store_reader_closep) struct store_reader *r = open_as(path, ALICE);
	_cleanup_(buf_done) struct buf text = { 0 };
	const struct id128 late = text_id("late", ALICE);
	struct store *s;
	struct span span = make_call(number(ALICE, 0), 7);

	assert_int_equal(store_blob_read(r, &late, &text), -ENOENT);
	s = open_store(path);
	span.args_blob = put_text(s, "text", "late", ALICE);
	store_span(s, &span);
	assert_int_equal(store_close(s), 0);
	assert_int_equal(store_blob_read(r, &late, &text), 0);
}

static int drop_row(void *ctx, int n, const char *const *names, const char *const *values,
		    const int *types)
{
	(void)names, (void)types;
	for (int i = 0; i < n; i++)
		if (values[i] && (strstr(values[i], "bob") || strstr(values[i], "1001")))
			fail_msg("%s", values[i]);
	*(int *)ctx += 1;
	return 0;
}

static void sql_sees_the_viewers_own(void **state)
{
	static const struct {
		const char *sql;
		int64_t want;
	} cases[] = {
		{ "SELECT count(*) FROM v_runs", RUNS },
		{ "SELECT count(*) FROM v_spans", 2 * RUNS },
		{ "SELECT count(*) FROM v_calls", RUNS },
		{ "SELECT count(*) FROM v_tools", RUNS },
		{ "SELECT sum(calls) FROM v_cost", RUNS },
		{ "SELECT sum(llm_calls) FROM v_minutes", RUNS },
		{ "SELECT sum(tool_calls) FROM v_minutes", RUNS },
		{ "SELECT count(*) FROM v_messages", 3 },
		{ "SELECT count(*) FROM v_runs WHERE user = 'bob'", 0 },
		{ "SELECT count(arguments) FROM v_tools WHERE arguments LIKE '%1001%'", 0 },
		{ "SELECT count(arguments) FROM v_tools", RUNS },
		{ "SELECT count(*) FROM v_messages WHERE message LIKE '%1001%'", 0 },
		{ "WITH t AS (SELECT * FROM v_runs) SELECT count(*) FROM t", RUNS },
		{ "SELECT count(*) FROM runs", RUNS },
		{ "SELECT count(*) FROM json_each('[1,2]')", 2 },
		{ "WITH v_runs AS (SELECT id FROM spans) SELECT count(*) FROM v_runs", 2 * RUNS },
	};
	_cleanup_(store_reader_closep) struct store_reader *r = open_as(fill(state), ALICE);
	struct store_error err;
	int rows = 0;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (sql_int(r, cases[i].sql) != cases[i].want)
			fail_msg("%s: %lld", cases[i].sql, (long long)sql_int(r, cases[i].sql));
	assert_int_equal(store_sql(r, "SELECT * FROM v_spans", drop_row, &rows, &err), 0);
	assert_int_equal(store_sql(r, "SELECT * FROM v_messages", drop_row, &rows, &err), 0);
	assert_int_equal(store_views(r, drop_row, &rows), 0);
	assert_int_equal(rows, 2 * RUNS + 3 + 7);
}

/* Ways around the views: each is refused, or gives nothing. */
static void sql_has_no_way_around(void **state)
{
	static const char *const refused[] = {
		"SELECT task FROM main.runs",
		"SELECT count(*) FROM sinks",
		"SELECT count(*) FROM main.runs",
		"SELECT count(*) FROM \"MAIN\".spans",
		"SELECT count(*) FROM [main].[blobs]",
		"SELECT 1 FROM main.runs",
		"WITH runs AS (SELECT * FROM main.runs) SELECT * FROM runs",
		"WITH v_runs AS (SELECT * FROM main.runs) SELECT * FROM v_runs",
		"WITH v_x AS (SELECT bytes FROM main.blobs) SELECT * FROM v_x",
		"WITH v_x AS (SELECT count(*) FROM main.blobs) SELECT * FROM v_x",
		"SELECT * FROM v_runs, main.runs",
		"SELECT (SELECT max(task) FROM main.runs) FROM v_runs",
		"SELECT * FROM v_runs WHERE EXISTS (SELECT 1 FROM main.runs WHERE uid = 1001)",
		"SELECT rowid FROM run_text WHERE run_text MATCH 'bobwork'",
		"SELECT count(*) FROM run_text",
		"SELECT count(*) FROM run_text_docsize",
		"WITH v_x AS (SELECT * FROM run_text_idx) SELECT * FROM v_x",
		"SELECT sql FROM sqlite_schema",
		"SELECT count(*) FROM sqlite_schema",
		"WITH v_x AS (SELECT sql FROM sqlite_temp_schema) SELECT * FROM v_x",
		"SELECT name FROM temp.sqlite_master",
		"SELECT * FROM pragma_table_info('runs')",
		"WITH v_x AS (SELECT * FROM pragma_database_list) SELECT * FROM v_x",
		"SELECT * FROM pragma_function_list",
		"EXPLAIN SELECT * FROM v_runs",
		"EXPLAIN QUERY PLAN SELECT * FROM v_spans",
		"ATTACH ':memory:' AS x",
		"PRAGMA table_list",
		"SELECT * FROM dbstat",
		"SELECT * FROM sqlite_dbpage",
	};
	_cleanup_(store_reader_closep) struct store_reader *r = open_as(fill(state), ALICE);
	struct store_error err;
	char sql[160];
	int rows = 0;

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if (store_sql(r, refused[i], drop_row, &rows, &err) >= 0 || rows)
			fail_msg("%s: %d rows", refused[i], rows);
	snprintf(sql, sizeof(sql), "SELECT coalesce(blob_text(x'%s'), '')",
		 hex_of(text_id("args", BOB), 32));
	assert_int_equal(store_sql(r, sql, drop_row, &rows, &err), 0);
	snprintf(sql, sizeof(sql), "SELECT may_read(x'%s') = 0", hex_of(text_id("args", BOB), 32));
	assert_int_equal(sql_int(r, sql), 1);
	snprintf(sql, sizeof(sql), "SELECT length(blob_text(x'%s'))",
		 hex_of(text_id("args", ALICE), 32));
	assert_true(sql_int(r, sql) > 0);
}

static void the_file_tells_no_more(void **state)
{
	const char *path = fill(state);
	_cleanup_(store_reader_closep) struct store_reader *r = open_as(path, ALICE);
	_cleanup_(store_reader_closep) struct store_reader *nobody = open_as(path, 4242);
	struct store_info info;
	int64_t seq = -1;

	assert_int_equal(store_info(r, &info), 0);
	assert_int_equal(info.runs, RUNS);
	assert_int_equal(info.spans, 2 * RUNS);
	assert_int_equal(info.nodes, 3);
	assert_int_equal(info.blobs, 6);
	assert_int_equal(info.file_bytes, 0);
	assert_int_equal(store_info(nobody, &info), 0);
	assert_int_equal(info.runs + info.spans + info.nodes + info.blobs + info.blob_raw_bytes, 0);
	assert_int_equal(info.first_ns, 0);
	assert_int_equal(store_newest_seq(nobody, &seq), 0);
	assert_int_equal(seq, 0);
}

static void who_sees_all_sees_all(void **state)
{
	const struct viewer all = { .all = true }, one = { .uid = ALICE };
	_cleanup_(store_reader_closep) struct store_reader *r = open_reader(fill(state));
	const struct store_filter f = { 0 };
	struct seen seen = { 0 };

	assert_int_equal(store_reader_view(r, &all), 0);
	assert_int_equal(store_reader_view(r, &one), -EALREADY);
	assert_int_equal(store_runs(r, &f, see_run, &seen), 0);
	assert_int_equal(seen.runs, 2 * RUNS);
	assert_int_equal(sql_int(r, "SELECT sum(llm_calls) FROM v_minutes"), 2 * RUNS);
	assert_int_equal(sql_int(r, "SELECT count(*) FROM v_messages"), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lists_and_sums_are_the_viewers_own),
		TEST(references_find_nothing_foreign),
		TEST(content_is_read_by_who_refers_to_it),
		TEST(what_comes_later_can_be_read_too),
		TEST(sql_sees_the_viewers_own),
		TEST(sql_has_no_way_around),
		TEST(the_file_tells_no_more),
		TEST(who_sees_all_sees_all),
	};

	const struct CMUnitTest few[] = {
		TEST(lists_and_sums_are_the_viewers_own),
		TEST(references_find_nothing_foreign),
		TEST(content_is_read_by_who_refers_to_it),
		TEST(what_comes_later_can_be_read_too),
		TEST(sql_sees_the_viewers_own),
		TEST(sql_has_no_way_around),
		TEST(the_file_tells_no_more),
	};
	int failed = cmocka_run_group_tests_name("half of the runs", tests, NULL, NULL);

	others = 50;
	return failed + cmocka_run_group_tests_name("few of the runs", few, NULL, NULL);
}
