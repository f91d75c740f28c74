/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/write/write.h"

#include <stdlib.h>

#include "base/util.h"
#include "store/schema.h"
#include "store/sums/sums.h"
#include "store/write/cuts.h"
#include "store/write/guard.h"

enum statement {
	ST_BEGIN,
	ST_COMMIT,
	ST_SEQ_READ,
	ST_SEQ_WRITE,
	ST_BLOB,
	ST_MEDIA,
	ST_NODE,
	ST_RUN_FIND,
	ST_RUN_PUT,
	ST_RUN_SPREAD,
	ST_SPAN_FIND,
	ST_SPAN_READ,
	ST_SPAN_PUT,
	ST_ROLLUP_SPAN,
	ST_ROLLUP_RUN,
	ST_ROLLUP_TIDY,
	ST_NR,
};

struct writer {
	sqlite3 *db;
	sqlite3_stmt *st[ST_NR];
	struct guard *guard;
	struct sums *sums;
	struct cuts *cuts;
	int64_t seq; /* last one given, while in a transaction */
};

static const char *const texts[ST_NR] = {
	[ST_BEGIN] = "BEGIN IMMEDIATE",
	[ST_COMMIT] = "COMMIT",
	[ST_SEQ_READ] = "SELECT value FROM counters WHERE name = 'seq'",
	[ST_SEQ_WRITE] = "UPDATE counters SET value = ?1 WHERE name = 'seq'",
	[ST_BLOB] = "INSERT OR IGNORE INTO blobs VALUES (?1, ?2, ?3, ?4, ?5)",
	/* what was kept once stays so: another writer may keep less */
	[ST_MEDIA] = ("INSERT INTO media VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
		      " ON CONFLICT DO UPDATE SET state = excluded.state,"
		      " sha256 = excluded.sha256, type = excluded.type, size = excluded.size"
		      " WHERE excluded.state = 0"),
	[ST_NODE] = "INSERT OR IGNORE INTO nodes VALUES (?1, ?2, ?3, ?4)",
	[ST_RUN_FIND] = ("SELECT user IS ?2 AND host IS ?3 AND coalesce(project, cwd) IS ?4"
			 " AND workflow IS ?5 FROM runs WHERE id = ?1"),
	/* spans carry what their run knows: given anew where that has changed */
	[ST_RUN_SPREAD] = ("UPDATE spans SET user = ?2, host = ?3, project = ?4, workflow = ?5"
			   " WHERE run = ?1"),
	[ST_SPAN_FIND] = "SELECT n, final, version FROM spans WHERE run = ?1 AND id = ?2",
	[ST_ROLLUP_TIDY] = "DELETE FROM rollups WHERE minute = ?1 AND steps = 0",
};

static int add(struct buf *b, const char *s)
{
	return buf_add(b, slice_of(s), SIZE_MAX);
}

static int add_parameters(struct buf *b, int n)
{
	int r = 0;

	for (int i = 0; i < n && r == 0; i++)
		r = add(b, i ? ",?" : "?");
	return r;
}

/* Every column that is ours, by the row that could not be inserted. */
static int add_updates(struct buf *b, const struct column *columns, int n, const char *more)
{
	int r = 0;

	for (int i = 0; i < n && r == 0; i++) {
		r = add(b, i ? ", " : " DO UPDATE SET ");
		if (r == 0)
			r = add(b, columns[i].name);
		if (r == 0)
			r = add(b, " = excluded.");
		if (r == 0)
			r = add(b, columns[i].name);
	}
	return r == 0 ? add(b, more) : r;
}

static int prepare(struct writer *w, enum statement which, const char *text)
{
	return sqlite3_prepare_v3(w->db, text, -1, SQLITE_PREPARE_PERSISTENT, &w->st[which], NULL);
}

/* Finishes @b (or has failed already) and prepares it. */
static int prepare_built(struct writer *w, enum statement which, struct buf *b, int r)
{
	int rc = SQLITE_NOMEM;

	if (r == 0 && buf_add(b, (struct slice){ "", 1 }, SIZE_MAX) == 0)
		rc = prepare(w, which, b->p);
	buf_done(b);
	return rc;
}

