/* SPDX-License-Identifier: BSD-2-Clause */
/* Tools: how often they are called, how that ends, how long it takes, and what is only offered. */
#include <errno.h>

#include "base/util.h"
#include "store/reader.h"

static const struct column columns[] = {
	{ "", COL_TEXT, offsetof(struct store_tool_row, tool) },
	{ "", COL_TEXT, offsetof(struct store_tool_row, agent) },
	{ "", COL_COUNT, offsetof(struct store_tool_row, calls) },
	{ "", COL_COUNT, offsetof(struct store_tool_row, runs) },
	{ "", COL_COUNT, offsetof(struct store_tool_row, errors) },
	{ "", COL_COUNT, offsetof(struct store_tool_row, repeats) },
	{ "", COL_COUNT, offsetof(struct store_tool_row, p50_ns) },
	{ "", COL_COUNT, offsetof(struct store_tool_row, p95_ns) },
	{ "", COL_COUNT, offsetof(struct store_tool_row, p99_ns) },
};

/* A percentile is the smallest duration that so many of a hundred calls do not exceed. */
#define PERCENTILE(p) "min(ns) FILTER (WHERE place * 100 >= ended * " p ") AS p" p

static const char head[] =
	"WITH calls AS MATERIALIZED (SELECT s.tool_name AS tool, coalesce(s.agent, '') AS agent,"
	" s.run, s.status, s.args_blob, max(s.end_ns - s.start_ns, 0) AS ns FROM spans AS s";

static const char tail[] =
	"), placed AS (SELECT tool, agent, ns,"
	" row_number() OVER (PARTITION BY tool, agent ORDER BY ns) AS place,"
	" count(*) OVER (PARTITION BY tool, agent) AS ended FROM calls WHERE ns IS NOT NULL),"
	" times AS (SELECT tool, agent, " PERCENTILE("50") ", " PERCENTILE("95") ", " PERCENTILE(
		"99") " FROM placed GROUP BY tool, agent),"
		      " sums AS (SELECT tool, agent, count(*) AS n, count(DISTINCT run) AS runs,"
		      " sum(status = 2) AS errors, count(args_blob) -"
		      " count(DISTINCT hex(run) || hex(args_blob)) AS repeats"
		      " FROM calls GROUP BY tool, agent)"
		      " SELECT tool, nullif(agent, ''), n, runs, errors, repeats, p50, p95, p99"
		      " FROM sums LEFT JOIN times USING (tool, agent) ORDER BY n DESC, tool, agent";

int store_tools(struct store_reader *r, const struct store_filter *f, store_tool_fn fn, void *ctx)
{
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	_cleanup_(where_done) struct where w = { 0 };
	char limited[sizeof(tail) + 32];
	int rc;

	where_plain(&w, " AND s.step = 3 AND s.tool_name IS NOT NULL");
	where_spans(&w, f);
	rc = where_prepare(r, &w, head, where_tail(tail, f->limit, limited, sizeof(limited)), &s);
	if (rc < 0)
		return rc;
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct store_tool_row row;

		row_read(s, 0, columns, ARRAY_SIZE(columns), &row);
		rc = fn(ctx, &row);
		if (rc < 0)
			return rc;
	}
	return rc == SQLITE_DONE ? 0 : reader_errno(r, rc);
}

static const struct column offer_columns[] = {
	{ "", COL_TEXT, offsetof(struct store_offer, agent) },
	{ "", COL_ID128, offsetof(struct store_offer, tools) },
	{ "", COL_COUNT, offsetof(struct store_offer, calls) },
};

int store_offers(struct store_reader *r, const struct store_filter *f, store_offer_fn fn, void *ctx)
{
	struct store_filter of_calls = *f;
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	_cleanup_(where_done) struct where w = { 0 };
	int rc;

	of_calls.tool = (struct slice){ 0 }; /* a model call is none of a tool */
	where_plain(&w, " AND s.step = 2 AND s.tools_blob IS NOT NULL");
	where_spans(&w, &of_calls);
	rc = where_prepare(r, &w, "SELECT s.agent, s.tools_blob, count(*) FROM spans AS s",
			   "GROUP BY s.agent, s.tools_blob ORDER BY 3 DESC, 1, 2", &s);
	if (rc < 0)
		return rc;
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct store_offer offer;

		row_read(s, 0, offer_columns, ARRAY_SIZE(offer_columns), &offer);
		rc = fn(ctx, &offer);
		if (rc < 0)
			return rc;
	}
	return rc == SQLITE_DONE ? 0 : reader_errno(r, rc);
}
