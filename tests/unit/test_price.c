/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>

#include "alloc.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/util.h"
#include "price/import.h"
#include "price/price.h"

#define AT(day) ((uint64_t)(day)*86400 * 1000000000ull) /* days since 1970 */
#define NOW	AT(20777)				/* 2026-11-20 */
#define VERSION "2026-11-30"				/* of the built-in table */

DEFINE_CLEANUP(struct price_table *, price_free)

static struct price_table *read_text(const char *json)
{
	struct price_table *t = NULL;
	struct price_error err;

	if (price_read(slice_of(json), &t, &err) < 0)
		fail_msg("%s", err.text);
	return t;
}

static struct price_table *builtin(void)
{
	struct price_table *t = NULL;
	struct price_error err;

	if (price_read(price_builtin(), &t, &err) < 0)
		fail_msg("at %zu: %s", err.offset, err.text);
	return t;
}

static struct llm_usage usage(int64_t in, int64_t out, int64_t read, int64_t write, int64_t w1h)
{
	struct llm_usage u = llm_usage_unknown;

	u.input = in;
	u.output = out;
	u.cache_read = read;
	u.cache_write = write;
	u.cache_write_1h = w1h;
	return u;
}

static struct cost cost_of(const struct price_table *t, const char *provider, const char *model,
			   const char *tier, uint64_t ns, const struct llm_usage *u)
{
	struct cost c;

	price_call(t,
		   &(struct price_query){ .provider = slice_of(provider),
					  .model = slice_of(model),
					  .tier = slice_of(tier),
					  .unix_ns = ns,
					  .usage = u },
		   &c);
	return c;
}

static void assert_slice(struct slice got, const char *want)
{
	if (!slice_eq(got, slice_of(want)))
		fail_msg("got '%.*s', want '%s'", SLICE_ARG(got), want);
}

/* What people look up: a million of each kind costs what the vendor's page says. */
static void calls_cost_what_the_vendors_say(void **state)
{
	_cleanup_(price_freep) struct price_table *t = builtin();
	static const struct {
		const char *provider, *model, *tier;
		uint64_t ns;
		int64_t in, out, read, write, w1h;
		int64_t micro_usd;
	} cases[] = {
		{ "anthropic", "claude-opus-5", "", NOW, 100000, 1000, 0, 0, 0, 525000 },
		{ "anthropic", "claude-opus-4-8", "fast", NOW, 100000, 1000, 0, 0, 0, 1050000 },
		{ "anthropic", "claude-sonnet-4-5-20250929", "", NOW, 100000, 1000, 0, 0, 0,
		  315000 },
		/* the whole call is dearer above 200,000, not the excess; exactly 200,000 is not */
		{ "anthropic", "claude-sonnet-4-5", "", NOW, 200000, 0, 0, 0, 0, 600000 },
		{ "anthropic", "claude-sonnet-4-5", "", NOW, 200001, 0, 0, 0, 0, 1200006 },
		{ "anthropic", "claude-sonnet-4-5", "batch", NOW, 300000, 1000, 0, 0, 0, 911250 },
		/* before and after 2026-03-13 */
		{ "anthropic", "claude-sonnet-4-6", "standard", AT(20524), 300000, 0, 0, 0, 0,
		  1800000 },
		{ "anthropic", "claude-sonnet-4-6", "standard", AT(20525), 300000, 0, 0, 0, 0,
		  900000 },
		{ "anthropic", "claude-haiku-4-5", "", NOW, 1000, 10, 500, 300, 100,
		  200 + 50 + 50 + 250 + 200 },
		{ "openai", "gpt-4o-2024-08-06", "default", NOW, 1000, 100, 0, 0, 0, 3500 },
		{ "openai", "gpt-4o-2024-05-13", "", NOW, 1000, 100, 0, 0, 0, 6500 },
		{ "openai", "gpt-4.1", "", NOW, 1000, 0, 1000, 0, 0, 500 },
		{ "openai", "gpt-5", "flex", NOW, 1000, 100, 0, 0, 0, 1125 },
		{ "openai", "gpt-5.5", "priority", NOW, 1000, 0, 0, 0, 0, 12500 },
		{ "openai", "gpt-4o-mini", "priority", NOW, 1000, 1000, 1000, 0, 0, 1125 },
		{ "openai", "gpt-5.6-terra", "", NOW, 272001, 0, 0, 0, 0, 1088004 },
		{ "openai", "gpt-5.6-sol", "", NOW, 1000, 0, 0, 1000, 0, 5000 },
		{ "openai", "gpt-5.6-sol", "", AT(20680), 1000, 0, 0, 1000, 0, 6250 },
		/* a model without a price for cached tokens bills them as input */
		{ "openai", "gpt-4", "", NOW, 1000, 0, 500, 0, 0, 30000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct llm_usage u = usage(cases[i].in, cases[i].out, cases[i].read, cases[i].write,
					   cases[i].w1h);
		struct cost c = cost_of(t, cases[i].provider, cases[i].model, cases[i].tier,
					cases[i].ns, &u);

		if (c.source != COST_TABLE || c.pico_usd != cases[i].micro_usd * 1000000)
			fail_msg("case %zu (%s): got %lld (%.*s)", i, cases[i].model,
				 (long long)c.pico_usd, SLICE_ARG(c.key));
	}
}

static void what_is_not_known_is_not_free(void **state)
{
	_cleanup_(price_freep) struct price_table *t = builtin();
	struct llm_usage ok = usage(10, 10, 0, 0, 0), no_in = usage(-1, 10, 0, 0, 0),
			 no_out = usage(10, -1, 0, 0, 0), over = usage(10, 10, 6, 5, 0),
			 parts = usage(10, 10, 0, 5, 6), huge = usage(INT64_MAX, 10, 0, 0, 0),
			 audio = ok, search = ok, mixed = usage(10, 10, 5, 0, 0);
	const struct {
		const char *provider, *model, *tier;
		uint64_t ns;
		const struct llm_usage *u;
		const char *why;
	} cases[] = {
		{ "openai", "gpt-7", "", NOW, &ok, "no price for this model" },
		{ "openai", "", "", NOW, &ok, "model not known" },
		{ "openai", "gpt-5", "ultrafast", NOW, &ok, "no price for this service tier" },
		{ "openai", "claude-opus-5", "", NOW, &ok, "no price for this model" },
		{ "openai", "gpt-5", "", NOW, &no_in, "usage not known" },
		{ "openai", "gpt-5", "", NOW, &no_out, "usage not known" },
		{ "openai", "gpt-5", "", NOW, &over, "usage contradicts itself" },
		{ "openai", "gpt-5", "", NOW, &parts, "usage contradicts itself" },
		{ "openai", "gpt-5", "", NOW, &huge, "too large to be true" },
		{ "openai", "gpt-5", "", NOW, &audio, "no price for audio input" },
		{ "openai", "gpt-4", "", NOW, &search, "no price for web searches" },
		{ "openai", "gpt-5", "scale", NOW, &ok,
		  "provisioned throughput: no price per token" },
		{ "openai", "whisper-1", "", NOW, &ok, "duration of the sound not known" },
		{ "cohere", "rerank-v3.5", "", NOW, &ok, "search units not known" },
		{ "x_ai", "grok-imagine-image", "", NOW, &ok, "number of images not known" },
		{ "ollama", "gpt-oss:120b-cloud", "", NOW, &ok, "Ollama's cloud is paid by plan" },
		{ "gcp.gemini", "gemini-2.5-flash", "", NOW, &mixed, "cached audio not known" },
	};

	(void)state;
	audio.input_audio = 5;
	mixed.input_audio = 4;
	search.web_searches = 1;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cost c = cost_of(t, cases[i].provider, cases[i].model, cases[i].tier,
					cases[i].ns, cases[i].u);

		assert_int_equal(c.source, COST_UNKNOWN);
		assert_slice(c.key, cases[i].why);
	}
}

