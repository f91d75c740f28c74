/* SPDX-License-Identifier: BSD-2-Clause */
/* What readers are told, and what they may not ask. */
#include <time.h>

#include "alloc.h"
#include "store_alloc.h"
#include "store_make.h"

#include "store/schema.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

static void fill(const char *path)
{
	struct store *s = open_store(path);

	for (uint64_t i = 0; i < 5; i++) {
		struct run run = make_run(i);

		if (i == 3) {
			run.task = SLICE("write \"docs\"");
			run.status = RUN_FAILED;
			run.agent = SLICE("codex");
		}
		if (i == 1 || i == 2) {
			run.session_id = make_id("session", 7);
			run.trigger = SLICE("cron");
			run.trigger_name = SLICE("nightly.sh");
			run.workflow = SLICE("nightly");
			run.project = SLICE("/srv/app");
			run.user = SLICE("bob");
			run.resource = SLICE("{\"container.id\":\"0123456789abcdef\","
					     "\"k8s.container.name\":\"main\","
					     "\"k8s.namespace.name\":\"shop\","
					     "\"k8s.pod.name\":\"web-1\",\"k8s.pod.uid\":\"u-1\"}");
			run.status = RUN_PAUSED;
		}
		store_run(s, &run);
		for (uint64_t k = 0; k < 3; k++) {
			struct span span = make_call(i, k);

			span.agent = run.agent;
			if (k == 2) {
				span.step = STEP_TOOL;
				span.tool_name = SLICE("bash");
				span.end_ns = span.start_ns + (i + 1) * SEC;
				span.status = i == 0 ? SPAN_ERROR : SPAN_OK;
			}
			if (i == 4 && k == 1) {
				span.response_model = SLICE("m-2");
				span.cost = (struct cost){ .source = COST_UNKNOWN };
				span.usage.input = span.usage.output = LLM_UNKNOWN;
				span.usage.cache_read = LLM_UNKNOWN;
				span.status = SPAN_ERROR;
			}
			store_span(s, &span);
		}
	}
	assert_int_equal(store_close(s), 0);
}

