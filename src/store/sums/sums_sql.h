/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sums that lists of costs and tools read, as SQL.
 *
 * A sum belongs to a dimension (enum store_group, and two more), a period of it and a key: what one
 * agent's calls of one day came to. Figures add up. Runs do not, as one may have calls in several
 * periods: so `present` has which run has how many steps in which period, and `seen` counts these
 * by the period before in which the same run was present. Those of a time are then the runs seen in
 * it that were not seen earlier in it.
 */
#pragma once

#include "sonde/usage.h"
#include "store/schema.h"

#define SUMS_DAY_NS 86400000000000
/* Whole local days are made of these, nearly everywhere. */
#define SUMS_HALF_HOUR_NS 1800000000000
/* By number, as SQL is text: GROUP_MODEL, and GROUP_DAY. */
#define SUMS_MODELS	1
#define SUMS_HALF_HOURS 3
/* Dimensions beside the first of enum store_group: tools, GROUP_DAY again by whole days, which is
 * enough where they are local ones, and groups that came later. */
#define SUMS_TOOLS    6
#define SUMS_DAYS     7
#define SUMS_HOST     8
#define SUMS_WORKFLOW 9
#define SUMS_SESSION  10

#define SUMS_STR2(x)  #x
#define SUMS_STR(x)   SUMS_STR2(x)

/* clang-format off */
/* By number of enum store_group: the dimension, and how long its periods are. */
#define SUMS_DIMENSIONS \
	"(VALUES (0, " SUMS_STR(SUMS_DAY_NS) "), (1, " SUMS_STR(SUMS_DAY_NS) ")," \
	" (2, " SUMS_STR(SUMS_DAY_NS) "), (3, " SUMS_STR(SUMS_HALF_HOUR_NS) ")," \
	" (4, " SUMS_STR(SUMS_DAY_NS) "), (5, " SUMS_STR(SUMS_DAY_NS) ")," \
	" (" SUMS_STR(SUMS_DAYS) ", " SUMS_STR(SUMS_DAY_NS) ")," \
	" (" SUMS_STR(SUMS_HOST) ", " SUMS_STR(SUMS_DAY_NS) ")," \
	" (" SUMS_STR(SUMS_WORKFLOW) ", " SUMS_STR(SUMS_DAY_NS) ")," \
	" (" SUMS_STR(SUMS_SESSION) ", " SUMS_STR(SUMS_DAY_NS) "))"
#define SUMS_KEY \
	"CASE d.column1 WHEN 0 THEN coalesce(s.agent, '')" \
	" WHEN 1 THEN coalesce(s.response_model, s.request_model, '')" \
	" WHEN 2 THEN coalesce(s.provider, '') WHEN 4 THEN coalesce(s.project, '')" \
	" WHEN 5 THEN coalesce(s.user, '') WHEN 8 THEN coalesce(s.host, '')" \
	" WHEN 9 THEN coalesce(s.workflow, '') WHEN 10 THEN lower(hex(s.session)) ELSE '' END"

/* The same run's period before that of a row, and what is to be said of the one after it. */
#define SUMS_SAME(row) \
	"run = " row ".run AND dimension = " row ".dimension AND key = " row ".key" \
	" AND key2 = " row ".key2"
#define SUMS_BEFORE(row) \
	"coalesce((SELECT max(period) FROM present WHERE " SUMS_SAME(row) \
	" AND period < " row ".period), -1)"
#define SUMS_SEEN(row, by) \
	"INSERT INTO seen VALUES (" row ".dimension, " row ".period, " SUMS_BEFORE(row) ", " \
	row ".key, " row ".key2, 0 " by ") ON CONFLICT DO UPDATE SET n = n " by ";"
#define SUMS_AFTER(row, by, before) \
	"INSERT INTO seen SELECT dimension, period, " before ", key, key2, 0 " by \
	" FROM present WHERE " SUMS_SAME(row) " AND period = (SELECT min(period) FROM present" \
	" WHERE " SUMS_SAME(row) " AND period > " row ".period)" \
	" ON CONFLICT DO UPDATE SET n = n " by ";"

/*
 * Rows stand in the order in which lists add them up, so that nothing is sorted first. Of a use that
 * nobody told the sum is no 0: how many told it stands beside it.
 */
