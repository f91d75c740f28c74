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
#include "store/figures/cost_sums_sql.h"
#include "store/figures/local_time.h"

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
	char *with = sqlite3_mprintf(cost_first, how->dimension, c->sum, k, c->call, k, c->call, k,
				     c->call);

	c->sum = sqlite3_mprintf(AMONG_FIRST, c->sum, "key");
	c->call = sqlite3_mprintf(AMONG_FIRST, c->call, k);
	return with;
}

static char *rows_of(const struct reading *how, const struct conditions *c)
{
	const char *k = how->of_span;
	char *of_periods = sqlite3_mprintf(cost_periods, how->of_sum, how->dimension, c->sum,
					   how->of_sum, how->dimension, how->counts, c->sum);
	char *of_calls = sqlite3_mprintf(cost_calls, k, c->call, k, c->call, k, c->call);
	char *of_runs = sqlite3_mprintf(cost_runs, how->dimension, how->counted, c->present, k,
					c->call, k, c->call, k, c->call);
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
					   with, cost_head, rows, order)
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
