/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SQL that a person typed: one statement that selects from the views, for a bounded time.
 *
 * The connection is read-only in its own way (query_only); the authorizer is what keeps the tables
 * private, so that they may change while the views do not.
 */
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "base/util.h"
#include "store/reader.h"
#include "store/schema.h"

#define VALUE_MAX (64 << 20) /* bytes of one value: randomblob(1e9) is nobody's question */

void store_sql_limit(struct store_reader *r, unsigned ms)
{
	r->sql_limit_ms = ms;
}

/* blob_text(id): kept content, or NULL. */
static void blob_text(sqlite3_context *c, int n, sqlite3_value **values)
{
	struct store_reader *r = sqlite3_user_data(c);
	struct buf text = { 0 };
	struct id128 id;
	int rc = -ENOENT;

	if (n == 1 && sqlite3_value_bytes(values[0]) == sizeof(id.b)) {
		memcpy(id.b, sqlite3_value_blob(values[0]), sizeof(id.b));
		rc = store_blob_read(r, &id, &text);
	}
	if (rc == 0)
		sqlite3_result_text64(c, text.n ? text.p : "", text.n, SQLITE_TRANSIENT,
				      SQLITE_UTF8);
	else if (rc != -ENOENT)
		sqlite3_result_error(c, "content is damaged", -1);
	buf_done(&text);
}

static int make_views(struct store_reader *r)
{
	int rc;

	if (r->views)
		return SQLITE_OK;
	rc = sqlite3_create_function_v2(r->db, "blob_text", 1, SQLITE_UTF8 | SQLITE_INNOCUOUS, r,
					blob_text, NULL, NULL, NULL);
	if (rc == SQLITE_OK) /* they live in memory: no file is written */
		rc = sqlite3_exec(r->db, "PRAGMA query_only = 0", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(r->db, schema_views, NULL, NULL, NULL);
	if (rc == SQLITE_OK) /* these are made at first use, which would need more permission */
		rc = sqlite3_exec(r->db,
				  "SELECT 1 FROM json_each('[]'), json_tree('[]');"
				  "PRAGMA query_only = 1",
				  NULL, NULL, NULL);
	sqlite3_limit(r->db, SQLITE_LIMIT_LENGTH, VALUE_MAX);
	r->views = rc == SQLITE_OK;
	return rc;
}

static bool is_view(const char *name)
{
	return name && strncasecmp(name, "v_", 2) == 0;
}

/* Tables without a file behind them that people unfold JSON with. */
static bool is_harmless(const char *table)
{
	return table &&
	       (strcasecmp(table, "json_each") == 0 || strcasecmp(table, "json_tree") == 0);
}

/*
 * A table may be read by a view alone. Who does not see everything is held to more (viewer.c).
 * SQLite names a common table expression in the same place as
 * a view, so one that is called v_something gets at the table's raw columns: it sees nothing that
 * the views hide, and it changes nothing.
 */
static int authorize(void *ctx, int action, const char *a, const char *b, const char *db,
		     const char *via)
{
	struct store_reader *r = ctx;

	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_RECURSIVE:
	case SQLITE_FUNCTION:
		return SQLITE_OK;
	case SQLITE_READ:
		if (r->limited)
			return is_harmless(a) ? SQLITE_OK : viewer_authorize(r, a, b, db, via);
		/* no column: the rows are counted, and a view has become its table by then */
		return is_view(a) || is_view(via) || is_harmless(a) || (b && !*b) ? SQLITE_OK
										  : SQLITE_DENY;
	default:
		return SQLITE_DENY;
	}
}

static int give_row(sqlite3_stmt *s, int n, const char **names, const char **values, int *types,
		    store_row_fn fn, void *ctx)
{
	for (int i = 0; i < n; i++) {
		names[i] = sqlite3_column_name(s, i);
		types[i] = sqlite3_column_type(s, i);
		values[i] = (const char *)sqlite3_column_text(s, i);
		if (!names[i] || (!values[i] && types[i] != SQLITE_NULL))
			return -ENOMEM;
	}
	return fn(ctx, n, names, values, types);
}

