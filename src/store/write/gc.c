/* SPDX-License-Identifier: BSD-2-Clause */
/* Retention: what is old or too much goes, run by run, then the content that only it had. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "base/util.h"
#include "store/query.h"
#include "store/sums/sums.h"
#include "store/write/sweep.h"

#define BATCH_SPANS  2000 /* that one transaction removes or changes */
#define LIMIT_SPANS  " LIMIT 2000"
#define BATCH_RUNS   200
#define VACUUM_PAGES 500
#define WAIT_MS	     20000
#define ROUNDS_MAX   16 /* of removing runs until the store is small enough */
#define LEAST_SHARE  0.02

#define FINISHED     "status NOT IN (1, 7)" /* running, paused */
#define ENDED_BEFORE \
	FINISHED " AND coalesce(end_ns, start_ns) < ?1 AND id NOT IN (SELECT id FROM temp.kept)"
#define OLDEST " ORDER BY start_ns, id"
#define HAS_CONTENT                                                                         \
	"(input_node IS NOT NULL OR output_node IS NOT NULL OR system_blob IS NOT NULL OR " \
	"tools_blob IS NOT NULL OR args_blob IS NOT NULL OR result_blob IS NOT NULL OR "    \
	"raw_blob IS NOT NULL)"

DEFINE_CLEANUP(struct store_reader *, store_reader_close)

#define OPEN_S	 86400
#define SETTLE_S 60 /* after its end more may come to be known of a run */

struct gc {
	sqlite3 *db;
	struct sums *sums;
	const struct store_gc_options *o;
	struct store_gc_result *res;
};

static int exec(struct gc *g, const char *sql)
{
	return sqlite3_exec(g->db, sql, NULL, NULL, NULL);
}

static void tell(void *ctx, const char *doing, int64_t done, int64_t of)
{
	const struct gc *g = ctx;

	if (g->o->progress)
		g->o->progress(g->o->ctx, doing, done, of);
}

