/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sums over model calls from those of whole periods (sums_sql.h). What lies in no whole period, and
 * calls that go on, are read one by one; so the figures are the same as those of all calls. What a
 * filter asks of one thing may narrow it, as far as the sums by that thing have what is asked for.
 */
#include "store/figures/cost_sums.h"

#include <errno.h>
#include <time.h>

#include "base/util.h"
#include "store/figures/cost_key.h"
#include "store/figures/local_time.h"
#include "store/sums/sums_sql.h"

/* Parameters behind those of every range. */
enum { LIMIT = SUMS_NEXT, SIGN_1, SIGN_2, OPEN_FROM, OPEN_TO, KEY_FIRST };
#define LOCAL_HOUR(seconds) "strftime('%Y-%m-%dT%H:00', " seconds ", 'unixepoch', 'localtime')"
#define LOCAL_DAY(seconds)  "strftime('%Y-%m-%d', " seconds ", 'unixepoch', 'localtime')"
#define BY_KEY(dimension, key)                                                     \
	{                                                                          \
		dimension, SUMS_DAY_NS, key, "key", "before < ?5", "p.key = e.key" \
	}

/* How a dimension is read. */
struct reading {
	int dimension;
	int64_t period_ns;
	const char *of_span, *of_sum; /* the key */
	const char *counts;	      /* of `seen`: a run that was not counted for the key yet */
	const char *counted;	      /* of `present`: the run was, for e.key */
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
			 LOCAL_HOUR("p.period * 1800") " = e.key" },
	[GROUP_DAY] = { GROUP_DAY, SUMS_HALF_HOUR_NS, LOCAL_DAY("s.start_ns / 1000000000"),
			LOCAL_DAY("period * 1800"),
			"before < ?5 OR " LOCAL_DAY("before * 1800") " <> " LOCAL_DAY(
				"period * 1800"),
			LOCAL_DAY("p.period * 1800") " = e.key" },
};

/* The same where days begin as they do in Greenwich. */
static const struct reading whole_days = {
	SUMS_DAYS,
	SUMS_DAY_NS,
	LOCAL_DAY("s.start_ns / 1000000000"),
	LOCAL_DAY("period * 86400"),
	"true",
	LOCAL_DAY("p.period * 86400") " = e.key",
};

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

/* Formats: of what is read, and of conditions on the key. */
static const char periods[] =
	"SELECT %s AS key, 0 AS runs, " FIGURES LLM_USAGE_COUNTS(SUMMED)
	" FROM cost_sums WHERE dimension = %d AND period >= ?5 AND period < ?6%s GROUP BY 1"
	" UNION ALL SELECT %s, sum(n), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0" LLM_USAGE_COUNTS(SUMS_ZERO)
	" FROM seen WHERE dimension = %d AND period >= ?5 AND period < ?6 AND (%s)%s GROUP BY 1";

/* Calls of an edge, and those that go on between the edges. */
#define OF_EDGE(sign, from, to) \
	" FROM spans AS s WHERE s.step = 2 AND s.start_ns >= " from " AND s.start_ns < " to \
	" AND (" sign " > 0 OR s.seq IS NOT NULL)%s"
#define OPEN \
	" FROM spans AS s INDEXED BY spans_open WHERE s.final = 0 AND s.step = 2" \
	" AND s.start_ns >= ?10 AND s.start_ns < ?11%s"
#define ADDED(sign, from) \
	"SELECT key, 0, v * steps, v * calls, v * cost_pico_usd, v * equivalent_pico_usd," \
	" v * estimated_pico_usd, v * unpriced_calls, v * usage_unknown_calls," \
	" v * mismatched_calls, v * estimated_1, v * estimated_2, v * estimated_3" \
	LLM_USAGE_COUNTS(SUMS_TIMES) " FROM (SELECT " sign " AS v), (SELECT %s AS key, " \
	SUMS_OF_CALLS LLM_USAGE_COUNTS(SUMS_NAMED) from " GROUP BY 1)"
static const char calls[] =
	ADDED("?8", OF_EDGE("?8", "?1", "?2")) " UNION ALL " ADDED("?9", OF_EDGE("?9", "?3", "?4"))
	" UNION ALL " ADDED("1", OPEN);

/*
 * A run of such calls counts where no period has it for the key. It does not count where periods
 * have no other calls of it than those that are taken out, and there are none beside them.
 */
