/* SPDX-License-Identifier: BSD-2-Clause */
/* SQLite as this folder uses it: opening, errors, rows as tables of columns. */
#pragma once

#include <sqlite3.h>

#include "base/arena.h"
#include "store/store.h"

/* Sets the text and returns @r. @err may be NULL. */
int db_fail(struct store_error *err, int r, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* What SQLite's last failure @rc means for the store at @path, as a line and as -errno. */
int db_explain(sqlite3 *db, int rc, const char *path, struct store_error *err);

/* Like sqlite3_open_v2, but no path is taken for a URI. SQLite's code. */
int db_open(const char *path, int flags, sqlite3 **ret);
void db_close(sqlite3 *db);
DEFINE_CLEANUP(sqlite3 *, db_close)

static inline void stmt_freep(sqlite3_stmt *const *s)
{
	sqlite3_finalize(*s);
}

/* The first column of the first row as an integer. SQLite's code; SQLITE_DONE: no row. */
int db_int(sqlite3 *db, const char *sql, int64_t *ret);

/*
 * Whether the file is a store of the version that this program writes. 0; -EBADMSG: no store;
 * -ENOTSUP: newer, or older where @exact. @ret_version 0: a database without anything in it.
 */
int db_check_version(sqlite3 *db, const char *path, bool exact, int64_t *ret_version,
		     struct store_error *err);

/* How a member of a struct stands in a table. */
enum column_type {
	COL_ID128, /* all zero: NULL */
	COL_ID64,
	COL_TEXT,  /* struct slice; empty: NULL */
	COL_TIME,  /* uint64_t ns; 0: NULL */
	COL_U64,   /* over INT64_MAX: INT64_MAX */
	COL_COUNT, /* int64_t; LLM_UNKNOWN: NULL */
	COL_INT,   /* int, uint32_t or an enum */
	COL_BOOL,
};

struct column {
	const char *name;
	enum column_type type;
	size_t offset;
};

extern const struct column span_columns[], run_columns[];
extern const int span_columns_n, run_columns_n;

/* Parameters from @first on. SQLite's code. */
int row_bind(sqlite3_stmt *s, int first, const struct column *columns, int n, const void *row);
/* Result columns from @first on; text is lent until the next step. */
void row_read(sqlite3_stmt *s, int first, const struct column *columns, int n, void *row);
/* Gives @row its own text; false where memory is refused. */
bool row_copy(struct arena *a, const struct column *columns, int n, void *row);
/* Whether both would stand in the table alike. */
bool row_equal(const struct column *columns, int n, const void *a, const void *b);
/* "a, b, c" appended to @ret; 0 or -ENOMEM. */
int row_names(const struct column *columns, int n, const char *prefix, struct buf *ret);
