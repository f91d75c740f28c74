/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sums over model calls: from the calls, as runs are counted and a filter may ask for what no sum
 * knows, but where sums do (cost_sums.h). What is not known stays so: a sum of nothing is NULL.
 */
#include <errno.h>
#include <stdio.h>

#include "base/util.h"
#include "store/figures/cost_sums.h"
#include "store/schema.h"

static const char *const keys[] = {
	[GROUP_AGENT] = "coalesce(s.agent, '')",
	[GROUP_MODEL] = "coalesce(s.response_model, s.request_model, '')",
	[GROUP_PROVIDER] = "coalesce(s.provider, '')",
	[GROUP_DAY] = "strftime('%Y-%m-%d', s.start_ns / 1000000000, 'unixepoch', 'localtime')",
	[GROUP_PROJECT] = "coalesce(s.project, '')",
	[GROUP_USER] = "coalesce(s.user, '')",
	[GROUP_HOST] = "coalesce(s.host, '')",
	[GROUP_WORKFLOW] = "coalesce(s.workflow, '')",
	[GROUP_SESSION] = "lower(hex(s.session))",
	[GROUP_HOUR] =
		"strftime('%Y-%m-%dT%H:00', s.start_ns / 1000000000, 'unixepoch', 'localtime')",
	[GROUP_TOTAL] = "''",
};

static const struct column columns[] = {
	{ "", COL_TEXT, offsetof(struct store_cost_row, key) },
	{ "", COL_COUNT, offsetof(struct store_cost_row, runs) },
	{ "", COL_COUNT, offsetof(struct store_cost_row, calls) },
	{ "", COL_COUNT, offsetof(struct store_cost_row, cost_pico_usd) },
	{ "", COL_COUNT, offsetof(struct store_cost_row, equivalent_pico_usd) },
	{ "", COL_COUNT, offsetof(struct store_cost_row, estimated_pico_usd) },
	{ "", COL_COUNT, offsetof(struct store_cost_row, unpriced_calls) },
	{ "", COL_COUNT, offsetof(struct store_cost_row, usage_unknown_calls) },
	{ "", COL_COUNT, offsetof(struct store_cost_row, mismatched_calls) },
#define COUNT(member, attribute, name) \
	{ "", COL_COUNT, offsetof(struct store_cost_row, usage.member) },
	LLM_USAGE_COUNTS(COUNT)
#undef COUNT
		{ "", COL_INT, offsetof(struct store_cost_row, usage.estimated) },
};

/* A call that still runs lacks its usage and price because of that: it is not counted as such. */
static const char sums[] =
	" AS key, count(DISTINCT s.run), sum(" SCHEMA_ONCE "),"
	" coalesce(sum(s.cost_pico_usd) FILTER (WHERE NOT s.cost_equivalent), 0),"
	" coalesce(sum(s.cost_pico_usd) FILTER (WHERE s.cost_equivalent), 0),"
	" coalesce(sum(s.cost_pico_usd) FILTER (WHERE s.cost_source = 3"
	" AND NOT s.cost_equivalent), 0),"
	" sum(s.final AND " SCHEMA_UNPRICED "),"
	" sum(s.final AND " SCHEMA_UNKNOWN "),"
	" coalesce(sum(" SCHEMA_MISMATCHED "), 0),"
#define SUM(member, attribute, name) " sum(s." #member "),"
	LLM_USAGE_COUNTS(SUM)
#undef SUM
		" max(s.estimated)"
		" FROM spans AS s";

/* @w: what the statement's parameters are bound to. */
static int cost_of_calls(struct store_reader *r, const struct store_filter *f, enum store_group by,
			 struct where *w, sqlite3_stmt **ret)
{
	char head[2048], tail[96];

	snprintf(head, sizeof(head), "SELECT %s%s", keys[by], sums);
	snprintf(tail, sizeof(tail), "GROUP BY key ORDER BY %s%s",
		 by == GROUP_DAY || by == GROUP_HOUR ? "key DESC" : "4 DESC, 5 DESC, 3 DESC, key",
		 f->limit ? " LIMIT ?" : "");
	where_plain(w, " AND s.step = 2");
	where_spans(w, f);
	if (f->limit)
		where_int(w, "", (int64_t)f->limit);
	return where_prepare(r, w, head, tail, ret);
}

static int give(struct store_reader *r, sqlite3_stmt *s, store_cost_fn fn, void *ctx)
{
	int rc;

	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct store_cost_row row = { .usage = llm_usage_unknown };

		row_read(s, 0, columns, ARRAY_SIZE(columns), &row);
		rc = fn(ctx, &row);
		if (rc < 0)
			return rc;
	}
	return rc == SQLITE_DONE ? 0 : reader_errno(r, rc);
}

int store_cost(struct store_reader *r, const struct store_filter *f, enum store_group by,
	       store_cost_fn fn, void *ctx)
{
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	_cleanup_(where_done) struct where w = { 0 };
	int rc;

	if ((size_t)by >= ARRAY_SIZE(keys))
		return -EINVAL;
	limit_begin(r, r->limit_ms);
	rc = cost_of_sums(r, f, by, &s);
	if (rc == -EAGAIN)
		rc = cost_of_calls(r, f, by, &w, &s);
	if (rc == 0)
		rc = give(r, s, fn, ctx);
	limit_end(r);
	return rc;
}
