/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Metrics from sums of half hours (buckets of local time are made of these, nearly everywhere) and
 * of models' days. What lies in no whole period, and steps that go on, are read one by one.
 */
#include <errno.h>

#include "base/util.h"
#include "store/figures/work.h"
#include "store/sums/run_sums_sql.h"

/* What a row of the sums says. */
struct sum {
	int64_t period, calls, tools, errors, media;
	struct slice key;
	struct llm_usage usage;
};

#define OF(member, type)                               \
	{                                              \
		"", type, offsetof(struct sum, member) \
	}
#define OF_USAGE(member, attribute, name) OF(usage.member, COL_COUNT),
#define KNOWN_SUM(member, attribute, name) \
	", CASE WHEN sum(" #member "_known) > 0 THEN sum(" #member ") END"
#define ESTIMATED                                                                                 \
	", CASE WHEN sum(estimated_3) THEN 3 WHEN sum(estimated_2) THEN 2 ELSE sum(estimated_1) " \
	"> 0 END"

static const struct column call_columns[] = {
	OF(period, COL_COUNT),
	OF(key, COL_TEXT),
	OF(calls, COL_COUNT),
	LLM_USAGE_COUNTS(OF_USAGE) OF(usage.estimated, COL_INT),
};
static const struct column work_columns[] = {
	OF(period, COL_COUNT), OF(key, COL_TEXT),    OF(tools, COL_COUNT),
	OF(errors, COL_COUNT), OF(media, COL_COUNT),
};

#define KNOWN(member, attribute, name) ", CASE WHEN " #member "_known > 0 THEN " #member " END"
#define OF_PERIODS		       " AND period >= ?5 AND period < ?6"

/* A half hour is one row. */
static const char half_hours_calls[] = "SELECT period, key, calls" LLM_USAGE_COUNTS(
	KNOWN) ", CASE WHEN estimated_3 THEN 3 WHEN estimated_2 THEN 2 ELSE estimated_1 > 0"
	       " END FROM cost_sums WHERE dimension = " SUMS_STR(
		       SUMS_HALF_HOURS) " AND key = ''" OF_PERIODS;
static const char half_hours_work[] =
	"SELECT period, key, tool_calls, errors, media_calls, call_times, first_times"
	" FROM work_sums WHERE dimension = " SUMS_STR(
		SUMS_WORK_HALF_HOURS) " AND key = ''" OF_PERIODS;
static const char models_calls[] = "SELECT period, key, sum(calls)" LLM_USAGE_COUNTS(KNOWN_SUM)
	ESTIMATED " FROM cost_sums WHERE dimension = " SUMS_STR(SUMS_MODELS) OF_PERIODS
	" GROUP BY key HAVING sum(steps) > 0";
static const char models_work[] =
	"SELECT period, key, sum(tool_calls), sum(errors), sum(media_calls) FROM work_sums"
	" WHERE dimension = " SUMS_STR(SUMS_WORK_MODELS) OF_PERIODS
	" GROUP BY key HAVING sum(steps) > 0";
static const char runs_sql[] = "SELECT period, status, runs, times FROM run_sums WHERE dimension = "
			       "0 AND key = ''" OF_PERIODS;
_Static_assert(SUMS_MODELS == GROUP_MODEL && SUMS_HALF_HOURS == GROUP_DAY, "as SQL has them");

struct reading {
	struct work *w;
	struct sums_range range;
	sqlite3_stmt *s;
	struct sum sum;
};

static int each(struct reading *rd, const char *sql, int (*take)(struct reading *rd))
{
	int rc = sqlite3_prepare_v2(rd->w->r->db, sql, -1, &rd->s, NULL);

	if (rc == SQLITE_OK)
		rc = sums_range_bind(rd->s, &rd->range);
	while (rc == SQLITE_OK && (rc = sqlite3_step(rd->s)) == SQLITE_ROW)
		rc = take(rd);
	if (rc > 0)
		rc = rc == SQLITE_DONE ? 0 : reader_errno(rd->w->r, rc);
	sqlite3_finalize(rd->s);
	rd->s = NULL;
	return rc;
}

static int64_t period_ns(const struct reading *rd)
{
	return sqlite3_column_int64(rd->s, 0) * SUMS_HALF_HOUR_NS;
}

static void add_blob(struct times *t, sqlite3_stmt *s, int at)
{
	times_add_blob(t, sqlite3_column_blob(s, at), (size_t)sqlite3_column_bytes(s, at));
}

static int take_runs(struct reading *rd)
{
	struct tallies *all = &rd->w->tallies;
	struct tally *const both[] = { &all->total, tally_of(all, period_ns(rd)) };
	const int status = sqlite3_column_int(rd->s, 1);
	const int64_t n = sqlite3_column_int64(rd->s, 2);

	for (size_t i = 0; i < ARRAY_SIZE(both) && n; i++)
		if (both[i]) {
			both[i]->row.runs += n;
			if (status >= RUN_RUNNING && status <= RUN_PAUSED)
				both[i]->row.status[status] += n;
		}
	if (n)
		add_blob(&tally_times(all, both[1])->runs, rd->s, 3);
	return 0;
}

