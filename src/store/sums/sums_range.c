/* SPDX-License-Identifier: BSD-2-Clause */
/* When a list can be made of sums, and which of them. */
#include "base/util.h"
#include "store/reader.h"
#include "store/sums/sums_sql.h"

struct sums_range sums_range(const struct store_filter *f, int64_t period_ns)
{
	struct sums_range r = { .since_ns = (int64_t)f->since_ns, .until_ns = INT64_MAX };

	if (f->since_ns > INT64_MAX - SUMS_DAY_NS)
		r.since_ns = INT64_MAX - SUMS_DAY_NS;
	if (f->until_ns && f->until_ns < INT64_MAX)
		r.until_ns = (int64_t)f->until_ns;
	r.from = r.since_ns / period_ns + (r.since_ns % period_ns != 0);
	r.to = r.until_ns / period_ns;
	r.from_ns = r.from * period_ns;
	r.to_ns = r.to * period_ns;
	return r;
}

int sums_range_bind(sqlite3_stmt *s, const struct sums_range *range)
{
	const int64_t values[] = {
		[SUMS_SINCE] = range->since_ns, [SUMS_FROM_NS] = range->from_ns,
		[SUMS_TO_NS] = range->to_ns,	[SUMS_UNTIL] = range->until_ns,
		[SUMS_FROM] = range->from,	[SUMS_TO] = range->to,
	};
	int rc = SQLITE_OK;

	for (int i = SUMS_SINCE; i < SUMS_NEXT && rc == SQLITE_OK; i++)
		rc = sqlite3_bind_int64(s, i, values[i]);
	return rc;
}

bool sums_know(const struct store_filter *f, bool own_tool, bool own_agent)
{
	const struct slice *const others[] = { &f->model,   &f->provider,  &f->status,
					       &f->trigger, &f->project,   &f->workflow,
					       &f->user,    &f->container, &f->namespace,
					       &f->pod,	    &f->text };

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (others[i]->n)
			return false;
	return !f->n_terms && (own_tool || !f->tool.n) && (own_agent || !f->agent.n) && !f->step &&
	       !f->errors_only && id128_is_zero(&f->run) && id128_is_zero(&f->session);
}

bool sums_pay(struct store_reader *r, const struct store_filter *f, const char *sql)
{
	const struct sums_range days = sums_range(f, SUMS_DAY_NS);
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;

	/* Sums are of everybody's steps; who sees only some has some to add up. */
	if (r->limited || days.from >= days.to ||
	    sqlite3_prepare_v2(r->db, sql, -1, &s, NULL) != SQLITE_OK ||
	    sqlite3_bind_int64(s, 1, days.from) != SQLITE_OK ||
	    sqlite3_bind_int64(s, 2, days.to) != SQLITE_OK)
		return false;
	return sqlite3_step(s) == SQLITE_ROW && sqlite3_column_int64(s, 0) > r->sums_above;
}