static void filters_choose(void **state)
{
	const struct {
		struct store_filter f;
		int runs, spans;
	} cases[] = {
		{ { 0 }, 5, 15 },
		{ { .limit = 2 }, 2, 2 },
		{ { .agent = SLICE("codex") }, 1, 3 },
		{ { .model = SLICE("m-2") }, 5, 1 }, /* of the run: what it says it used */
		{ { .model = SLICE("m") }, 0, 0 },
		{ { .provider = SLICE("anthropic") }, 5, 15 },
		{ { .provider = SLICE("openai") }, 0, 0 },
		{ { .tool = SLICE("bash") }, 5, 5 },
		{ { .step = STEP_TOOL }, 5, 5 },
		{ { .status = SLICE("failed") }, 1, 3 },
		{ { .status = SLICE("running") }, 2, 6 },
		{ { .status = SLICE("paused") }, 2, 6 },
		{ { .status = SLICE("asleep") }, 0, 0 },
		{ { .trigger = SLICE("cron") }, 2, 6 },
		{ { .trigger = SLICE("nightly.sh") }, 2, 6 },
		{ { .trigger = SLICE("ssh") }, 0, 0 },
		{ { .workflow = SLICE("nightly") }, 2, 6 },
		{ { .project = SLICE("/srv/app") }, 2, 6 },
		{ { .project = SLICE("/home/a/project") }, 3, 9 }, /* where nothing tells: cwd */
		{ { .user = SLICE("bob") }, 2, 6 },
		{ { .user = SLICE("bob"), .agent = SLICE("codex") }, 0, 0 },
		{ { .container = SLICE("main") }, 2, 6 },
		{ { .container = SLICE("0123456789abcdef") }, 2, 6 },
		{ { .container = SLICE("0123") }, 2, 6 },
		{ { .container = SLICE("012") }, 0, 0 }, /* too little to be an id */
		{ { .container = SLICE("mai") }, 0, 0 },
		{ { .container = SLICE("%") }, 0, 0 },
		{ { .namespace = SLICE("shop") }, 2, 6 },
		{ { .namespace = SLICE("sho") }, 0, 0 },
		{ { .pod = SLICE("web-1") }, 2, 6 },
		{ { .pod = SLICE("u-1") }, 2, 6 },
		{ { .pod = SLICE("web") }, 0, 0 },
		{ { .namespace = SLICE("shop"), .pod = SLICE("web-2") }, 0, 0 },
		{ { .session = make_id("session", 7) }, 2, 6 },
		{ { .session = make_id("session", 8) }, 0, 0 },
		{ { .text = SLICE("parser") }, 4, 12 },
		{ { .text = SLICE("TEST  fix") }, 4, 12 },
		{ { .text = SLICE("\"docs\"") }, 1, 3 },
		{ { .text = SLICE("docs OR parser") }, 0, 0 },
		{ { .text = SLICE("*") }, 0, 0 },
		{ { .text = SLICE("  ") }, 5, 15 },
		{ { .errors_only = true }, 1, 2 },
		{ { .since_ns = START + 240 * SEC }, 1, 3 },
		{ { .until_ns = START + 60 * SEC }, 1, 3 },
		{ { .since_ns = START + 60 * SEC, .until_ns = START + 120 * SEC }, 1, 3 },
		{ { .agent = SLICE("x' OR '1'='1") }, 0, 0 },
	};
	const char *path = in_dir(state, "db");
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;

	fill(path);
	r = open_reader(path);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct seen seen = { 0 };

		assert_int_equal(store_runs(r, &cases[i].f, see_run, &seen), 0);
		assert_int_equal(store_spans(r, &cases[i].f, see_span, &seen), 0);
		if (seen.runs != cases[i].runs || seen.spans != cases[i].spans)
			fail_msg("case %zu: %d runs, %d spans", i, seen.runs, seen.spans);
	}
}

static void order_is_newest_first_but_of_one_run_as_it_happened(void **state)
{
	const char *path = in_dir(state, "db");
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	struct store_filter all = { 0 }, one = { .run = make_id("run", 2) };
	struct seen a = { 0 }, b = { 0 };

	fill(path);
	r = open_reader(path);
	assert_int_equal(store_runs(r, &all, see_run, &a), 0);
	assert_int_equal(store_spans(r, &all, see_span, &a), 0);
	assert_int_equal(store_spans(r, &one, see_span, &b), 0);
	assert_int_equal(a.run[0].start_ns, START + 240 * SEC);
	assert_int_equal(a.span[0].start_ns, START + 242 * SEC);
	assert_int_equal(b.spans, 3);
	assert_true(b.span[0].start_ns < b.span[1].start_ns);
}

static void a_reference_means_one_run(void **state)
{
	const char *path = in_dir(state, "db");
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	struct store *s = open_store(path);
	struct id128 got, want = make_id("run", 4);
	struct run twin = make_run(4);
	char hex[ID128_HEX_SIZE];
	size_t n;

	store_close(s);
	r = open_reader(path);
	assert_int_equal(store_run_find(r, "last", &got), -ENOENT);
	store_reader_close(TAKE(r));
	fill(path);
	s = open_store(path);
	twin.run_id.b[15] ^= 1; /* differs in the last digit */
	twin.start_ns = START;
	store_run(s, &twin);
	store_close(s);
	r = open_reader(path);
	id128_hex(&want, hex);
	assert_int_equal(store_run_find(r, hex, &got), 0);
	assert_true(id128_eq(&got, &want));
	assert_int_equal(store_run_find(r, "last", &got), 0);
	assert_true(id128_eq(&got, &want));
	for (n = 31; n >= 4; n--) {
		hex[n] = '\0';
		assert_int_equal(store_run_find(r, hex, &got), -EEXIST);
	}
	hex[3] = '\0';
	assert_int_equal(store_run_find(r, hex, &got), -EINVAL);
	assert_int_equal(store_run_find(r, "xyzw", &got), -EINVAL);
	assert_int_equal(store_run_find(r, "", &got), -EINVAL);
	assert_int_equal(store_run_find(r, "00000000000000000000000000000000f", &got), -EINVAL);
	id128_hex(&(struct id128){ { 0 } }, hex);
	assert_int_equal(store_run_find(r, hex, &got), -ENOENT);
	want = make_id("run", 1); /* an odd number of digits, upper case */
	id128_hex(&want, hex);
	hex[7] = '\0';
	for (n = 0; hex[n]; n++)
		hex[n] = (char)(hex[n] >= 'a' ? hex[n] - 32 : hex[n]);
	assert_int_equal(store_run_find(r, hex, &got), 0);
	assert_true(id128_eq(&got, &want));
}