#define SUMS_COLUMN(member, attribute, name) \
	", " #member " INTEGER NOT NULL, " #member "_known INTEGER NOT NULL"

#define SUMS_TABLES \
	"CREATE TABLE cost_sums (" \
	" dimension INTEGER NOT NULL, period INTEGER NOT NULL, key TEXT NOT NULL," \
	" steps INTEGER NOT NULL, calls INTEGER NOT NULL, cost_pico_usd INTEGER NOT NULL," \
	" equivalent_pico_usd INTEGER NOT NULL, estimated_pico_usd INTEGER NOT NULL," \
	" unpriced_calls INTEGER NOT NULL," \
	" usage_unknown_calls INTEGER NOT NULL, mismatched_calls INTEGER NOT NULL," \
	" estimated_1 INTEGER NOT NULL, estimated_2 INTEGER NOT NULL," \
	" estimated_3 INTEGER NOT NULL" LLM_USAGE_COUNTS(SUMS_COLUMN) \
	", PRIMARY KEY (dimension, key, period)) STRICT, WITHOUT ROWID;" \
	"CREATE TABLE tool_sums (" \
	" period INTEGER NOT NULL, tool TEXT NOT NULL, agent TEXT NOT NULL," \
	" calls INTEGER NOT NULL, errors INTEGER NOT NULL, repeats INTEGER NOT NULL," \
	" times BLOB, PRIMARY KEY (tool, agent, period)) STRICT, WITHOUT ROWID;" \
	"CREATE TABLE work_sums (" \
	" dimension INTEGER NOT NULL, period INTEGER NOT NULL, key TEXT NOT NULL," \
	" steps INTEGER NOT NULL, tool_calls INTEGER NOT NULL, errors INTEGER NOT NULL," \
	" media_calls INTEGER NOT NULL, call_times BLOB, first_times BLOB," \
	" PRIMARY KEY (dimension, key, period)) STRICT, WITHOUT ROWID;" \
	"CREATE TABLE present (" \
	" run BLOB NOT NULL, dimension INTEGER NOT NULL, key TEXT NOT NULL," \
	" key2 TEXT NOT NULL, period INTEGER NOT NULL, n INTEGER NOT NULL," \
	" PRIMARY KEY (run, dimension, key, key2, period)) STRICT, WITHOUT ROWID;" \
	"CREATE TABLE seen (" \
	" dimension INTEGER NOT NULL, period INTEGER NOT NULL, before INTEGER NOT NULL," \
	" key TEXT NOT NULL, key2 TEXT NOT NULL, n INTEGER NOT NULL," \
	" PRIMARY KEY (dimension, key, key2, period, before)) STRICT, WITHOUT ROWID;" \
	"CREATE TRIGGER present_insert AFTER INSERT ON present BEGIN " \
	SUMS_SEEN("new", "+ 1") SUMS_AFTER("new", "- 1", SUMS_BEFORE("new")) \
	SUMS_AFTER("new", "+ 1", "new.period") "END;" \
	"CREATE TRIGGER present_delete AFTER DELETE ON present BEGIN " \
	SUMS_SEEN("old", "- 1") SUMS_AFTER("old", "- 1", "old.period") \
	SUMS_AFTER("old", "+ 1", SUMS_BEFORE("old")) "END;" \
	"CREATE TRIGGER present_none AFTER UPDATE OF n ON present WHEN new.n = 0 BEGIN" \
	" DELETE FROM present WHERE " SUMS_SAME("new") " AND period = new.period; END;" \
	"CREATE TRIGGER seen_none AFTER UPDATE OF n ON seen WHEN new.n = 0 BEGIN" \
	" DELETE FROM seen WHERE dimension = new.dimension AND period = new.period" \
	" AND before = new.before AND key = new.key AND key2 = new.key2; END;"

/* --- what calls come to --- */

