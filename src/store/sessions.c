/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sessions: sums over the runs of a thread. There is no table of them: the page is found by the
 * runs that were the last to be heard of, and then only its runs are added up.
 */
#include <errno.h>
#include <stdio.h>

#include "base/id_set.h"

#include "base/util.h"
#include "store/reader.h"

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
	{ "", COL_COUNT, offsetof(struct store_session_row, input) },
	{ "", COL_COUNT, offsetof(struct store_session_row, output) },
	{ "", COL_COUNT, offsetof(struct store_session_row, cost_pico_usd) },
	{ "", COL_COUNT, offsetof(struct store_session_row, equivalent_pico_usd) },
	{ "", COL_COUNT, offsetof(struct store_session_row, unpriced_calls) },
	{ "", COL_TIME, offsetof(struct store_session_row, first_ns) },
	{ "", COL_TIME, offsetof(struct store_session_row, last_ns) },
};

#define FIRST(column)                                                        \
	"(SELECT " column " FROM runs WHERE session = g.session AND " column \
	" IS NOT NULL ORDER BY start_ns, id LIMIT 1)"

/* The page first, then what takes a look at each session's runs. */
static const char head[] = "SELECT g.session, " FIRST("agent") ", " FIRST(
	"task") ", g.* FROM (SELECT r.session, "
		" count(*), count(DISTINCT r.task), sum(r.status IN (1, 7)), sum(r.llm_calls),"
		" sum(r.tool_calls), sum(r.errors), sum(r.input), sum(r.output),"
		" coalesce(sum(r.cost_pico_usd), 0), coalesce(sum(r.equivalent_pico_usd), 0),"
		" coalesce(sum(r.unpriced_calls), 0), min(r.start_ns),"
		" max(max(r.start_ns, coalesce(r.end_ns, 0))) AS last FROM runs AS r";

#define LAST	     "max(r.start_ns, coalesce(r.end_ns, 0))"
#define LATEST_FIRST "ORDER BY last DESC, session"

/*
 * Those that the filter lets through, by their latest runs: as SQL, " AND r.session IN (x'..',
 * ...)". More than the page has where several end at once: the order among these is by id.
 */
static int find_page(struct store_reader *r, const struct store_filter *f, struct buf *ret)
{
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	_cleanup_(where_done) struct where w = { 0 };
	_cleanup_(id_set_done) struct id_set seen = { 0 };
	size_t n = 0;
	int64_t last = 0;
	int rc;

	where_plain(&w, " AND r.session IS NOT NULL");
	where_runs(&w, f);
	rc = where_prepare(r, &w, "SELECT r.session, " LAST " FROM runs AS r",
			   "ORDER BY " LAST " DESC", &s);
	if (rc == 0)
		rc = buf_add(ret, SLICE(" AND r.session IN ("), SIZE_MAX);
	while (rc == 0 && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		char hex[ID128_HEX_SIZE], item[ID128_HEX_SIZE + 8];
		struct id128 id;

		rc = 0;
		if (n >= f->limit && sqlite3_column_int64(s, 1) < last)
			break;
		if (sqlite3_column_bytes(s, 0) != sizeof(id.b))
			continue;
		memcpy(id.b, sqlite3_column_blob(s, 0), sizeof(id.b));
		if (id_set_has(&seen, &id))
			continue;
		rc = id_set_add(&seen, &id);
		id128_hex(&id, hex);
		snprintf(item, sizeof(item), "%sx'%s'", n ? "," : "", hex);
		if (rc == 0)
			rc = buf_add(ret, slice_of(item), SIZE_MAX);
		last = sqlite3_column_int64(s, 1);
		n++;
	}
	if (rc != 0 && rc != SQLITE_DONE)
		return rc < 0 ? rc : reader_errno(r, rc);
	return buf_add(ret, (struct slice){ ")", 2 }, SIZE_MAX);
}

int store_sessions(struct store_reader *r, const struct store_filter *f, store_session_fn fn,
		   void *ctx)
{
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	_cleanup_(where_done) struct where w = { 0 };
	_cleanup_(buf_done) struct buf page = { 0 };
	char inner[128], tail[192];
	int rc = f->limit ? find_page(r, f, &page) : 0;

	if (rc < 0)
		return rc;
	where_plain(&w, " AND r.session IS NOT NULL");
	where_runs(&w, f);
	if (page.n)
		where_plain(&w, page.p);
	snprintf(tail, sizeof(tail), "%s) AS g " LATEST_FIRST,
		 where_tail("GROUP BY r.session " LATEST_FIRST, f->limit, inner, sizeof(inner)));
	rc = where_prepare(r, &w, head, tail, &s);
	if (rc < 0)
		return rc;
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct store_session_row row;

		row_read(s, 0, columns, ARRAY_SIZE(columns), &row);
		rc = fn(ctx, &row);
		if (rc < 0)
			return rc;
	}
	return rc == SQLITE_DONE ? 0 : reader_errno(r, rc);
}