static int prepare_run_put(struct writer *w)
{
	struct buf b = { 0 };
	int r = add(&b, "INSERT INTO runs (");

	if (r == 0)
		r = row_names(run_columns, run_columns_n, "", &b);
	if (r == 0)
		r = add(&b, ") VALUES (");
	if (r == 0)
		r = add_parameters(&b, run_columns_n);
	if (r == 0)
		r = add(&b, ") ON CONFLICT (id)");
	if (r == 0)
		r = add_updates(&b, run_columns, run_columns_n, "");
	return prepare_built(w, ST_RUN_PUT, &b, r);
}

static int prepare_span_read(struct writer *w)
{
	struct buf b = { 0 };
	int r = add(&b, "SELECT ");

	if (r == 0)
		r = row_names(span_columns, span_columns_n, "", &b);
	if (r == 0)
		r = add(&b, ", attrs FROM spans WHERE n = ?");
	return prepare_built(w, ST_SPAN_READ, &b, r);
}

/* After the columns of a span come attrs, seq and version; the rest is the run's. */
static int prepare_span_put(struct writer *w)
{
	struct buf b = { 0 };
	int r = add(&b, "INSERT INTO spans (");

	if (r == 0)
		r = row_names(span_columns, span_columns_n, "", &b);
	if (r == 0)
		r = add(&b, ", attrs, seq, version, user, host, project, workflow) VALUES (");
	if (r == 0)
		r = add_parameters(&b, span_columns_n + 3);
	if (r == 0)
		r = add(&b, ", (SELECT user FROM runs WHERE runs.id = ?1),"
			    " (SELECT host FROM runs WHERE runs.id = ?1),"
			    " (SELECT coalesce(project, cwd) FROM runs WHERE runs.id = ?1),"
			    " (SELECT workflow FROM runs WHERE runs.id = ?1))"
			    " ON CONFLICT (run, id)");
	if (r == 0)
		r = add_updates(&b, span_columns, span_columns_n,
				", attrs = excluded.attrs, seq = excluded.seq,"
				" version = excluded.version, user = excluded.user,"
				" host = excluded.host, project = excluded.project,"
				" workflow = excluded.workflow");
	return prepare_built(w, ST_SPAN_PUT, &b, r);
}

int writer_new(sqlite3 *db, struct writer **ret)
{
	struct writer *w = calloc(1, sizeof(*w));
	int rc = w ? SQLITE_OK : SQLITE_NOMEM;

	if (!w)
		return rc;
	w->db = db;
	for (int i = 0; i < ST_NR && rc == SQLITE_OK; i++)
		if (texts[i])
			rc = prepare(w, i, texts[i]);
	if (rc == SQLITE_OK)
		rc = prepare(w, ST_ROLLUP_SPAN, schema_rollup_span);
	if (rc == SQLITE_OK)
		rc = prepare(w, ST_ROLLUP_RUN, schema_rollup_run);
	if (rc == SQLITE_OK)
		rc = prepare_run_put(w);
	if (rc == SQLITE_OK)
		rc = prepare_span_put(w);
	if (rc == SQLITE_OK)
		rc = prepare_span_read(w);
	if (rc == SQLITE_OK)
		rc = guard_new(db, &w->guard);
	if (rc == SQLITE_OK)
		rc = sums_new(db, &w->sums);
	if (rc == SQLITE_OK)
		rc = cuts_new(db, &w->cuts);
	if (rc != SQLITE_OK) {
		writer_free(w);
		return rc;
	}
	*ret = w;
	return SQLITE_OK;
}

void writer_free(struct writer *w)
{
	if (!w)
		return;
	for (int i = 0; i < ST_NR; i++)
		sqlite3_finalize(w->st[i]);
	guard_free(w->guard);
	sums_free(w->sums);
	cuts_free(w->cuts);
	free(w);
}

/* Runs a statement that was bound with @bound; the first error counts. */
static int finish(sqlite3_stmt *s, int bound)
{
	int rc = bound == SQLITE_OK ? sqlite3_step(s) : bound;
	int reset = sqlite3_reset(s);

	if (rc == SQLITE_DONE || rc == SQLITE_ROW)
		return reset;
	return rc;
}

static int bind_id(sqlite3_stmt *s, int at, const struct id128 *id)
{
	return id128_is_zero(id) ? sqlite3_bind_null(s, at)
				 : sqlite3_bind_blob(s, at, id->b, sizeof(id->b), SQLITE_STATIC);
}

