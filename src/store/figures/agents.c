/* SPDX-License-Identifier: BSD-2-Clause */
/* Agents: what their runs come to. */
#include <errno.h>
#include <stdio.h>

#include "base/util.h"
#include "store/figures/agents.h"
#include "store/figures/percentile.h"
#include "store/list/words.h"

static const struct column columns[] = {
	{ "", COL_TEXT, offsetof(struct store_agent_row, agent) },
	{ "", COL_COUNT, offsetof(struct store_agent_row, runs) },
#define STATUS(i)                                                          \
	{                                                                  \
		"", COL_COUNT, offsetof(struct store_agent_row, status[i]) \
	}
	STATUS(RUN_RUNNING),
	STATUS(RUN_COMPLETED),
	STATUS(RUN_FAILED),
	STATUS(RUN_CANCELLED),
	STATUS(RUN_TIMED_OUT),
	STATUS(RUN_INCOMPLETE),
	STATUS(RUN_PAUSED),
#undef STATUS
	{ "", COL_COUNT, offsetof(struct store_agent_row, llm_calls) },
	{ "", COL_COUNT, offsetof(struct store_agent_row, tool_calls) },
	{ "", COL_COUNT, offsetof(struct store_agent_row, errors) },
	{ "", COL_COUNT, offsetof(struct store_agent_row, cost_pico_usd) },
	{ "", COL_COUNT, offsetof(struct store_agent_row, equivalent_pico_usd) },
	{ "", COL_COUNT, offsetof(struct store_agent_row, unpriced_calls) },
	{ "", COL_TIME, offsetof(struct store_agent_row, last_ns) },
	{ "", COL_TEXT, offsetof(struct store_agent_row, versions) },
	{ "", COL_TEXT, offsetof(struct store_agent_row, models) },
	{ "", COL_TEXT, offsetof(struct store_agent_row, providers) },
#define COUNT(member, attribute, name) \
	{ "", COL_COUNT, offsetof(struct store_agent_row, usage.member) },
	LLM_USAGE_COUNTS(COUNT)
#undef COUNT
		{ "", COL_INT, offsetof(struct store_agent_row, usage.estimated) },
};

#define SUM(member, attribute, name) ", sum(r." #member ")"
static const char head[] =
	"SELECT coalesce(r.agent, '') AS key, count(*), sum(r.status = 1), sum(r.status = 2),"
	" sum(r.status = 3), sum(r.status = 4), sum(r.status = 5), sum(r.status = 6),"
	" sum(r.status = 7), coalesce(sum(r.llm_calls), 0), coalesce(sum(r.tool_calls), 0),"
	" coalesce(sum(r.errors), 0), coalesce(sum(r.cost_pico_usd), 0),"
	" coalesce(sum(r.equivalent_pico_usd), 0), coalesce(sum(r.unpriced_calls), 0),"
	" max(r.start_ns), words(r.agent_version), words(r.models), "
	"words(r.provider)" LLM_USAGE_COUNTS(
		SUM) ", coalesce(max(r.estimated), 0), percentiles(r.end_ns - r.start_ns)"
		     " FROM runs AS r";

static void read_times(sqlite3_stmt *s, int at, struct store_agent_row *row)
{
	int64_t ns[PERCENTILES] = { LLM_UNKNOWN, LLM_UNKNOWN, LLM_UNKNOWN };

	if (sqlite3_column_bytes(s, at) == sizeof(ns))
		memcpy(ns, sqlite3_column_blob(s, at), sizeof(ns));
	row->p50_ns = ns[0];
	row->p95_ns = ns[1];
}

static int of_runs(struct store_reader *r, const struct store_filter *f, struct where *w,
		   sqlite3_stmt **ret)
{
	char tail[96];
	const int rc = percentiles_define(r->db);

	if (rc != SQLITE_OK)
		return reader_errno(r, rc);
	where_look(r, w, f);
	where_runs(w, f);
	return where_prepare(
		r, w, head,
		where_tail("GROUP BY key ORDER BY 2 DESC, key", f->limit, tail, sizeof(tail)), ret);
}

static int give(struct store_reader *r, sqlite3_stmt *s, sqlite3_stmt *more, store_agent_fn fn,
		void *ctx)
{
	int rc;

	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct store_agent_row row = { .usage = llm_usage_unknown };

		row_read(s, 0, columns, ARRAY_SIZE(columns), &row);
		read_times(s, ARRAY_SIZE(columns), &row);
		rc = more ? agents_read_newest(r, more, &row) : 0;
		if (rc == 0)
			rc = fn(ctx, &row);
		sqlite3_reset(more);
		if (rc < 0)
			return rc;
	}
	return rc == SQLITE_DONE ? 0 : reader_errno(r, rc);
}

int store_agents(struct store_reader *r, const struct store_filter *f, store_agent_fn fn, void *ctx)
{
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL, *more = NULL;
	_cleanup_(where_done) struct where w = { 0 };
	int rc = words_define(r->db);

	if (rc != SQLITE_OK)
		return reader_errno(r, rc);
	limit_begin(r, r->limit_ms);
	rc = agents_of_sums(r, f, &s);
	if (rc == 0)
		rc = agents_newest(r, f, &more);
	else if (rc == -EAGAIN)
		rc = of_runs(r, f, &w, &s);
	if (rc == 0)
		rc = give(r, s, more, fn, ctx);
	limit_end(r);
	return rc;
}