static int sql_failed(const struct store_reader *r, int rc, struct store_error *err)
{
	if ((rc & 0xff) == SQLITE_INTERRUPT)
		return db_fail(err, -ETIMEDOUT, "the query was ended after %u s",
			       (r->sql_limit_ms + 999) / 1000);
	if ((rc & 0xff) == SQLITE_AUTH)
		return db_fail(err, -EINVAL,
			       "only SELECT from the views is possible (`sonde query` lists them): "
			       "%s",
			       sqlite3_errmsg(r->db));
	if ((rc & 0xff) == SQLITE_ERROR)
		return db_fail(err, -EINVAL, "%s", sqlite3_errmsg(r->db));
	return db_explain(r->db, rc, r->path, err);
}

static int run_sql(struct store_reader *r, sqlite3_stmt *s, store_row_fn fn, void *ctx,
		   struct store_error *err)
{
	int n = sqlite3_column_count(s), rc;
	_cleanup_(freep) const char **names = calloc((size_t)n + 1, sizeof(*names));
	_cleanup_(freep) const char **values = calloc((size_t)n + 1, sizeof(*values));
	_cleanup_(freep) int *types = calloc((size_t)n + 1, sizeof(*types));

	if (!names || !values || !types)
		return db_fail(err, -ENOMEM, "out of memory");
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		rc = give_row(s, n, names, values, types, fn, ctx);
		if (rc < 0)
			return rc;
	}
	return rc == SQLITE_DONE ? 0 : sql_failed(r, rc, err);
}

static bool only_blanks(const char *s)
{
	return strspn(s, " \t\r\n;") == strlen(s);
}

static int prepare(struct store_reader *r, const char *sql, sqlite3_stmt **ret,
		   struct store_error *err)
{
	sqlite3_stmt *s = NULL;
	const char *rest;
	int rc;

	sqlite3_set_authorizer(r->db, authorize, r);
	rc = sqlite3_prepare_v2(r->db, sql, -1, &s, &rest);
	sqlite3_set_authorizer(r->db, NULL, NULL);
	*ret = s;
	if (rc != SQLITE_OK)
		return sql_failed(r, rc, err);
	if (!s)
		return db_fail(err, -EINVAL, "there is no statement in this");
	if (!only_blanks(rest))
		return db_fail(err, -EINVAL, "one statement at a time");
	if (r->limited && sqlite3_stmt_isexplain(s)) /* it tells names that keep views apart */
		return db_fail(err, -EINVAL, "EXPLAIN is for those who see all runs");
	return sqlite3_stmt_readonly(s) ? 0 : db_fail(err, -EINVAL, "that would write");
}

int store_sql(struct store_reader *r, const char *sql, store_row_fn fn, void *ctx,
	      struct store_error *err)
{
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	int rc = make_views(r);

	if (rc != SQLITE_OK)
		return db_explain(r->db, rc, r->path, err);
	rc = prepare(r, sql, &s, err);
	if (rc < 0)
		return rc;
	limit_begin(r, r->sql_limit_ms);
	rc = run_sql(r, s, fn, ctx, err);
	limit_end(r);
	return rc;
}

int store_views(struct store_reader *r, store_row_fn fn, void *ctx)
{
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	int rc = make_views(r);

	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(r->db,
					"SELECT m.name AS view, group_concat(p.name, ', ') AS"
					" columns FROM temp.sqlite_schema m,"
					" pragma_table_info(m.name, 'temp') p"
					" WHERE m.type = 'view' AND m.name GLOB 'v_*'"
					" GROUP BY m.name",
					-1, &s, NULL);
	return rc == SQLITE_OK ? run_sql(r, s, fn, ctx, NULL) : reader_errno(r, rc);
}
