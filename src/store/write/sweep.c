/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/write/sweep.h"

#include <string.h>
#include <time.h>

#include "base/util.h"
#include "store/refs.h"

#define BATCH	     2000 /* rows that one transaction removes */
#define MARK_REPORTS 20000
#define PAUSE_NS     10000000

enum statement { ST_NUMBER, ST_LIVE, ST_NODE, ST_MEDIA, ST_TOUCHED, ST_NODES, ST_BLOBS, ST_NR };

/* One call of sweep_run(). */
struct sweeping {
	struct sweep *s;
	sqlite3_stmt *st[ST_NR];
	int64_t number; /* odd: that of this sweep */
};

static const char *const texts[ST_NR] = {
	[ST_NUMBER] = "SELECT value FROM counters WHERE name = 'sweep'",
	[ST_LIVE] = "INSERT OR IGNORE INTO live VALUES (?1)",
	[ST_NODE] = "SELECT message, parent FROM nodes WHERE id = ?1",
	[ST_MEDIA] = "SELECT sha256 FROM media WHERE holder = ?1 AND sha256 IS NOT NULL",
	[ST_TOUCHED] = "SELECT id FROM touched",
	[ST_NODES] = ("DELETE FROM nodes WHERE id IN (SELECT id FROM dead_nodes"
		      " WHERE n > ?1 AND n <= ?2 AND id NOT IN (SELECT id FROM live))"),
	[ST_BLOBS] = ("DELETE FROM blobs WHERE id IN (SELECT id FROM dead_blobs"
		      " WHERE n > ?1 AND n <= ?2 AND id NOT IN (SELECT id FROM live))"),
};

void sweep_pause(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
}

