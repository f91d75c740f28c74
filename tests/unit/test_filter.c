/* SPDX-License-Identifier: BSD-2-Clause */
/* The filter language: what texts mean, which are refused and with what words, and what they find.
 */
#include "store_make.h"

#include "store/list/filter.h"
#include "store/list/terms.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

struct parsed {
	struct arena *mem;
	struct store_filter f;
	struct store_error err;
	int r;
};

static struct parsed parse(const char *text)
{
	struct parsed p = { .mem = arena_new(1 << 20) };

	p.r = store_filter_parse(slice_of(text), p.mem, &p.f, &p.err);
	return p;
}

/* As text: "name op value|value", negated ones with "-". */
static void describe(const struct store_filter *f, char *ret, size_t size)
{
	size_t n = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < f->n_terms && n < size; i++) {
		const struct store_term *t = &f->terms[i];

		n += (size_t)snprintf(ret + n, size - n, "%s%s%s%s", i ? " " : "",
				      t->negated ? "-" : "", t->name->name,
				      t->compare ? t->compare : ":");
		for (size_t k = 0; k < t->n && n < size; k++) {
			const struct term_value *v = &t->values[k];

			n += (size_t)(t->name->type == TERM_TEXT || t->name->type == TERM_WORDS
					      ? snprintf(ret + n, size - n, "%s%.*s", k ? "|" : "",
							 SLICE_ARG(v->text))
					      : snprintf(ret + n, size - n, "%s%lld", k ? "|" : "",
							 (long long)v->number));
		}
	}
}