static void names_match_their_releases_only(void **state)
{
	_cleanup_(price_freep) struct price_table *t = builtin();
	struct llm_usage u = usage(1000, 0, 0, 0, 0);
	static const struct {
		const char *model;
		const char *key; /* NULL: no match */
	} cases[] = {
		{ "gpt-4", VERSION "/gpt-4" },
		{ "gpt-4-0613", VERSION "/gpt-4" },
		{ "gpt-4o", VERSION "/gpt-4o" },
		{ "gpt-4o-2024-11-20", VERSION "/gpt-4o" },
		{ "gpt-4o-2024-05-13", VERSION "/gpt-4o-2024-05-13" },
		{ "gpt-5-codex-latest", VERSION "/gpt-5" },
		{ "gpt-5-chat-latest", VERSION "/gpt-5" },
		{ "gpt-4o-2024-13-20", NULL },
		{ "gpt-4o-2024-11-32", NULL },
		{ "gpt-4o-20241120x", NULL },
		{ "gpt-4x", NULL },
		{ "gpt-50", NULL },
		{ "fine:gpt-4o-2024-08-06:me::x", NULL },
		{ "GPT-4o", NULL },
		{ "gpt-5.4-mini", VERSION "/gpt-5.4-mini" },
		{ "gpt-5.4-micro", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cost c = cost_of(t, "openai", cases[i].model, "", NOW, &u);

		assert_slice(c.key, cases[i].key ? cases[i].key : "no price for this model");
	}
}

/* --- what holds for every price of the table --- */

/* A row of the table and calls that get it. */
struct row_case {
	const struct price_table *t;
	const struct price_row *row;
	struct price_query q;
	int64_t size; /* of an input that the row is for */
};

/* Those for all of a call, in tokens, at any hour; under their tier. */
static bool is_plain(const struct price_row *row)
{
	return !row->hours[0] && row->model[0] != '(' && row->rate[RATE_INPUT] >= 0 &&
	       row->rate[RATE_OUTPUT] >= 0 && row->rate[RATE_REQUEST] < 0 &&
	       row->rate[RATE_IMAGE] < 0 && row->rate[RATE_SEARCH_UNIT] < 0;
}

static struct row_case case_of(const struct price_table *t, const struct price_row *row)
{
	struct row_case c = { .t = t, .row = row, .size = 1000 };

	c.q = (struct price_query){ .provider = slice_of(row->provider),
				    .model = slice_of(row->model),
				    .tier = slice_of(row->tier),
				    .geo = SLICE("global"),
				    .unix_ns = NOW };
	if (row->rule[0])
		c.size = strtoll(row->rule + strlen("over "), NULL, 10) + 1;
	return c;
}

static int64_t pico(const struct row_case *c, const struct llm_usage *u)
{
	struct price_query q = c->q;
	struct llm_usage told = *u;
	struct cost cost;

	told.reasoning = 0; /* some bill it apart */
	q.usage = &told;
	price_call(c->t, &q, &cost);
	if (cost.source != COST_TABLE)
		fail_msg("%s %s: %.*s", c->row->provider, c->row->model, SLICE_ARG(cost.key));
	return cost.pico_usd;
}

static int64_t rate_or(const struct price_row *row, enum price_rate rate, enum price_rate parent)
{
	return row->rate[rate] >= 0 ? row->rate[rate] : row->rate[parent];
}

/* Cached tokens are part of the input: all of it cached costs the read price, not more. */
static int cached_input_costs_the_read_price(void *ctx, const struct price_row *row)
{
	struct row_case c = case_of(ctx, row);
	struct llm_usage u = usage(c.size, 0, c.size, 0, 0), part = usage(c.size, 0, 10, 0, 0);
	const int64_t read = rate_or(row, RATE_CACHE_READ, RATE_INPUT);

	if (!is_plain(row))
		return 0;
	assert_int_equal(pico(&c, &u), c.size * read);
	assert_int_equal(pico(&c, &part), 10 * read + (c.size - 10) * row->rate[RATE_INPUT]);
	return 0;
}

/* The breakdown is a part of all that was written, never added to it. */
static int written_tokens_are_paid_once(void *ctx, const struct price_row *row)
{
	struct row_case c = case_of(ctx, row);
	struct llm_usage u = usage(c.size, 0, 0, 100, LLM_UNKNOWN);
	const int64_t rest = (c.size - 100) * row->rate[RATE_INPUT];
	const int64_t write = rate_or(row, RATE_CACHE_WRITE, RATE_INPUT);

	if (!is_plain(row))
		return 0;
	assert_int_equal(pico(&c, &u), rest + 100 * write);
	u.cache_write_5m = 100;
	u.cache_write_1h = 0;
	assert_int_equal(pico(&c, &u), rest + 100 * write);
	u.cache_write = LLM_UNKNOWN; /* told by its parts alone */
	assert_int_equal(pico(&c, &u), rest + 100 * write);
	if (row->rate[RATE_CACHE_WRITE_1H] < 0)
		return 0;
	u.cache_write = 100;
	u.cache_write_5m = 40;
	u.cache_write_1h = 60;
	assert_int_equal(pico(&c, &u), rest + 40 * write + 60 * row->rate[RATE_CACHE_WRITE_1H]);
	return 0;
}

/* More of anything never costs less. */
static int more_tokens_cost_more(void *ctx, const struct price_row *row)
{
	struct row_case c = case_of(ctx, row);
	int64_t last = -1;

	if (!is_plain(row) || row->rule[0])
		return 0;
	for (int64_t n = 1; n <= 2000000; n = n * 3 + 7) {
		struct llm_usage u = usage(n, n / 10, 0, 0, 0);
		int64_t now = pico(&c, &u);

		if (now < last)
			fail_msg("%s: %lld tokens cost less than fewer", row->model, (long long)n);
		last = now;
	}
	return 0;
}

/* At N tokens the price is still the one below, at N + 1 all of the call has the one above. */
static int sizes_are_cliffs(void *ctx, const struct price_row *row)
{
	struct row_case c = case_of(ctx, row);
	struct llm_usage above = usage(c.size, 0, 0, 0, 0), at = usage(c.size - 1, 0, 0, 0, 0);

	if (!is_plain(row) || !row->rule[0])
		return 0;
	assert_int_equal(pico(&c, &above), c.size * row->rate[RATE_INPUT]);
	if (row->rate[RATE_INPUT] > 0)
		assert_true(pico(&c, &at) < (c.size - 1) * row->rate[RATE_INPUT]);
	return 0;
}

/* What is not told of what must be known is never taken for 0. */
static int totals_must_be_known(void *ctx, const struct price_row *row)
{
	struct row_case c = case_of(ctx, row);
	struct llm_usage u[] = { usage(-1, 5, 0, 0, 0), usage(c.size, -1, 0, 0, 0),
				 usage(-1, -1, 0, 0, 0) };

	for (size_t i = 0; i < ARRAY_SIZE(u); i++) {
		const enum price_rate needed = i == 1 ? RATE_OUTPUT : RATE_INPUT;
		struct price_query q = c.q;
		struct cost cost;

		q.usage = &u[i];
		price_call(ctx, &q, &cost);
		if (is_plain(row) && row->rate[needed] > 0)
			assert_int_equal(cost.source, COST_UNKNOWN);
	}
	return 0;
}

static void what_holds_for_every_price(void **state)
{
	static const price_row_fn laws[] = { cached_input_costs_the_read_price,
					     written_tokens_are_paid_once, more_tokens_cost_more,
					     sizes_are_cliffs, totals_must_be_known };
	_cleanup_(price_freep) struct price_table *t = builtin();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(laws); i++)
		assert_true(price_list(t, NOW, laws[i], t) >= 0);
}

