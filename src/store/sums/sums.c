/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/sums/sums.h"

#include <stdlib.h>

#include "base/util.h"
#include "store/sums/sums_sql.h"

/* In this order: the planner takes all steps of a kind for few. */
#define NOTED	" FROM temp.noted AS m CROSS JOIN spans AS s ON s.n = m.n"
#define COUNTED "e.n < s.n OR e.n NOT IN (SELECT n FROM temp.noted)"

enum statement {
	ST_NOTE,
	ST_NOTE_RUN,
	ST_FORGET,
	ST_COST, /* from here on: what it means to add */
	ST_TOOL,
	ST_WORK,
	ST_PRESENT,
	ST_PRESENT_TOOL,
	ST_NR,
};

static const char *const texts[ST_NR] = {
	[ST_NOTE] = "INSERT OR IGNORE INTO temp.noted VALUES (?1)",
	[ST_NOTE_RUN] = "INSERT OR IGNORE INTO temp.noted SELECT n FROM spans WHERE run = ?1"
			" LIMIT ?2",
	[ST_FORGET] = "DELETE FROM temp.noted",
	[ST_COST] = SUMS_COST("?1", NOTED),
	[ST_TOOL] = SUMS_TOOL("?1", NOTED, COUNTED),
	[ST_WORK] = SUMS_WORK("?1", NOTED),
	[ST_PRESENT] = SUMS_PRESENT("?1", NOTED),
	[ST_PRESENT_TOOL] = SUMS_PRESENT_TOOL("?1", NOTED),
};

struct sums {
	sqlite3 *db;
	sqlite3_stmt *st[ST_NR];
	bool any; /* something is noted */
};

int sums_new(sqlite3 *db, struct sums **ret)
{
	struct sums *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return SQLITE_NOMEM;
	s->db = db;
	rc = sqlite3_exec(db, "CREATE TEMP TABLE IF NOT EXISTS noted (n INTEGER PRIMARY KEY)", NULL,
			  NULL, NULL);
	for (int i = 0; i < ST_NR && rc == SQLITE_OK; i++)
		rc = sqlite3_prepare_v3(db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &s->st[i],
					NULL);
	if (rc != SQLITE_OK) {
		sums_free(s);
		return rc;
	}
	*ret = s;
	return SQLITE_OK;
}

void sums_free(struct sums *s)
{
	if (!s)
		return;
	for (int i = 0; i < ST_NR; i++)
		sqlite3_finalize(s->st[i]);
	free(s);
}

/* Runs a statement that was bound with @bound; the first error counts. */
static int finish(sqlite3_stmt *s, int bound)
{
	const int rc = bound == SQLITE_OK ? sqlite3_step(s) : bound;
	const int reset = sqlite3_reset(s);

	return rc == SQLITE_DONE || rc == SQLITE_ROW ? reset : rc;
}

int sums_note(struct sums *s, int64_t n)
{
	s->any = true;
	return finish(s->st[ST_NOTE], sqlite3_bind_int64(s->st[ST_NOTE], 1, n));
}

int sums_note_run(struct sums *s, const struct id128 *run, int64_t limit)
{
	sqlite3_stmt *st = s->st[ST_NOTE_RUN];
	int rc = sqlite3_bind_blob(st, 1, run->b, sizeof(run->b), SQLITE_STATIC);

	s->any = true;
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(st, 2, limit);
	return finish(st, rc);
}

int sums_note_selected(struct sums *s, const char *select, int64_t v)
{
	_cleanup_(stmt_freep) sqlite3_stmt *st = NULL;
	char *sql = sqlite3_mprintf("INSERT OR IGNORE INTO temp.noted %s", select);
	int rc = sql ? sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) : SQLITE_NOMEM;

	s->any = true;
	sqlite3_free(sql);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(st, 1, v);
	return rc == SQLITE_OK ? finish(st, rc) : rc;
}

int sums_apply(struct sums *s, int sign)
{
	int rc = SQLITE_OK;

	for (int i = ST_COST; s->any && i < ST_NR && rc == SQLITE_OK; i++)
		rc = finish(s->st[i], sqlite3_bind_int(s->st[i], 1, sign));
	return rc;
}

int sums_forget(struct sums *s)
{
	if (!s->any)
		return SQLITE_OK;
	s->any = false;
	return finish(s->st[ST_FORGET], SQLITE_OK);
}

int sums_settle(struct sums *s)
{
	const int rc = sums_apply(s, 1);

	return rc == SQLITE_OK ? sums_forget(s) : rc;
}