struct costs {
	struct store_cost_row row[8];
	char key[8][64];
	int n;
};

static int see_cost(void *ctx, const struct store_cost_row *row)
{
	struct costs *c = ctx;

	c->row[c->n] = *row;
	snprintf(c->key[c->n++], 64, "%.*s", SLICE_ARG(row->key));
	return 0;
}

static void costs_are_summed_by_what_is_asked(void **state)
{
	const char *path = in_dir(state, "db");
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	struct store_filter all = { 0 };
	struct costs c = { 0 };

	setenv("TZ", "Asia/Tokyo", 1); /* 12:00 UTC is 21:00 there */
	tzset();
	fill(path);
	r = open_reader(path);
	assert_int_equal(store_cost(r, &all, GROUP_AGENT, see_cost, &c), 0);
	assert_int_equal(c.n, 2);
	assert_string_equal(c.key[0], "claude-code");
	assert_int_equal(c.row[0].runs, 4);
	assert_int_equal(c.row[0].calls, 8);
	assert_int_equal(c.row[0].cost_pico_usd, 7000000);
	assert_int_equal(c.row[0].unpriced_calls, 1);
	assert_int_equal(c.row[0].usage_unknown_calls, 1);
	assert_int_equal(c.row[0].usage.input, 700);
	assert_int_equal(c.row[0].usage.cache_write, LLM_UNKNOWN);

	c.n = 0;
	assert_int_equal(store_cost(r, &all, GROUP_MODEL, see_cost, &c), 0);
	assert_int_equal(c.n, 2);
	assert_string_equal(c.key[1], "m-2"); /* dearest first */
	assert_int_equal(c.row[1].usage.input, LLM_UNKNOWN);
	assert_int_equal(c.row[1].cost_pico_usd, 0);

	c.n = 0;
	all.limit = 1;
	assert_int_equal(store_cost(r, &all, GROUP_DAY, see_cost, &c), 0);
	assert_int_equal(c.n, 1);
	assert_string_equal(c.key[0], "2025-11-20");
	c.n = 0;
	setenv("TZ", "Pacific/Kiritimati", 1); /* 14 hours ahead */
	tzset();
	assert_int_equal(store_cost(r, &all, GROUP_DAY, see_cost, &c), 0);
	assert_string_equal(c.key[0], "2025-11-21");
	unsetenv("TZ");
	tzset();
	c.n = 0;
	assert_int_equal(store_cost(r, &all, GROUP_PROJECT, see_cost, &c), 0);
	assert_string_equal(c.key[0], "/home/a/project");
	c.n = 0;
	assert_int_equal(store_cost(r, &all, GROUP_USER, see_cost, &c), 0);
	assert_string_equal(c.key[0], "alice");
}

struct tools {
	struct store_tool_row row[8];
	char name[8][64];
	int n;
};

static int see_tool(void *ctx, const struct store_tool_row *row)
{
	struct tools *t = ctx;

	t->row[t->n] = *row;
	snprintf(t->name[t->n++], 64, "%.*s of %.*s", SLICE_ARG(row->tool), SLICE_ARG(row->agent));
	return 0;
}

