/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tables are, and how an older store becomes one of this version. SCHEMA.md explains. */
#pragma once

#include "store/db.h"

#define SCHEMA_APPLICATION_ID 0x736f6e64 /* "sond" */

/*
 * Whether it is not another sight of a call: of its other end, or fetched once more. Most do not
 * even have the word, and need not be read as JSON. CASE, as both sides of AND and OR are computed.
 */
#define SCHEMA_ONCE                                                              \
	"(CASE WHEN instr(coalesce(attrs, ''), 'sonde.duplicate_of') = 0 THEN 1" \
	" ELSE json_extract(attrs, '$.\"sonde.duplicate_of\"') IS NULL END)"
/* Whether a call got an answer that can cost something: a refused request is not one without a
 * price. @also: looked at before. */
#define SCHEMA_SERVED_IF(also)                                                       \
	"(CASE WHEN " also " THEN " SCHEMA_ONCE " AND"                               \
	" coalesce(json_extract(attrs, '$.\"http.response.status_code\"'), 0) < 400" \
	" ELSE 0 END)"
/* A call that has no price, and one whose tokens are not known, once there is its answer. */
#define SCHEMA_UNPRICED SCHEMA_SERVED_IF("cost_source = 0")
#define SCHEMA_UNKNOWN	SCHEMA_SERVED_IF("(input IS NULL OR output IS NULL)")
#define SCHEMA_MISMATCHED                 \
	"(CASE WHEN cost_source = 1 THEN" \
	" attrs ->> '$.\"sonde.cost.mismatch\"' AND 1 END)"

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