static int64_t known(int64_t v)
{
	return v > 0 ? v : 0;
}

static int take_calls(struct reading *rd)
{
	struct tallies *all = &rd->w->tallies;
	const int64_t ns = period_ns(rd);
	struct tally *const both[] = { &all->total, tally_of(all, ns) };
	struct store_media *media = &rd->w->ret->media;

	row_read(rd->s, 0, call_columns, ARRAY_SIZE(call_columns), &rd->sum);
	for (size_t i = 0; i < ARRAY_SIZE(both); i++)
		if (both[i]) {
			both[i]->row.llm_calls += rd->sum.calls;
			tally_usage(&both[i]->row.usage, &rd->sum.usage);
		}
	media->input_audio += known(rd->sum.usage.input_audio);
	media->output_audio += known(rd->sum.usage.output_audio);
	media->audio_ms += known(rd->sum.usage.audio_ms);
	work_heat(rd->w, ns, rd->sum.calls);
	return 0;
}

static int take_work(struct reading *rd)
{
	struct tallies *all = &rd->w->tallies;
	struct tally *const both[] = { &all->total, tally_of(all, period_ns(rd)) };
	struct tally *times = tally_times(all, both[1]);

	row_read(rd->s, 0, work_columns, ARRAY_SIZE(work_columns), &rd->sum);
	for (size_t i = 0; i < ARRAY_SIZE(both); i++)
		if (both[i]) {
			both[i]->row.tool_calls += rd->sum.tools;
			both[i]->row.errors += rd->sum.errors;
		}
	add_blob(&times->calls, rd->s, ARRAY_SIZE(work_columns));
	add_blob(&times->first, rd->s, ARRAY_SIZE(work_columns) + 1);
	rd->w->ret->media.sessions += rd->sum.media;
	return 0;
}

static int take_share(struct reading *rd)
{
	struct store_model_share *share;

	row_read(rd->s, 0, call_columns, ARRAY_SIZE(call_columns), &rd->sum);
	share = work_share(rd->w, rd->sum.key);
	if (!share)
		return -ENOMEM;
	share->llm_calls += rd->sum.calls;
	tally_usage(&share->usage, &rd->sum.usage);
	return 0;
}

static int take_errors(struct reading *rd)
{
	struct store_model_share *share;

	row_read(rd->s, 0, work_columns, ARRAY_SIZE(work_columns), &rd->sum);
	share = work_share(rd->w, rd->sum.key);
	if (!share)
		return -ENOMEM;
	share->errors += rd->sum.errors;
	return 0;
}

/* What lies before and behind whole periods, and what goes on in them. */
static int beside(struct work *w, const struct sums_range *range, unsigned to)
{
	struct store_filter before = *w->f, behind = *w->f, within = *w->f;
	int rc = 0;

	before.until_ns = (uint64_t)range->from_ns;
	behind.since_ns = (uint64_t)range->to_ns;
	within.since_ns = (uint64_t)range->from_ns;
	within.until_ns = (uint64_t)range->to_ns;
	if (range->from_ns > range->since_ns)
		rc = work_steps(w, &before, to, false);
	if (rc == 0 && range->from_ns > range->since_ns && to & WORK_BUCKETS)
		rc = work_runs(w, &before);
	if (rc == 0 && range->to_ns < range->until_ns && w->f->until_ns)
		rc = work_steps(w, &behind, to, false);
	if (rc == 0 && range->to_ns < range->until_ns && w->f->until_ns && to & WORK_BUCKETS)
		rc = work_runs(w, &behind);
	return rc ? rc : work_steps(w, &within, to, true);
}

static int of_half_hours(struct work *w)
{
	struct reading rd = { .w = w, .range = sums_range(w->f, SUMS_HALF_HOUR_NS) };
	int rc = beside(w, &rd.range, WORK_BUCKETS);

	if (rc == 0)
		rc = each(&rd, runs_sql, take_runs);
	if (rc == 0)
		rc = each(&rd, half_hours_calls, take_calls);
	if (rc == 0)
		rc = each(&rd, half_hours_work, take_work);
	return rc;
}

static int of_models(struct work *w)
{
	struct reading rd = { .w = w, .range = sums_range(w->f, SUMS_DAY_NS) };
	int rc = beside(w, &rd.range, WORK_SHARES);

	if (rc == 0)
		rc = each(&rd, models_calls, take_share);
	if (rc == 0)
		rc = each(&rd, models_work, take_errors);
	return rc;
}

int work_from_sums(struct work *w)
{
	int rc;

	if (!local_is_of_half_hours() || !sums_know(w->f, false, false) ||
	    !sums_pay(w->r, w->f,
		      "SELECT sum(steps) FROM cost_sums WHERE dimension = 7 AND period >= ?1"
		      " AND period < ?2"))
		return -EAGAIN;
	rc = of_half_hours(w);
	return rc ? rc : of_models(w);
}
