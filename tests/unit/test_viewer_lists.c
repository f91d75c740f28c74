/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages, figures, and whatever the filter language asks: nothing of another user's is in them. */
#include "store/figures/metrics.h"
#include "store/list/filter.h"
#include "store/list/page.h"
#include "store/reader.h"
#include "viewer_make.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

static int see_cost(void *ctx, const struct store_cost_row *row)
{
	*(int64_t *)ctx += row->calls;
	return 0;
}

static int see_session(void *ctx, const struct store_session_row *row)
{
	++*(int *)ctx;
	assert_int_equal(row->runs, RUNS);
	assert_slice(row->task, "alicework parser");
	return 0;
}

static int own_run(void *ctx, const struct run *run)
{
	assert_int_equal(run->uid, ALICE);
	++*(int *)ctx;
	return 0;
}

static int own_span(void *ctx, const struct span *span)
{
	assert_slice(span->agent, "claude-code");
	++*(int *)ctx;
	return 0;
}

static int own_agent(void *ctx, const struct store_agent_row *row)
{
	assert_slice(row->agent, "claude-code");
	*(int *)ctx += (int)row->runs;
	return 0;
}

static int own_model(void *ctx, const struct store_model_share *share)
{
	*(int *)ctx += (int)share->llm_calls;
	return 0;
}

static void pages_are_the_viewers_own(void **state)
{
	const struct store_filter all = { 0 };
	_cleanup_(store_reader_closep) struct store_reader *r = open_as(fill(state), ALICE);
	struct store_run_counts counts;
	struct store_page_end end;

	for (int i = 0; i < 4 * (ORDER_ERRORS + 1); i++) {
		const struct store_page p = { .order = (enum store_order)(i / 4),
					      .ascending = i % 2,
					      .limit = 10 };
		int runs = 0, spans = 0;

		r->count_max = i % 4 < 2 ? STORE_COUNT_MAX : 1; /* one that is sorted, and not */
		assert_int_equal(store_runs_page(r, &all, &p, own_run, &runs, &end), 0);
		assert_int_equal(runs, RUNS);
		if (p.order == ORDER_STEPS)
			continue;
		assert_int_equal(store_spans_page(r, &all, &p, own_span, &spans, &end), 0);
		assert_int_equal(spans, p.order == ORDER_ERRORS ? 0 : 2 * RUNS);
	}
	r->count_max = STORE_COUNT_MAX;
	assert_int_equal(store_run_counts(r, &all, &counts), 0);
	assert_int_equal(counts.total, RUNS);
}

static void figures_are_the_viewers_own(void **state)
{
	const struct store_filter all = { 0 };
	const struct store_page p = { .limit = 10 };
	const struct store_metrics_fns fns = { .model = own_model };
	_cleanup_(store_reader_closep) struct store_reader *r = open_as(fill(state), ALICE);
	const struct id128 theirs = make_id("run", number(BOB, 0)),
			   session = make_id("session", BOB);
	const struct id64 span = id64_of(make_id("span", number(BOB, 0) * 100000));
	struct store_page_end end;
	struct store_metrics metrics;
	int sessions = 0, runs = 0, calls = 0, spans = 0;
	struct id128 node;

	assert_int_equal(store_sessions_page(r, &all, &p, see_session, &sessions, &end), 0);
	assert_int_equal(sessions, 1);
	assert_int_equal(end.total, 1);
	assert_int_equal(store_session_latest(r, &session, &node), -ENOENT);
	assert_int_equal(store_span_read(r, &theirs, &span, own_span, &spans), -ENOENT);
	assert_int_equal(store_agents(r, &all, own_agent, &runs), 0);
	assert_int_equal(runs, RUNS);
	assert_int_equal(store_metrics(r, &all, BUCKET_DAY, &fns, &calls, &metrics), 0);
	assert_int_equal(calls, RUNS);
	assert_int_equal(metrics.total.runs, RUNS);
	assert_int_equal(metrics.total.tool_calls, RUNS);
	for (int by = GROUP_AGENT; by <= GROUP_TOTAL; by++) {
		int64_t cost = 0;

		assert_int_equal(store_cost(r, &all, (enum store_group)by, see_cost, &cost), 0);
		assert_int_equal(cost, RUNS);
	}
}

static void no_term_asks_for_more(void **state)
{
	static const char *const texts[] = {
		"agent:codex,claude-code",
		"model:m-1",
		"provider:anthropic",
		"provider:x",
		"tool:shell,Bash",
		"status:running",
		"-trigger:x",
		"project:/srv/b",
		"-workflow:x",
		"-user:alice",
		"user:bob",
		"-host:x",
		"-container:abcd",
		"-namespace:x",
		"-pod:x",
		"-session:0000",
		"-run:0000",
		"step:llm,tool",
		"-error:x",
		"error:o",
		"cost>=0",
		"-duration>1h",
		"tokens>=0",
		"-input>1G",
		"output>0",
		"steps>=0",
		"-calls>99",
		"tools>=0",
		"errors>=0",
		"lost>=0",
		"parser",
		"-docs",
		"\"bobwork parser\"",
		"since:2025-01-01",
		"-provider:anthropic",
		"-tool:Bash",
		"-step:llm",
	};
	_cleanup_(store_reader_closep) struct store_reader *r = open_as(fill(state), ALICE);

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct arena *mem = arena_new(1 << 20);
		struct store_filter f = { 0 };
		struct store_error err;
		int n = 0;

		assert_int_equal(store_filter_parse(slice_of(texts[i]), mem, &f, &err), 0);
		if (store_runs(r, &f, own_run, &n) < 0 || store_spans(r, &f, own_span, &n) < 0)
			fail_msg("'%s' cannot be asked", texts[i]);
		arena_free(mem);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pages_are_the_viewers_own),
		TEST(figures_are_the_viewers_own),
		TEST(no_term_asks_for_more),
	};
	int failed = cmocka_run_group_tests_name("half of the runs", tests, NULL, NULL);

	others = 50;
	return failed + cmocka_run_group_tests_name("few of the runs", tests, NULL, NULL);
}
