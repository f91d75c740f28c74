/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two lines hold. Queries of this folder name tables without a schema, and get the views below.
 * SQL that a person typed is looked at while it is prepared: a table of the file may be read only
 * from within an innermost view, whose name begins with what nobody can guess. (A common table
 * expression stands in the authorizer where a view does, so a name that could be known would not
 * do.)
 *
 * Content has no owner: it is stored once, whoever said it. It may be read by who has a step that
 * refers to it. Ids that came in a row are known to; any other is looked for in all of the
 * viewer's steps, once.
 */
#include "store/viewer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/random.h>

#include "base/json.h"
#include "base/util.h"
#include "store/reader.h"
#include "store/refs.h"
#include "store/schema.h"

/* Formats: of the secret and the uid. A table that has no view here is hidden (hide_table()). */
static const char *const own_views[] = {
	"CREATE TEMP VIEW \"%s_runs\" AS SELECT * FROM main.runs WHERE uid = %u",
	"CREATE TEMP VIEW runs AS SELECT * FROM \"%s_runs\" /* %u */",
	"CREATE TEMP VIEW spans AS SELECT * FROM \"%s_spans\" /* %u */",
	"CREATE TEMP VIEW \"%s_nodes\" AS SELECT * FROM main.nodes WHERE may_read(id) /* %u */",
	"CREATE TEMP VIEW nodes AS SELECT * FROM \"%s_nodes\" /* %u */",
	"CREATE TEMP VIEW \"%s_blobs\" AS SELECT * FROM main.blobs WHERE may_read(id) /* %u */",
	"CREATE TEMP VIEW blobs AS SELECT * FROM \"%s_blobs\" /* %u */",
};

/*
 * Steps, by way of the runs of a user who has few of them: it costs what that user has. (The index
 * is named, as without statistics any other that a query could use looks as good.) For one who has
 * many, in the order of the steps: so that the newest are found without sorting all.
 */
static const char few_spans[] =
	"CREATE TEMP VIEW \"%s_spans\" AS SELECT s.* FROM main.runs AS r CROSS JOIN main.spans AS s"
	" INDEXED BY sqlite_autoindex_spans_1 ON s.run = r.id WHERE r.uid = %u";
static const char many_spans[] =
	"CREATE TEMP VIEW \"%s_spans\" AS SELECT s.* FROM main.spans AS s WHERE EXISTS"
	" (SELECT 1 FROM main.runs AS r WHERE r.id = s.run AND r.uid = %u)";
#define MANY 10 /* from one run in so many on */

static const char own_counters[] =
	"CREATE TEMP VIEW counters AS SELECT 'seq' AS name, coalesce(max(seq), 0) AS value"
	" FROM spans";

/* What filters ask it for: which runs have calls to a provider. */
static const char own_present[] =
	"CREATE TEMP VIEW present AS SELECT run, 2 AS dimension, provider AS key FROM spans"
	" WHERE step = 2";

static int exec(struct store_reader *r, const char *sql)
{
	return sqlite3_exec(r->db, sql, NULL, NULL, NULL);
}

/* --- what a step refers to --- */

int viewer_grant(struct store_reader *r, const struct id128 *id)
{
	return r->limited && !id128_is_zero(id) ? id_set_add(&r->granted, id) : 0;
}

static int grant_one(void *ctx, const struct id128 *id)
{
	return viewer_grant(ctx, id);
}

/* The one attribute whose ids we wrote ourselves: in others an agent could name what it likes. */
static struct slice alternatives(struct slice attrs)
{
	return json_member(attrs, SLICE("sonde.output.alternatives"));
}

int viewer_grant_span(struct store_reader *r, const struct span *span, struct slice attrs)
{
	int rc = 0;

	if (!r->limited)
		return 0;
	for (int i = 0; i < span_refs_n && rc == 0; i++)
		rc = viewer_grant(r,
				  (const struct id128 *)((const char *)span + span_refs[i].offset));
	return rc ? rc : refs_in(alternatives(attrs), grant_one, r);
}