static void cache_writes_are_paid_by_lifetime(void **state)
{
	_cleanup_(price_freep) struct price_table *t = builtin();
	struct llm_usage u = usage(1000, 0, 0, 1000, LLM_UNKNOWN);

	(void)state;
	/* no lifetime told: five minutes */
	assert_int_equal(cost_of(t, "anthropic", "claude-haiku-4-5", "", NOW, &u).pico_usd,
			 1250000000);
	u.cache_write_5m = 1000;
	assert_int_equal(cost_of(t, "anthropic", "claude-haiku-4-5", "", NOW, &u).pico_usd,
			 1250000000);
	u.cache_write_5m = 0;
	u.cache_write_1h = 1000;
	assert_int_equal(cost_of(t, "anthropic", "claude-haiku-4-5", "", NOW, &u).pico_usd,
			 2000000000);
	u.cache_write = LLM_UNKNOWN; /* only the breakdown */
	assert_int_equal(cost_of(t, "anthropic", "claude-haiku-4-5", "", NOW, &u).pico_usd,
			 2000000000);
	/* a model that has no price for the long ones says so */
	assert_slice(cost_of(t, "openai", "gpt-5.6-sol", "", NOW, &u).key,
		     "no price for one-hour cache writes");
}

static void searches_are_paid_apiece(void **state)
{
	_cleanup_(price_freep) struct price_table *t = builtin();
	struct llm_usage u = usage(0, 0, 0, 0, 0);

	(void)state;
	u.web_searches = 3;
	assert_int_equal(cost_of(t, "anthropic", "claude-opus-5", "batch", NOW, &u).pico_usd,
			 30000000000);
}

static void the_place_may_cost_extra(void **state)
{
	_cleanup_(price_freep) struct price_table *t = builtin();
	struct llm_usage u = usage(1000, 0, 0, 0, 0);
	struct price_query q = { .provider = SLICE("anthropic"),
				 .model = SLICE("claude-opus-5"),
				 .geo = SLICE("us"),
				 .unix_ns = NOW,
				 .usage = &u };
	struct cost c;

	(void)state;
	price_call(t, &q, &c);
	assert_int_equal(c.pico_usd, 5500000000);
	assert_slice(c.key, VERSION "/claude-opus-5/us");
	q.geo = SLICE("global");
	price_call(t, &q, &c);
	assert_int_equal(c.pico_usd, 5000000000);
}

