/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/sink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"
#include "store/reader.h"

#define BUSY_MS 2000

struct store_sinks {
	sqlite3 *db;
	char path[4096];
};
DEFINE_CLEANUP(struct store_sinks *, store_sinks_close)

/* --- reading --- */

/* The run of the last span is that of the next, more often than not. */
struct final {
	struct store_reader *r;
	store_final_fn fn;
	void *ctx;
	int64_t seq, version;
	sqlite3_stmt *runs;
	bool has_run;
	struct run run; /* lent by @runs */
};

static int find_run(struct final *f, const struct id128 *id)
{
	int rc;

	if (f->has_run && id128_eq(&f->run.run_id, id))
		return 0;
	f->has_run = false;
	sqlite3_reset(f->runs);
	sqlite3_bind_blob(f->runs, 1, id->b, sizeof(id->b), SQLITE_TRANSIENT);
	rc = sqlite3_step(f->runs);
	if (rc == SQLITE_DONE)
		return 0;
	if (rc != SQLITE_ROW)
		return reader_errno(f->r, rc);
	f->run = (struct run){ 0 };
	row_read(f->runs, 0, run_columns, run_columns_n, &f->run);
	f->has_run = true;
	return 0;
}

static int on_span(void *ctx, const struct span *span)
{
	struct final *f = ctx;
	const int rc = find_run(f, &span->run_id);

	return rc < 0 ? rc : f->fn(f->ctx, f->seq, f->version, span, f->has_run ? &f->run : NULL);
}

static int give(struct final *f, sqlite3_stmt *s)
{
	int rc;

	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		f->seq = sqlite3_column_int64(s, span_columns_n + 1);
		f->version = sqlite3_column_int64(s, span_columns_n + 2);
		rc = reader_span(f->r, s, on_span, f);
		if (rc < 0)
			return rc;
	}
	return rc == SQLITE_DONE ? 0 : reader_errno(f->r, rc);
}

