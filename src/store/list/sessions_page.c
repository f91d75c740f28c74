/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sessions of a page: by the runs that were the last to be heard of, as a session stands where
 * its latest run does.
 */
#include <errno.h>
#include <stdio.h>

#include "base/id_set.h"
#include "store/list/sessions.h"

struct finding {
	struct store_reader *r;
	const struct place *behind; /* NULL: the first page */
	sqlite3_stmt *latest;	    /* of a session; its id is parameter @session */
	int session;
	struct id_set seen;
	size_t n;
	int64_t last; /* when the last that was found ended */
	struct buf *ret;
};

/* Behind the first page a session's latest run may have been passed over. */
static int prepare_latest(struct finding *f, const struct store_filter *filter, struct where *w)
{
	static const struct id128 any;

	where_runs(w, filter);
	where_blob(w, " AND r.session = ?", any.b, sizeof(any.b));
	f->session = w->n;
	return where_prepare(f->r, w, "SELECT max(" SESSION_LAST ") FROM runs AS r", "",
			     &f->latest);
}

/* 1 where it stood on a page before. */
static int was_given(struct finding *f, const struct id128 *id)
{
	int64_t last;
	int rc = sqlite3_bind_blob(f->latest, f->session, id->b, sizeof(id->b), SQLITE_STATIC);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(f->latest);
	last = rc == SQLITE_ROW ? sqlite3_column_int64(f->latest, 0) : 0;
	sqlite3_reset(f->latest);
	if (rc != SQLITE_ROW)
		return reader_errno(f->r, rc);
	return last > f->behind->key ||
	       (last == f->behind->key && memcmp(id->b, f->behind->id, sizeof(id->b)) <= 0);
}

static int add(struct finding *f, const struct id128 *id)
{
	char hex[ID128_HEX_SIZE], item[ID128_HEX_SIZE + 8];

	id128_hex(id, hex);
	snprintf(item, sizeof(item), "%sx'%s'", f->n++ ? "," : "", hex);
	return buf_add(f->ret, slice_of(item), SIZE_MAX);
}

static int look_at_run(struct finding *f, sqlite3_stmt *s)
{
	struct id128 id;
	int rc;

	if (sqlite3_column_bytes(s, 0) != sizeof(id.b))
		return 0;
	memcpy(id.b, sqlite3_column_blob(s, 0), sizeof(id.b));
	if (id_set_has(&f->seen, &id))
		return 0;
	rc = id_set_add(&f->seen, &id);
	if (rc == 0 && f->behind)
		rc = was_given(f, &id);
	if (rc)
		return rc < 0 ? rc : 0;
	f->last = sqlite3_column_int64(s, 1);
	return add(f, &id);
}

/* Of many the last are soon found in order of time; few are sorted. */
static const char *latest_of(const struct finding *f, bool many)
{
	/* A limited reader's runs are a view, which has no index. */
	return many && !f->r->limited ? "SELECT r.session, " SESSION_LAST
					" FROM runs AS r INDEXED BY runs_last"
				      : "SELECT r.session, " SESSION_LAST " FROM runs AS r";
}

static int find(struct finding *f, const struct store_filter *filter, size_t limit, bool many)
{
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	_cleanup_(where_done) struct where w = { 0 };
	int rc;

	where_plain(&w, " AND r.session IS NOT NULL");
	where_runs(&w, filter);
	if (f->behind)
		where_int(&w, " AND " SESSION_LAST " <= ?", f->behind->key);
	rc = where_prepare(f->r, &w, latest_of(f, many), "ORDER BY " SESSION_LAST " DESC", &s);
	while (rc == 0 && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		rc = 0;
		if (f->n > limit && sqlite3_column_int64(s, 1) < f->last)
			break;
		rc = look_at_run(f, s);
	}
	return rc <= 0 ? rc : rc == SQLITE_DONE ? 0 : reader_errno(f->r, rc);
}

