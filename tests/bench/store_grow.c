/* SPDX-License-Identifier: BSD-2-Clause */
#include "store_grow.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "store/db.h"
#include "store/sums/sums_sql.h"

#define DAY_NS 86400000000000ll

static void must(sqlite3 *db, int rc, const char *sql)
{
	if (rc == SQLITE_OK || rc == SQLITE_DONE)
		return;
	fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(db));
	exit(1);
}

static void run_sql(sqlite3 *db, const char *sql)
{
	must(db, sqlite3_exec(db, sql, NULL, NULL, NULL), sql);
}

/* other(id, k): the id that it has the k-th time. */
static void other(sqlite3_context *c, int n, sqlite3_value **values)
{
	const uint64_t k = (uint64_t)sqlite3_value_int64(values[1]);
	const uint64_t mixed = k * 0x9e3779b97f4a7c15u;
	const int size = sqlite3_value_bytes(values[0]);
	uint8_t id[16];

	(void)n;
	if (sqlite3_value_type(values[0]) != SQLITE_BLOB || size < 8 || size > 16)
		return;
	memcpy(id, sqlite3_value_blob(values[0]), (size_t)size);
	for (int i = 0; i < 8; i++)
		id[i] ^= (uint8_t)(mixed >> (8 * i));
	sqlite3_result_blob(c, id, size, SQLITE_TRANSIENT);
}

/* other_key(dimension, key, k): of sums by session the key is its id, of others it stays. */
static void other_key(sqlite3_context *c, int n, sqlite3_value **values)
{
	const uint64_t mixed = (uint64_t)sqlite3_value_int64(values[2]) * 0x9e3779b97f4a7c15u;
	struct id128 id;
	char hex[ID128_HEX_SIZE];

	(void)n;
	if (sqlite3_value_int(values[0]) != SUMS_SESSION ||
	    id128_parse(slice_of((const char *)sqlite3_value_text(values[1])), &id) < 0) {
		sqlite3_result_value(c, values[1]);
		return;
	}
	for (int i = 0; i < 8; i++)
		id.b[i] ^= (uint8_t)(mixed >> (8 * i));
	id128_hex(&id, hex);
	sqlite3_result_text(c, hex, -1, SQLITE_TRANSIENT);
}

/* What a column of the k-th time is made of; NULL: as it is. */
static const struct {
	const char *table, *column, *value;
} changed[] = {
	{ "runs", "id", "other(id, ?1)" },
	{ "runs", "session", "other(session, ?1)" },
	{ "runs", "start_ns", "start_ns + ?1 * ?2" },
	{ "runs", "end_ns", "end_ns + ?1 * ?2" },
	{ "spans", "run", "other(run, ?1)" },
	{ "spans", "id", "other(id, ?1)" },
	{ "spans", "parent", "other(parent, ?1)" },
	{ "spans", "session", "other(session, ?1)" },
	{ "spans", "start_ns", "start_ns + ?1 * ?2" },
	{ "spans", "end_ns", "end_ns + ?1 * ?2" },
	{ "spans", "seq", "seq + ?1 * ?3" },
	{ "rollups", "minute", "minute + ?1 * ?2 / 60000000000" },
	{ "cost_sums", "period",
	  "period + ?1 * ?2 / iif(dimension = 3, 1800000000000, 86400000000000)" },
	{ "work_sums", "period",
	  "period + ?1 * ?2 / iif(dimension = 0, 1800000000000, 86400000000000)" },
	{ "run_sums", "period",
	  "period + ?1 * ?2 / iif(dimension = 0, 1800000000000, 86400000000000)" },
	{ "tool_sums", "period", "period + ?1 * ?2 / 86400000000000" },
	{ "present", "run", "other(run, ?1)" },
	{ "present", "key", "other_key(dimension, key, ?1)" },
	{ "seen", "key", "other_key(dimension, key, ?1)" },
	{ "cost_sums", "key", "other_key(dimension, key, ?1)" },
	{ "present", "period",
	  "period + ?1 * ?2 / iif(dimension = 3, 1800000000000, 86400000000000)" },
	{ "seen", "period",
	  "period + ?1 * ?2 / iif(dimension = 3, 1800000000000, 86400000000000)" },
	{ "seen", "before",
	  "iif(before < 0, -1, before + ?1 * ?2 / iif(dimension = 3, 1800000000000,"
	  " 86400000000000))" },
};

static const char *value_of(const char *table, const char *column)
{
	for (size_t i = 0; i < ARRAY_SIZE(changed); i++)
		if (strcmp(changed[i].table, table) == 0 && strcmp(changed[i].column, column) == 0)
			return changed[i].value;
	return column;
}