#define SUMS_OF_CALLS \
	"count(*) AS steps, sum(" SCHEMA_ONCE ") AS calls," \
	" coalesce(sum(s.cost_pico_usd) FILTER (WHERE NOT s.cost_equivalent), 0)" \
	" AS cost_pico_usd, coalesce(sum(s.cost_pico_usd) FILTER (WHERE s.cost_equivalent), 0)" \
	" AS equivalent_pico_usd, coalesce(sum(s.cost_pico_usd) FILTER (WHERE s.cost_source = 3" \
	" AND NOT s.cost_equivalent), 0) AS estimated_pico_usd," \
	" sum(s.final AND " SCHEMA_UNPRICED ") AS unpriced_calls," \
	" sum(s.final AND " SCHEMA_UNKNOWN \
	") AS usage_unknown_calls, coalesce(sum(" SCHEMA_MISMATCHED "), 0) AS mismatched_calls," \
	" coalesce(sum(s.estimated = 1), 0) AS estimated_1," \
	" coalesce(sum(s.estimated = 2), 0) AS estimated_2," \
	" coalesce(sum(s.estimated = 3), 0) AS estimated_3"
#define SUMS_NAMED(member, attribute, name) \
	", coalesce(sum(s." #member "), 0) AS " #member ", count(s." #member ") AS " #member "_known"
/* The same columns of what has nothing. */
#define SUMS_ZERO(member, attribute, name) \
	", 0, 0"

/*
 * --- adding (sign 1) and taking out (-1) ---
 *
 * @from: "FROM ... spans AS s". The statements read final steps.
 */

#define SUMS_FINAL " WHERE s.seq IS NOT NULL"

#define SUMS_ADD(member) \
	" " member " = " member " + excluded." member