/* --- the walk over all of a viewer's steps --- */

struct walk {
	struct store_reader *r;
	sqlite3_stmt *node, *media;
	struct id_set *seen;
};

static bool column_id(sqlite3_stmt *s, int at, struct id128 *ret)
{
	if (sqlite3_column_bytes(s, at) != sizeof(ret->b))
		return false;
	memcpy(ret->b, sqlite3_column_blob(s, at), sizeof(ret->b));
	return true;
}

/* The pictures that content has. */
static int walk_media(struct walk *w, const struct id128 *holder)
{
	struct id128 id;
	int rc = sqlite3_bind_blob(w->media, 1, holder->b, sizeof(holder->b), SQLITE_TRANSIENT);

	while (rc == SQLITE_OK && (rc = sqlite3_step(w->media)) == SQLITE_ROW) {
		rc = SQLITE_OK;
		if ((size_t)sqlite3_column_bytes(w->media, 0) < sizeof(id.b))
			continue;
		memcpy(id.b, sqlite3_column_blob(w->media, 0), sizeof(id.b));
		rc = id_set_add(w->seen, &id) < 0 ? SQLITE_NOMEM : SQLITE_OK;
	}
	sqlite3_reset(w->media);
	return rc == SQLITE_DONE || rc == SQLITE_OK ? 0 : reader_errno(w->r, rc);
}

/* Content that is referred to; an id of no content has no pictures. */
static int walk_content(struct walk *w, const struct id128 *id)
{
	if (id_set_add(w->seen, id) < 0)
		return -ENOMEM;
	return walk_media(w, id);
}

/* An id and, where it is a node's, what leads to it: up to what was seen, so that it ends. */
static int walk_from(void *ctx, const struct id128 *from)
{
	struct walk *w = ctx;
	struct id128 id = *from, message;
	int rc;

	while (!id128_is_zero(&id) && !id_set_has(w->seen, &id)) {
		rc = walk_content(w, &id);
		if (rc < 0)
			return rc;
		rc = sqlite3_bind_blob(w->node, 1, id.b, sizeof(id.b), SQLITE_TRANSIENT);
		if (rc == SQLITE_OK)
			rc = sqlite3_step(w->node);
		id = (struct id128){ 0 };
		if (rc == SQLITE_ROW && column_id(w->node, 0, &message) &&
		    !id_set_has(w->seen, &message) && walk_content(w, &message) < 0)
			rc = SQLITE_NOMEM;
		if (rc == SQLITE_ROW)
			column_id(w->node, 1, &id);
		sqlite3_reset(w->node);
		if (rc != SQLITE_ROW && rc != SQLITE_DONE)
			return reader_errno(w->r, rc);
	}
	return 0;
}

static int walk_span(struct walk *w, sqlite3_stmt *s)
{
	struct id128 id;
	int rc = 0;

	for (int i = 0; i < span_refs_n && rc == 0; i++)
		if (column_id(s, i, &id))
			rc = walk_from(w, &id);
	if (rc == 0 && sqlite3_column_type(s, span_refs_n) == SQLITE_TEXT)
		rc = refs_in(alternatives((struct slice){
				     (const char *)sqlite3_column_text(s, span_refs_n),
				     (size_t)sqlite3_column_bytes(s, span_refs_n) }),
			     walk_from, w);
	return rc;
}

static int walk_spans(struct walk *w)
{
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	char sql[512] = "SELECT ";
	int rc;

	for (int i = 0; i < span_refs_n; i++)
		sqlite3_snprintf((int)(sizeof(sql) - strlen(sql)), sql + strlen(sql), "%s, ",
				 span_refs[i].column);
	strcat(sql, "attrs FROM spans");
	rc = sqlite3_prepare_v2(w->r->db, sql, -1, &s, NULL);
	if (rc != SQLITE_OK)
		return reader_errno(w->r, rc);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		rc = walk_span(w, s);
		if (rc < 0)
			return rc;
	}
	return rc == SQLITE_DONE ? 0 : reader_errno(w->r, rc);
}

