/* SPDX-License-Identifier: BSD-2-Clause */
/* Tools: how often they are called, how that ends, how long it takes, and what is only offered. */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "store/percentile.h"
#include "store/reader.h"

static const struct column columns[] = {
	{ "", COL_TEXT, offsetof(struct store_tool_row, tool) },
	{ "", COL_TEXT, offsetof(struct store_tool_row, agent) },
	{ "", COL_COUNT, offsetof(struct store_tool_row, calls) },
	{ "", COL_COUNT, offsetof(struct store_tool_row, runs) },
	{ "", COL_COUNT, offsetof(struct store_tool_row, errors) },
	{ "", COL_COUNT, offsetof(struct store_tool_row, repeats) },
};

static const char head[] =
	"SELECT s.tool_name AS tool, s.agent, count(*), count(DISTINCT s.run),"
	" sum(s.status = 2), count(s.args_blob) - count(DISTINCT hex(s.run) || hex(s.args_blob))"
	" FILTER (WHERE s.args_blob IS NOT NULL),"
	" percentiles(max(s.end_ns - s.start_ns, 0)) FROM spans AS s";

static void read_times(sqlite3_stmt *s, int at, struct store_tool_row *row)
{
	int64_t ns[PERCENTILES] = { LLM_UNKNOWN, LLM_UNKNOWN, LLM_UNKNOWN };

	if (sqlite3_column_bytes(s, at) == sizeof(ns))
		memcpy(ns, sqlite3_column_blob(s, at), sizeof(ns));
	row->p50_ns = ns[0];
	row->p95_ns = ns[1];
	row->p99_ns = ns[2];
}

int store_tools(struct store_reader *r, const struct store_filter *f, store_tool_fn fn, void *ctx)
{
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	_cleanup_(where_done) struct where w = { 0 };
	char tail[96];
	int rc = percentiles_define(r->db);

	if (rc != SQLITE_OK)
		return reader_errno(r, rc);
	where_plain(&w, " AND s.step = 3 AND s.tool_name IS NOT NULL");
	where_spans(&w, f);
	rc = where_prepare(r, &w, head,
			   where_tail("GROUP BY tool, s.agent ORDER BY 3 DESC, tool, s.agent",
				      f->limit, tail, sizeof(tail)),
			   &s);
	if (rc < 0)
		return rc;
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct store_tool_row row;

		row_read(s, 0, columns, ARRAY_SIZE(columns), &row);
		read_times(s, ARRAY_SIZE(columns), &row);
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
		rc = viewer_grant(r, &offer.tools);
		if (rc == 0)
			rc = fn(ctx, &offer);
		if (rc < 0)
			return rc;
	}
	return rc == SQLITE_DONE ? 0 : reader_errno(r, rc);
}
