/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sums over runs, as SQL: of a half hour, and of an agent's day (UTC), by the runs' status. A run
 * changes as long as it lasts, so triggers keep them: they take out what it was and add what it is.
 */
#pragma once

#include "sonde/usage.h"
#include "store/sums/sums_sql.h"

#define RUN_SUMS_HALF_HOURS 0
#define RUN_SUMS_AGENTS	    1

/* clang-format off */
#define RUN_SUMS_DIMENSIONS \
	"(VALUES (0, " SUMS_STR(SUMS_HALF_HOUR_NS) "), (1, " SUMS_STR(SUMS_DAY_NS) "))"

#define RUN_SUMS_TABLE \
	"CREATE TABLE run_sums (" \
	" dimension INTEGER NOT NULL, period INTEGER NOT NULL, key TEXT NOT NULL," \
	" status INTEGER NOT NULL, runs INTEGER NOT NULL, llm_calls INTEGER NOT NULL," \
	" tool_calls INTEGER NOT NULL, errors INTEGER NOT NULL, cost_pico_usd INTEGER NOT NULL," \
	" equivalent_pico_usd INTEGER NOT NULL, unpriced_calls INTEGER NOT NULL," \
	" estimated_1 INTEGER NOT NULL, estimated_2 INTEGER NOT NULL," \
	" estimated_3 INTEGER NOT NULL, times BLOB" LLM_USAGE_COUNTS(SUMS_COLUMN) \
	", PRIMARY KEY (dimension, key, period, status)) STRICT, WITHOUT ROWID;"

#define RUN_SUMS_TOLD(member, attribute, name) \
	", coalesce(sum(v * r." #member "), 0), sum(v * (r." #member " IS NOT NULL))"
/* Adds (sign 1) or takes out (-1) the runs that @where chooses. */
#define RUN_SUMS(sign, where) \
	"INSERT INTO run_sums SELECT d.column1, r.start_ns / d.column2," \
	" iif(d.column1, coalesce(r.agent, ''), ''), r.status, sum(v)," \
	" coalesce(sum(v * r.llm_calls), 0), coalesce(sum(v * r.tool_calls), 0)," \
	" coalesce(sum(v * r.errors), 0), coalesce(sum(v * r.cost_pico_usd), 0)," \
	" coalesce(sum(v * r.equivalent_pico_usd), 0), coalesce(sum(v * r.unpriced_calls), 0)," \
	" coalesce(sum(v * (r.estimated = 1)), 0), coalesce(sum(v * (r.estimated = 2)), 0)," \
	" coalesce(sum(v * (r.estimated = 3)), 0)," \
	" times(max(r.end_ns - r.start_ns, 0), v)" LLM_USAGE_COUNTS(RUN_SUMS_TOLD) \
	" FROM (SELECT " sign " AS v) CROSS JOIN runs AS r CROSS JOIN " RUN_SUMS_DIMENSIONS \
	" AS d WHERE " where " GROUP BY 1, 2, 3, 4 ON CONFLICT DO UPDATE SET" \
	SUMS_ADD("runs") "," SUMS_ADD("llm_calls") "," SUMS_ADD("tool_calls") "," \
	SUMS_ADD("errors") "," SUMS_ADD("cost_pico_usd") "," SUMS_ADD("equivalent_pico_usd") "," \
	SUMS_ADD("unpriced_calls") "," SUMS_ADD("estimated_1") "," SUMS_ADD("estimated_2") "," \
	SUMS_ADD("estimated_3") ", times = times_sum(times, excluded.times)" \
	LLM_USAGE_COUNTS(SUMS_UPDATE) ";"

#define RUN_SUMS_TRIGGERS \
	"CREATE TRIGGER run_sums_insert AFTER INSERT ON runs BEGIN " \
	RUN_SUMS("1", "r.n = new.n") " END;" \
	"CREATE TRIGGER run_sums_before BEFORE UPDATE ON runs BEGIN " \
	RUN_SUMS("-1", "r.n = old.n") " END;" \
	"CREATE TRIGGER run_sums_after AFTER UPDATE ON runs BEGIN " \
	RUN_SUMS("1", "r.n = new.n") " END;" \
	"CREATE TRIGGER run_sums_delete BEFORE DELETE ON runs BEGIN " \
	RUN_SUMS("-1", "r.n = old.n") " END;" \
	"CREATE TRIGGER run_sums_none AFTER UPDATE OF runs ON run_sums WHEN new.runs = 0 BEGIN" \
	" DELETE FROM run_sums WHERE dimension = new.dimension AND key = new.key" \
	" AND period = new.period AND status = new.status; END;"
/* clang-format on */
