/* SPDX-License-Identifier: BSD-2-Clause */
/* Agents by their runs. */
#include "api/query.h"
#include "api/routes/routes.h"
#include "export/json_put.h"

#define AGENTS_SHOWN 1000

static int put_agent(void *ctx, const struct store_agent_row *row)
{
	struct query *q = ctx;
	struct json_writer *w = &q->w;

	json_begin(w, '{');
	json_key(w, "agent");
	json_put_str(w, row->agent);
	put_list(w, "versions", row->versions);
	put_list(w, "models", row->models);
	put_list(w, "providers", row->providers);
	put_number(w, "runs", row->runs);
	put_run_statuses(w, row->status);
	put_number(w, "llm_calls", row->llm_calls);
	put_number(w, "tool_calls", row->tool_calls);
	put_number(w, "errors", row->errors);
	put_usage(w, &row->usage);
	put_spent(w, row->llm_calls, row->unpriced_calls, row->cost_pico_usd,
		  row->equivalent_pico_usd);
	put_number(w, "unpriced_calls", row->unpriced_calls);
	put_count(w, "p50_ns", row->p50_ns);
	put_count(w, "p95_ns", row->p95_ns);
	put_time_or_null(w, "last_time_unix_nano", row->last_ns);
	json_end(w, '}');
	return w->r;
}

enum MHD_Result handle_agents(struct request *rq)
{
	struct query q;
	int r;

	if (!query_begin(&q, rq, PARAMS_FILTER))
		return query_refused(&q);
	q.params.filter.limit = AGENTS_SHOWN;
	query_put_items(&q);
	r = store_agents(q.reader, &q.params.filter, put_agent, &q);
	json_end(&q.w, ']');
	json_end(&q.w, '}');
	return query_end(&q, r);
}