static void tools_are_counted_with_their_times(void **state)
{
	const char *path = in_dir(state, "db");
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	const struct store_filter all = { 0 };
	struct store *s;
	struct tools t = { 0 };

	fill(path);
	s = open_store(path);
	for (uint64_t i = 0; i < 3; i++) { /* the same command three times; the last one goes on */
		struct span span = make_call(0, 50 + i);

		span.step = STEP_TOOL;
		span.tool_name = SLICE("grep");
		span.args_blob = make_id("arguments", 1);
		span.final = i < 2;
		span.end_ns = i < 2 ? span.start_ns + 1 : 0;
		store_span(s, &span);
	}
	store_close(s);
	r = open_reader(path);
	assert_int_equal(store_tools(r, &all, see_tool, &t), 0);
	assert_int_equal(t.n, 3);
	assert_string_equal(t.name[0], "bash of claude-code");
	assert_int_equal(t.row[0].calls, 4);
	assert_int_equal(t.row[0].runs, 4);
	assert_int_equal(t.row[0].errors, 1);
	assert_int_equal(t.row[0].repeats, 0);
	assert_int_equal(t.row[0].p50_ns, 2 * SEC); /* of 1, 2, 3 and 5 s */
	assert_int_equal(t.row[0].p95_ns, 5 * SEC);
	assert_string_equal(t.name[1], "grep of claude-code");
	assert_int_equal(t.row[1].calls, 3);
	assert_int_equal(t.row[1].runs, 1);
	assert_int_equal(t.row[1].repeats, 2);
	assert_int_equal(t.row[1].p99_ns, 1);
	assert_string_equal(t.name[2], "bash of codex");
	t.n = 0;
	assert_int_equal(store_tools(r, &(struct store_filter){ .tool = SLICE("grep"), .limit = 1 },
				     see_tool, &t),
			 0);
	assert_int_equal(t.n, 1);
}

static int see_session(void *ctx, const struct store_session_row *row)
{
	struct store_session_row *one = ctx;

	*one = *row;
	assert_slice(row->task, "fix the parser and add a test");
	return 0;
}

static void sessions_are_sums_of_their_runs(void **state)
{
	const char *path = in_dir(state, "db");
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	struct store_session_row row = { .runs = -1 };
	struct id128 id = { { 0 } }, want = make_id("session", 7);
	char hex[ID128_HEX_SIZE];

	fill(path);
	r = open_reader(path);
	assert_int_equal(store_sessions(r, &(struct store_filter){ .limit = 5 }, see_session, &row),
			 0);
	assert_true(id128_eq(&row.session_id, &want));
	assert_int_equal(row.runs, 2);
	assert_int_equal(row.running, 2);
	assert_int_equal(row.tasks, 1);
	assert_int_equal(row.llm_calls, 0);
	assert_int_equal(row.usage.input, LLM_UNKNOWN);
	assert_int_equal(row.first_ns, START + 60 * SEC);
	assert_int_equal(row.last_ns, START + 120 * SEC);
	row.runs = -1;
	assert_int_equal(store_sessions(r, &(struct store_filter){ .agent = SLICE("codex") },
					see_session, &row),
			 0);
	assert_int_equal(row.runs, -1);

	id128_hex(&want, hex);
	hex[6] = '\0';
	assert_int_equal(store_session_find(r, hex, &id), 0); /* though two runs have it */
	assert_true(id128_eq(&id, &want));
	id = (struct id128){ { 0 } };
	assert_int_equal(store_session_find(r, "last", &id), 0);
	assert_true(id128_eq(&id, &want));
	assert_int_equal(store_session_find(r, "ffffffff", &id), -ENOENT);
}

