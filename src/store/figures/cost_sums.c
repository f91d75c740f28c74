/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sums over model calls from those of whole periods (sums_sql.h). What lies in no whole period, and
 * calls that go on, are read one by one; so the figures are the same as those of all calls.
 */
#include "store/figures/cost_sums.h"

#include <errno.h>
#include <time.h>

#include "base/util.h"
#include "store/figures/local_time.h"
#include "store/sums/sums_sql.h"

#define LOCAL_HOUR(seconds) "strftime('%Y-%m-%dT%H:00', " seconds ", 'unixepoch', 'localtime')"
#define LOCAL_DAY(seconds)  "strftime('%Y-%m-%d', " seconds ", 'unixepoch', 'localtime')"
#define BY_KEY(dimension, key)                                                    \
	{                                                                         \
		dimension, SUMS_DAY_NS, key, "key", "before < ?5", "p.key = " key \
	}

/* How a dimension is read. */
struct reading {
	int dimension;
	int64_t period_ns;
	const char *of_span, *of_sum; /* the key */
	const char *counts;	      /* of `seen`: a run that was not counted for the key yet */
	const char *counted;	      /* of `present`: the run was */
};

static const struct reading readings[] = {
	[GROUP_AGENT] = BY_KEY(GROUP_AGENT, "coalesce(s.agent, '')"),
	[GROUP_MODEL] = BY_KEY(GROUP_MODEL, "coalesce(s.response_model, s.request_model, '')"),
	[GROUP_PROVIDER] = BY_KEY(GROUP_PROVIDER, "coalesce(s.provider, '')"),
	[GROUP_PROJECT] = BY_KEY(GROUP_PROJECT, "coalesce(s.project, '')"),
	[GROUP_USER] = BY_KEY(GROUP_USER, "coalesce(s.user, '')"),
	[GROUP_HOST] = BY_KEY(SUMS_HOST, "coalesce(s.host, '')"),
	[GROUP_WORKFLOW] = BY_KEY(SUMS_WORKFLOW, "coalesce(s.workflow, '')"),
	[GROUP_SESSION] = BY_KEY(SUMS_SESSION, "lower(hex(s.session))"),
	[GROUP_TOTAL] = { SUMS_DAYS, SUMS_DAY_NS, "''", "''", "before < ?5", "true" },
	[GROUP_HOUR] = { GROUP_DAY, SUMS_HALF_HOUR_NS, LOCAL_HOUR("s.start_ns / 1000000000"),
			 LOCAL_HOUR("period * 1800"),
			 "before < ?5 OR " LOCAL_HOUR("before * 1800") " <> " LOCAL_HOUR(
				 "period * 1800"),
			 LOCAL_HOUR("p.period * 1800") " = " LOCAL_HOUR(
				 "s.start_ns / 1000000000") },
	[GROUP_DAY] = { GROUP_DAY, SUMS_HALF_HOUR_NS, LOCAL_DAY("s.start_ns / 1000000000"),
			LOCAL_DAY("period * 1800"),
			"before < ?5 OR " LOCAL_DAY("before * 1800") " <> " LOCAL_DAY(
				"period * 1800"),
			LOCAL_DAY("p.period * 1800") " = " LOCAL_DAY("s.start_ns / 1000000000") },
};

/* The same where days begin as they do in Greenwich. */
static const struct reading whole_days = {
	SUMS_DAYS,
	SUMS_DAY_NS,
	LOCAL_DAY("s.start_ns / 1000000000"),
	LOCAL_DAY("period * 86400"),
	"true",
	"p.period = s.start_ns / 86400000000000",
};

/* What readings and sums look at of a call: columns that are not named are not read. */
#define EDGE_COUNT(member, attribute, name) ", " #member
#define EDGE                                                                           \
	"SELECT run, session, start_ns, final, attrs, agent, provider, request_model," \
	" response_model, project, user, host, workflow, cost_source, cost_pico_usd,"  \
	" cost_equivalent, estimated" LLM_USAGE_COUNTS(EDGE_COUNT) " FROM spans"
#define EDGES                                                                                    \
	"(" EDGE " WHERE step = 2 AND start_ns >= ?1 AND start_ns < ?2 UNION ALL " EDGE          \
	" WHERE step = 2 AND start_ns >= ?3 AND start_ns < ?4 UNION ALL " EDGE                   \
	" INDEXED BY spans_open WHERE final = 0 AND step = 2 AND start_ns >= ?2 AND start_ns < " \
	"?3)"

#define KNOWN_SUM(member, attribute, name) \
	", CASE WHEN sum(" #member "_known) > 0 THEN sum(" #member ") END"

static const char head[] =
	"SELECT key, sum(runs), sum(calls) AS calls, sum(cost_pico_usd) AS cost,"
	" sum(equivalent_pico_usd) AS equivalent, sum(estimated_pico_usd), sum(unpriced_calls),"
	" sum(usage_unknown_calls), sum(mismatched_calls)" LLM_USAGE_COUNTS(
		KNOWN_SUM) ", CASE WHEN sum(estimated_3) THEN 3 WHEN sum(estimated_2) THEN 2"
			   " ELSE sum(estimated_1) > 0 END FROM (";