static const char runs[] =
	"SELECT key, sum((was > cut OR beside) - (was > 0)), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0"
	LLM_USAGE_COUNTS(SUMS_ZERO)
	" FROM (SELECT key, sum(cut) AS cut, max(NOT cut) AS beside, coalesce((SELECT sum(p.n) FROM"
	" present AS p WHERE p.run = e.run AND p.dimension = %d AND p.period >= ?5 AND p.period < ?6"
	" AND (%s)%s), 0) AS was FROM ("
	"SELECT %s AS key, s.run, ?8 < 0 AS cut" OF_EDGE("?8", "?1", "?2")
	" UNION ALL SELECT %s, s.run, ?9 < 0" OF_EDGE("?9", "?3", "?4")
	" UNION ALL SELECT %s, s.run, 0" OPEN
	") AS e GROUP BY key, run) GROUP BY 1";
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

static bool days_are_of_greenwich(void)
{
	const time_t january = 1767225600, july = 1782864000, now = time(NULL);

	return is_greenwich(january) && is_greenwich(july) && is_greenwich(now);
}

/* False where its days and hours are made of other pieces than there are. */
static bool reading_of(enum store_group by, const struct cost_key *key,
		       const struct sums_range *days, struct reading *ret)
{
	const bool day = by == GROUP_DAY && days_are_of_greenwich();

	if (by == GROUP_TOTAL && !key->name && days->to_ns - days->from_ns < FEW_WEEKS_NS)
		*ret = total_of_half_hours;
	else
		*ret = day ? whole_days : readings[by];
	if (!key->name)
		return day || (by != GROUP_DAY && by != GROUP_HOUR) || local_is_of_half_hours();
	/* Of one key all that is asked for is among the sums of its dimension. */
	if (key->one && (day || by == GROUP_TOTAL))
		ret->dimension = readings[key->of].dimension;
	else if (by != key->of)
		return false;
	return true;
}

/*
 * Of many keys the first ones are found by what they are ordered by alone, as the rest of their
 * figures is much more to add up. Formats: of the key of a call, and of conditions.
 */
#define FIRST_OF(sign, from)                                                \
	" UNION ALL SELECT %s, " sign ", " sign " * " SCHEMA_ONCE ", " sign \
	" * iif(s.cost_equivalent, 0, s.cost_pico_usd), " sign              \
	" * iif(s.cost_equivalent, s.cost_pico_usd, 0)" from
static const char first[] =
	"WITH first AS MATERIALIZED (SELECT key FROM (SELECT key, steps, calls, cost_pico_usd AS"
	" cost, equivalent_pico_usd AS equivalent FROM cost_sums WHERE dimension = %d AND period >="
	" ?5 AND period < ?6%s" FIRST_OF("?8", OF_EDGE("?8", "?1", "?2"))
		FIRST_OF("?9", OF_EDGE("?9", "?3", "?4")) FIRST_OF(
			"1",
			OPEN) ") GROUP BY key HAVING sum(steps) > 0 ORDER BY coalesce(sum(cost), "
			      "0) DESC,"
			      " coalesce(sum(equivalent), 0) DESC, sum(calls) DESC, key LIMIT ?7) ";
#define AMONG_FIRST "%z AND %s IN (SELECT key FROM first)"

/* What conditions on the key are, in each of the places. */
struct conditions {
	char *sum, *call, *present;
};

/* The query's begin, where it is for the first of many; the conditions ask for these from then on.
 */
static char *only_first(const struct reading *how, struct conditions *c)
{
	const char *k = how->of_span;
	char *with =
		sqlite3_mprintf(first, how->dimension, c->sum, k, c->call, k, c->call, k, c->call);

	c->sum = sqlite3_mprintf(AMONG_FIRST, c->sum, "key");
	c->call = sqlite3_mprintf(AMONG_FIRST, c->call, k);
	return with;
}

static char *rows_of(const struct reading *how, const struct conditions *c)
{
	const char *k = how->of_span;
	char *of_periods = sqlite3_mprintf(periods, how->of_sum, how->dimension, c->sum,
					   how->of_sum, how->dimension, how->counts, c->sum);
	char *of_calls = sqlite3_mprintf(calls, k, c->call, k, c->call, k, c->call);
	char *of_runs = sqlite3_mprintf(runs, how->dimension, how->counted, c->present, k, c->call,
					k, c->call, k, c->call);
	char *all = of_periods && of_calls && of_runs
			    ? sqlite3_mprintf("%s UNION ALL %s UNION ALL %s", of_periods, of_calls,
					      of_runs)
			    : NULL;

	sqlite3_free(of_periods);
	sqlite3_free(of_calls);
	sqlite3_free(of_runs);
	return all;
}

