/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/figures/reach.h"

#include "base/util.h"
#include "store/figures/cost_sums.h"
#include "store/figures/tools_sums.h"

/* Whatever else the filter asks for: no index has it, so all in that time are looked at. */
static int reach(struct store_reader *r, const struct store_filter *f, enum step_kind kind,
		 uint64_t *ret)
{
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	_cleanup_(where_done) struct where w = { 0 };
	const struct store_filter time = { .since_ns = f->since_ns,
					   .until_ns = f->until_ns,
					   .step = kind,
					   .tool = kind == STEP_TOOL ? f->tool
								     : (struct slice){ 0 } };
	int rc;

	*ret = f->since_ns;
	if (!id128_is_zero(&f->run) || !id128_is_zero(&f->session))
		return 0;
	where_spans(&w, &time);
	where_int(&w, " ORDER BY s.start_ns DESC LIMIT 1 OFFSET ?", r->reach_max);
	rc = where_prepare(r, &w, "SELECT s.start_ns FROM spans AS s", "", &s);
	if (rc < 0)
		return rc;
	limit_begin(r, r->limit_ms);
	rc = sqlite3_step(s);
	limit_end(r);
	if (rc == SQLITE_ROW)
		*ret = (uint64_t)sqlite3_column_int64(s, 0) + 1;
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : reader_errno(r, rc);
}

int store_cost_reach(struct store_reader *r, const struct store_filter *f, enum store_group by,
		     uint64_t *ret)
{
	*ret = f->since_ns;
	if (cost_sums_know(r, f, by) && cost_sums_know(r, f, GROUP_TOTAL))
		return 0;
	return reach(r, f, STEP_LLM, ret);
}

int store_tools_reach(struct store_reader *r, const struct store_filter *f, uint64_t *ret)
{
	*ret = f->since_ns;
	return tools_sums_know(r, f) ? 0 : reach(r, f, STEP_TOOL, ret);
}

int store_offers_reach(struct store_reader *r, const struct store_filter *f, uint64_t *ret)
{
	return reach(r, f, STEP_LLM, ret);
}
