/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was spent, by what people ask for, in all, and in as long a time before. Runs of the total
 * are counted by user, as a run has one: it may have several models and days.
 */

#include "api/query.h"
#include "api/routes.h"
#include "base/util.h"
#include "export/json_put.h"
#include "price/price.h"

#define ROWS_SHOWN 1000

static const struct {
	const char *name;
	enum store_group group;
} groups[] = {
	{ "agent", GROUP_AGENT },     { "model", GROUP_MODEL }, { "provider", GROUP_PROVIDER },
	{ "project", GROUP_PROJECT }, { "user", GROUP_USER },	{ "day", GROUP_DAY },
};

/* --- what caches saved --- */

struct rates {
	int64_t input, cached; /* 10^-6 USD per million; -1: none */
};

static int take_rates(void *ctx, const struct price_row *row)
{
	struct rates *r = ctx;

	if (!row->in_force || row->unpriced || *row->tier || *row->rule || r->input >= 0)
		return 0;
	r->input = row->rate[RATE_INPUT];
	r->cached = row->rate[RATE_CACHE_READ];
	return 0;
}

/* At the prices of @now_ns; LLM_UNKNOWN where the model has none. */
static int64_t saved_pico_usd(const struct price_table *prices, struct slice model, int64_t tokens,
			      uint64_t now_ns)
{
	struct rates r = { -1, -1 };

	if (!prices || tokens == LLM_UNKNOWN || model.n == 0)
		return LLM_UNKNOWN;
	price_show(prices, (struct slice){ 0 }, model, now_ns, take_rates, &r);
	if (r.input < 0 || r.cached < 0 || r.cached > r.input)
		return LLM_UNKNOWN;
	if (__builtin_mul_overflow(tokens, r.input - r.cached, &tokens))
		return LLM_UNKNOWN;
	return tokens;
}

/* --- rows --- */

struct costs {
	struct query *q;
	bool by_model;
	size_t n;
	struct store_cost_row sum; /* key is empty */
	int64_t saved;		   /* LLM_UNKNOWN: not known */
};

static void put_row(struct query *q, const struct store_cost_row *row, int64_t saved)
{
	struct json_writer *w = &q->w;

	json_begin(w, '{');
	json_key(w, "key");
	json_put_str(w, row->key);
	put_number(w, "runs", row->runs);
	put_number(w, "llm_calls", row->calls);
	put_usage(w, &row->usage);
	put_spent(w, row->calls, row->unpriced_calls, row->cost_pico_usd, row->equivalent_pico_usd);
	if (saved != LLM_UNKNOWN)
		put_usd(w, "cache_saved_usd", saved);
	put_number(w, "unpriced_calls", row->unpriced_calls);
	put_number(w, "usage_unknown_calls", row->usage_unknown_calls);
	put_number(w, "price_mismatch_calls", row->mismatched_calls);
	json_end(w, '}');
}

static int64_t saved_by(const struct costs *c, const struct store_cost_row *row)
{
	return saved_pico_usd(c->q->rq->s->c.prices, row->key, row->usage.cache_read,
			      c->q->params.now_ns);
}

static int on_row(void *ctx, const struct store_cost_row *row)
{
	struct costs *c = ctx;

	c->n++;
	put_row(c->q, row, c->by_model ? saved_by(c, row) : LLM_UNKNOWN);
	return c->q->w.r;
}

/* --- sums --- */

static int add_user(void *ctx, const struct store_cost_row *row)
{
	struct store_cost_row *sum = &((struct costs *)ctx)->sum;

	sum->runs += row->runs;
	sum->calls += row->calls;
	sum->cost_pico_usd += row->cost_pico_usd;
	sum->equivalent_pico_usd += row->equivalent_pico_usd;
	sum->unpriced_calls += row->unpriced_calls;
	sum->usage_unknown_calls += row->usage_unknown_calls;
	sum->mismatched_calls += row->mismatched_calls;
	for (int i = 0; i < llm_usage_counts_n; i++) {
		const int64_t v = llm_usage_count(&row->usage, &llm_usage_counts[i]);
		int64_t *to = llm_usage_at(&sum->usage, llm_usage_counts[i].offset);

		if (v != LLM_UNKNOWN)
			*to = (*to == LLM_UNKNOWN ? 0 : *to) + v;
	}
	sum->usage.estimated |= row->usage.estimated;
	return 0;
}

static int add_saved(void *ctx, const struct store_cost_row *row)
{
	struct costs *c = ctx;
	const int64_t saved = saved_by(c, row);

	if (saved != LLM_UNKNOWN)
		c->saved = (c->saved == LLM_UNKNOWN ? 0 : c->saved) + saved;
	return 0;
}

static int put_sum(struct query *q, const char *key, const struct store_filter *f)
{
	struct costs c = { .q = q, .saved = LLM_UNKNOWN };
	int r;

	c.sum.usage = llm_usage_unknown;
	r = store_cost(q->reader, f, GROUP_USER, add_user, &c);
	if (r >= 0)
		r = store_cost(q->reader, f, GROUP_MODEL, add_saved, &c);
	json_key(&q->w, key);
	put_row(q, &c.sum, c.saved);
	return r;
}

/* As long a time before; where nothing says how long, there is none. */
static int put_previous(struct query *q, struct store_filter f)
{
	const uint64_t until = f.until_ns ? f.until_ns : q->params.now_ns;

	if (!f.since_ns || until <= f.since_ns || until - f.since_ns > f.since_ns) {
		json_key(&q->w, "previous");
		json_put_null(&q->w);
		return 0;
	}
	f.until_ns = f.since_ns;
	f.since_ns -= until - f.since_ns;
	return put_sum(q, "previous", &f);
}

static int put_cost(struct query *q, size_t by)
{
	struct costs c = { .q = q, .by_model = groups[by].group == GROUP_MODEL };
	struct store_filter capped = q->params.filter;
	int r;

	capped.limit = ROWS_SHOWN;
	json_begin(&q->w, '{');
	put_text(&q->w, "by", slice_of(groups[by].name));
	json_key(&q->w, "items");
	json_begin(&q->w, '[');
	r = store_cost(q->reader, &capped, groups[by].group, on_row, &c);
	json_end(&q->w, ']');
	if (r >= 0)
		r = put_sum(q, "total", &q->params.filter);
	if (r >= 0)
		r = put_previous(q, q->params.filter);
	json_key(&q->w, "capped");
	json_put_bool(&q->w, c.n >= ROWS_SHOWN);
	json_end(&q->w, '}');
	return r;
}

enum MHD_Result handle_cost(struct request *rq)
{
	struct query q;
	size_t by = 0;

	if (!query_begin(&q, rq, PARAMS_FILTER | PARAMS_BY))
		return query_refused(&q);
	while (q.params.by.n && by < ARRAY_SIZE(groups) &&
	       !slice_eq(q.params.by, slice_of(groups[by].name)))
		by++;
	if (by == ARRAY_SIZE(groups)) {
		query_wrong(&q, MHD_HTTP_BAD_REQUEST,
			    "'by' takes agent, model, provider, project, user, host, workflow, "
			    "session, day or hour");
		return query_refused(&q);
	}
	return query_end(&q, put_cost(&q, by));
}

enum MHD_Result handle_models(struct request *rq)
{
	struct query q;
	size_t by = 0;

	if (!query_begin(&q, rq, PARAMS_FILTER))
		return query_refused(&q);
	while (groups[by].group != GROUP_MODEL)
		by++;
	return query_end(&q, put_cost(&q, by));
}