static void a_reader_keeps_its_memory_small_and_its_hands_off(void **state)
{
	const char *path = in_dir(state, "db");
	static const char *const refused[] = {
		"SELECT * FROM spans",
		"SELECT name FROM sqlite_schema",
		"DELETE FROM v_runs",
		"DELETE FROM runs",
		"INSERT INTO counters VALUES ('x', 1)",
		"UPDATE runs SET status = 2",
		"DROP TABLE runs",
		"CREATE TABLE x (y)",
		"CREATE TEMP TABLE x (y)",
		"ATTACH '/tmp/sonde-attached' AS a",
		"VACUUM INTO '/tmp/sonde-vacuumed'",
		"PRAGMA query_only = 0",
		"PRAGMA user_version",
		"SELECT * FROM pragma_table_info('spans')",
		"SELECT load_extension('x')",
		"SELECT count(*) FROM v_runs; SELECT 1",
		"BEGIN",
		"",
		"-- nothing",
		"SELECT",
		"SELECT no_such_column FROM v_runs",
		"WITH t AS (SELECT * FROM runs) SELECT * FROM t",
		"SELECT randomblob(900000000)",
	};
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;

	fill(path);
	r = open_reader(path);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct store_error err = { "" };
		int64_t v = INT64_MIN;

		if (store_sql(r, refused[i], first_value, &v, &err) >= 0)
			fail_msg("allowed: %s", refused[i]);
		assert_true(err.text[0] != '\0');
	}
	assert_int_equal(sql_int(r, "WITH t AS (SELECT agent FROM v_runs) SELECT count(*) FROM t"),
			 5);
	assert_int_equal(sql_int(r, "SELECT count(*) FROM json_each('[1,2]')"), 2);
	assert_int_equal(sql_int(r, "SELECT sum(calls) FROM v_cost"), 10);
	assert_int_equal(sql_int(r, "SELECT count(*) FROM v_tools; "), 5);
	assert_int_equal(sql_int(r, "SELECT count(*) FROM v_calls"), 10);
}

static void a_query_that_takes_too_long_is_ended(void **state)
{
	const char *path = in_dir(state, "db");
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	struct store_error err;
	int64_t v = INT64_MIN;

	fill(path);
	r = open_reader(path);
	store_sql_limit(r, 50);
	assert_int_equal(store_sql(r,
				   "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"
				   " SELECT count(*) FROM c",
				   first_value, &v, &err),
			 -ETIMEDOUT);
	assert_int_equal(sql_int(r, "SELECT count(*) FROM v_runs"), 5); /* it goes on working */
}

static int stop(void *ctx, const struct span *s)
{
	(void)s;
	++*(int *)ctx;
	return -ECANCELED;
}

static void a_callback_can_end_the_query(void **state)
{
	const char *path = in_dir(state, "db");
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	int n = 0;

	fill(path);
	r = open_reader(path);
	assert_int_equal(store_spans(r, &(struct store_filter){ 0 }, stop, &n), -ECANCELED);
	assert_int_equal(n, 1);
}

static void info_counts(void **state)
{
	const char *path = in_dir(state, "db");
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	struct store_info info;

	fill(path);
	r = open_reader(path);
	assert_int_equal(store_info(r, &info), 0);
	assert_int_equal(info.runs, 5);
	assert_int_equal(info.spans, 15);
	assert_int_equal(info.version, schema_version);
	assert_true(info.sound);
	assert_int_equal(info.first_ns, START);
	assert_int_equal(info.last_ns, START + 240 * SEC);
	assert_string_equal(info.path, path);
}

static void a_refused_request_does_not_lack_a_price(void **state)
{
	const struct attr refused = { .name = "http.response.status_code",
				      .type = ATTR_INT,
				      .i = 429 };
	const char *path = in_dir(state, "db");
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	const struct store_filter all = { 0 };
	struct store *s = open_store(path);
	struct span span = make_call(1, 1);
	struct run run = make_run(1);
	struct costs c = { 0 };

	span.usage = llm_usage_unknown;
	span.cost = (struct cost){ .source = COST_UNKNOWN };
	span.attrs = &refused;
	span.n_attrs = 1;
	store_run(s, &run);
	store_span(s, &span);
	assert_int_equal(store_close(s), 0);
	r = open_reader(path);
	assert_int_equal(store_cost(r, &all, GROUP_MODEL, see_cost, &c), 0);
	assert_int_equal(c.n, 1);
	assert_int_equal(c.row[0].calls, 1);
	assert_int_equal(c.row[0].unpriced_calls, 0);
	assert_int_equal(c.row[0].usage_unknown_calls, 0);
	assert_int_equal(sql_int(r, "SELECT unpriced_calls FROM v_minutes"), 0);
}

