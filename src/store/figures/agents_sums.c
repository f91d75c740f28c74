/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Agents from sums of their days (run_sums_sql.h). Runs that began beside whole days (UTC) are read
 * one by one; what no sum says is that of the newest runs.
 */
#include <errno.h>

#include "base/util.h"
#include "store/figures/agents.h"
#include "store/sums/run_sums_sql.h"

#define NEWEST 1000 /* runs that words are taken of */

/* clang-format off */
#define KNOWN_SUM(member, attribute, name) \
	", CASE WHEN sum(" #member "_known) > 0 THEN sum(" #member ") END"
#define SUMMED(member, attribute, name) ", " #member ", " #member "_known"
#define TOLD(member, attribute, name) ", coalesce(" #member ", 0), " #member " IS NOT NULL"
#define STATUS(i) " coalesce(sum(runs) FILTER (WHERE status = " #i "), 0),"
#define EDGE(from, to) \
	" UNION ALL SELECT coalesce(agent, ''), status, 1, coalesce(llm_calls, 0)," \
	" coalesce(tool_calls, 0), coalesce(errors, 0), coalesce(cost_pico_usd, 0)," \
	" coalesce(equivalent_pico_usd, 0), coalesce(unpriced_calls, 0)," \
	" coalesce(estimated = 1, 0), coalesce(estimated = 2, 0), coalesce(estimated = 3, 0)," \
	" max(end_ns - start_ns, 0)" LLM_USAGE_COUNTS(TOLD) \
	" FROM runs WHERE start_ns >= " from " AND start_ns < " to

static const char days[] =
	"SELECT key, sum(runs)," STATUS(1) STATUS(2) STATUS(3) STATUS(4) STATUS(5) STATUS(6)
	STATUS(7) " sum(llm_calls), sum(tool_calls), sum(errors), sum(cost_pico_usd),"
	" sum(equivalent_pico_usd), sum(unpriced_calls), 0, NULL, NULL, NULL"
	LLM_USAGE_COUNTS(KNOWN_SUM)
	", CASE WHEN sum(estimated_3) THEN 3 WHEN sum(estimated_2) THEN 2"
	" ELSE sum(estimated_1) > 0 END, times_percentiles(times(times, 1)) FROM ("
	"SELECT key, status, runs, llm_calls, tool_calls, errors, cost_pico_usd,"
	" equivalent_pico_usd, unpriced_calls, estimated_1, estimated_2, estimated_3, times"
	LLM_USAGE_COUNTS(SUMMED)
	" FROM run_sums WHERE dimension = 1 AND period >= ?5 AND period < ?6"
	EDGE("?1", "?2") EDGE("?3", "?4")
	") WHERE ?7 IS NULL OR key = ?7 GROUP BY key HAVING sum(runs) > 0"
	" ORDER BY 2 DESC, key LIMIT ?8";
/* clang-format on */

int agents_of_sums(struct store_reader *r, const struct store_filter *f, sqlite3_stmt **ret)
{
	const struct sums_range range = sums_range(f, SUMS_DAY_NS);
	int rc;

	if (!sums_know(f, false, true) ||
	    !sums_pay(r, f,
		      "SELECT sum(runs) FROM run_sums WHERE dimension = 1 AND period >= ?1"
		      " AND period < ?2"))
		return -EAGAIN;
	rc = sqlite3_prepare_v2(r->db, days, -1, ret, NULL);
	if (rc == SQLITE_OK)
		rc = sums_range_bind(*ret, &range);
	if (rc == SQLITE_OK && f->agent.n)
		rc = sqlite3_bind_text64(*ret, SUMS_NEXT, f->agent.p, f->agent.n, SQLITE_STATIC,
					 SQLITE_UTF8);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(*ret, SUMS_NEXT + 1, f->limit ? (int64_t)f->limit : -1);
	return rc == SQLITE_OK ? 0 : reader_errno(r, rc);
}

/* --- what no sum says --- */

static const char newest[] =
	"SELECT max(start_ns), words(agent_version), words(models), words(provider) FROM (SELECT"
	" start_ns, agent_version, models, provider FROM runs WHERE agent IS ?1 AND start_ns >= ?2"
	" AND start_ns < ?3 ORDER BY start_ns DESC LIMIT " SUMS_STR(NEWEST) ")";

static const struct column columns[] = {
	{ "", COL_TIME, offsetof(struct store_agent_row, last_ns) },
	{ "", COL_TEXT, offsetof(struct store_agent_row, versions) },
	{ "", COL_TEXT, offsetof(struct store_agent_row, models) },
	{ "", COL_TEXT, offsetof(struct store_agent_row, providers) },
};

int agents_newest(struct store_reader *r, const struct store_filter *f, sqlite3_stmt **ret)
{
	const struct sums_range range = sums_range(f, SUMS_DAY_NS);
	int rc = sqlite3_prepare_v2(r->db, newest, -1, ret, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(*ret, 2, range.since_ns);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(*ret, 3, range.until_ns);
	return rc == SQLITE_OK ? 0 : reader_errno(r, rc);
}

int agents_read_newest(struct store_reader *r, sqlite3_stmt *s, struct store_agent_row *row)
{
	int rc = row->agent.n ? sqlite3_bind_text64(s, 1, row->agent.p, row->agent.n, SQLITE_STATIC,
						    SQLITE_UTF8)
			      : sqlite3_bind_null(s, 1);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	if (rc != SQLITE_ROW)
		return reader_errno(r, rc);
	row_read(s, 0, columns, ARRAY_SIZE(columns), row);
	return 0;
}