int store_final_spans(struct store_reader *r, int64_t seq, size_t limit, store_final_fn fn,
		      void *ctx)
{
	_cleanup_(freep) char *spans = reader_select(span_columns, span_columns_n, "s.",
						     ", s.attrs, s.seq, s.version FROM spans AS s "
						     "WHERE s.seq > ?1 ORDER BY s.seq LIMIT ?2");
	_cleanup_(freep) char *runs =
		reader_select(run_columns, run_columns_n, "r.", " FROM runs AS r WHERE r.id = ?1");
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	struct final f = { .r = r, .fn = fn, .ctx = ctx };
	int rc;

	if (!spans || !runs)
		return -ENOMEM;
	rc = sqlite3_prepare_v2(r->db, spans, -1, &s, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(r->db, runs, -1, &f.runs, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(s, 1, seq);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(s, 2, (int64_t)limit);
	rc = rc == SQLITE_OK ? give(&f, s) : reader_errno(r, rc);
	sqlite3_finalize(f.runs);
	return rc;
}

int store_newest_seq(struct store_reader *r, int64_t *ret)
{
	const int rc = db_int(r->db, "SELECT value FROM counters WHERE name = 'seq'", ret);

	return rc == SQLITE_OK ? 0 : reader_errno(r, rc);
}

/* --- how far sinks are --- */

int store_sinks_open(const char *path, struct store_sinks **ret, struct store_error *err)
{
	_cleanup_(store_sinks_closep) struct store_sinks *s = calloc(1, sizeof(*s));
	int64_t version;
	int rc;

	if (!s)
		return db_fail(err, -ENOMEM, "out of memory");
	snprintf(s->path, sizeof(s->path), "%s", path);
	rc = db_open(path, SQLITE_OPEN_READWRITE, &s->db);
	if (rc != SQLITE_OK)
		return db_explain(s->db, rc, path, err);
	sqlite3_busy_timeout(s->db, BUSY_MS);
	rc = db_check_version(s->db, path, true, &version, err);
	if (rc < 0)
		return rc;
	*ret = TAKE(s);
	return 0;
}

void store_sinks_close(struct store_sinks *s)
{
	if (!s)
		return;
	db_close(s->db);
	free(s);
}

static int sinks_errno(const struct store_sinks *s, int rc)
{
	if ((rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_LOCKED)
		return -EAGAIN;
	return db_explain(s->db, rc, s->path, NULL);
}

int store_sink_get(struct store_sinks *s, const char *name, int64_t *ret_seq, struct buf *ret_state)
{
	_cleanup_(stmt_freep) sqlite3_stmt *get = NULL;
	int rc = sqlite3_prepare_v2(s->db, "SELECT seq, state FROM sinks WHERE name = ?1", -1, &get,
				    NULL);

	*ret_seq = 0;
	ret_state->n = 0;
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(get, 1, name, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(get);
	if (rc == SQLITE_DONE)
		return 0;
	if (rc != SQLITE_ROW)
		return sinks_errno(s, rc);
	*ret_seq = sqlite3_column_int64(get, 0);
	return buf_add(
		ret_state,
		(struct slice){ sqlite3_column_blob(get, 1), (size_t)sqlite3_column_bytes(get, 1) },
		SIZE_MAX);
}

int store_sink_set(struct store_sinks *s, const char *name, int64_t seq, struct slice state,
		   uint64_t now_ns)
{
	_cleanup_(stmt_freep) sqlite3_stmt *set = NULL;
	int rc = sqlite3_prepare_v2(
		s->db,
		"INSERT INTO sinks VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET"
		" seq = excluded.seq, state = excluded.state, updated_ns = excluded.updated_ns",
		-1, &set, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(set, 1, name, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(set, 2, seq);
	if (rc == SQLITE_OK && state.n)
		rc = sqlite3_bind_blob64(set, 3, state.p, state.n, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(set, 4, (int64_t)now_ns);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(set);
	return rc == SQLITE_DONE ? 0 : sinks_errno(s, rc);
}

int store_sinks_each(struct store_reader *r, store_sink_fn fn, void *ctx)
{
	_cleanup_(stmt_freep) sqlite3_stmt *all = NULL;
	int rc = sqlite3_prepare_v2(r->db,
				    "SELECT name, seq, state, updated_ns FROM sinks ORDER BY name",
				    -1, &all, NULL);

	if (rc != SQLITE_OK)
		return reader_errno(r, rc);
	while ((rc = sqlite3_step(all)) == SQLITE_ROW) {
		const struct slice state = { sqlite3_column_blob(all, 2),
					     (size_t)sqlite3_column_bytes(all, 2) };

		rc = fn(ctx, (const char *)sqlite3_column_text(all, 0),
			sqlite3_column_int64(all, 1), state,
			(uint64_t)sqlite3_column_int64(all, 3));
		if (rc < 0)
			return rc;
	}
	return rc == SQLITE_DONE ? 0 : reader_errno(r, rc);
}

static int forget(const struct store_sinks *s, const char *name)
{
	_cleanup_(stmt_freep) sqlite3_stmt *drop = NULL;
	int rc = sqlite3_prepare_v2(s->db, "DELETE FROM sinks WHERE name = ?1", -1, &drop, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(drop, 1, name, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(drop);
	return rc == SQLITE_DONE ? 0 : sinks_errno(s, rc);
}

/* One by one: a row that goes is not looked at while others are read. */
int store_sinks_forget(struct store_sinks *s, bool (*gone)(void *ctx, const char *name), void *ctx)
{
	static const char sql[] = "SELECT name FROM sinks WHERE name > ?1 ORDER BY name LIMIT 1";
	_cleanup_(freep) char *name = strdup("");
	int rc, r = name ? 0 : -ENOMEM;

	while (r == 0) {
		_cleanup_(stmt_freep) sqlite3_stmt *next = NULL;

		rc = sqlite3_prepare_v2(s->db, sql, -1, &next, NULL);
		if (rc == SQLITE_OK)
			rc = sqlite3_bind_text(next, 1, name, -1, SQLITE_TRANSIENT);
		if (rc == SQLITE_OK)
			rc = sqlite3_step(next);
		if (rc != SQLITE_ROW)
			return rc == SQLITE_DONE ? 0 : sinks_errno(s, rc);
		free(name);
		name = slice_dup(slice_of((const char *)sqlite3_column_text(next, 0)));
		sqlite3_reset(next);
		r = name ? 0 : -ENOMEM;
		if (name && gone(ctx, name))
			r = forget(s, name);
	}
	return r;
}