static void texts_become_terms(void **state)
{
	static const struct {
		const char *text, *terms, *words;
	} cases[] = {
		{ "", "", "" },
		{ " \t\n ", "", "" },
		{ "agent:a,b", "agent:a|b", "" },
		{ "-agent:a", "-agent:a", "" },
		{ "-agent:a,b", "-agent:a|b", "" },
		{ "agent:\"a b\",\"c,d\"", "agent:a b|c,d", "" },
		{ "-agent:\"q\\\"u\\\\\"", "-agent:q\"u\\", "" },
		{ "host:h", "host:h", "" },
		{ "host=h", "host:h", "" },
		{ "-status:failed,paused", "-status:3|7", "" },
		{ "-step:llm", "-step:2", "" },
		{ "cost>0.5", "cost>500000000000", "" },
		{ "cost>=$1.000000000001", "cost>=1000000000001", "" },
		{ "cost<2", "cost<2000000000000", "" },
		{ "cost:0", "cost=0", "" },
		{ "duration<=500ms", "duration<=500000000", "" },
		{ "duration>1.5h", "duration>5400000000000", "" },
		{ "tokens>100k input<2.5M", "tokens>100000 input<2500000", "" },
		{ "-errors=0", "-errors=0", "" },
		{ "errors:1,2", "errors=1|2", "" },
		{ "fix tests", "", "fix tests" },
		{ "fix agent:a,b tests", "agent:a|b", "fix tests" },
		{ "\"fix the\" tests", ":\"fix the\"", "tests" },
		{ "-tests", "-:\"tests\"", "" },
		{ "- a", "", "- a" },
		{ "-", "", "-" },
		{ "\"a:b\"", "", "a:b" },
		{ "/a:b", "", "/a:b" },
		{ "\"\"", "", "" },
		{ "a,b", "", "a,b" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct parsed p = parse(cases[i].text);
		char got[512];

		if (p.r < 0)
			fail_msg("'%s': %s", cases[i].text, p.err.text);
		describe(&p.f, got, sizeof(got));
		assert_string_equal(got, cases[i].terms);
		assert_slice(slice_trim(p.f.text), cases[i].words);
		arena_free(p.mem);
	}
}

static void one_value_is_a_field(void **state)
{
	struct parsed p = parse("agent:a status:failed step:tool project:/x agent:b "
				"run:000102030405060708090a0b0c0d0e0f since:2026-01-01 "
				"until:2026-01-03 until:2026-01-02 session:ABCD");
	char got[256];

	(void)state;
	assert_int_equal(p.r, 0);
	assert_slice(p.f.agent, "a");
	assert_slice(p.f.status, "failed");
	assert_slice(p.f.project, "/x");
	assert_int_equal(p.f.step, STEP_TOOL);
	assert_int_equal(p.f.run.b[15], 15);
	assert_int_equal(p.f.until_ns - p.f.since_ns, 86400 * SEC);
	describe(&p.f, got, sizeof(got));
	assert_string_equal(got, "agent:b session:0");
	assert_int_equal(p.f.terms[1].values[0].low.b[0], 0xab);
	assert_int_equal(p.f.terms[1].values[0].high.b[15], 0xff);
	arena_free(p.mem);
}

static void bad_texts_say_why(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "agnt:a", "there is no 'agnt' to filter by; there are agent, model, " },
		{ "std::vector", "there is no 'std'" },
		{ "agent:", "'agent:' lacks a value" },
		{ "agent: a", "lacks a value" },
		{ "agent:a,", "lacks a value" },
		{ "agent:\"\"", "lacks a value" },
		{ "agent:\"a", "a quote is not closed" },
		{ "\"a", "a quote is not closed" },
		{ "agent:\"a\"b", "a blank is missing before: b" },
		{ "agent>a", "'agent' is no number" },
		{ "status:asleep",
		  "takes one of: running, completed, failed, cancelled, timed_out, "
		  "incomplete, paused; not 'asleep'" },
		{ "step:x", "takes one of: agent, llm" },
		{ "cost>much", "takes dollars such as 0.5, not 'much'" },
		{ "cost>1e9", "takes dollars" },
		{ "cost>-1", "takes dollars" },
		{ "cost>99999999999999999999999", "takes dollars" },
		{ "cost>1,2", "'cost>' takes one number" },
		{ "cost=>1", "takes dollars" },
		{ "duration>30", "takes a time such as" },
		{ "duration>9999999999999d", "takes a time such as" },
		{ "tokens>1.2.3", "takes a number" },
		{ "tokens>99999999999999999999", "takes a number" },
		{ "tokens>", "lacks a value" },
		{ "run:12", "takes the first 4 digits of an id" },
		{ "run:xyzw", "takes the first 4 digits of an id" },
		{ "since:soon", "'since:' takes one time" },
		{ "since>7d", "'since:' takes one time" },
		{ "-since:7d", "'since:' takes one time" },
		{ "since:7d,8d", "'since:' takes one time" },
		{ "since:today until:yesterday", "nothing lies between" },
		{ "a\x01", "it is no text" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct parsed p = parse(cases[i].text);

		assert_int_equal(p.r, -EINVAL);
		if (!strstr(p.err.text, cases[i].why))
			fail_msg("'%s': '%s'", cases[i].text, p.err.text);
		arena_free(p.mem);
	}
}

static void texts_are_bounded(void **state)
{
	char text[8192];
	struct parsed p;
	size_t n = 0;

	(void)state;
	memset(text, 'a', sizeof(text));
	text[4097] = '\0';
	p = parse(text);
	assert_int_equal(p.r, -EINVAL);
	arena_free(p.mem);
	for (int i = 0; i < 40; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "-host:a ");
	p = parse(text);
	assert_int_equal(p.r, -EINVAL);
	assert_non_null(strstr(p.err.text, "more than 32 terms"));
	arena_free(p.mem);
	n = (size_t)snprintf(text, sizeof(text), "host:a");
	for (int i = 0; i < 120; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, ",b");
	p = parse(text);
	assert_int_equal(p.r, -EINVAL);
	assert_non_null(strstr(p.err.text, "more than 100 values"));
	arena_free(p.mem);
}

static void two_texts_add_up(void **state)
{
	struct parsed p = parse("host:a -user:x one");
	char got[256];

	(void)state;
	assert_int_equal(store_filter_parse(SLICE("cost>1 user:y two"), p.mem, &p.f, &p.err), 0);
	describe(&p.f, got, sizeof(got));
	assert_string_equal(got, "host:a -user:x cost>1000000000000");
	assert_slice(p.f.user, "y");
	assert_slice(slice_trim(p.f.text), "one two");
	arena_free(p.mem);
}