/* Once for each state of the file that is asked about. */
static int walk_all(struct store_reader *r)
{
	struct id_set seen = { 0 };
	struct walk w = { .r = r, .seen = &seen };
	int64_t now = 0;
	int rc = db_int(r->db, "PRAGMA data_version", &now);

	if (rc == SQLITE_OK && r->walked && now == r->walked_at)
		return 0;
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(r->db,
					"SELECT message, parent FROM main.nodes WHERE id = ?1", -1,
					&w.node, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(r->db,
					"SELECT sha256 FROM main.media WHERE holder = ?1"
					" AND state = 0",
					-1, &w.media, NULL);
	rc = rc == SQLITE_OK ? walk_spans(&w) : reader_errno(r, rc);
	sqlite3_finalize(w.node);
	sqlite3_finalize(w.media);
	if (rc < 0) {
		id_set_done(&seen);
		return rc;
	}
	id_set_done(&r->granted);
	r->granted = seen;
	r->walked = true;
	r->walked_at = now;
	return 0;
}

int viewer_may_read(struct store_reader *r, const struct id128 *id)
{
	int rc;

	if (!r->limited || id_set_has(&r->granted, id))
		return 1;
	rc = walk_all(r);
	return rc < 0 ? rc : id_set_has(&r->granted, id);
}

/* may_read(id), for the views. */
static void may_read(sqlite3_context *c, int n, sqlite3_value **values)
{
	struct store_reader *r = sqlite3_user_data(c);
	struct id128 id;
	int rc = 0;

	if (n == 1 && sqlite3_value_bytes(values[0]) == sizeof(id.b)) {
		memcpy(id.b, sqlite3_value_blob(values[0]), sizeof(id.b));
		rc = viewer_may_read(r, &id);
	}
	if (rc < 0)
		sqlite3_result_error(c, "cannot find out what may be read", -1);
	else
		sqlite3_result_int(c, rc);
}

/* --- SQL that a person typed --- */

static struct id128 name_id(const char *name)
{
	struct id_hash h;
	char lower[128];
	size_t n = 0;

	for (; n < sizeof(lower) && name[n]; n++)
		lower[n] = (char)(name[n] >= 'A' && name[n] <= 'Z' ? name[n] + 32 : name[n]);
	id_hash_begin(&h, "table");
	id_hash_bytes(&h, (struct slice){ lower, n });
	return id_hash_end(&h);
}

static bool is_of_main(const char *db)
{
	return db && strcasecmp(db, "temp") != 0;
}

/*
 * Without a column the rows are counted, and then SQLite gives the name as it was written: of a
 * view, a common table expression or a table, with the schema only where that was written too.
 */
static bool may_count(struct store_reader *r, const char *table, const char *db)
{
	const struct id128 id = name_id(table);

	return !is_of_main(db) && !id_set_has(&r->tables, &id);
}

int viewer_authorize(struct store_reader *r, const char *table, const char *column, const char *db,
		     const char *via)
{
	bool may;

	if (!table || strncasecmp(table, "sqlite_", 7) == 0)
		return SQLITE_DENY;
	if (!column || !*column)
		may = may_count(r, table, db);
	else if (!is_of_main(db))
		may = true; /* views of ours: nobody else can make anything there */
	else
		may = via && strncmp(via, r->secret, strlen(r->secret)) == 0;
	return may ? SQLITE_OK : SQLITE_DENY;
}

/* --- making the views --- */

static int make_secret(struct store_reader *r)
{
	uint8_t bytes[16];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -EIO;
	r->secret[0] = 'm';
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(r->secret + 1 + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

static int make_view(struct store_reader *r, const char *format)
{
	char sql[512];

	/* the format is one of ours, each with the same two parameters */
	sqlite3_snprintf(sizeof(sql), sql, format, r->secret, r->uid);
	return exec(r, sql);
}

/* Looks at no more rows than it must. */
static int has_many(struct store_reader *r, bool *ret)
{
	int64_t newest = 0, own = 0;
	char sql[160];
	int rc = db_int(r->db, "SELECT coalesce(max(n), 0) FROM main.runs", &newest);
	const long long few = newest / MANY;

	sqlite3_snprintf(sizeof(sql), sql,
			 "SELECT count(*) FROM (SELECT 1 FROM main.runs WHERE uid = %u LIMIT %lld)",
			 r->uid, few + 1);
	if (rc == SQLITE_OK)
		rc = db_int(r->db, sql, &own);
	*ret = own > few;
	return rc;
}

static int make_own_views(struct store_reader *r)
{
	bool many = false;
	int rc = sqlite3_create_function_v2(r->db, "may_read", 1, SQLITE_UTF8 | SQLITE_INNOCUOUS, r,
					    may_read, NULL, NULL, NULL);

	if (rc == SQLITE_OK)
		rc = has_many(r, &many);
	if (rc == SQLITE_OK)
		rc = make_view(r, many ? many_spans : few_spans);
	for (size_t i = 0; i < ARRAY_SIZE(own_views) && rc == SQLITE_OK; i++)
		rc = make_view(r, own_views[i]);
	if (rc == SQLITE_OK)
		rc = exec(r, own_present);
	if (rc == SQLITE_OK)
		rc = exec(r, schema_own_rollups);
	return rc == SQLITE_OK ? exec(r, own_counters) : rc;
}

/* Whether it has a view of its own above. */
static bool is_shown(const char *name)
{
	static const char *const names[] = { "runs",  "spans",	 "present", "nodes",
					     "blobs", "rollups", "counters" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return strncmp(name, "sqlite_", 7) == 0;
}

/*
 * The index of words and its parts: it gives numbers of rows that are looked up in runs, so it
 * stays, but nobody may name it. Tables that a later version adds are empty until somebody says
 * whose their rows are.
 */
static int hide_table(struct store_reader *r, const char *name)
{
	const struct id128 id = name_id(name);
	char *sql;
	int rc;

	if (strncmp(name, "run_text", 8) == 0)
		return id_set_add(&r->tables, &id) < 0 ? SQLITE_NOMEM : SQLITE_OK;
	if (is_shown(name))
		return SQLITE_OK;
	sql = sqlite3_mprintf("CREATE TEMP VIEW \"%w\" AS SELECT * FROM main.\"%w\" WHERE 0", name,
			      name);
	rc = sql ? exec(r, sql) : SQLITE_NOMEM;
	sqlite3_free(sql);
	return rc;
}

static int hide_the_rest(struct store_reader *r)
{
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(
		r->db, "SELECT name FROM main.sqlite_schema WHERE type = 'table'", -1, &s, NULL);

	while (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(s, 0);

		rc = name ? hide_table(r, name) : SQLITE_NOMEM;
	}
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int store_reader_view(struct store_reader *r, const struct viewer *v)
{
	int rc;

	if (r->told || r->views || r->blob)
		return -EALREADY;
	r->told = true;
	r->limited = !v->all;
	r->uid = v->uid;
	if (!r->limited)
		return 0;
	rc = make_secret(r);
	if (rc < 0)
		return rc;
	rc = exec(r, "PRAGMA query_only = 0"); /* views live in memory: no file is written */
	if (rc == SQLITE_OK)
		rc = make_own_views(r);
	if (rc == SQLITE_OK)
		rc = hide_the_rest(r);
	if (rc == SQLITE_OK)
		rc = exec(r, "PRAGMA query_only = 1");
	return rc == SQLITE_OK ? 0 : reader_errno(r, rc);
}

void viewer_done(struct store_reader *r)
{
	id_set_done(&r->granted);
	id_set_done(&r->tables);
}
