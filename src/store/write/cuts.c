/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/write/cuts.h"

#include <stdlib.h>

enum { PUT, DROP, NEXT, SPAN, RUN, NR };

struct cuts {
	sqlite3_stmt *st[NR];
};

static const char *const texts[NR] = {
	[PUT] = "INSERT INTO open_state VALUES (?1, ?2, unixepoch() * 1000000000)"
		" ON CONFLICT DO UPDATE SET state = excluded.state,"
		" updated_ns = excluded.updated_ns",
	[DROP] = "DELETE FROM open_state WHERE run = ?1",
	/* 2, 5, 6: calls and exchanges, which nobody goes on with */
	[NEXT] = "SELECT n FROM spans WHERE run = ?1 AND final = 0"
		 " AND (?2 OR step IN (2, 5, 6)) AND (?3 IS NULL OR id = ?3) LIMIT 1",
	[SPAN] = "UPDATE spans SET final = 1, seq = ?2, version = version + 1, status = 2,"
		 " end_ns = coalesce(end_ns, start_ns), error_type = '_OTHER',"
		 " attrs = json_set(coalesce(attrs, '{}'), '$.\"sonde.cut\"', ?3) WHERE n = ?1",
	[RUN] = "UPDATE runs SET status = 6, status_reason = ?2, end_ns = coalesce(end_ns,"
		" (SELECT max(coalesce(end_ns, start_ns)) FROM spans WHERE run = ?1), start_ns)"
		" WHERE id = ?1 AND status IN (1, 6, 7)",
};

int cuts_new(sqlite3 *db, struct cuts **ret)
{
	struct cuts *c = calloc(1, sizeof(*c));
	int rc = c ? SQLITE_OK : SQLITE_NOMEM;

	for (int i = 0; i < NR && rc == SQLITE_OK; i++)
		rc = sqlite3_prepare_v3(db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &c->st[i],
					NULL);
	if (rc == SQLITE_OK)
		*ret = c;
	else
		cuts_free(c);
	return rc;
}

void cuts_free(struct cuts *c)
{
	if (!c)
		return;
	for (int i = 0; i < NR; i++)
		sqlite3_finalize(c->st[i]);
	free(c);
}

/* Runs what was bound with @bound; the first error counts. */
static int finish(sqlite3_stmt *s, int bound)
{
	const int rc = bound == SQLITE_OK ? sqlite3_step(s) : bound, reset = sqlite3_reset(s);

	return rc == SQLITE_DONE || rc == SQLITE_ROW ? reset : rc;
}

static int bind_id(sqlite3_stmt *s, int at, const struct id128 *id)
{
	return sqlite3_bind_blob(s, at, id->b, sizeof(id->b), SQLITE_STATIC);
}

static int bind_text(sqlite3_stmt *s, int at, struct slice t)
{
	return sqlite3_bind_text64(s, at, t.p, t.n, SQLITE_STATIC, SQLITE_UTF8);
}

int cuts_put_state(struct cuts *c, const struct pending_state *p)
{
	sqlite3_stmt *s = c->st[p->bytes.n ? PUT : DROP];
	int rc = bind_id(s, 1, &p->run);

	if (rc == SQLITE_OK && p->bytes.n)
		rc = sqlite3_bind_blob64(s, 2, p->bytes.p, p->bytes.n, SQLITE_STATIC);
	return finish(s, rc);
}

static int cut_span(struct cuts *c, int64_t n, int64_t seq, struct slice why)
{
	sqlite3_stmt *s = c->st[SPAN];
	int rc = sqlite3_bind_int64(s, 1, n);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(s, 2, seq);
	if (rc == SQLITE_OK)
		rc = bind_text(s, 3, why.n ? why : SLICE("the engine died before it ended"));
	return finish(s, rc);
}

static int cut_run(struct cuts *c, const struct store_cut *p)
{
	sqlite3_stmt *s = c->st[RUN];
	int rc = bind_id(s, 1, &p->run);

	if (rc == SQLITE_OK)
		rc = bind_text(s, 2, p->why);
	return finish(s, rc);
}

/* An open step of the run, *ret_n 0 where there is none any more. */
static int next(struct cuts *c, const struct store_cut *p, int64_t *ret_n)
{
	sqlite3_stmt *s = c->st[NEXT];
	int rc = bind_id(s, 1, &p->run);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int(s, 2, !p->in_flight);
	if (rc == SQLITE_OK && !id64_is_zero(&p->span))
		rc = sqlite3_bind_blob(s, 3, p->span.b, sizeof(p->span.b), SQLITE_STATIC);
	else if (rc == SQLITE_OK)
		rc = sqlite3_bind_null(s, 3);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	*ret_n = rc == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
	sqlite3_reset(s);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int cuts_put(struct cuts *c, const struct store_cut *p, int64_t *seq,
	     int (*roll_up)(void *ctx, int64_t n), void *ctx)
{
	int64_t n;
	int rc = next(c, p, &n);

	while (rc == SQLITE_OK && n) {
		rc = cut_span(c, n, ++*seq, p->why);
		if (rc == SQLITE_OK)
			rc = roll_up(ctx, n);
		if (rc == SQLITE_OK)
			rc = next(c, p, &n);
	}
	return rc == SQLITE_OK && p->run_ended ? cut_run(c, p) : rc;
}
