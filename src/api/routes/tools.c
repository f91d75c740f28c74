/* SPDX-License-Identifier: BSD-2-Clause */
/* Tools by agent: how often, how reliable, how slow, and those that were offered and never called.
 */
#include <errno.h>

#include "api/query.h"
#include "api/routes/routes.h"
#include "export/json_put.h"
#include "export/offers.h"

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

static int put_tools(struct tool_list *l, struct store_filter f)
{
	int r = offers_read(l->q->reader, &f, &l->offers);

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
	struct query q;
	int r;

	if (!query_begin(&q, rq, PARAMS_FILTER))
		return query_refused(&q);
	l.q = &q;
	query_put_items(&q);
	r = put_tools(&l, q.params.filter);
	offers_done(&l.offers);
	json_end(&q.w, ']');
	json_end(&q.w, '}');
	return query_end(&q, r);
}
