/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/changes.h"

#include <errno.h>

#include "base/util.h"
#include "store/reader.h"

struct changes {
	struct store_reader *r;
	store_change_fn fn;
	void *ctx;
	int sign;
	sqlite3_stmt *runs;
	bool has_run;
	struct run run; /* the last one, lent by @runs */
};

/* The next span is of the same run, more often than not. */
static int find_run(struct changes *c, const struct id128 *id)
{
	int rc;

	if (c->has_run && id128_eq(&c->run.run_id, id))
		return 0;
	c->has_run = false;
	sqlite3_reset(c->runs);
	sqlite3_bind_blob(c->runs, 1, id->b, sizeof(id->b), SQLITE_TRANSIENT);
	rc = sqlite3_step(c->runs);
	if (rc == SQLITE_DONE)
		return 0;
	if (rc != SQLITE_ROW)
		return reader_errno(c->r, rc);
	c->run = (struct run){ 0 };
	row_read(c->runs, 0, run_columns, run_columns_n, &c->run);
	c->has_run = true;
	return 0;
}

static int on_span(void *ctx, const struct span *span)
{
	struct changes *c = ctx;
	const int rc = find_run(c, &span->run_id);

	return rc < 0 ? rc : c->fn(c->ctx, c->sign, span, c->has_run ? &c->run : NULL);
}

/* A number has one state that it was given to, and takes back one at most. */
static const struct {
	int sign;
	const char *from;
} sources[] = {
	{ 1, ", s.attrs FROM spans AS s WHERE s.seq > ?1 AND s.seq <= ?2 ORDER BY s.seq" },
	{ 1, ", s.attrs FROM superseded AS s WHERE s.seq > ?1 AND s.seq <= ?2 ORDER BY s.seq" },
	{ -1, ", s.attrs FROM superseded AS s WHERE s.replaced_by > ?1 AND s.replaced_by <= ?2"
	      " ORDER BY s.replaced_by" },
};

static int give(struct changes *c, const char *from, int64_t after, int64_t last)
{
	_cleanup_(freep) char *sql = reader_select(span_columns, span_columns_n, "s.", from);
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	int rc;

	if (!sql)
		return -ENOMEM;
	rc = sqlite3_prepare_v2(c->r->db, sql, -1, &s, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(s, 1, after);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(s, 2, last);
	if (rc != SQLITE_OK)
		return reader_errno(c->r, rc);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		rc = reader_span(c->r, s, on_span, c);
		if (rc < 0)
			return rc;
	}
	return rc == SQLITE_DONE ? 0 : reader_errno(c->r, rc);
}

/* In a transaction: all of it is of one moment. */
static int read_all(struct changes *c, int64_t seq, int64_t limit, int64_t *ret_seq)
{
	_cleanup_(freep) char *runs =
		reader_select(run_columns, run_columns_n, "r.", " FROM runs AS r WHERE r.id = ?1");
	int64_t newest, last;
	int rc;

	if (!runs)
		return -ENOMEM;
	rc = db_int(c->r->db, "SELECT value FROM counters WHERE name = 'seq'", &newest);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(c->r->db, runs, -1, &c->runs, NULL);
	if (rc != SQLITE_OK)
		return reader_errno(c->r, rc);
	last = newest - seq > limit ? seq + limit : newest;
	for (size_t i = 0; i < ARRAY_SIZE(sources) && rc == 0 && last > seq; i++) {
		c->sign = sources[i].sign;
		rc = give(c, sources[i].from, seq, last);
	}
	if (rc == 0)
		*ret_seq = last > seq ? last : seq;
	return rc;
}

int store_changes(struct store_reader *r, int64_t seq, int64_t limit, store_change_fn fn, void *ctx,
		  int64_t *ret_seq)
{
	struct changes c = { .r = r, .fn = fn, .ctx = ctx };
	int rc = sqlite3_exec(r->db, "BEGIN", NULL, NULL, NULL);

	if (rc != SQLITE_OK)
		return reader_errno(r, rc);
	rc = read_all(&c, seq, limit, ret_seq);
	sqlite3_finalize(c.runs);
	sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL); /* nothing was written */
	return rc;
}