/* clang-format off */
#define FIGURES \
	"sum(steps) AS steps, sum(calls) AS calls, sum(cost_pico_usd) AS cost_pico_usd," \
	" sum(equivalent_pico_usd) AS equivalent_pico_usd," \
	" sum(estimated_pico_usd) AS estimated_pico_usd, sum(unpriced_calls) AS unpriced_calls," \
	" sum(usage_unknown_calls) AS usage_unknown_calls," \
	" sum(mismatched_calls) AS mismatched_calls, sum(estimated_1) AS estimated_1," \
	" sum(estimated_2) AS estimated_2, sum(estimated_3) AS estimated_3"
#define SUMMED(member, attribute, name) \
	", sum(" #member ") AS " #member ", sum(" #member "_known) AS " #member "_known"

/* of_sum, dimension; of_sum, dimension, counts; of_span, dimension, counted */
static const char rows[] =
	"SELECT %s AS key, 0 AS runs, " FIGURES LLM_USAGE_COUNTS(SUMMED)
	" FROM cost_sums WHERE dimension = %d AND period >= ?5 AND period < ?6 GROUP BY 1"
	" UNION ALL SELECT %s, sum(n), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0" LLM_USAGE_COUNTS(SUMS_ZERO)
	" FROM seen WHERE dimension = %d AND period >= ?5 AND period < ?6 AND (%s) GROUP BY 1"
	" UNION ALL SELECT %s, count(DISTINCT s.run) FILTER (WHERE NOT EXISTS (SELECT 1 FROM"
	" present AS p WHERE p.run = s.run AND p.dimension = %d AND p.period >= ?5 AND"
	" p.period < ?6 AND (%s))), " SUMS_OF_CALLS LLM_USAGE_COUNTS(SUMS_NAMED)
	" FROM " EDGES " AS s GROUP BY 1";
/* clang-format on */

/* Of a few weeks: what lies in no whole half hour is little. */
static const struct reading total_of_half_hours = { GROUP_DAY, SUMS_HALF_HOUR_NS, "''",
						    "''",      "before < ?5",	  "true" };
#define FEW_WEEKS_NS (60 * SUMS_DAY_NS)

static bool is_greenwich(time_t t)
{
	struct tm tm;

	return localtime_r(&t, &tm) && tm.tm_gmtoff == 0;
}

/* NULL where its days and hours are made of other pieces than there are. */
static const struct reading *reading_of(enum store_group by, const struct sums_range *days)
{
	const time_t january = 1767225600, july = 1782864000, now = time(NULL);

	if (by == GROUP_TOTAL && days->to_ns - days->from_ns < FEW_WEEKS_NS)
		return &total_of_half_hours;
	if (by != GROUP_DAY && by != GROUP_HOUR)
		return &readings[by];
	if (by == GROUP_DAY && is_greenwich(january) && is_greenwich(july) && is_greenwich(now))
		return &whole_days;
	return local_is_of_half_hours() ? &readings[by] : NULL;
}

static int prepare(struct store_reader *r, const struct reading *how, enum store_group by,
		   sqlite3_stmt **ret)
{
	char *part = sqlite3_mprintf(rows, how->of_sum, how->dimension, how->of_sum, how->dimension,
				     how->counts, how->of_span, how->dimension, how->counted);
	char *sql = part ? sqlite3_mprintf("%s%s) GROUP BY key HAVING sum(steps) > 0 ORDER BY %s"
					   " LIMIT ?7",
					   head, part,
					   by == GROUP_DAY || by == GROUP_HOUR
						   ? "key DESC"
						   : "cost DESC, equivalent DESC, calls"
						     " DESC, key")
			 : NULL;
	const int rc = sql ? sqlite3_prepare_v2(r->db, sql, -1, ret, NULL) : SQLITE_NOMEM;

	sqlite3_free(part);
	sqlite3_free(sql);
	return rc;
}

int cost_of_sums(struct store_reader *r, const struct store_filter *f, enum store_group by,
		 sqlite3_stmt **ret)
{
	struct sums_range range = sums_range(f, SUMS_DAY_NS);
	const struct reading *how = reading_of(by, &range);
	int rc;

	if (!how || !sums_know(f, false, false) ||
	    !sums_pay(r, f,
		      "SELECT sum(steps) FROM cost_sums WHERE dimension = 7 AND period >= ?1"
		      " AND period < ?2"))
		return -EAGAIN;
	range = sums_range(f, how->period_ns);
	rc = prepare(r, how, by, ret);
	if (rc == SQLITE_OK)
		rc = sums_range_bind(*ret, &range);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(*ret, SUMS_NEXT, f->limit ? (int64_t)f->limit : -1);
	return rc == SQLITE_OK ? 0 : reader_errno(r, rc);
}
