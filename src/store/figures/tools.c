/* SPDX-License-Identifier: BSD-2-Clause */
/* Tools: how often they are called, how that ends, how long it takes, and what is only offered. */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "store/figures/percentile.h"
#include "store/figures/tools_sums.h"
#include "store/reader.h"
#include "store/sums/sums_sql.h"

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

/* @w: what the statement's parameters are bound to. */
static int of_calls(struct store_reader *r, const struct store_filter *f, struct where *w,
		    sqlite3_stmt **ret)
{
	char tail[96];
	const int rc = percentiles_define(r->db);

	if (rc != SQLITE_OK)
		return reader_errno(r, rc);
	where_plain(w, " AND s.step = 3 AND s.tool_name IS NOT NULL");
	where_spans(w, f);
	return where_prepare(r, w, head,
			     where_tail("GROUP BY tool, s.agent ORDER BY 3 DESC, tool, s.agent",
					f->limit, tail, sizeof(tail)),
			     ret);
}

/* --- from sums (sums_sql.h): of whole days, and of the calls beside them or not over yet --- */

#define CALLS "step = 3 AND tool_name IS NOT NULL AND start_ns >= "
/* Columns that are not named are not read. */
#define EDGE "SELECT run, agent, tool_name, status, args_blob, start_ns, end_ns FROM spans"
#define EDGES                                                                  \
	"(" EDGE " WHERE " CALLS "?1 AND start_ns < ?2"                        \
	" UNION ALL " EDGE " WHERE " CALLS "?3 AND start_ns < ?4"              \
	" UNION ALL " EDGE " INDEXED BY spans_open WHERE final = 0 AND " CALLS \
	"?2 AND start_ns < ?3)"
#define WANTED(tool, agent) " AND (?7 IS NULL OR " tool " = ?7) AND (?8 IS NULL OR " agent " = ?8)"

static const char of_days[] =
	"SELECT tool, nullif(agent, ''), sum(calls), sum(runs), sum(errors), max(sum(repeats), 0),"
	" times_percentiles(times(times, 1)) FROM ("
	"SELECT tool, agent, calls, 0 AS runs, errors, repeats, times FROM tool_sums"
	" WHERE period >= ?5 AND period < ?6" WANTED(
		"tool",
		"agent") " UNION ALL SELECT key, key2, 0, sum(n), 0, 0, NULL FROM seen WHERE "
			 "dimension = 6"
			 " AND period >= ?5 AND period < ?6 AND before < ?5" WANTED(
				 "key", "key2") " GROUP BY 1, 2 UNION ALL SELECT s.tool_name, "
						"coalesce(s.agent, ''), count(*),"
						" count(DISTINCT s.run) FILTER (WHERE NOT EXISTS "
						"(SELECT 1 FROM present AS p"
						" WHERE p.run = s.run AND p.dimension = 6 AND "
						"p.key = s.tool_name"
						" AND p.key2 = coalesce(s.agent, '') AND p.period "
						">= ?5 AND p.period < ?6)),"
						" sum(s.status = 2), count(s.args_blob) - "
						"count(DISTINCT hex(s.run) || hex(s.args_blob))"
						" FILTER (WHERE s.args_blob IS NOT NULL), "
						"times(max(s.end_ns - s.start_ns, 0), 1)"
						" FROM " EDGES " AS s WHERE true" WANTED(
							"s.tool_name",
							"s.agent") " GROUP BY 1, 2) GROUP BY tool, "
								   "agent HAVING sum(calls) > 0"
								   " ORDER BY 3 DESC, tool, agent "
								   "LIMIT ?9";

static int bind_word(sqlite3_stmt *s, int at, struct slice word)
{
	return word.n ? sqlite3_bind_text64(s, at, word.p, word.n, SQLITE_STATIC, SQLITE_UTF8)
		      : sqlite3_bind_null(s, at);
}

bool tools_sums_know(struct store_reader *r, const struct store_filter *f)
{
	return sums_know(f, true, true) &&
	       sums_pay(r, f,
			"SELECT sum(calls) FROM (SELECT calls FROM tool_sums WHERE period >= ?1"
			" AND period < ?2 LIMIT 10000)");
}

static int of_sums(struct store_reader *r, const struct store_filter *f, sqlite3_stmt **ret)
{
	const struct sums_range days = sums_range(f, SUMS_DAY_NS);
	int rc;

	if (!tools_sums_know(r, f))
		return -EAGAIN;
	rc = sqlite3_prepare_v2(r->db, of_days, -1, ret, NULL);
	if (rc == SQLITE_OK)
		rc = sums_range_bind(*ret, &days);
	if (rc == SQLITE_OK)
		rc = bind_word(*ret, SUMS_NEXT, f->tool);
	if (rc == SQLITE_OK)
		rc = bind_word(*ret, SUMS_NEXT + 1, f->agent);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(*ret, SUMS_NEXT + 2, f->limit ? (int64_t)f->limit : -1);
	return rc == SQLITE_OK ? 0 : reader_errno(r, rc);
}

static int give(struct store_reader *r, sqlite3_stmt *s, store_tool_fn fn, void *ctx)
{
	int rc;

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

int store_tools(struct store_reader *r, const struct store_filter *f, store_tool_fn fn, void *ctx)
{
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	_cleanup_(where_done) struct where w = { 0 };
	int rc;

	limit_begin(r, r->limit_ms);
	rc = of_sums(r, f, &s);
	if (rc == -EAGAIN)
		rc = of_calls(r, f, &w, &s);
	if (rc == 0)
		rc = give(r, s, fn, ctx);
	limit_end(r);
	return rc;
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
	_cleanup_(where_done) struct where w = { .any_tool = true };
	int rc;

	of_calls.tool = (struct slice){ 0 }; /* a model call is none of a tool */
	where_plain(&w, " AND s.step = 2 AND s.tools_blob IS NOT NULL");
	where_spans(&w, &of_calls);
	rc = where_prepare(r, &w, "SELECT s.agent, s.tools_blob, count(*) FROM spans AS s",
			   "GROUP BY s.agent, s.tools_blob ORDER BY 3 DESC, 1, 2", &s);
	if (rc < 0)
		return rc;
	limit_begin(r, r->limit_ms);
	while (rc == 0 && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct store_offer offer;

		row_read(s, 0, offer_columns, ARRAY_SIZE(offer_columns), &offer);
		rc = viewer_grant(r, &offer.tools);
		if (rc == 0)
			rc = fn(ctx, &offer);
		rc = rc < 0 ? rc : 0;
	}
	limit_end(r);
	return rc == SQLITE_DONE ? 0 : rc < 0 ? rc : reader_errno(r, rc);
}