/* --- what they find --- */

static void fill(const char *path)
{
	struct store *s = open_store(path);

	for (uint64_t i = 0; i < 6; i++) {
		struct run run = make_run(i);

		run.status = i == 3 ? RUN_FAILED : RUN_COMPLETED;
		run.status_reason = slice_of(i == 3 ? "exit status 3" : "");
		run.end_ns = i < 5 ? run.start_ns + i * 10 * SEC : 0;
		run.host = slice_of(i % 2 ? "one" : "two");
		run.llm_calls = 2;
		run.tool_calls = (int64_t)i;
		run.errors = (int64_t)(i / 2);
		run.cost_pico_usd = (int64_t)i * 100000000000;
		run.unpriced_calls = i == 5 ? 2 : 0;
		run.usage.input = i ? (int64_t)i * 1000 : LLM_UNKNOWN;
		run.lost_bytes = i == 2 ? 77 : 0;
		if (i == 4)
			run.task = SLICE("write docs"), run.project = SLICE("/srv/my app");
		store_run(s, &run);
		for (uint64_t k = 0; k < 3; k++) {
			struct span span = make_call(i, k);

			span.end_ns = span.start_ns + k * SEC;
			if (k == 2) {
				span.step = STEP_TOOL;
				span.tool_name = slice_of(i % 2 ? "Bash" : "Read");
				span.status = i == 1 ? SPAN_ERROR : SPAN_OK;
				span.status_text = slice_of(i == 1 ? "Permission denied" : "");
				span.usage = llm_usage_unknown;
				span.request_model = (struct slice){ 0 };
				span.cost = (struct cost){ .source = COST_UNKNOWN };
			}
			store_span(s, &span);
		}
	}
	assert_int_equal(store_close(s), 0);
}

static int count_run(void *ctx, const struct run *run)
{
	(void)run;
	++*(int *)ctx;
	return 0;
}

static int count_span(void *ctx, const struct span *span)
{
	(void)span;
	++*(int *)ctx;
	return 0;
}

static void terms_choose(void **state)
{
	static const struct {
		const char *text;
		int runs, spans;
	} cases[] = {
		{ "", 6, 18 },
		{ "host:one", 3, 9 },
		{ "-host:one", 3, 9 },
		{ "host:one,two", 6, 18 },
		{ "host:x", 0, 0 },
		{ "status:failed,completed", 6, 18 },
		{ "-status:failed", 5, 15 },
		{ "status:failed", 1, 3 },
		{ "cost>0.2", 2, 0 }, /* not of the run without a price */
		{ "cost>=0.2", 3, 0 },
		{ "cost=0", 1, 0 },
		{ "cost<0.1", 1, 12 },
		{ "-cost>0.2", 4, 18 },
		{ "duration>=30s", 2, 0 },
		{ "duration>=2s", 4, 6 },
		{ "duration<20s", 2, 18 },
		{ "tokens>2k", 3, 0 },
		{ "tokens>=110", 5, 12 },
		{ "input<1000", 0, 12 },
		{ "calls=2", 6, 18 },
		{ "calls:1,2", 6, 18 },
		{ "tools>3", 2, 6 },
		{ "steps>5", 2, 6 },
		{ "errors>0", 4, 1 },
		{ "lost>0", 1, 0 },
		{ "tool:Bash", 3, 3 },
		{ "tool:Bash,Read", 6, 6 },
		{ "-tool:Bash", 3, 15 },
		{ "-tool:Bash,Read", 0, 12 },
		{ "step:llm,tool", 6, 18 },
		{ "-step:llm", 0, 6 },
		{ "error:\"permission DENIED\"", 1, 1 },
		{ "error:\"exit status\"", 1, 0 },
		{ "-error:denied", 5, 17 },
		{ "model:m-1", 6, 12 },
		{ "model:m-1,m-2", 6, 12 },
		{ "-model:m-1", 0, 6 },
		{ "-model:m-9", 6, 18 },
		{ "provider:anthropic,openai", 6, 18 },
		{ "-provider:anthropic", 0, 0 },
		{ "-agent:claude-code", 0, 0 },
		{ "agent:codex,claude-code", 6, 18 },
		{ "project:\"/srv/my app\"", 1, 3 },
		{ "-project:\"/srv/my app\"", 5, 15 },
		{ "docs", 1, 3 },
		{ "-docs", 5, 15 },
		{ "\"the parser\"", 5, 15 },
		{ "\"parser the\"", 0, 0 },
		{ "parser the", 5, 15 },
		{ "-\"the parser\"", 1, 3 },
		{ "\"a \\\" OR * b\"", 0, 0 },
		{ "container:x,y", 0, 0 },
		{ "-container:x", 6, 18 },
		{ "-trigger:x -namespace:y -pod:z", 6, 18 },
		{ "since:2025-11-20T12:03:00Z", 3, 9 },
		{ "status:failed docs", 0, 0 },
		{ "host:\"' OR 1 --\"", 0, 0 },
	};
	const char *path = in_dir(state, "db");
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;

	fill(path);
	r = open_reader(path);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct parsed p = parse(cases[i].text);
		int runs = 0, spans = 0;

		assert_int_equal(p.r, 0);
		assert_int_equal(store_runs(r, &p.f, count_run, &runs), 0);
		assert_int_equal(store_spans(r, &p.f, count_span, &spans), 0);
		if (runs != cases[i].runs || spans != cases[i].spans)
			fail_msg("'%s': %d runs, %d spans", cases[i].text, runs, spans);
		arena_free(p.mem);
	}
}