static void what_a_plan_covers_is_summed_apart(void **state)
{
	const char *path = in_dir(state, "db");
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	const struct store_filter all = { 0 };
	struct store *s = open_store(path);
	struct span paid = make_call(1, 1), covered = make_call(1, 2);
	struct run run = make_run(1);
	struct costs c = { 0 };

	covered.cost.equivalent = true;
	run.cost_pico_usd = 1000000;
	run.equivalent_pico_usd = 2000000;
	store_run(s, &run);
	store_span(s, &paid);
	store_span(s, &covered);
	assert_int_equal(store_close(s), 0);
	r = open_reader(path);
	assert_int_equal(store_cost(r, &all, GROUP_MODEL, see_cost, &c), 0);
	assert_int_equal(c.n, 1);
	assert_int_equal(c.row[0].cost_pico_usd, 1000000);
	assert_int_equal(c.row[0].equivalent_pico_usd, 1000000);
	assert_int_equal(sql_int(r, "SELECT equivalent_usd * 1e12 FROM v_runs"), 2000000);
	assert_int_equal(sql_int(r, "SELECT equivalent_usd * 1e12 FROM v_cost"), 1000000);
	assert_int_equal(sql_int(r, "SELECT cost_usd * 1e12 FROM v_cost"), 1000000);
}

static int ignore_run(void *ctx, const struct run *run)
{
	(void)ctx;
	(void)run;
	return 0;
}

static void refused_memory_while_reading_is_an_error(void **state)
{
	const char *path = in_dir(state, "db");
	long nth;

	fill(path);
	for (nth = 1; nth < 100000; nth += nth < 40 ? 1 : 17) {
		struct store_reader *reader = NULL;
		struct store_filter f = { .text = SLICE("parser") };
		struct seen seen = { 0 };
		struct costs costs = { 0 };
		struct tools tools = { 0 };
		struct store_error err;
		struct id128 id;
		int r;

		alloc_refuse(nth);
		r = store_reader_open(path, &reader, &err);
		if (r == 0)
			r = store_runs(reader, &f, ignore_run, NULL);
		if (r == 0)
			r = store_spans(reader, &f, see_span, &seen);
		if (r == 0)
			r = store_cost(reader, &f, GROUP_AGENT, see_cost, &costs);
		if (r == 0)
			r = store_tools(reader, &f, see_tool, &tools);
		if (r == 0)
			r = store_run_find(reader, "last", &id);
		store_reader_close(reader);
		if (!alloc_allow()) {
			assert_int_equal(r, 0);
			break;
		}
		assert_true(r == -ENOMEM || (r == 0 && seen.spans == 12));
	}
	assert_true(nth > 100 && nth < 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(filters_choose),
		TEST(order_is_newest_first_but_of_one_run_as_it_happened),
		TEST(a_reference_means_one_run),
		TEST(costs_are_summed_by_what_is_asked),
		TEST(tools_are_counted_with_their_times),
		TEST(sessions_are_sums_of_their_runs),
		TEST(a_reader_keeps_its_memory_small_and_its_hands_off),
		TEST(a_query_that_takes_too_long_is_ended),
		TEST(a_callback_can_end_the_query),
		TEST(info_counts),
		TEST(what_a_plan_covers_is_summed_apart),
		TEST(a_refused_request_does_not_lack_a_price),
		TEST(refused_memory_while_reading_is_an_error),
	};

	wrap_sqlite_memory();
	return cmocka_run_group_tests_name("store_query", tests, NULL, NULL);
}