static int prepare(struct store_reader *r, const struct reading *how, const struct cost_key *key,
		   enum store_group by, bool of_first, sqlite3_stmt **ret)
{
	const char *order = by == GROUP_DAY || by == GROUP_HOUR
				    ? "key DESC"
				    : "cost DESC, equivalent DESC, calls DESC, key";
	struct conditions c = {
		cost_key_sql(key, "key", KEY_FIRST),
		cost_key_sql(key, key->name ? readings[key->of].of_span : "", KEY_FIRST),
		cost_key_sql(key, "p.key", KEY_FIRST),
	};
	const bool whole = c.sum && c.call && c.present;
	char *with = whole && of_first ? only_first(how, &c) : sqlite3_mprintf("");
	char *rows = whole && with && c.sum && c.call ? rows_of(how, &c) : NULL;
	char *sql = rows ? sqlite3_mprintf("%s%s%s) GROUP BY key HAVING sum(steps) > 0 ORDER BY %s"
					   " LIMIT ?7",
					   with, head, rows, order)
			 : NULL;
	const int rc = sql ? sqlite3_prepare_v2(r->db, sql, -1, ret, NULL) : SQLITE_NOMEM;

	sqlite3_free(c.sum);
	sqlite3_free(c.call);
	sqlite3_free(c.present);
	sqlite3_free(with);
	sqlite3_free(rows);
	sqlite3_free(sql);
	return rc;
}

/*
 * What lies beside whole periods: calls from @from to @to are added (sign 1), or taken out of a
 * period that is taken whole (-1), whichever are fewer to be read.
 */
struct edge {
	int64_t from, to;
	int sign;
};

static struct edge front_of(struct sums_range *r, int64_t period_ns)
{
	const int64_t begin = r->since_ns / period_ns * period_ns;

	if (r->since_ns - begin >= period_ns / 2 || r->since_ns == begin)
		return (struct edge){ r->since_ns, r->from_ns, 1 };
	r->from--;
	r->from_ns = begin;
	return (struct edge){ begin, r->since_ns, -1 };
}

static struct edge back_of(struct sums_range *r, int64_t period_ns)
{
	if (r->until_ns - r->to_ns <= period_ns / 2 || r->until_ns > INT64_MAX - period_ns)
		return (struct edge){ r->to_ns, r->until_ns, 1 };
	r->to++;
	r->to_ns += period_ns;
	return (struct edge){ r->until_ns, r->to_ns, -1 };
}

static int bind_edges(sqlite3_stmt *s, struct sums_range range, int64_t period_ns)
{
	const struct edge front = front_of(&range, period_ns), back = back_of(&range, period_ns);
	const int64_t open_from = front.sign > 0 ? front.to : range.since_ns;
	const int64_t open_to = back.sign > 0 ? back.from : range.until_ns;
	int rc;

	range.since_ns = front.from;
	range.from_ns = front.to;
	range.to_ns = back.from;
	range.until_ns = back.to;
	rc = sums_range_bind(s, &range);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int(s, SIGN_1, front.sign);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int(s, SIGN_2, back.sign);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(s, OPEN_FROM, open_from);
	return rc == SQLITE_OK ? sqlite3_bind_int64(s, OPEN_TO, open_to) : rc;
}

static bool know(struct store_reader *r, const struct store_filter *f, enum store_group by,
		 struct cost_key *key, struct reading *how)
{
	const struct sums_range range = sums_range(f, SUMS_DAY_NS);

	return cost_key_of(f, key) && reading_of(by, key, &range, how) &&
	       sums_pay(r, f,
			"SELECT sum(steps) FROM cost_sums WHERE dimension = 7 AND period >= ?1"
			" AND period < ?2");
}

bool cost_sums_know(struct store_reader *r, const struct store_filter *f, enum store_group by)
{
	struct reading how;
	struct cost_key key;

	return know(r, f, by, &key, &how);
}

int cost_of_sums(struct store_reader *r, const struct store_filter *f, enum store_group by,
		 sqlite3_stmt **ret)
{
	struct reading how;
	struct cost_key key;
	int rc;

	if (!know(r, f, by, &key, &how))
		return -EAGAIN;
	rc = prepare(r, &how, &key, by, by == GROUP_SESSION && f->limit, ret);
	if (rc == SQLITE_OK)
		rc = bind_edges(*ret, sums_range(f, how.period_ns), how.period_ns);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(*ret, LIMIT, f->limit ? (int64_t)f->limit : -1);
	if (rc == SQLITE_OK)
		rc = cost_key_bind(&key, *ret, KEY_FIRST);
	return rc == SQLITE_OK ? 0 : reader_errno(r, rc);
}