/* "INSERT INTO table (columns) SELECT values FROM table" of the first rows. */
static sqlite3_stmt *copying(sqlite3 *db, const char *table)
{
	char *list = sqlite3_mprintf(""), *values = sqlite3_mprintf(""), *sql;
	sqlite3_stmt *s = NULL;
	bool numbered = false;
	int64_t rows = 0;

	sql = sqlite3_mprintf("SELECT name FROM pragma_table_info('%s')", table);
	must(db, sqlite3_prepare_v2(db, sql, -1, &s, NULL), sql);
	while (sqlite3_step(s) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(s, 0);

		if (strcmp(name, "n") == 0 && strcmp(table, "present") && strcmp(table, "seen")) {
			numbered = true;
			continue;
		}
		list = sqlite3_mprintf("%z%s%s", list, *list ? ", " : "", name);
		values = sqlite3_mprintf("%z%s%s", values, *values ? ", " : "",
					 value_of(table, name));
	}
	sqlite3_finalize(s);
	sqlite3_free(sql);
	sql = sqlite3_mprintf("SELECT max(rowid) FROM %s", table);
	if (numbered)
		must(db, db_int(db, sql, &rows), sql);
	sqlite3_free(sql);
	if (numbered)
		sql = sqlite3_mprintf("INSERT INTO %s (%s) SELECT %s FROM %s WHERE n <= %lld",
				      table, list, values, table, (long long)rows);
	else
		sql = sqlite3_mprintf("INSERT INTO %s (%s) SELECT %s FROM temp.first_%s", table,
				      list, values, table);
	must(db, sqlite3_prepare_v2(db, sql, -1, &s, NULL), sql);
	sqlite3_free(sql);
	sqlite3_free(list);
	sqlite3_free(values);
	return s;
}

static void copy(sqlite3 *db, sqlite3_stmt *s, unsigned k, int64_t shift_ns, int64_t seq)
{
	const int n = sqlite3_bind_parameter_count(s);

	sqlite3_bind_int64(s, 1, k);
	sqlite3_bind_int64(s, 2, shift_ns);
	if (n > 2)
		sqlite3_bind_int64(s, 3, seq);
	must(db, sqlite3_step(s), sqlite3_sql(s));
	sqlite3_reset(s);
}

/* Indexes and triggers are made again when all is there: SQL that does it. */
static char *drop_extras(sqlite3 *db)
{
	char *again = sqlite3_mprintf(""), *drop = sqlite3_mprintf("");
	sqlite3_stmt *s;

	must(db,
	     sqlite3_prepare_v2(db,
				"SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL"
				" AND type IN ('index', 'trigger')",
				-1, &s, NULL),
	     "sqlite_schema");
	while (sqlite3_step(s) == SQLITE_ROW) {
		drop = sqlite3_mprintf("%zDROP %s %s;", drop, sqlite3_column_text(s, 0),
				       sqlite3_column_text(s, 1));
		again = sqlite3_mprintf("%z%s;", again, sqlite3_column_text(s, 2));
	}
	sqlite3_finalize(s);
	run_sql(db, drop);
	sqlite3_free(drop);
	return again;
}

void store_grow(const char *path, unsigned times)
{
	static const char *const tables[] = { "runs",	   "spans",	"rollups",
					      "cost_sums", "tool_sums", "work_sums",
					      "run_sums",  "present",	"seen" };
	sqlite3_stmt *copies[ARRAY_SIZE(tables)];
	int64_t first = 0, last = 0, seq = 0;
	char sql[256], *again;
	sqlite3 *db;

	if (db_open(path, SQLITE_OPEN_READWRITE, &db) != SQLITE_OK)
		exit(1);
	sqlite3_create_function(db, "other", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, other,
				NULL, NULL);
	sqlite3_create_function(db, "other_key", 3, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL,
				other_key, NULL, NULL);
	run_sql(db, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
		    "PRAGMA cache_size = -2000000; PRAGMA temp_store = MEMORY");
	must(db, db_int(db, "SELECT min(start_ns) FROM spans", &first), "first");
	must(db, db_int(db, "SELECT max(end_ns) FROM spans", &last), "last");
	must(db, db_int(db, "SELECT value FROM counters WHERE name = 'seq'", &seq), "seq");
	again = drop_extras(db);
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		snprintf(sql, sizeof(sql), "CREATE TEMP TABLE first_%s AS SELECT * FROM %s",
			 tables[i], tables[i]);
		if (i > 1)
			run_sql(db, sql);
		copies[i] = copying(db, tables[i]);
	}
	for (unsigned k = 1; k < times; k++) {
		run_sql(db, "BEGIN");
		for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
			copy(db, copies[i], k, ((last - first) / DAY_NS + 1) * DAY_NS, seq);
		run_sql(db, "COMMIT");
	}
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		sqlite3_finalize(copies[i]);
	snprintf(sql, sizeof(sql), "UPDATE counters SET value = value * %u WHERE name = 'seq'",
		 times);
	run_sql(db, sql);
	run_sql(db, again);
	run_sql(db, "INSERT INTO run_text (run_text) VALUES ('rebuild')");
	run_sql(db, "PRAGMA journal_mode = WAL");
	sqlite3_free(again);
	db_close(db);
}