int sessions_latest(struct store_reader *r, const struct store_filter *f, size_t limit, bool many,
		    const struct place *behind, struct buf *ret)
{
	_cleanup_(where_done) struct where w = { 0 };
	struct finding finding = { .r = r, .behind = behind, .ret = ret };
	int rc = behind ? prepare_latest(&finding, f, &w) : 0;

	if (rc == 0)
		rc = buf_add(ret, SLICE(" AND r.session IN ("), SIZE_MAX);
	if (rc == 0)
		rc = find(&finding, f, limit, many);
	if (rc == 0)
		rc = buf_add(ret, (struct slice){ ")", 2 }, SIZE_MAX);
	sqlite3_finalize(finding.latest);
	id_set_done(&finding.seen);
	return rc < 0 ? rc : finding.n > 0;
}

struct taker {
	store_session_fn fn;
	void *ctx;
	const struct store_page *page;
	struct place last;
	size_t given;
	struct store_page_end *end;
};

static int give(void *ctx, const struct store_session_row *row)
{
	struct taker *t = ctx;

	if (t->given == t->page->limit) {
		t->end->has_more = true;
		cursor_write(t->page, CURSOR_SESSIONS, &t->last, t->end->next);
		return 0;
	}
	t->given++;
	t->last = (struct place){ .key = (int64_t)row->last_ns };
	place_id(&t->last, row->session_id.b, sizeof(row->session_id.b));
	return t->fn(t->ctx, row);
}

static int count_sessions(struct store_reader *r, const struct store_filter *f,
			  struct store_page_end *ret)
{
	_cleanup_(where_done) struct where w = { 0 };

	where_plain(&w, " AND r.session IS NOT NULL");
	where_runs(&w, f);
	return count_rows(r, &w, "SELECT DISTINCT r.session FROM runs AS r", LIST_COUNT_MS,
			  &ret->total, &ret->total_more);
}

int store_sessions_page(struct store_reader *r, const struct store_filter *f,
			const struct store_page *p, store_session_fn fn, void *ctx,
			struct store_page_end *ret)
{
	_cleanup_(buf_done) struct buf found = { 0 };
	struct taker to = { .fn = fn, .ctx = ctx, .page = p, .end = ret };
	struct place behind;
	int rc = p->order != ORDER_START || p->ascending || p->limit == 0 ? -EINVAL : 0;

	*ret = (struct store_page_end){ 0 };
	if (rc == 0 && p->cursor.n)
		rc = cursor_read(p, CURSOR_SESSIONS, &behind);
	if (rc == 0)
		rc = count_sessions(r, f, ret);
	if (rc < 0)
		return rc;
	limit_begin(r, r->limit_ms);
	rc = sessions_latest(r, f, p->limit, ret->total_more, p->cursor.n ? &behind : NULL, &found);
	if (rc > 0)
		rc = sessions_give(r, f, buf_slice(&found), p->limit + 1, give, &to);
	limit_end(r);
	return rc;
}

/* "+step": among the run's steps, not among all calls of the newest. */
int store_session_latest(struct store_reader *r, const struct id128 *session, struct id128 *ret)
{
	static const char head[] =
		"SELECT s.output_node FROM spans AS s WHERE s.run = (SELECT r.id FROM runs AS r"
		" WHERE r.session = ?1 ORDER BY r.start_ns DESC, r.id DESC LIMIT 1)"
		" AND +s.step = 2 AND s.output_node IS NOT NULL ORDER BY +s.start_ns DESC LIMIT 1";
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(r->db, head, -1, &s, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_blob(s, 1, session->b, sizeof(session->b), SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	if (rc == SQLITE_DONE)
		return -ENOENT;
	if (rc != SQLITE_ROW || sqlite3_column_bytes(s, 0) != sizeof(ret->b))
		return reader_errno(r, rc);
	memcpy(ret->b, sqlite3_column_blob(s, 0), sizeof(ret->b));
	return viewer_grant(r, ret);
}
