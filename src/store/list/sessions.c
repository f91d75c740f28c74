/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sessions: sums over the runs of a thread. There is no table of them: the page is found by the
 * runs that were the last to be heard of, and then only its runs are added up.
 */
#include <errno.h>
#include <stdio.h>

#include "base/util.h"
#include "store/list/sessions.h"

static const struct column columns[] = {
	{ "", COL_ID128, offsetof(struct store_session_row, session_id) },
	{ "", COL_TEXT, offsetof(struct store_session_row, agent) },
	{ "", COL_TEXT, offsetof(struct store_session_row, task) },
	{ "", COL_ID128, offsetof(struct store_session_row, session_id) }, /* again: g.* */
	{ "", COL_COUNT, offsetof(struct store_session_row, runs) },
	{ "", COL_COUNT, offsetof(struct store_session_row, tasks) },
	{ "", COL_COUNT, offsetof(struct store_session_row, running) },
	{ "", COL_COUNT, offsetof(struct store_session_row, llm_calls) },
	{ "", COL_COUNT, offsetof(struct store_session_row, tool_calls) },
	{ "", COL_COUNT, offsetof(struct store_session_row, errors) },
	{ "", COL_COUNT, offsetof(struct store_session_row, cost_pico_usd) },
	{ "", COL_COUNT, offsetof(struct store_session_row, equivalent_pico_usd) },
	{ "", COL_COUNT, offsetof(struct store_session_row, unpriced_calls) },
	{ "", COL_TIME, offsetof(struct store_session_row, first_ns) },
	{ "", COL_TIME, offsetof(struct store_session_row, last_ns) },
#define COUNT(member, attribute, name) \
	{ "", COL_COUNT, offsetof(struct store_session_row, usage.member) },
	LLM_USAGE_COUNTS(COUNT)
#undef COUNT
		{ "", COL_INT, offsetof(struct store_session_row, usage.estimated) },
};

#define FIRST(column)                                                        \
	"(SELECT " column " FROM runs WHERE session = g.session AND " column \
	" IS NOT NULL ORDER BY start_ns, id LIMIT 1)"

/* The page first, then what takes a look at each session's runs. */
static const char head[] = "SELECT g.session, " FIRST("agent") ", " FIRST(
	"task") ", g.* FROM (SELECT r.session, "
		" count(*), count(DISTINCT r.task), sum(r.status IN (1, 7)), sum(r.llm_calls),"
		" sum(r.tool_calls), sum(r.errors),"
		" coalesce(sum(r.cost_pico_usd), 0), coalesce(sum(r.equivalent_pico_usd), 0),"
		" coalesce(sum(r.unpriced_calls), 0), min(r.start_ns),"
		" max(" SESSION_LAST ") AS last"
#define SUM(member, attribute, name) ", sum(r." #member ")"
	LLM_USAGE_COUNTS(SUM)
#undef SUM
		", coalesce(max(r.estimated), 0) FROM runs AS r";

#define LATEST_FIRST "ORDER BY last DESC, session"

int sessions_give(struct store_reader *r, const struct store_filter *f, struct slice found,
		  size_t limit, store_session_fn fn, void *ctx)
{
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	_cleanup_(where_done) struct where w = { 0 };
	char from[sizeof(head) + 32], inner[128], tail[192];
	/* A limited reader's runs are a view, which has no index. */
	const bool by_session = found.n && !r->limited;
	int rc;

	where_plain(&w, " AND r.session IS NOT NULL");
	where_runs(&w, f);
	if (found.n)
		where_plain(&w, found.p);
	snprintf(from, sizeof(from), "%s%s", head, by_session ? " INDEXED BY runs_session" : "");
	snprintf(tail, sizeof(tail), "%s) AS g " LATEST_FIRST,
		 where_tail("GROUP BY r.session " LATEST_FIRST, limit, inner, sizeof(inner)));
	rc = where_prepare(r, &w, from, tail, &s);
	if (rc < 0)
		return rc;
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct store_session_row row = { .usage = llm_usage_unknown };

		row_read(s, 0, columns, ARRAY_SIZE(columns), &row);
		rc = fn(ctx, &row);
		if (rc < 0)
			return rc;
	}
	return rc == SQLITE_DONE ? 0 : reader_errno(r, rc);
}

int store_sessions(struct store_reader *r, const struct store_filter *f, store_session_fn fn,
		   void *ctx)
{
	_cleanup_(buf_done) struct buf found = { 0 };
	int rc;

	limit_begin(r, r->limit_ms);
	rc = f->limit ? sessions_latest(r, f, f->limit, false, NULL, &found) : 1;
	if (rc > 0)
		rc = sessions_give(r, f, buf_slice(&found), f->limit, fn, ctx);
	limit_end(r);
	return rc;
}