static int bind_text(sqlite3_stmt *s, int at, struct slice t)
{
	return t.n ? sqlite3_bind_text64(s, at, t.p, t.n, SQLITE_STATIC, SQLITE_UTF8)
		   : sqlite3_bind_null(s, at);
}

static int put_blob(struct writer *w, const struct pending_blob *b)
{
	sqlite3_stmt *s = w->st[ST_BLOB];
	int rc = sqlite3_bind_blob(s, 1, b->id.b, sizeof(b->id.b), SQLITE_STATIC);

	if (rc == SQLITE_OK)
		rc = bind_text(s, 2, b->kind);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(s, 3, (int64_t)b->size);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int(s, 4, b->codec);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_blob64(s, 5, b->bytes.n ? b->bytes.p : "", b->bytes.n,
					 SQLITE_STATIC);
	rc = finish(s, rc);
	return rc == SQLITE_OK ? guard_blob(w->guard, &b->id) : rc;
}

static int bind_kept(sqlite3_stmt *s, const struct media *m)
{
	int rc = sqlite3_bind_blob(s, 4, m->sha256, sizeof(m->sha256), SQLITE_STATIC);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(s, 5, m->type, -1, SQLITE_STATIC);
	return rc == SQLITE_OK ? sqlite3_bind_int64(s, 6, (int64_t)m->size) : rc;
}

static int put_media(struct writer *w, const struct pending_media *p)
{
	sqlite3_stmt *s = w->st[ST_MEDIA];
	struct media m = p->media;
	int rc = guard_media(w->guard, &m);

	if (rc != SQLITE_OK)
		return rc;
	sqlite3_clear_bindings(s);
	rc = bind_id(s, 1, &m.holder);
	if (rc == SQLITE_OK)
		rc = bind_text(s, 2, m.digest);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int(s, 3, (int)m.state);
	if (rc == SQLITE_OK && m.state == MEDIA_KEPT)
		rc = bind_kept(s, &m);
	return finish(s, rc);
}

static int put_node(struct writer *w, const struct pending_node *n)
{
	sqlite3_stmt *s = w->st[ST_NODE];
	bool keep;
	int rc = guard_node(w->guard, n, &keep);

	if (rc != SQLITE_OK || !keep)
		return rc;
	rc = bind_id(s, 1, &n->id);
	if (rc == SQLITE_OK)
		rc = bind_id(s, 2, &n->parent);
	if (rc == SQLITE_OK)
		rc = bind_id(s, 3, &n->message);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(s, 4, n->depth);
	return finish(s, rc);
}

static int bind_place(sqlite3_stmt *s, const struct run *run)
{
	int rc = bind_id(s, 1, &run->run_id);

	if (rc == SQLITE_OK)
		rc = bind_text(s, 2, run->user);
	if (rc == SQLITE_OK)
		rc = bind_text(s, 3, run->host);
	if (rc == SQLITE_OK)
		rc = bind_text(s, 4, run->project.n ? run->project : run->cwd);
	if (rc == SQLITE_OK)
		rc = bind_text(s, 5, run->workflow);
	return rc;
}

/* What is to be taken out must have been added, and the batch adds its steps at its end. */
static int note(struct writer *w, int noted, int sign)
{
	int rc = noted;

	if (rc != SQLITE_OK || sign > 0)
		return rc;
	rc = sums_apply(w->sums, -1);
	return rc == SQLITE_OK ? sums_forget(w->sums) : rc;
}

static int rollup_run(struct writer *w, const struct id128 *id, int sign)
{
	sqlite3_stmt *s = w->st[ST_ROLLUP_RUN];
	int rc = sign < 0 ? sums_settle(w->sums) : SQLITE_OK;

	if (rc == SQLITE_OK)
		rc = bind_id(s, 1, id);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int(s, 2, sign);
	rc = finish(s, rc);
	return rc == SQLITE_OK ? note(w, sums_note_run(w->sums, id, INT64_MAX), sign) : rc;
}

/* The run's spans that are here already stand under another user, host or project. */
static int spread_run(struct writer *w, const struct run *run)
{
	int rc = rollup_run(w, &run->run_id, -1);

	if (rc == SQLITE_OK)
		rc = finish(w->st[ST_RUN_SPREAD], bind_place(w->st[ST_RUN_SPREAD], run));
	if (rc == SQLITE_OK)
		rc = rollup_run(w, &run->run_id, 1);
	return rc;
}

