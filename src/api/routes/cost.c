/* SPDX-License-Identifier: BSD-2-Clause */
/* What was spent, by what people ask for, in all, and in as long a time before. */

#include "api/query.h"
#include "api/routes/routes.h"
#include "api/routes/saved.h"
#include "base/util.h"
#include "export/json_put.h"
#include "store/figures/reach.h"

#define ROWS_SHOWN 1000

static const struct {
	const char *name;
	enum store_group group;
} groups[] = {
	{ "agent", GROUP_AGENT },	{ "model", GROUP_MODEL },
	{ "provider", GROUP_PROVIDER }, { "project", GROUP_PROJECT },
	{ "user", GROUP_USER },		{ "host", GROUP_HOST },
	{ "workflow", GROUP_WORKFLOW }, { "session", GROUP_SESSION },
	{ "day", GROUP_DAY },		{ "hour", GROUP_HOUR },
};

/* --- rows --- */

struct costs {
	struct query *q;
	bool by_model;
	size_t n;
	struct store_cost_row total;
	int64_t saved; /* LLM_UNKNOWN: not known */
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
	if (row->estimated_pico_usd > 0)
		put_usd(w, "estimated_usd", row->estimated_pico_usd);
	if (saved != LLM_UNKNOWN)
		put_usd(w, "cache_saved_usd", saved);
	put_number(w, "unpriced_calls", row->unpriced_calls);
	put_number(w, "usage_unknown_calls", row->usage_unknown_calls);
	put_number(w, "price_mismatch_calls", row->mismatched_calls);
	json_end(w, '}');
}

/* What caches saved of a model's calls, which is added to the sum. */
static int64_t add_saved(struct costs *c, const struct store_cost_row *row)
{
	const int64_t saved = saved_pico_usd(c->q->rq->s->saved, row->key, row->usage.cache_read,
					     c->q->params.now_ns);

	if (saved != LLM_UNKNOWN)
		c->saved = (c->saved == LLM_UNKNOWN ? 0 : c->saved) + saved;
	return saved;
}

static int on_row(void *ctx, const struct store_cost_row *row)
{
	struct costs *c = ctx;

	c->n++;
	put_row(c->q, row, c->by_model ? add_saved(c, row) : LLM_UNKNOWN);
	return c->q->w.r;
}

/* --- sums --- */

static int take_total(void *ctx, const struct store_cost_row *row)
{
	struct costs *c = ctx;

	c->total = *row;
	c->total.key = (struct slice){ 0 };
	return 0;
}

static int take_saved(void *ctx, const struct store_cost_row *row)
{
	add_saved(ctx, row);
	return 0;
}

/* @saved: by the models of the same filter. */
static int put_total(struct query *q, const char *key, const struct store_filter *f, int64_t saved)
{
	struct costs c = { .q = q };
	int r;

	c.total.usage = llm_usage_unknown; /* where there are no calls there is no row */
	r = store_cost(q->reader, f, GROUP_TOTAL, take_total, &c);
	json_key(&q->w, key);
	put_row(q, &c.total, saved);
	return r;
}

static int put_none(struct query *q)
{
	json_key(&q->w, "previous");
	json_put_null(&q->w);
	return 0;
}

/* As long a time before; where nothing says how long, or it takes too long, there is none. */
static int put_previous(struct query *q, struct store_filter f, bool by_model)
{
	struct costs c = { .q = q, .saved = LLM_UNKNOWN };
	const uint64_t until = f.until_ns ? f.until_ns : q->params.now_ns;
	uint64_t reach = 0;
	int r = 0;

	if (!f.since_ns || until <= f.since_ns || until - f.since_ns > f.since_ns)
		return put_none(q);
	f.until_ns = f.since_ns;
	f.since_ns -= until - f.since_ns;
	if (!q->params.all)
		r = store_cost_reach(q->reader, &f, by_model ? GROUP_MODEL : GROUP_TOTAL, &reach);
	if (r < 0 || reach > f.since_ns)
		return r < 0 ? r : put_none(q);
	if (by_model)
		r = store_cost(q->reader, &f, GROUP_MODEL, take_saved, &c);
	return r < 0 ? r : put_total(q, "previous", &f, c.saved);
}

static int put_cost(struct query *q, size_t by)
{
	struct costs c = {
		.q = q,
		.by_model = groups[by].group == GROUP_MODEL,
		.saved = LLM_UNKNOWN,
	};
	struct store_filter f = q->params.filter, capped;
	uint64_t since = f.since_ns;
	int r = q->params.all ? 0 : store_cost_reach(q->reader, &f, groups[by].group, &since);

	if (r < 0)
		return r;
	f.since_ns = since;
	capped = f;
	capped.limit = ROWS_SHOWN;
	json_begin(&q->w, '{');
	put_text(&q->w, "by", slice_of(groups[by].name));
	json_key(&q->w, "items");
	json_begin(&q->w, '[');
	r = store_cost(q->reader, &capped, groups[by].group, on_row, &c);
	json_end(&q->w, ']');
	if (r >= 0)
		r = put_total(q, "total", &f, c.saved);
	if (r >= 0 && since > q->params.filter.since_ns) {
		put_number(&q->w, "partial_since_unix_nano", (int64_t)since);
		put_none(q); /* another time would be compared */
	} else if (r >= 0) {
		r = put_previous(q, f, c.by_model);
	}
	json_key(&q->w, "capped");
	json_put_bool(&q->w, c.n >= ROWS_SHOWN);
	json_end(&q->w, '}');
	return r;
}

enum MHD_Result handle_cost(struct request *rq)
{
	struct query q;
	size_t by = 0;

	if (!query_begin(&q, rq, PARAMS_FILTER | PARAMS_BY | PARAMS_ALL))
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

	if (!query_begin(&q, rq, PARAMS_FILTER | PARAMS_ALL))
		return query_refused(&q);
	while (groups[by].group != GROUP_MODEL)
		by++;
	return query_end(&q, put_cost(&q, by));
}
