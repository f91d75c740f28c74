/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/write/guard.h"

#include <stdlib.h>

#include "base/util.h"
#include "store/refs.h"

enum statement { ST_SWEEP, ST_TOUCH, ST_HAS_NODE, ST_HAS_BLOB, ST_HAS_RUN, ST_NR };

struct guard {
	sqlite3_stmt *st[ST_NR];
	int64_t sweep;	     /* number of the last that was seen; odd while it goes on */
	bool known, looking; /* looking: one has been since this store was opened */
	bool swept;
	uint64_t lost;
};

static const char *const texts[ST_NR] = {
	[ST_SWEEP] = "SELECT value FROM counters WHERE name = 'sweep'",
	[ST_TOUCH] = "INSERT OR IGNORE INTO touched VALUES (?1)",
	[ST_HAS_NODE] = "SELECT 1 FROM nodes WHERE id = ?1",
	[ST_HAS_BLOB] = "SELECT 1 FROM blobs WHERE id = ?1",
	[ST_HAS_RUN] = "SELECT 1 FROM runs WHERE id = ?1",
};

int guard_new(sqlite3 *db, struct guard **ret)
{
	struct guard *g = calloc(1, sizeof(*g));
	int rc = g ? SQLITE_OK : SQLITE_NOMEM;

	for (int i = 0; i < ST_NR && rc == SQLITE_OK; i++)
		rc = sqlite3_prepare_v3(db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &g->st[i],
					NULL);
	if (rc != SQLITE_OK) {
		guard_free(g);
		return rc;
	}
	*ret = g;
	return SQLITE_OK;
}

void guard_free(struct guard *g)
{
	if (!g)
		return;
	for (int i = 0; i < ST_NR; i++)
		sqlite3_finalize(g->st[i]);
	free(g);
}

int guard_begin(struct guard *g)
{
	sqlite3_stmt *s = g->st[ST_SWEEP];
	int rc = sqlite3_step(s);
	int64_t sweep = rc == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;

	sqlite3_reset(s);
	if (rc != SQLITE_ROW)
		return rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
	if (g->known && sweep != g->sweep)
		g->swept = true;
	g->looking |= g->swept || sweep % 2;
	g->sweep = sweep;
	g->known = true;
	return SQLITE_OK;
}

/* Runs a statement with one id; @ret_row: whether there was a row. */
static int with_id(sqlite3_stmt *s, const struct id128 *id, bool *ret_row)
{
	int rc = sqlite3_bind_blob(s, 1, id->b, sizeof(id->b), SQLITE_STATIC);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	*ret_row = rc == SQLITE_ROW;
	sqlite3_reset(s);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int touch(struct guard *g, const struct id128 *id)
{
	bool row;

	return g->sweep % 2 ? with_id(g->st[ST_TOUCH], id, &row) : SQLITE_OK;
}

int guard_blob(struct guard *g, const struct id128 *id)
{
	return touch(g, id);
}

int guard_media(struct guard *g, struct media *m)
{
	struct id128 id;
	bool there = true;
	int rc = SQLITE_OK;

	if (m->state != MEDIA_KEPT)
		return rc;
	memcpy(id.b, m->sha256, sizeof(id.b));
	if (g->looking)
		rc = with_id(g->st[ST_HAS_BLOB], &id, &there);
	if (rc == SQLITE_OK && there)
		return touch(g, &id);
	if (rc == SQLITE_OK)
		m->state = MEDIA_MISSING;
	return rc;
}

int guard_node(struct guard *g, const struct pending_node *n, bool *ret_keep)
{
	bool parent = true, message = true;
	int rc = touch(g, &n->id);

	*ret_keep = true;
	if (rc != SQLITE_OK || !g->looking)
		return rc;
	if (!id128_is_zero(&n->parent))
		rc = with_id(g->st[ST_HAS_NODE], &n->parent, &parent);
	if (rc == SQLITE_OK)
		rc = with_id(g->st[ST_HAS_BLOB], &n->message, &message);
	*ret_keep = parent && message;
	g->lost += !*ret_keep;
	return rc;
}

int guard_run(struct guard *g, const struct id128 *run, bool *ret_keep)
{
	int rc;

	*ret_keep = true;
	if (!g->looking)
		return SQLITE_OK;
	rc = with_id(g->st[ST_HAS_RUN], run, ret_keep);
	g->lost += rc == SQLITE_OK && !*ret_keep;
	return rc;
}

static int touch_id(void *ctx, const struct id128 *id)
{
	return touch(ctx, id);
}

int guard_span(struct guard *g, struct slice attrs, struct span *span)
{
	int rc = SQLITE_OK;

	if (!g->looking)
		return SQLITE_OK;
	for (int i = 0; i < span_refs_n && rc == SQLITE_OK; i++) {
		struct id128 *id = (struct id128 *)((char *)span + span_refs[i].offset);
		bool there = true;

		if (id128_is_zero(id))
			continue;
		rc = with_id(g->st[span_refs[i].is_node ? ST_HAS_NODE : ST_HAS_BLOB], id, &there);
		if (rc == SQLITE_OK && there)
			rc = touch(g, id);
		if (rc == SQLITE_OK && !there) {
			*id = (struct id128){ 0 };
			g->lost++;
		}
	}
	/* what attributes refer to may be missing: who reads it knows */
	return rc == SQLITE_OK ? refs_in(attrs, touch_id, g) : rc;
}

uint64_t guard_lost(struct guard *g)
{
	const uint64_t n = g->lost;

	g->lost = 0;
	return n;
}

bool guard_swept(struct guard *g)
{
	const bool swept = g->swept;

	g->swept = false;
	return swept;
}