static int put_run(struct writer *w, const struct run *run)
{
	sqlite3_stmt *s = w->st[ST_RUN_FIND];
	int rc = bind_place(s, run);
	bool same = false;

	if (rc == SQLITE_OK) {
		rc = sqlite3_step(s);
		same = rc == SQLITE_ROW && sqlite3_column_int(s, 0);
	}
	sqlite3_reset(s);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return rc;
	s = w->st[ST_RUN_PUT];
	rc = finish(s, row_bind(s, 1, run_columns, run_columns_n, run));
	if (rc == SQLITE_OK && !same)
		rc = spread_run(w, run);
	return rc;
}

struct span_state {
	int64_t n, version; /* n 0: not there */
	bool final;
};

static int find_span(struct writer *w, const struct span *span, struct span_state *ret)
{
	sqlite3_stmt *s = w->st[ST_SPAN_FIND];
	int rc = bind_id(s, 1, &span->run_id);

	*ret = (struct span_state){ 0 };
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_blob(s, 2, span->span_id.b, sizeof(span->span_id.b),
				       SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	if (rc == SQLITE_ROW) {
		ret->n = sqlite3_column_int64(s, 0);
		ret->final = sqlite3_column_int(s, 1) != 0;
		ret->version = sqlite3_column_int64(s, 2);
	}
	sqlite3_reset(s);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Whether a final state says nothing new: a recording replayed again, or an engine restarted. */
static int is_known(struct writer *w, int64_t n, const struct pending_span *p, bool *ret)
{
	sqlite3_stmt *s = w->st[ST_SPAN_READ];
	struct span span = { 0 };
	struct slice json;
	int rc = sqlite3_bind_int64(s, 1, n);

	*ret = false;
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	if (rc == SQLITE_ROW) {
		row_read(s, 0, span_columns, span_columns_n, &span);
		json.p = (const char *)sqlite3_column_text(s, span_columns_n);
		json.n = (size_t)sqlite3_column_bytes(s, span_columns_n);
		*ret = slice_eq(json, p->json) &&
		       row_equal(span_columns, span_columns_n, &span, &p->span);
	}
	sqlite3_reset(s);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int rollup_span(struct writer *w, int64_t n, int sign)
{
	sqlite3_stmt *s = w->st[ST_ROLLUP_SPAN];
	int rc = sign < 0 ? sums_settle(w->sums) : SQLITE_OK;

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(s, 1, n);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int(s, 2, sign);
	rc = finish(s, rc);
	return rc == SQLITE_OK ? note(w, sums_note(w->sums, n), sign) : rc;
}

static int write_span(struct writer *w, const struct pending_span *p, int64_t version)
{
	sqlite3_stmt *s = w->st[ST_SPAN_PUT];
	struct span span = p->span;
	int at = span_columns_n, rc = guard_span(w->guard, p->json, &span);

	if (rc == SQLITE_OK)
		rc = row_bind(s, 1, span_columns, span_columns_n, &span);

	if (rc == SQLITE_OK)
		rc = bind_text(s, at + 1, p->json);
	if (rc == SQLITE_OK)
		rc = p->span.final ? sqlite3_bind_int64(s, at + 2, w->seq + 1)
				   : sqlite3_bind_null(s, at + 2);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(s, at + 3, version);
	rc = finish(s, rc);
	if (rc == SQLITE_OK && p->span.final)
		w->seq++;
	return rc;
}

/* Each final state has a seq of its own and is in the rollups once: an older one is taken out
 * first.
 */
static int replace_span(struct writer *w, const struct pending_span *p,
			const struct span_state *old)
{
	int rc = old->final ? rollup_span(w, old->n, -1) : SQLITE_OK;

	if (rc == SQLITE_OK)
		rc = write_span(w, p, old->version + p->span.final);
	if (rc == SQLITE_OK && p->span.final)
		rc = rollup_span(w, old->n ? old->n : sqlite3_last_insert_rowid(w->db), 1);
	if (rc == SQLITE_OK && old->final) {
		rc = sqlite3_bind_int64(w->st[ST_ROLLUP_TIDY], 1,
					(int64_t)(p->span.start_ns / 60000000000));
		rc = finish(w->st[ST_ROLLUP_TIDY], rc);
	}
	return rc;
}

/* The same state again, or one that is not final any more, counts for nothing. */
static int put_span(struct writer *w, const struct pending_span *p)
{
	struct span_state old;
	bool known = false, keep;
	int rc = guard_run(w->guard, &p->span.run_id, &keep);

	if (rc != SQLITE_OK || !keep)
		return rc;
	rc = find_span(w, &p->span, &old);
	if (rc == SQLITE_OK && old.final && p->span.final)
		rc = is_known(w, old.n, p, &known);
	if (rc != SQLITE_OK || known || (old.final && !p->span.final))
		return rc;
	return replace_span(w, p, &old);
}

/* A fault of the row itself: it would fail for ever, and everything behind it. */
static bool refused(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_TOOBIG:
	case SQLITE_RANGE:
		return true;
	default:
		return false;
	}
}

#define PUT_ALL(list, type, expr)                                                     \
	for (const struct type *it = p->list; it && rc == SQLITE_OK; it = it->next) { \
		rc = (expr);                                                          \
		if (refused(rc)) {                                                    \
			++*ret_refused;                                               \
			rc = SQLITE_OK;                                               \
		}                                                                     \
	}

static int roll_up(void *ctx, int64_t n)
{
	return rollup_span(ctx, n, 1);
}

/* What is over goes before what is new of a run that goes on, and after it of one that is over. */
static int put_cuts(struct writer *w, const struct pending *p, bool in_flight)
{
	int rc = SQLITE_OK;

	for (const struct pending_cut *c = p->cuts; c && rc == SQLITE_OK; c = c->next)
		if (c->cut.in_flight == in_flight)
			rc = cuts_put(w->cuts, &c->cut, &w->seq, roll_up, w);
	return rc;
}

/* Content before what refers to it, a run before its spans. */
static int put_all(struct writer *w, const struct pending *p, uint64_t *ret_refused)
{
	int rc = SQLITE_OK;

	PUT_ALL(blobs, pending_blob, put_blob(w, it))
	PUT_ALL(media, pending_media, put_media(w, it))
	PUT_ALL(nodes, pending_node, put_node(w, it))
	if (rc == SQLITE_OK)
		rc = put_cuts(w, p, true);
	PUT_ALL(runs, pending_run, put_run(w, &it->run))
	PUT_ALL(spans, pending_span, put_span(w, it))
	if (rc == SQLITE_OK)
		rc = put_cuts(w, p, false);
	PUT_ALL(states, pending_state, cuts_put_state(w->cuts, it))
	return rc == SQLITE_OK ? sums_settle(w->sums) : rc;
}

static int read_seq(struct writer *w)
{
	sqlite3_stmt *s = w->st[ST_SEQ_READ];
	int rc = sqlite3_step(s);

	if (rc == SQLITE_ROW)
		w->seq = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return rc == SQLITE_ROW ? SQLITE_OK : rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
}

static int write_seq(struct writer *w)
{
	sqlite3_stmt *s = w->st[ST_SEQ_WRITE];

	return finish(s, sqlite3_bind_int64(s, 1, w->seq));
}

int writer_commit(struct writer *w, const struct pending *p, int wait_ms, uint64_t *ret_refused)
{
	uint64_t n_refused = 0;
	int rc;

	sqlite3_busy_timeout(w->db, wait_ms);
	rc = finish(w->st[ST_BEGIN], SQLITE_OK);
	if (rc != SQLITE_OK)
		return rc;
	rc = read_seq(w);
	if (rc == SQLITE_OK)
		rc = guard_begin(w->guard);
	if (rc == SQLITE_OK)
		rc = put_all(w, p, &n_refused);
	if (rc == SQLITE_OK)
		rc = write_seq(w);
	if (rc == SQLITE_OK)
		rc = finish(w->st[ST_COMMIT], SQLITE_OK);
	n_refused += guard_lost(w->guard);
	if (rc == SQLITE_OK)
		*ret_refused += n_refused;
	else if (!sqlite3_get_autocommit(w->db)) /* SQLite rolls back by itself after some errors */
		sqlite3_exec(w->db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

bool writer_swept(struct writer *w)
{
	return guard_swept(w->guard);
}