static void estimates_say_so(void **state)
{
	_cleanup_(price_freep) struct price_table *t = builtin();
	struct llm_usage u = usage(1000, 0, 0, 0, 0);

	(void)state;
	u.estimated = true;
	assert_int_equal(cost_of(t, "openai", "gpt-5", "", NOW, &u).source, COST_ESTIMATED);
}

#define HEAD "{\"format\":1,\"version\":\"mine\",\"models\":["

static int count_rows(void *ctx, const struct price_row *row)
{
	int *n = ctx;

	(void)row;
	return ++*n;
}

static void a_users_table_wins_for_what_it_names(void **state)
{
	_cleanup_(price_freep) struct price_table *t = builtin();
	struct price_table *over = read_text(
		HEAD "{\"provider\":\"openai\",\"model\":\"gpt-5\",\"prices\":[{\"until\":"
		     "\"2026-12-01\",\"input\":100,\"output\":0}]},"
		     "{\"model\":\"llama\",\"prices\":[{\"input\":0,\"output\":0}]}]}");
	struct llm_usage u = usage(1000, 0, 0, 0, 0);
	struct id128 before = price_digest(t), after;
	int builtin_rows = 0, rows = 0;

	(void)state;
	price_list(t, NOW, count_rows, &builtin_rows);
	assert_int_equal(price_overlay(t, over), 0);
	after = price_digest(t);
	assert_false(id128_eq(&before, &after));
	assert_slice(cost_of(t, "openai", "gpt-5-2025-08-07", "", NOW, &u).key, "mine/gpt-5");
	assert_int_equal(cost_of(t, "openai", "gpt-5", "", NOW, &u).pico_usd, 100000000000);
	/* where its time is over, and for other models, the table below counts */
	assert_slice(cost_of(t, "openai", "gpt-5", "", AT(20800), &u).key, VERSION "/gpt-5");
	assert_slice(cost_of(t, "openai", "gpt-4o", "", NOW, &u).key, VERSION "/gpt-4o");
	/* free is a price, and no provider named is any */
	assert_int_equal(cost_of(t, "ollama", "llama", "", NOW, &u).source, COST_TABLE);
	price_list(t, NOW, count_rows, &rows);
	assert_int_equal(rows, builtin_rows + 1);
}

static void the_digest_is_of_prices_not_of_spelling(void **state)
{
	_cleanup_(price_freep) struct price_table *a =
		read_text(HEAD "{\"model\":\"m\",\"prices\":[{\"input\":1,\"output\":2}]}]}");
	_cleanup_(price_freep) struct price_table *b = read_text(
		"{\"about\":[\"x\"],\"models\":[ {\"prices\":[{\"output\":2.0,\"input\":1e0}],"
		"\"model\":\"m\"}],\"version\":\"mine\",\"format\":1}");
	_cleanup_(price_freep) struct price_table *c =
		read_text(HEAD "{\"model\":\"m\",\"prices\":[{\"input\":1,\"output\":3}]}]}");
	struct id128 da = price_digest(a), db = price_digest(b), dc = price_digest(c);

	(void)state;
	assert_true(id128_eq(&da, &db));
	assert_false(id128_eq(&da, &dc));
}

/* --- names --- */