#define SUMS_UPDATE(member, attribute, name) \
	"," SUMS_ADD(#member) "," SUMS_ADD(#member "_known")
#define SUMS_TIMES(member, attribute, name) \
	", v * " #member ", v * " #member "_known"
#define SUMS_COST(sign, from) \
	"INSERT INTO cost_sums SELECT dimension, period, key," \
	" v * steps, v * calls, v * cost_pico_usd, v * equivalent_pico_usd, v * estimated_pico_usd," \
	" v * unpriced_calls," \
	" v * usage_unknown_calls, v * mismatched_calls, v * estimated_1, v * estimated_2," \
	" v * estimated_3" LLM_USAGE_COUNTS(SUMS_TIMES) \
	" FROM (SELECT " sign " AS v), (SELECT d.column1 AS dimension, s.start_ns / d.column2 AS period, " SUMS_KEY \
	" AS key, " SUMS_OF_CALLS LLM_USAGE_COUNTS(SUMS_NAMED) from \
	" CROSS JOIN " SUMS_DIMENSIONS " AS d" SUMS_FINAL " AND s.step = 2 GROUP BY 1, 2, 3)" \
	" WHERE true ON CONFLICT DO UPDATE SET" SUMS_ADD("steps") "," SUMS_ADD("calls") "," \
	SUMS_ADD("cost_pico_usd") "," SUMS_ADD("equivalent_pico_usd") "," \
	SUMS_ADD("estimated_pico_usd") "," \
	SUMS_ADD("unpriced_calls") "," SUMS_ADD("usage_unknown_calls") "," \
	SUMS_ADD("mismatched_calls") "," SUMS_ADD("estimated_1") "," SUMS_ADD("estimated_2") "," \
	SUMS_ADD("estimated_3") LLM_USAGE_COUNTS(SUMS_UPDATE)

/*
 * A call with the arguments of another one that is counted already repeats it. Of those that are
 * added or taken out together, the later row does.
 */
#define SUMS_REPEATS(counted) \
	"EXISTS (SELECT 1 FROM spans AS e WHERE e.tool_name = s.tool_name AND" \
	" e.run = s.run AND e.args_blob = s.args_blob AND e.step = 3 AND e.agent IS" \
	" s.agent AND e.seq IS NOT NULL AND e.n <> s.n AND (" counted "))"
#define SUMS_TOOL(sign, from, counted) \
	"INSERT INTO tool_sums SELECT s.start_ns / " SUMS_STR(SUMS_DAY_NS) ", s.tool_name," \
	" coalesce(s.agent, ''), " sign " * count(*), " sign " * sum(s.status = 2), " sign \
	" * sum(" SUMS_REPEATS(counted) "), times(max(s.end_ns - s.start_ns, 0), " sign ")" \
	from SUMS_FINAL " AND s.step = 3 AND s.tool_name IS NOT NULL" \
	" GROUP BY 1, 2, 3 ON CONFLICT DO UPDATE SET" SUMS_ADD("calls") "," SUMS_ADD("errors") \
	"," SUMS_ADD("repeats") ", times = times_sum(times, excluded.times)"
#define SUMS_PRESENT(sign, from) \
	"INSERT INTO present SELECT s.run, d.column1, " SUMS_KEY ", '', s.start_ns / d.column2," \
	" " sign " * count(*)" from " CROSS JOIN " SUMS_DIMENSIONS " AS d" SUMS_FINAL \
	" AND s.step = 2 GROUP BY 1, 2, 3, 4, 5 ON CONFLICT DO UPDATE SET n = n + excluded.n"
#define SUMS_PRESENT_TOOL(sign, from) \
	"INSERT INTO present SELECT s.run, " SUMS_STR(SUMS_TOOLS) ", s.tool_name," \
	" coalesce(s.agent, ''), s.start_ns / " SUMS_STR(SUMS_DAY_NS) ", " sign " * count(*)" \
	from SUMS_FINAL " AND s.step = 3 AND s.tool_name IS NOT NULL" \
	" GROUP BY 1, 2, 3, 4, 5 ON CONFLICT DO UPDATE SET n = n + excluded.n"

/*
 * What metrics are made of (work_sums.c): all steps of half an hour, and the model calls of a model
 * and day. What is seen twice fails once and takes its time once.
 */
#define SUMS_WORK_HALF_HOURS 0
#define SUMS_WORK_MODELS     1
#define SUMS_SOUND \
	"coalesce(s.input_audio, 0) + coalesce(s.output_audio, 0) + coalesce(s.audio_ms, 0) > 0"
#define SUMS_WORK(sign, from) \
	"INSERT INTO work_sums SELECT d.column1, s.start_ns / d.column2, iif(d.column1," \
	" coalesce(s.response_model, s.request_model, ''), ''), " sign " * count(*)," \
	" " sign " * sum(s.step = 3), " sign " * sum(s.status = 2 AND (s.step = 3 OR " SCHEMA_ONCE "))," \
	" " sign " * sum(s.step = 2 AND " SUMS_SOUND ")," \
	" times(max(s.end_ns - s.start_ns, 0), " sign ") FILTER (WHERE s.step = 2 AND " SCHEMA_ONCE ")," \
	" times(s.first_token_ns, " sign ") FILTER (WHERE s.step = 2 AND " SCHEMA_ONCE ")" \
	from " CROSS JOIN (VALUES (0, " SUMS_STR(SUMS_HALF_HOUR_NS) "), (1, " SUMS_STR(SUMS_DAY_NS) "))" \
	" AS d" SUMS_FINAL " AND (s.step = 2 OR (s.step = 3 AND d.column1 = 0)) GROUP BY 1, 2, 3" \
	" ON CONFLICT DO UPDATE SET" SUMS_ADD("steps") "," SUMS_ADD("tool_calls") "," \
	SUMS_ADD("errors") "," SUMS_ADD("media_calls") "," \
	" call_times = times_sum(call_times, excluded.call_times)," \
	" first_times = times_sum(first_times, excluded.first_times)"

/*
 * All that there is, into empty tables: a day (UTC) at a time, as all at once would be sorted in
 * memory.
 */
#define SUMS_OF_DAY \
	" FROM (SELECT * FROM spans WHERE start_ns >= new.day * " SUMS_STR(SUMS_DAY_NS) \
	" AND start_ns < (new.day + 1) * " SUMS_STR(SUMS_DAY_NS) ") AS s"
#define SUMS_FILL \
	"CREATE TEMP TABLE filling (day INTEGER);" \
	"CREATE TEMP TRIGGER filling_day AFTER INSERT ON filling BEGIN " \
	SUMS_COST("1", SUMS_OF_DAY) ";" SUMS_TOOL("1", SUMS_OF_DAY, "e.n < s.n") ";" \
	SUMS_WORK("1", SUMS_OF_DAY) ";" SUMS_PRESENT("1", SUMS_OF_DAY) ";" \
	SUMS_PRESENT_TOOL("1", SUMS_OF_DAY) "; END;" \
	"INSERT INTO filling SELECT DISTINCT start_ns / " SUMS_STR(SUMS_DAY_NS) " FROM spans;" \
	"DROP TABLE filling;"
/* clang-format on */
