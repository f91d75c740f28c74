/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any text as a price table, and as a public list. What is read prices every call either not at all
 * or not below zero, and all-cached input costs exactly the read price; what is imported can be
 * read.
 */
#include <errno.h>
#include <stdlib.h>

#include "price/import.h"
#include "price/price.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int row(void *ctx, const struct price_row *row)
{
	struct llm_usage u = llm_usage_unknown;
	struct price_query q = { .provider = slice_of(row->provider),
				 .model = slice_of(row->model),
				 .geo = SLICE("global"),
				 .usage = &u };
	const int64_t *rate = row->rate;
	const int64_t read = rate[RATE_CACHE_READ] >= 0 ? rate[RATE_CACHE_READ] : rate[RATE_INPUT];
	struct cost c;

	u.input = u.cache_read = 1000;
	u.output = u.reasoning = 0;
	price_call(ctx, &q, &c);
	if (c.source == COST_UNKNOWN)
		return 0;
	if (c.pico_usd < 0)
		abort();
	if (!row->rule[0] && slice_ends(c.key, q.model) && rate[RATE_REQUEST] < 0 &&
	    rate[RATE_INPUT] >= 0 && c.pico_usd != 1000 * read)
		abort();
	return 0;
}

/* A name of a call, in every provider's spelling. */
static void names(const struct price_table *t, struct slice text)
{
	static const char *const providers[] = { "", "openai", "aws.bedrock", "gcp.vertex_ai",
						 "fireworks_ai" };
	struct llm_usage u = llm_usage_unknown;
	struct cost c;

	u.input = u.output = 1;
	for (size_t i = 0; i < sizeof(providers) / sizeof(providers[0]); i++)
		price_call(t,
			   &(struct price_query){
				   .provider = slice_of(providers[i]), .model = text, .usage = &u },
			   &c);
	price_place_of_host(text);
}

static int finding(void *ctx, const struct price_error *err, bool warning)
{
	(void)ctx, (void)err, (void)warning;
	return 0;
}

static int ignore(void *ctx, const struct price_row *row)
{
	(void)ctx, (void)row;
	return 0;
}

static void read_table(struct slice text)
{
	struct price_table *t;

	if (price_read(text, &t, NULL) < 0)
		return;
	price_list(t, 0, row, t);
	price_digest(t);
	names(t, text);
	price_show(t, SLICE(""), slice_from(text, text.n / 2), 0, ignore, NULL);
	price_free(t);
}

static void import(struct slice text)
{
	struct price_import im = { 0 };
	struct price_table *t = NULL;
	struct buf whole = { 0 };

	if (price_import(text, &im) == 0) {
		buf_add(&whole, SLICE("{\"format\":1,\"models\":["), SIZE_MAX);
		buf_add(&whole, buf_slice(&im.text), SIZE_MAX);
		buf_add(&whole, SLICE("]}"), SIZE_MAX);
		if (price_read(buf_slice(&whole), &t, NULL) == -EBADMSG)
			abort();
		price_free(t);
	}
	buf_done(&whole);
	buf_done(&im.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice text = { (const char *)data, size };

	read_table(text);
	price_check(text, finding, NULL);
	import(text);
	return 0;
}