/* A statement with one integer for ?1: its rows' first column, or what it changed. */
static int with_int(struct gc *g, const char *sql, int64_t v, int64_t *ret)
{
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(g->db, sql, -1, &s, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(s, 1, v);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		*ret = sqlite3_column_int64(s, 0);
	else if (rc == SQLITE_DONE)
		*ret = sqlite3_stmt_readonly(s) ? 0 : sqlite3_changes(g->db);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* --- what stays whatever its age --- */

/*
 * Runs that the next daemon may go on with (for a day; then nobody comes), and, where @for_sinks,
 * those with steps that a sink has not got.
 */
static int find_kept(struct gc *g, bool for_sinks)
{
	int64_t ignored;
	int rc = exec(g, "CREATE TEMP TABLE IF NOT EXISTS kept (id BLOB PRIMARY KEY);"
			 "DELETE FROM temp.kept");

	if (rc == SQLITE_OK)
		rc = with_int(g,
			      "INSERT OR IGNORE INTO temp.kept SELECT run FROM open_state"
			      " WHERE updated_ns > ?1",
			      ((int64_t)time(NULL) - OPEN_S) * 1000000000, &ignored);
	if (rc == SQLITE_OK && for_sinks)
		rc = exec(g, "INSERT OR IGNORE INTO temp.kept SELECT run FROM spans"
			     " WHERE seq > (SELECT min(seq) FROM sinks)");
	return rc;
}

/* How many steps up to @newest wait for a sink. */
static int count_unsent(struct gc *g, int64_t newest, int64_t *ret)
{
	return with_int(g,
			"SELECT count(*) FROM spans WHERE seq > (SELECT min(seq) FROM sinks)"
			" AND seq <= ?1",
			newest, ret);
}

/* --- runs --- */

/* Which runs go: the oldest of those that ended before, and how many of them at most. */
struct which {
	int64_t before, most;
};

/* What lists of costs and tools are made of goes with the steps; sums per minute stay. */
static int remove_noted(struct gc *g, int64_t *ret_spans)
{
	int rc = sums_apply(g->sums, -1);

	if (rc == SQLITE_OK)
		rc = exec(g, "DELETE FROM spans WHERE n IN (SELECT n FROM temp.noted)");
	*ret_spans = sqlite3_changes(g->db);
	return rc == SQLITE_OK ? sums_forget(g->sums) : rc;
}

/* Some steps of the run in row @n; the run itself with the last of them. */
static int remove_some(struct gc *g, int64_t n, int64_t *ret_spans, bool *ret_over)
{
	int64_t spans = 0, ignored;
	int rc = with_int(g,
			  "UPDATE counters SET value = max(value, coalesce((SELECT max(start_ns)"
			  " FROM spans WHERE run = (SELECT id FROM runs WHERE n = ?1)), 0))"
			  " WHERE name = 'removed_until_ns'",
			  n, &ignored);

	if (rc == SQLITE_OK)
		rc = sums_note_selected(g->sums,
					"SELECT n FROM spans WHERE run ="
					" (SELECT id FROM runs WHERE n = ?1)" LIMIT_SPANS,
					n);
	if (rc == SQLITE_OK)
		rc = remove_noted(g, &spans);
	*ret_spans = spans;
	*ret_over = spans < BATCH_SPANS;
	if (rc != SQLITE_OK || !*ret_over)
		return rc;
	rc = with_int(g, "DELETE FROM open_state WHERE run = (SELECT id FROM runs WHERE n = ?1)", n,
		      &ignored);
	return rc == SQLITE_OK ? with_int(g, "DELETE FROM runs WHERE n = ?1", n, &ignored) : rc;
}

/* One transaction; @w->most falls with each run, to 0 where there is none any more. */
static int remove_batch(struct gc *g, struct which *w)
{
	int64_t spans = 0, runs = 0, some, n = 0;
	bool over;
	int rc = exec(g, "BEGIN IMMEDIATE");

	while (rc == SQLITE_OK && w->most > 0 && spans < BATCH_SPANS && runs < BATCH_RUNS) {
		rc = with_int(g, "SELECT n FROM runs WHERE " ENDED_BEFORE OLDEST " LIMIT 1",
			      w->before, &n);
		if (rc == SQLITE_OK && n == 0)
			w->most = 0;
		if (rc != SQLITE_OK || n == 0)
			break;
		rc = remove_some(g, n, &some, &over);
		spans += some;
		runs += over;
		w->most -= over;
	}
	if (rc == SQLITE_OK)
		rc = exec(g, "COMMIT");
	if (!sqlite3_get_autocommit(g->db))
		exec(g, "ROLLBACK");
	if (rc == SQLITE_OK) {
		g->res->spans += spans;
		g->res->runs += runs;
	}
	return rc;
}

static int remove_runs(struct gc *g, struct which w)
{
	const int64_t of = w.most;
	int rc = SQLITE_OK;

	while (rc == SQLITE_OK && w.most > 0) {
		tell(g, "removing runs", of - w.most, of);
		rc = remove_batch(g, &w);
		sweep_pause();
	}
	return rc;
}

/* The time before which runs have settled, or @before where that is earlier. */
static int64_t settled(uint64_t before)
{
	const int64_t ns = ((int64_t)time(NULL) - SETTLE_S) * 1000000000;

	return before < (uint64_t)ns ? (int64_t)before : ns;
}

static int remove_old_runs(struct gc *g)
{
	struct which w = { .before = settled(g->o->runs_before_ns) };
	int rc = with_int(g, "SELECT count(*) FROM runs WHERE " ENDED_BEFORE, w.before, &w.most);

	return rc == SQLITE_OK ? remove_runs(g, w) : rc;
}

/* --- what was said --- */

#define STRIP_NEXT                                                                  \
	"SELECT n FROM spans WHERE run IN (SELECT id FROM runs WHERE " ENDED_BEFORE \
	") AND " HAS_CONTENT

/* Some of those that wait in `stripped`; which calls repeat others is told by their content. */
static int strip_some(struct gc *g)
{
	int rc = exec(g, "BEGIN IMMEDIATE");

	if (rc == SQLITE_OK)
		rc = sums_note_selected(g->sums, "SELECT n FROM temp.stripped LIMIT ?1",
					BATCH_SPANS);
	if (rc == SQLITE_OK)
		rc = sums_apply(g->sums, -1);
	if (rc == SQLITE_OK)
		rc = exec(g, "UPDATE spans SET input_node = NULL, output_node = NULL, system_blob ="
			     " NULL, tools_blob = NULL, args_blob = NULL, result_blob = NULL,"
			     " raw_blob = NULL, attrs = json_remove(attrs,"
			     " '$.\"sonde.output.alternatives\"')"
			     " WHERE n IN (SELECT n FROM temp.noted)");
	if (rc == SQLITE_OK)
		rc = sums_apply(g->sums, 1);
	if (rc == SQLITE_OK)
		rc = exec(g, "DELETE FROM temp.stripped WHERE n IN (SELECT n FROM temp.noted)");
	if (rc == SQLITE_OK)
		rc = sums_forget(g->sums);
	if (rc == SQLITE_OK)
		rc = exec(g, "COMMIT");
	if (!sqlite3_get_autocommit(g->db))
		exec(g, "ROLLBACK");
	return rc;
}

static int strip_content(struct gc *g)
{
	const int64_t before = settled(g->o->content_before_ns);
	int64_t n = 0, done;
	int rc = exec(g, "CREATE TEMP TABLE stripped (n INTEGER PRIMARY KEY)");

	if (rc == SQLITE_OK)
		rc = with_int(g, "INSERT INTO stripped " STRIP_NEXT, before, &n);
	for (done = 0; rc == SQLITE_OK && done < n; done += BATCH_SPANS) {
		tell(g, "removing what was said", done, n);
		rc = strip_some(g);
		sweep_pause();
	}
	g->res->content_spans = n;
	return rc;
}

/* --- the file --- */

static int read_used(struct gc *g, int64_t *ret)
{
	return db_int(g->db,
		      "SELECT (c.page_count - f.freelist_count) * s.page_size FROM"
		      " pragma_page_count AS c, pragma_freelist_count AS f,"
		      " pragma_page_size AS s",
		      ret);
}

static int64_t file_size(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}

/* Gives free pages back to the disk, some at a time. Readers of an older state may prevent it. */
static int vacuum(struct gc *g)
{
	int64_t mode = 0, pages = 0, before = -1, of = 0;
	char sql[64];
	int rc = db_int(g->db, "PRAGMA auto_vacuum", &mode);

	g->res->shrinks = mode == 2; /* incremental */
	snprintf(sql, sizeof(sql), "PRAGMA incremental_vacuum(%d)", VACUUM_PAGES);
	while (rc == SQLITE_OK && g->res->shrinks) {
		rc = db_int(g->db, "PRAGMA freelist_count", &pages);
		if (rc != SQLITE_OK || pages == 0 || pages == before)
			break;
		of = of ? of : pages;
		before = pages;
		tell(g, "shrinking the file", of - pages, of);
		rc = exec(g, sql);
		sweep_pause();
	}
	if (rc == SQLITE_OK) /* where a reader is in the way, the next writer does it */
		sqlite3_wal_checkpoint_v2(g->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	return rc;
}

static int sweep(struct gc *g)
{
	struct sweep s = { .db = g->db, .progress = tell, .ctx = g };
	int rc = sweep_run(&s);

	g->res->nodes += s.nodes;
	g->res->blobs += s.blobs;
	return rc;
}

/* How many of @runs go in a round: the share by which the store is too large, but not too few. */
static int64_t share_of(int64_t runs, int64_t used, int64_t max)
{
	double share = 1 - (double)max / (double)used;

	if (share < LEAST_SHARE)
		share = LEAST_SHARE;
	return 1 + (int64_t)(share * (double)runs);
}

/*
 * How much a run holds is not known before it is gone, as others may have the same content: so the
 * oldest go in rounds, in each the share of the runs by which the store is too large.
 */
static int remove_until_small(struct gc *g)
{
	struct which w = { .before = settled(UINT64_MAX) };
	int64_t used = 0, runs = 0, gone = -1;
	int rc = SQLITE_OK;

	for (int round = 0; rc == SQLITE_OK && round < ROUNDS_MAX; round++) {
		rc = read_used(g, &used);
		if (rc == SQLITE_OK)
			rc = with_int(g, "SELECT count(*) FROM runs WHERE " ENDED_BEFORE, w.before,
				      &runs);
		if (rc != SQLITE_OK || used <= (int64_t)g->o->max_bytes || gone == g->res->runs)
			break;
		gone = g->res->runs;
		w.most = share_of(runs, used, (int64_t)g->o->max_bytes);
		rc = remove_runs(g, w);
		if (rc == SQLITE_OK)
			rc = sweep(g);
	}
	return rc;
}

/* --- the whole --- */

static int count_only(struct gc *g)
{
	const int64_t runs_before = settled(g->o->runs_before_ns);
	const int64_t content_before = settled(g->o->content_before_ns);
	int rc = with_int(g, "SELECT count(*) FROM runs WHERE " ENDED_BEFORE, runs_before,
			  &g->res->runs);

	if (rc == SQLITE_OK)
		rc = with_int(g,
			      "SELECT count(*) FROM spans WHERE run IN (SELECT id FROM runs"
			      " WHERE " ENDED_BEFORE ")",
			      runs_before, &g->res->spans);
	if (rc == SQLITE_OK)
		rc = with_int(g, "SELECT count(*) FROM (" STRIP_NEXT ")", content_before,
			      &g->res->content_spans);
	return rc;
}

/* What sinks keep above the limit is bounded: then the oldest go whether they were sent or not. */
static bool sinks_keep_too_much(const struct gc *g, int64_t used)
{
	return g->o->max_bytes && used > (int64_t)(g->o->max_bytes + g->o->sinks_keep_bytes);
}

static int remove_until_small_at_last(struct gc *g)
{
	int64_t used = 0;
	int rc = remove_until_small(g);

	if (rc == SQLITE_OK)
		rc = read_used(g, &used);
	if (rc != SQLITE_OK || !g->o->sinks_keep_bytes || !sinks_keep_too_much(g, used))
		return rc;
	rc = find_kept(g, false);
	return rc == SQLITE_OK ? remove_until_small(g) : rc;
}

static int collect(struct gc *g)
{
	int rc = SQLITE_OK;

	if (g->o->dry_run)
		return count_only(g);
	if (g->o->runs_before_ns)
		rc = remove_old_runs(g);
	if (rc == SQLITE_OK && g->o->content_before_ns)
		rc = strip_content(g);
	if (rc == SQLITE_OK)
		rc = sweep(g);
	if (rc == SQLITE_OK && g->o->max_bytes)
		rc = remove_until_small_at_last(g);
	if (rc == SQLITE_OK)
		rc = exec(g, "DELETE FROM cost_sums WHERE steps = 0;"
			     "DELETE FROM tool_sums WHERE calls = 0");
	return rc == SQLITE_OK ? vacuum(g) : rc;
}

static int open_store(const char *path, sqlite3 **ret, struct store_error *err)
{
	_cleanup_(store_reader_closep) struct store_reader *reader = NULL;
	int rc = store_reader_open(path, &reader, err); /* is it a store of this version? */

	if (rc < 0)
		return rc;
	rc = db_open(path, SQLITE_OPEN_READWRITE, ret);
	if (rc != SQLITE_OK)
		return db_explain(*ret, rc, path, err);
	sqlite3_busy_timeout(*ret, WAIT_MS);
	rc = sqlite3_exec(*ret,
			  "PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 67108864;"
			  "PRAGMA cell_size_check = ON;"
			  "PRAGMA secure_delete = ON", /* what goes is to be gone */
			  NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : db_explain(*ret, rc, path, err);
}

int store_gc(const char *path, const struct store_gc_options *o, struct store_gc_result *ret,
	     struct store_error *err)
{
	_cleanup_(db_closep) sqlite3 *db = NULL;
	_cleanup_(sums_freep) struct sums *sums = NULL;
	struct gc g = { .o = o, .res = ret };
	int64_t newest = 0, unsent = 0;
	int rc = open_store(path, &db, err);

	if (rc < 0)
		return rc;
	*ret = (struct store_gc_result){ .file_bytes_before = file_size(path) };
	g.db = db;
	rc = sums_new(db, &sums);
	g.sums = sums;
	if (rc == SQLITE_OK)
		rc = read_used(&g, &ret->used_bytes_before);
	if (rc == SQLITE_OK)
		rc = db_int(db, "SELECT count(*) FROM runs WHERE NOT " FINISHED, &ret->running);
	if (rc == SQLITE_OK)
		rc = db_int(db, "SELECT value FROM counters WHERE name = 'seq'", &newest);
	if (rc == SQLITE_OK)
		rc = count_unsent(&g, newest, &unsent);
	if (rc == SQLITE_OK)
		rc = find_kept(&g, o->sinks_keep_bytes > 0);
	if (rc == SQLITE_OK)
		rc = collect(&g);
	if (rc == SQLITE_OK)
		rc = count_unsent(&g, newest, &ret->unsent);
	if (rc == SQLITE_OK)
		rc = read_used(&g, &ret->used_bytes);
	if (rc != SQLITE_OK)
		return db_explain(db, rc, path, err);
	ret->unsent = unsent > ret->unsent ? unsent - ret->unsent : 0;
	ret->too_large = o->max_bytes && ret->used_bytes > (int64_t)o->max_bytes;
	ret->file_bytes = file_size(path);
	return 0;
}