static void names_are_found_as_calls_spell_them(void **state)
{
	_cleanup_(price_freep) struct price_table *t = builtin();
	struct llm_usage u = usage(1000, 0, 0, 0, 0);
	static const struct {
		const char *provider, *model;
		const char *key; /* behind the version; NULL: no price for this model */
	} cases[] = {
		{ "gcp.gemini", "models/gemini-2.5-pro", "gemini-2.5-pro" },
		{ "google", "gemini-2.0-flash-001", "gemini-2.0-flash" },
		{ "gcp.gemini", "gemini-2.5-pro-preview-05-06", "gemini-2.5-pro" },
		{ "gcp.gemini", "gemini-2.5-pro-05-06", NULL },
		{ "gcp.gemini", "gemini-2.5-pro-lite", NULL },
		{ "gcp.vertex_ai", "publishers/google/models/gemini-2.5-pro", "gemini-2.5-pro" },
		{ "gcp.vertex_ai",
		  "projects/p/locations/us-east5/publishers/anthropic/models/claude-opus-4-8",
		  "claude-opus-4-8" },
		{ "gcp.vertex_ai", "claude-sonnet-4-5@20250929", "claude-sonnet-4-5" },
		{ "gcp.vertex_ai", "claude-sonnet-4-5@default", "claude-sonnet-4-5" },
		{ "aws.bedrock", "global.anthropic.claude-opus-4-8-v1:0",
		  "anthropic.claude-opus-4-8" },
		{ "aws.bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
		  "anthropic.claude-sonnet-4-5/regional" },
		{ "aws.bedrock", "eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0",
		  "anthropic.claude-sonnet-4-5/regional" },
		{ "aws.bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0",
		  "anthropic.claude-sonnet-4-5/regional" },
		{ "aws.bedrock", "anthropic.claude-3-5-sonnet-20241022-v2:0",
		  "anthropic.claude-3-5-sonnet" },
		{ "aws.bedrock",
		  "arn:aws:bedrock:us-east-1::foundation-model/"
		  "anthropic.claude-3-haiku-20240307-v1:0:200k",
		  "anthropic.claude-3-haiku" },
		{ "aws.bedrock",
		  "arn:aws:bedrock:us-east-1:123456789012:inference-profile/"
		  "global.anthropic.claude-opus-4-8-v1:0",
		  "anthropic.claude-opus-4-8" },
		{ "aws.bedrock", "xx.anthropic.claude-opus-4-8-v1:0", NULL },
		{ "aws.bedrock", "us.openai.gpt-oss-120b-1:0", "openai.gpt-oss-120b" },
		{ "fireworks_ai", "accounts/fireworks/models/kimi-k2p6", "kimi-k2p6" },
		{ "fireworks_ai", "accounts/acme/models/kimi-k2p6", NULL },
		{ "azure", "gpt-4o-2024-08-06", "gpt-4o" },
		{ "azure.ai.inference", "claude-opus-4-8", "claude-opus-4-8" },
		{ "openrouter", "maker/model:free", "(free)" },
		{ "openrouter", "maker/model:nitro", NULL },
		{ "ollama", "llama3.2:1b", "(local)" },
		{ "openai", "ft:gpt-4o-mini-2024-07-18:acme::id", "ft:gpt-4o-mini-2024-07-18" },
		{ "openai", "ft:gpt-4o-mini-2025-01-01", "ft:gpt-4o-mini" },
		{ "openai", "ft:gpt-7:acme::id", NULL },
		{ "openai", "gpt-5.5-20260423", "gpt-5.5" },
		{ "openai", "gpt-5.5-19260423", NULL },
		{ "nobody", "gpt-5.5", NULL },
		{ "", "gpt-5.5", "gpt-5.5" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cost c = cost_of(t, cases[i].provider, cases[i].model, "", NOW, &u);
		struct slice version, key = { 0 };

		slice_cut(c.key, '/', &version, &key);
		if (!slice_eq(cases[i].key ? key : c.key,
			      slice_of(cases[i].key ? cases[i].key : "no price for this model")))
			fail_msg("%s %s: '%.*s'", cases[i].provider, cases[i].model,
				 SLICE_ARG(c.key));
	}
}

static void capacity_that_was_bought_has_no_price_per_token(void **state)
{
	_cleanup_(price_freep) struct price_table *t = builtin();
	struct llm_usage u = usage(1000, 0, 0, 0, 0);

	(void)state;
	assert_slice(cost_of(t, "aws.bedrock",
			     "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc", "",
			     NOW, &u)
			     .key,
		     "provisioned throughput: no price per token");
}

static void hosts_tell_where_a_model_ran(void **state)
{
	static const struct {
		const char *host, *place;
	} cases[] = {
		{ "api.openai.com", "" },
		{ "eu.api.openai.com", "eu" },
		{ "us.api.openai.com:443", "us" },
		{ "aiplatform.googleapis.com", "" },
		{ "us-east5-aiplatform.googleapis.com", "us-east5" },
		{ "aiplatform.eu.rep.googleapis.com", "eu" },
		{ "api.anthropic.com", "" },
	};
	_cleanup_(price_freep) struct price_table *t = builtin();
	struct llm_usage u = usage(1000, 0, 0, 0, 0);
	struct price_query q = { .provider = SLICE("openai"),
				 .model = SLICE("gpt-5.5"),
				 .geo = SLICE("eu"),
				 .unix_ns = NOW,
				 .usage = &u };
	struct cost c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_slice(price_place_of_host(slice_of(cases[i].host)), cases[i].place);
	price_call(t, &q, &c);
	assert_int_equal(c.pico_usd, 5500000000);
	assert_slice(c.key, VERSION "/gpt-5.5/regional");
}

static void aliases_stand_for_models(void **state)
{
	_cleanup_(price_freep) struct price_table *t = builtin();
	struct price_table *over = read_text("{\"format\":1,\"aliases\":{\"prod\":\"gpt-5\",\"a\\/"
					     "b\":{\"model\":\"claude-opus-5\","
					     "\"provider\":\"anthropic\"},\"loop\":\"prod\"},"
					     "\"like\":{\"proxy\":[\"mistral_ai\","
					     "\"openai\"]},\"models\":[]}");
	struct llm_usage u = usage(1000, 0, 0, 0, 0);

	(void)state;
	price_overlay(t, over);
	assert_slice(cost_of(t, "openai", "prod", "", NOW, &u).key, VERSION "/gpt-5");
	assert_slice(cost_of(t, "azure", "prod", "", NOW, &u).key, VERSION "/gpt-5");
	assert_slice(cost_of(t, "nobody", "a/b", "", NOW, &u).key, VERSION "/claude-opus-5");
	/* once: an alias of an alias is none */
	assert_slice(cost_of(t, "openai", "loop", "", NOW, &u).key, "no price for this model");
	assert_slice(cost_of(t, "proxy", "gpt-5", "", NOW, &u).key, VERSION "/gpt-5");
	assert_slice(cost_of(t, "proxy", "codestral-2508", "", NOW, &u).key,
		     VERSION "/codestral-2508");
	assert_slice(cost_of(t, "proxy", "grok-4.5", "", NOW, &u).key, "no price for this model");
}

static void patterns_come_last(void **state)
{
	_cleanup_(price_freep) struct price_table *t = read_text(
		HEAD "{\"model\":\"all\",\"any\":[\"a*b*c\",\"*\"],\"prices\":{\"input\":1}},"
		     "{\"provider\":\"p\",\"model\":\"x\",\"prices\":{\"input\":2}}]}");
	struct llm_usage u = usage(1, 0, 0, 0, 0);

	(void)state;
	assert_slice(cost_of(t, "p", "x", "", NOW, &u).key, "mine/x");
	assert_slice(cost_of(t, "p", "x-2026-01-01", "", NOW, &u).key, "mine/x");
	assert_slice(cost_of(t, "p", "y", "", NOW, &u).key, "mine/all");
	assert_slice(cost_of(t, "q", "x", "", NOW, &u).key, "mine/all");
}

/* --- times --- */

static void hours_are_of_the_day(void **state)
{
	_cleanup_(price_freep) struct price_table *t = read_text(
		HEAD
		"{\"model\":\"m\",\"prices\":[{\"hours\":\"16:30-00:30\",\"from\":\"2026-01-01\","
		"\"input\":1},{\"input\":2}]},{\"model\":\"n\",\"prices\":[{\"hours\":"
		"\"01:00-04:00\",\"input\":3}]}]}");
	struct llm_usage u = usage(1, 0, 0, 0, 0);
	static const struct {
		int minute;
		int64_t micro;
	} cases[] = { { 0, 1 }, { 29, 1 }, { 30, 2 }, { 989, 2 }, { 990, 1 }, { 1439, 1 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(
			cost_of(t, "", "m", "", NOW + (uint64_t)cases[i].minute * 60000000000, &u)
				.pico_usd,
			cases[i].micro * 1000000);
	/* before the day from which they hold */
	assert_int_equal(cost_of(t, "", "m", "", AT(20000), &u).pico_usd, 2000000);
	assert_slice(cost_of(t, "", "n", "", NOW, &u).key, "no price for that time");
	assert_slice(cost_of(t, "", "n", "", NOW + 3600000000000, &u).key, "mine/n/01:00-04:00");
}

/* --- what is no plain token --- */

/* Every member of the usage vector can have a price: set alone, it changes what a call costs. */
static void everything_that_is_counted_can_have_a_price(void **state)
{
	_cleanup_(price_freep) struct price_table *t = read_text(
		HEAD "{\"model\":\"m\",\"prices\":{\"input\":1,\"output\":2,\"cache_read\":0.5,"
		     "\"cache_write\":3,\"cache_write_1h\":4,\"reasoning\":5,\"input_audio\":6,"
		     "\"cache_read_audio\":7,\"output_audio\":8,\"input_image\":9,"
		     "\"cache_read_image\":10,\"output_image\":11,\"input_video\":12,"
		     "\"web_search\":13,\"request\":14,\"image\":15,\"search_unit\":16,"
		     "\"audio_hour\":36}}]}");
	struct llm_usage u = usage(1000, 1000, 0, 0, 0);
	const int64_t base = 1000 * 1000000ll + 1000 * 2000000ll + 14000000000;

	(void)state;
	u.cache_write_5m = u.reasoning = u.input_audio = u.input_image = u.output_audio = 0;
	u.web_searches = u.input_tool = u.input_video = u.output_image = u.cache_read_audio = 0;
	u.cache_read_image = u.audio_ms = u.images = u.search_units = 0;
#define COSTS(member, count, more)                                                          \
	do {                                                                                \
		struct llm_usage v = u;                                                     \
		v.member = (count);                                                         \
		assert_int_equal(cost_of(t, "", "m", "", NOW, &v).pico_usd, base + (more)); \
	} while (0)
	COSTS(cache_read, 10, 10 * -500000);
	COSTS(cache_write, 10, 10 * 2000000);
	COSTS(reasoning, 10, 10 * 3000000);
	COSTS(input_audio, 10, 10 * 5000000);
	COSTS(output_audio, 10, 10 * 6000000);
	COSTS(input_image, 10, 10 * 8000000);
	COSTS(output_image, 10, 10 * 9000000);
	COSTS(input_video, 10, 10 * 11000000);
	COSTS(web_searches, 2, 2 * 13000000000);
	COSTS(images, 2, 2 * 15000000000);
	COSTS(search_units, 2, 2 * 16000000000);
	COSTS(audio_ms, 1500, 1500 * 10000000ll);
	COSTS(audio_ms, 1, 10000000);
	COSTS(input_tool, 10, 0); /* told apart, paid like the rest */
#undef COSTS
	u.cache_read = 30;
	u.input_audio = 20;
	u.cache_read_audio = 10;
	u.input_image = 5;
	u.cache_read_image = 5;
	/* 15 of the 30 read are text, 10 sound, 5 pictures; 10 of the sound is new */
	assert_int_equal(cost_of(t, "", "m", "", NOW, &u).pico_usd,
			 960 * 1000000ll + 15 * 500000 + 10 * 7000000 + 5 * 10000000 +
				 10 * 6000000 + 1000 * 2000000ll + 14000000000);
}

/* To the nearest 10^-12 USD, once: two milliseconds are not twice one. */
static void costs_are_rounded_once(void **state)
{
	_cleanup_(price_freep) struct price_table *t = read_text(
		HEAD
		"{\"model\":\"m\",\"prices\":{\"audio_hour\":0.111,\"tiers\":{\"batch\":0.5}}}]}");
	struct llm_usage u = llm_usage_unknown;

	(void)state;
	u.audio_ms = 1;
	assert_int_equal(cost_of(t, "", "m", "", NOW, &u).pico_usd, 30833);
	u.audio_ms = 2;
	assert_int_equal(cost_of(t, "", "m", "", NOW, &u).pico_usd, 61667);
	assert_int_equal(cost_of(t, "", "m", "batch", NOW, &u).pico_usd, 30833);
}

static void a_difference_is_more_than_rounding(void **state)
{
	(void)state;
	assert_false(price_differs(1000000000, 1000000000));
	assert_false(price_differs(1010000000, 1000000000));
	assert_true(price_differs(1010000001, 1000000000));
	assert_true(price_differs(980000000, 1000000000));
	assert_false(price_differs(1000000, 0)); /* a millionth of a dollar */
	assert_true(price_differs(1000001, 0));
	assert_true(price_differs(INT64_MAX, -INT64_MAX));
}

static void parts_never_exceed_their_totals(void **state)
{
	_cleanup_(price_freep) struct price_table *t = read_text(
		HEAD "{\"model\":\"m\",\"prices\":{\"input\":1,\"output\":1,\"cache_read\":0.5,"
		     "\"input_audio\":2,\"output_audio\":2,\"input_image\":3,\"output_image\":3,"
		     "\"input_video\":4}}]}");
	const struct {
		int64_t in, out, read, write, audio, cached_audio, out_audio, out_image, reasoning,
			tool;
		const char *key;
	} cases[] = {
		{ 10, 10, 4, 3, 3, 0, 5, 5, 10, 10, "mine/m" },
		{ 10, 10, 4, 3, 4, 0, 0, 0, 0, 0, NULL },
		{ 10, 10, 11, 0, 0, 0, 0, 0, 0, 0, NULL },
		{ 10, 10, 6, 5, 0, 0, 0, 0, 0, 0, NULL },
		{ 10, 10, 5, 0, 5, 6, 0, 0, 0, 0, NULL },
		{ 10, 10, 2, 0, 5, 3, 0, 0, 0, 0, NULL },
		{ 10, 10, 0, 0, 0, 0, 6, 5, 0, 0, NULL },
		{ 10, 10, 0, 0, 0, 0, 0, 0, 11, 0, NULL },
		{ 10, 10, 0, 0, 0, 0, 0, 0, 0, 11, NULL },
		/* all of the input was read from the cache, so all of the sound was */
		{ 10, 10, 10, 0, 4, -1, 0, 0, 0, 0, "mine/m" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct llm_usage u = usage(cases[i].in, cases[i].out, cases[i].read, cases[i].write,
					   LLM_UNKNOWN);
		struct cost c;

		u.input_audio = cases[i].audio;
		u.cache_read_audio = cases[i].cached_audio;
		u.output_audio = cases[i].out_audio;
		u.output_image = cases[i].out_image;
		u.reasoning = cases[i].reasoning;
		u.input_tool = cases[i].tool;
		c = cost_of(t, "", "m", "", NOW, &u);
		if (!slice_eq(c.key,
			      slice_of(cases[i].key ? cases[i].key : "usage contradicts itself")))
			fail_msg("case %zu: %.*s", i, SLICE_ARG(c.key));
	}
}

/* --- reading --- */

static void a_bad_table_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *json, *text;
	} cases[] = {
		{ "", "not JSON" },
		{ "[1", "not JSON" },
		{ "[]", "no JSON object" },
		{ "{}", "without \"format\": 1" },
		{ "{\"format\":2,\"models\":[]}", "without \"format\": 1" },
		{ "{\"format\":1}", "without a list 'models'" },
		{ "{\"format\":1,\"versionx\":\"1\",\"models\":[]}", "'versionx' is no member" },
		{ HEAD "5]}", "models[0]: no object" },
		{ HEAD "{\"prices\":[]}]}", "models[0]: without a 'model'" },
		{ HEAD "{\"model\":\"m\"}]}", "models[0] (m): without a list 'prices'" },
		{ HEAD "{\"model\":\"m\",\"prices\":[{\"inptu\":1}]}]}",
		  "models[0] (m): 'inptu' is no member" },
		{ HEAD "{\"model\":\"m\",\"prices\":[{\"output\":1}]}]}",
		  "models[0] (m): a price without 'input'" },
		{ HEAD "{\"model\":\"m\",\"prices\":[{\"input\":-1}]}]}",
		  "models[0] (m): 'input' is not between 0 and 1000000" },
		{ HEAD "{\"model\":\"m\",\"prices\":[{\"input\":0.0000001}]}]}",
		  "models[0] (m): 'input' has more than 6 decimals" },
		{ HEAD "{\"model\":\"m\",\"prices\":[{\"input\":\"1\"}]}]}",
		  "models[0] (m): 'input' is no number" },
		{ HEAD "{\"model\":\"m\",\"prices\":[{\"input\":1,\"from\":\"soon\"}]}]}",
		  "models[0] (m): 'from' is no date such as 2026-09-01" },
		{ HEAD "{\"model\":\"m\",\"prices\":[{\"input\":1,\"over\":[{\"input\":2}]}]}]}",
		  "models[0] (m): 'over' without a number of tokens" },
		{ HEAD "{\"model\":\"m\",\"prices\":[{\"input\":1,\"over\":[{\"tokens\":1},"
		       "{\"tokens\":1}]}]}]}",
		  "models[0] (m): 'over' has the same number of tokens twice" },
		{ HEAD "{\"model\":\"m\",\"prices\":[{\"input\":1,\"hours\":\"8-9\"}]}]}",
		  "models[0] (m): 'hours' are none such as 16:30-00:30" },
		{ HEAD "{\"model\":\"m\",\"unpriced\":\"x\",\"prices\":{\"input\":1}}]}",
		  "models[0] (m): both 'prices' and 'unpriced'" },
		{ HEAD "{\"model\":\"m\",\"prices\":[{\"input\":1,\"tiers\":{\"flex\":0.12345}}]}"
		       "]}",
		  "models[0] (m): 'flex' is no factor (0 to 1000, at most 3 decimals)" },
		{ HEAD "{\"model\":\"m\",\"names\":[3],\"prices\":[{\"input\":1}]}]}",
		  "models[0] (m): 'names' is no name or list of names" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct price_table *t = (void *)8;
		struct price_error err;

		assert_int_equal(price_read(slice_of(cases[i].json), &t, &err), -EBADMSG);
		assert_string_equal(err.text, cases[i].text);
		assert_ptr_equal(t, (void *)8);
	}
}

static int collect(void *ctx, const struct price_error *err, bool warning)
{
	char *all = ctx;
	size_t n = strlen(all);

	snprintf(all + n, 1000 - n, "%s%s@%zu;", warning ? "warning " : "", err->text, err->offset);
	return 0;
}

static void a_check_tells_of_all_models(void **state)
{
	char all[1000] = "";

	(void)state;
	assert_int_equal(
		price_check(slice_of("{\"format\":1,\"models\":[{\"model\":\"a\",\"prices\":5},"
				     "{\"model\":\"b\",\"prices\":{\"input\":1}},"
				     "{\"model\":\"c\",\"prices\":{\"inptu\":1}},"
				     "{\"model\":\"d\",\"names\":[\"b\"],"
				     "\"prices\":{\"input\":2}}]}"),
			    collect, all),
		-EBADMSG);
	assert_string_equal(all, "models[0] (a): without a list 'prices'@44;"
				 "models[2] (c): 'inptu' is no member@106;"
				 "warning models[3] (d): the name 'b' is an earlier entry's@0;");
	all[0] = '\0';
	assert_true(json_valid(price_builtin()));
	assert_int_equal(price_check(price_builtin(), collect, all), 0);
	assert_string_equal(all, "");
}

#define SMALL                                                                                  \
	"{\"format\":1,\"version\":\"v\",\"aliases\":{\"a\":\"b\"},\"like\":{\"p\":[\"q\"]},"  \
	"\"models\":[{\"provider\":[\"p\",\"q\"],\"model\":\"m\",\"names\":[\"n\"],\"exact\":" \
	"\"e\","                                                                               \
	"\"source\":\"s\",\"prices\":[{\"from\":\"2026-01-01\",\"hours\":\"01:00-02:00\","     \
	"\"input\":1,"                                                                         \
	"\"over\":[{\"tokens\":5,\"input\":2}],\"tiers\":{\"x\":0.5,\"y\":{\"input\":3}},"     \
	"\"geo\":{\"us\":1.1}}]},{\"model\":\"z\",\"any\":\"*\",\"unpriced\":\"w\"}]}"

/* Also proves that no prefix of a table is read past its end (under ASan). */
static void a_table_cut_anywhere_is_refused(void **state)
{
	const struct slice whole = SLICE(SMALL);

	(void)state;
	for (size_t n = 0; n < whole.n; n++) {
		char *copy = malloc(n ? n : 1);
		struct price_table *t = NULL;
		struct price_error err;

		memcpy(copy, whole.p, n);
		assert_int_equal(price_read((struct slice){ copy, n }, &t, &err), -EBADMSG);
		free(copy);
	}
}

static void refused_memory_is_an_error(void **state)
{
	(void)state;
	for (long nth = 1;; nth++) {
		struct price_table *t = NULL;
		int r;

		alloc_refuse(nth);
		r = price_read(SLICE(SMALL), &t, NULL);
		if (!alloc_allow()) {
			assert_int_equal(r, 0);
			price_free(t);
			break;
		}
		assert_int_equal(r, -ENOMEM);
		assert_null(t);
	}
}

/* --- public lists --- */

#define LITELLM                                                                          \
	"{\"o9\":{\"litellm_provider\":\"openai\",\"input_cost_per_token\":1e-06},"      \
	"\"groq/x\":{\"litellm_provider\":\"groq\",\"input_cost_per_token_flex\":1e-06," \
	"\"input_cost_per_token\":2e-06,\"input_cost_per_token_above_200k_tokens\":3e-06}}"
#define GENAI                                                                                  \
	"[{\"id\":\"x-ai\",\"models\":[{\"id\":\"a\",\"match\":{\"equals\":\"b\"},\"prices\":" \
	"{\"input_mtok\":1}},{\"id\":\"c\",\"match\":{\"starts_with\":\"c\"},\"prices\":[{"    \
	"\"prices\":"                                                                          \
	"{\"input_mtok\":1}},{\"constraint\":{\"start_date\":\"2026-01-01\"},\"prices\":{}}]}]}]"

static void lists_are_converted(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ LITELLM,
		  "{\"provider\":\"openai\",\"model\":\"o9\",\"source\":\"litellm\",\"prices\":"
		  "[{\"input\":1}]},\n"
		  "{\"provider\":\"groq\",\"model\":\"x\",\"source\":\"litellm\",\"prices\":[{"
		  "\"input\":2,"
		  "\"over\":[{\"tokens\":200000,\"input\":3}],\"tiers\":{\"flex\":{\"input\":1}}}]"
		  "}" },
		{ GENAI,
		  "{\"provider\":\"x_ai\",\"model\":\"a\",\"exact\":[\"b\"],\"source\":\"genai-"
		  "prices\","
		  "\"prices\":[{\"input\":1}]},\n"
		  "{\"provider\":\"x_ai\",\"model\":\"c\",\"source\":\"genai-prices\",\"prices\":["
		  "{\"until\":\"2026-01-01\",\"input\":1},"
		  "{\"from\":\"2026-01-01\",\"input\":0,\"output\":0}]}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct price_import im = { 0 };

		assert_int_equal(price_import(slice_of(cases[i].text), &im), 0);
		assert_int_equal(im.models, 2);
		assert_slice(buf_slice(&im.text), cases[i].want);
		buf_done(&im.text);
	}
}

static void what_is_no_list_is_refused(void **state)
{
	static const char *const texts[] = { "",   "5",		 "[]",
					     "{}", "{\"a\":{}}", "[{\"id\":1}]",
					     "[1", "nul",	 "{\"providers\":5}" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct price_import im = { 0 };

		assert_int_equal(price_import(slice_of(texts[i]), &im), -EBADMSG);
		assert_int_equal(im.text.n, 0);
	}
}

static void a_list_without_memory_is_an_error(void **state)
{
	static const char *const texts[] = { LITELLM, GENAI };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		for (long nth = 1;; nth++) {
			struct price_import im = { 0 };
			int r;

			alloc_refuse(nth);
			r = price_import(slice_of(texts[i]), &im);
			buf_done(&im.text);
			if (!alloc_allow()) {
				assert_int_equal(r, 0);
				break;
			}
			assert_int_equal(r, -ENOMEM);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_cost_what_the_vendors_say),
		cmocka_unit_test(what_is_not_known_is_not_free),
		cmocka_unit_test(names_match_their_releases_only),
		cmocka_unit_test(what_holds_for_every_price),
		cmocka_unit_test(cache_writes_are_paid_by_lifetime),
		cmocka_unit_test(searches_are_paid_apiece),
		cmocka_unit_test(the_place_may_cost_extra),
		cmocka_unit_test(estimates_say_so),
		cmocka_unit_test(a_users_table_wins_for_what_it_names),
		cmocka_unit_test(the_digest_is_of_prices_not_of_spelling),
		cmocka_unit_test(names_are_found_as_calls_spell_them),
		cmocka_unit_test(capacity_that_was_bought_has_no_price_per_token),
		cmocka_unit_test(hosts_tell_where_a_model_ran),
		cmocka_unit_test(aliases_stand_for_models),
		cmocka_unit_test(patterns_come_last),
		cmocka_unit_test(hours_are_of_the_day),
		cmocka_unit_test(everything_that_is_counted_can_have_a_price),
		cmocka_unit_test(costs_are_rounded_once),
		cmocka_unit_test(a_difference_is_more_than_rounding),
		cmocka_unit_test(parts_never_exceed_their_totals),
		cmocka_unit_test(a_check_tells_of_all_models),
		cmocka_unit_test(a_bad_table_is_refused_with_its_place),
		cmocka_unit_test(a_table_cut_anywhere_is_refused),
		cmocka_unit_test(refused_memory_is_an_error),
		cmocka_unit_test(lists_are_converted),
		cmocka_unit_test(what_is_no_list_is_refused),
		cmocka_unit_test(a_list_without_memory_is_an_error),
	};

	return cmocka_run_group_tests_name("price", tests, NULL, NULL);
}
