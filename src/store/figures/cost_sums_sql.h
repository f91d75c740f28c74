/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cost_sums.c's SQL. Its parameters: ?1 to ?2 and ?3 to ?4 are the edges of a time, ?5 to ?6 its
 * periods, ?7 how many rows at most; ?8 and ?9 say whether calls of an edge are added (1) or taken
 * out (-1); calls that go on are those from ?10 to ?11. Behind them are the keys that a filter asks
 * for.
 */
#pragma once

#include "store/sums/sums_sql.h"

/* clang-format off */
#define KNOWN_SUM(member, attribute, name) \
	", CASE WHEN sum(" #member "_known) > 0 THEN sum(" #member ") END"

static const char cost_head[] =
	"SELECT key, sum(runs), sum(calls) AS calls, sum(cost_pico_usd) AS cost,"
	" sum(equivalent_pico_usd) AS equivalent, sum(estimated_pico_usd), sum(unpriced_calls),"
	" sum(usage_unknown_calls), sum(mismatched_calls)" LLM_USAGE_COUNTS(
		KNOWN_SUM) ", CASE WHEN sum(estimated_3) THEN 3 WHEN sum(estimated_2) THEN 2"
			   " ELSE sum(estimated_1) > 0 END FROM (";

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
static const char cost_periods[] =
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
static const char cost_calls[] =
	ADDED("?8", OF_EDGE("?8", "?1", "?2")) " UNION ALL " ADDED("?9", OF_EDGE("?9", "?3", "?4"))
	" UNION ALL " ADDED("1", OPEN);

/*
 * A run of such calls counts where no period has it for the key. It does not count where periods
 * have no other calls of it than those that are taken out, and there are none beside them.
 */
static const char cost_runs[] =
	"SELECT key, sum((was > cut OR beside) - (was > 0)), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0"
	LLM_USAGE_COUNTS(SUMS_ZERO)
	" FROM (SELECT key, sum(cut) AS cut, max(NOT cut) AS beside, coalesce((SELECT sum(p.n) FROM"
	" present AS p WHERE p.run = e.run AND p.dimension = %d AND p.period >= ?5 AND p.period < ?6"
	" AND (%s)%s), 0) AS was FROM ("
	"SELECT %s AS key, s.run, ?8 < 0 AS cut" OF_EDGE("?8", "?1", "?2")
	" UNION ALL SELECT %s, s.run, ?9 < 0" OF_EDGE("?9", "?3", "?4")
	" UNION ALL SELECT %s, s.run, 0" OPEN
	") AS e GROUP BY key, run) GROUP BY 1";

/*
 * Of many keys the first ones are found by what they are ordered by alone, as the rest of their
 * figures is much more to add up. Formats: of the key of a call, and of conditions.
 */
#define FIRST_OF(sign, from) \
	" UNION ALL SELECT %s, " sign ", " sign " * " SCHEMA_ONCE ", " sign \
	" * iif(s.cost_equivalent, 0, s.cost_pico_usd), " sign \
	" * iif(s.cost_equivalent, s.cost_pico_usd, 0)" from
static const char cost_first[] =
	"WITH first AS MATERIALIZED (SELECT key FROM (SELECT key, steps, calls, cost_pico_usd AS"
	" cost, equivalent_pico_usd AS equivalent FROM cost_sums WHERE dimension = %d AND period >="
	" ?5 AND period < ?6%s"
	FIRST_OF("?8", OF_EDGE("?8", "?1", "?2")) FIRST_OF("?9", OF_EDGE("?9", "?3", "?4"))
	FIRST_OF("1", OPEN) ") GROUP BY key HAVING sum(steps) > 0 ORDER BY"
	" coalesce(sum(cost), 0) DESC, coalesce(sum(equivalent), 0) DESC, sum(calls) DESC, key"
	" LIMIT ?7) ";
/* clang-format on */