static int exec(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static void roll_back(sqlite3 *db)
{
	if (!sqlite3_get_autocommit(db))
		exec(db, "ROLLBACK");
}

static int column_id(sqlite3_stmt *s, int at, struct id128 *ret)
{
	if (sqlite3_column_bytes(s, at) != sizeof(ret->b))
		return 0;
	memcpy(ret->b, sqlite3_column_blob(s, at), sizeof(ret->b));
	return 1;
}

/* --- marking --- */

static int mark_one(struct sweeping *w, const struct id128 *id, bool *ret_new)
{
	sqlite3_stmt *s = w->st[ST_LIVE];
	int rc = sqlite3_bind_blob(s, 1, id->b, sizeof(id->b), SQLITE_STATIC);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	*ret_new = rc == SQLITE_DONE && sqlite3_changes(w->s->db) > 0;
	sqlite3_reset(s);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* The pictures that a blob has. */
static int mark_media(struct sweeping *w, const struct id128 *holder)
{
	sqlite3_stmt *s = w->st[ST_MEDIA];
	struct id128 id;
	bool is_new;
	int rc = sqlite3_bind_blob(s, 1, holder->b, sizeof(holder->b), SQLITE_STATIC);

	while (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		rc = SQLITE_OK;
		if ((size_t)sqlite3_column_bytes(s, 0) < sizeof(id.b))
			continue;
		memcpy(id.b, sqlite3_column_blob(s, 0), sizeof(id.b));
		rc = mark_one(w, &id, &is_new);
	}
	sqlite3_reset(s);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* A blob, and what it has. */
static int mark_blob(struct sweeping *w, const struct id128 *id)
{
	bool is_new;
	int rc = mark_one(w, id, &is_new);

	return rc == SQLITE_OK && is_new ? mark_media(w, id) : rc;
}

/* A node's message, and the node before it; @id all zero: there is none. */
static int mark_message(struct sweeping *w, struct id128 *id)
{
	sqlite3_stmt *s = w->st[ST_NODE];
	struct id128 message = { 0 }, parent = { 0 };
	int rc = sqlite3_bind_blob(s, 1, id->b, sizeof(id->b), SQLITE_STATIC);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	if (rc == SQLITE_ROW) {
		column_id(s, 0, &message);
		column_id(s, 1, &parent);
	}
	sqlite3_reset(s);
	*id = parent;
	if (rc == SQLITE_DONE)
		return SQLITE_OK;
	return rc == SQLITE_ROW ? mark_blob(w, &message) : rc;
}

/* An id and all that it leads to, up to what is marked already: so it ends, whatever is stored. */
static int mark(void *ctx, const struct id128 *from)
{
	struct id128 id = *from;
	bool is_new = true;
	int rc = SQLITE_OK;

	while (rc == SQLITE_OK && is_new && !id128_is_zero(&id)) {
		rc = mark_one(ctx, &id, &is_new);
		if (rc == SQLITE_OK && is_new)
			rc = mark_media(ctx, &id);
		if (rc == SQLITE_OK && is_new)
			rc = mark_message(ctx, &id);
	}
	return rc;
}

static int mark_span(struct sweeping *w, sqlite3_stmt *s)
{
	struct id128 id;
	int rc = SQLITE_OK;

	for (int i = 0; i < span_refs_n && rc == SQLITE_OK; i++)
		if (column_id(s, i, &id))
			rc = mark(w, &id);
	if (rc == SQLITE_OK && sqlite3_column_type(s, span_refs_n) == SQLITE_TEXT)
		rc = refs_in((struct slice){ (const char *)sqlite3_column_text(s, span_refs_n),
					     (size_t)sqlite3_column_bytes(s, span_refs_n) },
			     mark, w);
	return rc;
}

static int prepare_spans(sqlite3 *db, sqlite3_stmt **ret)
{
	char sql[512] = "SELECT ";

	for (int i = 0; i < span_refs_n; i++)
		sqlite3_snprintf((int)(sizeof(sql) - strlen(sql)), sql + strlen(sql), "%s, ",
				 span_refs[i].column);
	strcat(sql, "attrs FROM spans");
	return sqlite3_prepare_v2(db, sql, -1, ret, NULL);
}

static int mark_spans(struct sweeping *w)
{
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	int64_t n = 0, of = 0;
	int rc = db_int(w->s->db, "SELECT count(*) FROM spans", &of);

	if (rc == SQLITE_OK)
		rc = prepare_spans(w->s->db, &s);
	while (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		if (n++ % MARK_REPORTS == 0)
			w->s->progress(w->s->ctx, "looking for content in use", n, of);
		rc = mark_span(w, s);
	}
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* One state of the store: what is in use in it, and so what is not. */
static int mark_all(struct sweeping *w)
{
	int rc = exec(w->s->db, "BEGIN");

	if (rc == SQLITE_OK)
		rc = mark_spans(w);
	if (rc == SQLITE_OK)
		rc = exec(w->s->db, "INSERT INTO dead_nodes (id) SELECT id FROM nodes"
				    " WHERE id NOT IN (SELECT id FROM live) ORDER BY depth DESC;"
				    "INSERT INTO dead_blobs (id) SELECT id FROM blobs"
				    " WHERE id NOT IN (SELECT id FROM live)");
	if (rc == SQLITE_OK)
		rc = exec(w->s->db, "COMMIT");
	roll_back(w->s->db);
	return rc;
}

/* --- removing --- */

/* What others have touched since, in the transaction in which it will not be removed. */
static int mark_touched(struct sweeping *w)
{
	sqlite3_stmt *s = w->st[ST_TOUCHED];
	struct id128 id;
	int rc = SQLITE_OK;

	while (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW)
		rc = column_id(s, 0, &id) ? mark(w, &id) : SQLITE_OK;
	sqlite3_reset(s);
	return rc == SQLITE_DONE ? exec(w->s->db, "DELETE FROM touched") : rc;
}

/* Another may have begun a sweep of its own: then what was touched is not told to us. */
static int still_ours(struct sweeping *w)
{
	sqlite3_stmt *s = w->st[ST_NUMBER];
	int rc = sqlite3_step(s);
	const bool ours = rc == SQLITE_ROW && sqlite3_column_int64(s, 0) == w->number;

	sqlite3_reset(s);
	if (rc != SQLITE_ROW)
		return rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
	return ours ? SQLITE_OK : SQLITE_BUSY;
}

static int remove_batch(struct sweeping *w, sqlite3_stmt *s, int64_t after, int64_t *removed)
{
	int rc = exec(w->s->db, "BEGIN IMMEDIATE");

	if (rc == SQLITE_OK)
		rc = still_ours(w);
	if (rc == SQLITE_OK)
		rc = mark_touched(w);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(s, 1, after);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(s, 2, after + BATCH);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	if (rc == SQLITE_DONE)
		rc = SQLITE_OK;
	sqlite3_reset(s);
	if (rc == SQLITE_OK)
		*removed += sqlite3_changes(w->s->db);
	if (rc == SQLITE_OK)
		rc = exec(w->s->db, "COMMIT");
	roll_back(w->s->db);
	return rc;
}

static int remove_dead(struct sweeping *w, enum statement which, const char *count,
		       int64_t *removed)
{
	int64_t n = 0;
	int rc = db_int(w->s->db, count, &n);

	for (int64_t at = 0; rc == SQLITE_OK && at < n; at += BATCH) {
		w->s->progress(w->s->ctx, "removing content", at, n);
		rc = remove_batch(w, w->st[which], at, removed);
		sweep_pause();
	}
	return rc;
}

/* --- the whole --- */

static const char begin[] = "BEGIN IMMEDIATE;"
			    "DELETE FROM touched;"
			    "UPDATE counters SET value = (value + 1) | 1 WHERE name = 'sweep';"
			    "COMMIT";

static const char end[] = "BEGIN IMMEDIATE;"
			  "UPDATE counters SET value = value + 1 WHERE name = 'sweep';"
			  "DELETE FROM touched;"
			  "COMMIT";

static const char scratch[] = "DROP TABLE IF EXISTS live; DROP TABLE IF EXISTS dead_nodes;"
			      "DROP TABLE IF EXISTS dead_blobs;"
			      "CREATE TEMP TABLE live (id BLOB PRIMARY KEY) WITHOUT ROWID;"
			      "CREATE TEMP TABLE dead_nodes (n INTEGER PRIMARY KEY, id BLOB);"
			      "CREATE TEMP TABLE dead_blobs (n INTEGER PRIMARY KEY, id BLOB)";

static int start(struct sweeping *w)
{
	int rc = exec(w->s->db, scratch);

	for (int i = 0; i < ST_NR && rc == SQLITE_OK; i++)
		rc = sqlite3_prepare_v3(w->s->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
					&w->st[i], NULL);
	if (rc == SQLITE_OK)
		rc = exec(w->s->db, begin);
	if (rc == SQLITE_OK)
		rc = db_int(w->s->db, texts[ST_NUMBER], &w->number);
	roll_back(w->s->db);
	return rc;
}

int sweep_run(struct sweep *s)
{
	struct sweeping w = { .s = s };
	int rc = start(&w);

	if (rc == SQLITE_OK)
		rc = mark_all(&w);
	if (rc == SQLITE_OK)
		rc = remove_dead(&w, ST_NODES, "SELECT count(*) FROM dead_nodes", &s->nodes);
	if (rc == SQLITE_OK)
		rc = remove_dead(&w, ST_BLOBS, "SELECT count(*) FROM dead_blobs", &s->blobs);
	if (rc == SQLITE_OK)
		rc = exec(s->db, end);
	roll_back(s->db);
	for (int i = 0; i < ST_NR; i++)
		sqlite3_finalize(w.st[i]);
	return rc;
}
