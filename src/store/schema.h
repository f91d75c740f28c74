/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tables are, and how an older store becomes one of this version. SCHEMA.md explains. */
#pragma once

#include "store/db.h"

#define SCHEMA_APPLICATION_ID 0x736f6e64 /* "sond" */

/*
 * Whether it is not another sight of a call: of its other end, or fetched once more. Most do not
 * even have the word, and need not be read as JSON.
 */
#define SCHEMA_ONCE                                                \
	"(instr(coalesce(attrs, ''), 'sonde.duplicate_of') = 0 OR" \
	" json_extract(attrs, '$.\"sonde.duplicate_of\"') IS NULL)"
/* Whether a call got an answer that can cost something: a refused request is not one without a
 * price. */
#define SCHEMA_SERVED          \
	"(" SCHEMA_ONCE " AND" \
	" coalesce(json_extract(attrs, '$.\"http.response.status_code\"'), 0) < 400)"

extern const int schema_version;

/* Step n makes version n + 1 of version n. */
struct schema_step {
	const char *sql;
};

/*
 * Runs the steps from the file's version on, all in one transaction. @steps NULL: this program's.
 * 0 or as db_explain().
 */
int schema_migrate(sqlite3 *db, const char *path, const struct schema_step *steps, int n,
		   struct store_error *err);

/* The views of `sonde query`, as TEMP views: they follow the program, not the file. */
extern const char *const schema_views;

/* Adds spans to (?2 = 1) or takes them out of (?2 = -1) the rollups: one span n = ?1, or all final
 * ones of a run = ?1. */
extern const char *const schema_rollup_span, *const schema_rollup_run;

/* "CREATE TEMP VIEW rollups ...": the same sums over whatever `spans` means to the connection. */
extern const char *const schema_own_rollups;
