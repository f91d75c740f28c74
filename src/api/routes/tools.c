/* SPDX-License-Identifier: BSD-2-Clause */
/* Tools by agent: how often, how reliable, how slow, and those that were offered and never called.
 */
#include <errno.h>

#include "api/query.h"
#include "api/routes/routes.h"
#include "export/json_put.h"
#include "export/offers.h"
#include "store/figures/reach.h"

#define TOOLS_SHOWN 1000

struct tool_list {
	struct query *q;
	struct offers offers;
	size_t n;
};

static int put_tool(struct tool_list *l, const struct store_tool_row *row, int64_t offered)
{
	struct json_writer *w = &l->q->w;

	l->n++;
	json_begin(w, '{');
	json_key(w, "tool");
	json_put_str(w, row->tool);
	put_text(w, "agent", row->agent);
	put_number(w, "calls", row->calls);
	put_number(w, "runs", row->runs);
	put_number(w, "errors", row->errors);
	put_number(w, "repeats", row->repeats);
	put_count(w, "p50_ns", row->p50_ns);
	put_count(w, "p95_ns", row->p95_ns);
	put_count(w, "p99_ns", row->p99_ns);
	if (offered)
		put_number(w, "offered", offered);
	json_end(w, '}');
	return w->r;
}

static int on_called(void *ctx, const struct store_tool_row *row)
{
	struct tool_list *l = ctx;

	return put_tool(l, row, offers_take(&l->offers, row->tool, row->agent));
}

static int on_unused(void *ctx, struct slice tool, struct slice agent, int64_t calls)
{
	const struct store_tool_row none = { .tool = tool,
					     .agent = agent,
					     .p50_ns = LLM_UNKNOWN,
					     .p95_ns = LLM_UNKNOWN,
					     .p99_ns = LLM_UNKNOWN };
	struct tool_list *l = ctx;

	return l->n < TOOLS_SHOWN ? put_tool(l, &none, calls) : -ECANCELED;
}

/* Since when calls are looked at, and since when what they were offered is. */
struct reach {
	uint64_t calls, offers;
};

static int find_reach(struct query *q, const struct store_filter *f, struct reach *ret)
{
	int r;

	*ret = (struct reach){ f->since_ns, f->since_ns };
	if (q->params.all)
		return 0;
	r = store_tools_reach(q->reader, f, &ret->calls);
	return r < 0 ? r : store_offers_reach(q->reader, f, &ret->offers);
}

static void put_reach(struct query *q, const struct reach *reach)
{
	const uint64_t since = q->params.filter.since_ns;

	if (reach->calls > since)
		put_number(&q->w, "partial_since_unix_nano", (int64_t)reach->calls);
	if (reach->offers > since)
		put_number(&q->w, "offered_since_unix_nano", (int64_t)reach->offers);
}

static int put_tools(struct tool_list *l, struct store_filter f, const struct reach *reach)
{
	int r;

	f.since_ns = reach->offers;
	r = offers_read(l->q->reader, &f, &l->offers);
	f.since_ns = reach->calls;
	f.limit = TOOLS_SHOWN;
	if (r == 0)
		r = store_tools(l->q->reader, &f, on_called, l);
	/* Who asks for one tool does not ask what else there would be. */
	if (r >= 0 && f.tool.n == 0)
		r = offers_rest(&l->offers, on_unused, l);
	return r == -ECANCELED ? 0 : r;
}

enum MHD_Result handle_tools(struct request *rq)
{
	struct tool_list l = { 0 };
	struct reach reach;
	struct query q;
	int r;

	if (!query_begin(&q, rq, PARAMS_FILTER | PARAMS_ALL))
		return query_refused(&q);
	l.q = &q;
	r = find_reach(&q, &q.params.filter, &reach);
	query_put_items(&q);
	if (r == 0)
		r = put_tools(&l, q.params.filter, &reach);
	offers_done(&l.offers);
	json_end(&q.w, ']');
	put_reach(&q, &reach);
	json_end(&q.w, '}');
	return query_end(&q, r);
}