static void ids_are_found_by_their_digits(void **state)
{
	const struct id128 id = make_id("run", 2);
	const char *path = in_dir(state, "db");
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	char hex[ID128_HEX_SIZE], text[64];

	fill(path);
	r = open_reader(path);
	id128_hex(&id, hex);
	for (int n = 8; n <= 32; n += 3) {
		struct parsed p;
		int runs = 0, spans = 0;

		snprintf(text, sizeof(text), "run:%.*s", n, hex);
		p = parse(text);
		assert_int_equal(store_runs(r, &p.f, count_run, &runs), 0);
		assert_int_equal(store_spans(r, &p.f, count_span, &spans), 0);
		assert_int_equal(runs, 1);
		assert_int_equal(spans, 3);
		arena_free(p.mem);
	}
}

/* Whatever is typed: an answer or a reason, and a query that SQLite takes. */
static void nothing_typed_does_harm(void **state)
{
	static const char *const pieces[] = {
		"agent",    ":",    ">",	"<=",	 "=",  "\"",   "\\",	",",
		" ",	    "-",    "a",	"cost",	 "1",  "0.5",  "5m",	"status",
		"failed",   "step", "llm",	"'",	 "%",  "*",    "(",	"run",
		"abcd",	    "\xff", "\xc3\xa9", "since", "7d", "tool", "error", "provider",
		"duration", "NEAR", "OR",	"^",	 "{",
	};
	const char *path = in_dir(state, "db");
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	unsigned seed = 7, good = 0;

	fill(path);
	r = open_reader(path);
	for (int i = 0; i < 3000; i++) {
		char text[512] = "";
		struct parsed p;
		int n = 0;

		for (int k = rand_r(&seed) % 12; k >= 0; k--)
			strcat(text, pieces[(size_t)rand_r(&seed) % ARRAY_SIZE(pieces)]);
		p = parse(text);
		assert_true(p.r == 0 || (p.r == -EINVAL && p.err.text[0]));
		if (p.r == 0) {
			good++;
			if (store_runs(r, &p.f, count_run, &n) < 0 ||
			    store_spans(r, &p.f, count_span, &n) < 0)
				fail_msg("'%s' cannot be asked", text);
		}
		arena_free(p.mem);
	}
	assert_true(good > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_become_terms),
		cmocka_unit_test(one_value_is_a_field),
		cmocka_unit_test(bad_texts_say_why),
		cmocka_unit_test(texts_are_bounded),
		cmocka_unit_test(two_texts_add_up),
		TEST(terms_choose),
		TEST(ids_are_found_by_their_digits),
		TEST(nothing_typed_does_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
