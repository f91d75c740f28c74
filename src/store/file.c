/* SPDX-License-Identifier: BSD-2-Clause */
/* What concerns the file as a whole: what is in it, is it sound, a copy of it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "store/reader.h"
#include "store/schema.h"

DEFINE_CLEANUP(struct store_reader *, store_reader_close)

#define PROBLEMS_MAX 20 /* of each kind: a damaged store has thousands */

static int64_t file_size(const char *path, const char *suffix)
{
	char full[4200];
	struct stat st;

	snprintf(full, sizeof(full), "%s%s", path, suffix);
	return stat(full, &st) == 0 ? (int64_t)st.st_size : 0;
}

int store_info(struct store_reader *r, struct store_info *ret)
{
	struct store_info info = { 0 };
	int64_t version = 0, first = 0, last = 0;
	const struct {
		const char *sql;
		int64_t *to;
	} numbers[] = {
		{ "PRAGMA user_version", &version },
		{ "SELECT count(*) FROM runs", &info.runs },
		{ "SELECT count(*) FROM spans", &info.spans },
		{ "SELECT count(*) FROM blobs", &info.blobs },
		{ "SELECT count(*) FROM nodes", &info.nodes },
		{ "SELECT total(length(bytes)) FROM blobs", &info.blob_bytes },
		{ "SELECT total(size) FROM blobs", &info.blob_raw_bytes },
		{ "SELECT coalesce(min(start_ns), 0) FROM runs", &first },
		{ "SELECT coalesce(max(start_ns), 0) FROM runs", &last },
	};
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	int rc = SQLITE_OK;

	for (size_t i = 0; i < ARRAY_SIZE(numbers) && rc == SQLITE_OK; i++)
		rc = db_int(r->db, numbers[i].sql, numbers[i].to);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(r->db, "PRAGMA quick_check(1)", -1, &s, NULL);
	if (rc != SQLITE_OK)
		return reader_errno(r, rc);
	info.sound = sqlite3_step(s) == SQLITE_ROW &&
		     strcmp((const char *)sqlite3_column_text(s, 0), "ok") == 0;
	snprintf(info.path, sizeof(info.path), "%s", r->path);
	info.version = (int)version;
	info.first_ns = (uint64_t)first;
	info.last_ns = (uint64_t)last;
	if (!r->limited) { /* else it would tell how much others have */
		info.file_bytes = file_size(r->path, "");
		info.wal_bytes = file_size(r->path, "-wal");
	}
	*ret = info;
	return 0;
}

/* --- check --- */

/* What must not be: each selects what is wrong. */
static const struct {
	const char *what, *sql;
} invariants[] = {
	{ "a message of a conversation is missing: node",
	  "SELECT hex(id) FROM nodes n WHERE NOT EXISTS (SELECT 1 FROM blobs b"
	  " WHERE b.id = n.message)" },
	{ "the beginning of a conversation is missing: node",
	  "SELECT hex(id) FROM nodes n WHERE parent IS NOT NULL AND NOT EXISTS (SELECT 1"
	  " FROM nodes p WHERE p.id = n.parent)" },
	{ "a step's run is missing: step",
	  "SELECT hex(id) FROM spans s WHERE NOT EXISTS (SELECT 1 FROM runs r"
	  " WHERE r.id = s.run)" },
	{ "a step's conversation is missing: step",
	  "SELECT hex(s.id) FROM spans s WHERE (s.input_node IS NOT NULL AND"
	  " NOT EXISTS (SELECT 1 FROM nodes WHERE id = s.input_node)) OR (s.output_node IS NOT"
	  " NULL AND NOT EXISTS (SELECT 1 FROM nodes WHERE id = s.output_node))" },
	{ "a step's content is missing: step",
	  "SELECT hex(s.id) FROM spans s WHERE"
	  " (system_blob IS NOT NULL AND system_blob NOT IN (SELECT id FROM blobs)) OR"
	  " (tools_blob IS NOT NULL AND tools_blob NOT IN (SELECT id FROM blobs)) OR"
	  " (args_blob IS NOT NULL AND args_blob NOT IN (SELECT id FROM blobs)) OR"
	  " (result_blob IS NOT NULL AND result_blob NOT IN (SELECT id FROM blobs)) OR"
	  " (raw_blob IS NOT NULL AND raw_blob NOT IN (SELECT id FROM blobs))" },
	{ "a finished step has no number, or an unfinished one has: step",
	  "SELECT hex(id) FROM spans WHERE final <> (seq IS NOT NULL)" },
	{ "a step's number was never given: step",
	  "SELECT hex(id) FROM spans WHERE seq > (SELECT value FROM counters WHERE name ="
	  " 'seq')" },
	/* Sums stay where steps were removed: until then they may be more. */
	{ "the sums of a day differ from its steps: day",
	  "WITH kept AS (SELECT value / 86400000000000 AS until FROM counters"
	  " WHERE name = 'removed_until_ns' AND value > 0)"
	  " SELECT coalesce(a.day, b.day) FROM (SELECT minute / 1440 AS day, sum(steps) AS n,"
	  " sum(input) AS i, sum(output) AS o, sum(cost_pico_usd) AS c FROM rollups GROUP BY 1)"
	  " AS a FULL JOIN (SELECT start_ns / 86400000000000 AS day, count(*) AS n,"
	  " coalesce(sum(input), 0) AS i, coalesce(sum(output), 0) AS o,"
	  " coalesce(sum(cost_pico_usd), 0) AS c FROM spans"
	  " WHERE seq IS NOT NULL AND step IN (2, 3) GROUP BY 1) AS b ON a.day = b.day"
	  " WHERE CASE WHEN a.day <= (SELECT until FROM kept)"
	  " THEN a.n < b.n OR a.i < b.i OR a.o < b.o OR a.c < b.c"
	  " ELSE a.n IS NOT b.n OR a.i <> b.i OR a.o <> b.o OR a.c <> b.c END" },
	{ "the sums of an agent's day differ from its model calls: day",
	  "SELECT coalesce(a.day, b.day) FROM (SELECT period AS day, key, steps AS n, input AS i,"
	  " cost_pico_usd + equivalent_pico_usd AS c FROM cost_sums WHERE dimension = 0 AND"
	  " steps <> 0) AS a FULL JOIN (SELECT start_ns / 86400000000000 AS day,"
	  " coalesce(agent, '') AS key, count(*) AS n, coalesce(sum(input), 0) AS i,"
	  " coalesce(sum(cost_pico_usd), 0) AS c FROM spans WHERE seq IS NOT NULL AND step = 2"
	  " GROUP BY 1, 2) AS b ON a.day = b.day AND a.key = b.key"
	  " WHERE a.n IS NOT b.n OR a.i <> b.i OR a.c <> b.c" },
	{ "the sums of a tool's day differ from its calls: day",
	  "SELECT coalesce(a.day, b.day) FROM (SELECT period AS day, tool, agent, calls AS n,"
	  " errors AS e FROM tool_sums WHERE calls <> 0) AS a FULL JOIN"
	  " (SELECT start_ns / 86400000000000 AS day, tool_name AS tool, coalesce(agent, '')"
	  " AS agent, count(*) AS n, sum(status = 2) AS e FROM spans WHERE seq IS NOT NULL"
	  " AND step = 3 AND tool_name IS NOT NULL GROUP BY 1, 2, 3) AS b"
	  " ON a.day = b.day AND a.tool = b.tool AND a.agent = b.agent"
	  " WHERE a.n IS NOT b.n OR a.e <> b.e" },
	{ "the sums of a half hour differ from its steps: half hour",
	  "SELECT coalesce(a.period, b.period) FROM (SELECT period, tool_calls AS t, steps AS n,"
	  " errors AS e FROM work_sums WHERE dimension = 0 AND steps <> 0) AS a FULL JOIN"
	  " (SELECT start_ns / 1800000000000 AS period, sum(step = 3) AS t, count(*) AS n,"
	  " sum(status = 2 AND (step = 3 OR " SCHEMA_ONCE ")) AS e FROM spans WHERE seq IS NOT"
	  " NULL AND step IN (2, 3) GROUP BY 1) AS b ON a.period = b.period"
	  " WHERE a.n IS NOT b.n OR a.t <> b.t OR a.e <> b.e" },
	{ "the sums of an agent's day differ from its runs: day",
	  "SELECT coalesce(a.day, b.day) FROM (SELECT period AS day, key, status, runs AS n,"
	  " cost_pico_usd AS c, input AS i FROM run_sums WHERE dimension = 1) AS a FULL JOIN"
	  " (SELECT start_ns / 86400000000000 AS day, coalesce(agent, '') AS key, status,"
	  " count(*) AS n, coalesce(sum(cost_pico_usd), 0) AS c, coalesce(sum(input), 0) AS i"
	  " FROM runs GROUP BY 1, 2, 3) AS b ON a.day = b.day AND a.key = b.key AND"
	  " a.status = b.status WHERE a.n IS NOT b.n OR a.c <> b.c OR a.i <> b.i" },
	{ "the runs that were seen on a day are not those that have calls there: day",
	  "SELECT coalesce(a.day, b.day) FROM (SELECT period AS day, key, sum(n) AS n FROM seen"
	  " WHERE dimension = 0 GROUP BY 1, 2) AS a FULL JOIN (SELECT start_ns / 86400000000000"
	  " AS day, coalesce(agent, '') AS key, count(DISTINCT run) AS n FROM spans"
	  " WHERE seq IS NOT NULL AND step = 2 GROUP BY 1, 2) AS b"
	  " ON a.day = b.day AND a.key = b.key WHERE a.n IS NOT b.n" },
};

struct check {
	struct store_reader *r;
	void (*problem)(void *ctx, const char *text);
	void *ctx;
	int problems;
};

static void found(struct check *c, const char *what, const char *which)
{
	char text[256];

	snprintf(text, sizeof(text), "%s%s%.120s", what, *what ? " " : "", which ? which : "?");
	c->problem(c->ctx, text);
	c->problems++;
}

/* Every row of the statement is a problem, but "ok" of integrity_check. */
static int check_sql(struct check *c, const char *what, const char *sql)
{
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(c->r->db, sql, -1, &s, NULL);

	for (int n = 0; rc == SQLITE_OK && n < PROBLEMS_MAX; n++) {
		const char *text;

		rc = sqlite3_step(s);
		if (rc == SQLITE_DONE)
			return SQLITE_OK;
		if (rc != SQLITE_ROW)
			return rc;
		text = (const char *)sqlite3_column_text(s, 0);
		if (!text || strcmp(text, "ok") != 0)
			found(c, what, text);
		rc = SQLITE_OK;
	}
	return rc;
}

static int check_blob(struct check *c, const struct id128 *id)
{
	char hex[ID128_HEX_SIZE];
	struct buf bytes = { 0 };
	struct id128 got;
	int r = store_blob_read(c->r, id, &bytes);

	id128_hex(id, hex);
	if (r == 0) {
		got = id_of_bytes(buf_slice(&bytes));
		if (!id128_eq(&got, id))
			found(c, "content is not what its id says: blob", hex);
	} else if (r == -EBADMSG) {
		found(c, "content cannot be unpacked: blob", hex);
		r = 0;
	}
	buf_done(&bytes);
	return r;
}

static int check_blobs(struct check *c)
{
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(c->r->db, "SELECT id FROM blobs", -1, &s, NULL);

	if (rc != SQLITE_OK)
		return reader_errno(c->r, rc);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct id128 id;

		if (sqlite3_column_bytes(s, 0) != sizeof(id.b)) {
			found(c, "an id has the wrong size: blob", "");
			continue;
		}
		memcpy(id.b, sqlite3_column_blob(s, 0), sizeof(id.b));
		rc = check_blob(c, &id);
		if (rc < 0)
			return rc;
	}
	return rc == SQLITE_DONE ? 0 : reader_errno(c->r, rc);
}

static int check_all(struct check *c)
{
	int rc = check_sql(c, "", "PRAGMA integrity_check(20)");

	for (size_t i = 0; i < ARRAY_SIZE(invariants) && rc == SQLITE_OK; i++)
		rc = check_sql(c, invariants[i].what, invariants[i].sql);
	return rc == SQLITE_OK ? check_blobs(c) : reader_errno(c->r, rc);
}

int store_check(const char *path, void (*problem)(void *ctx, const char *text), void *ctx,
		struct store_error *err)
{
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	struct check c = { .problem = problem, .ctx = ctx };
	int rc = store_reader_open(path, &r, err);

	if (rc < 0)
		return rc;
	c.r = r;
	/* one state of the store, whoever writes meanwhile */
	if (sqlite3_exec(r->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
		return db_fail(err, -EIO, "cannot read '%s': %s", path, sqlite3_errmsg(r->db));
	rc = check_all(&c);
	if (rc == -EBADMSG) {
		found(&c, "cannot be read to the end:", sqlite3_errmsg(r->db));
		rc = 0;
	}
	if (rc < 0)
		return db_fail(err, rc, "cannot check '%s': %s", path, strerror(-rc));
	return c.problems > 0;
}

/* --- backup --- */

static int copy_pages(sqlite3 *to, sqlite3 *from)
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
	int rc;

	if (!b)
		return sqlite3_errcode(to);
	/* all at once: writers are not held up in WAL mode, and a pause would start it over */
	rc = sqlite3_backup_step(b, -1);
	sqlite3_backup_finish(b);
	if (rc != SQLITE_DONE)
		return rc == SQLITE_OK ? SQLITE_BUSY : rc;
	/* a copy is one file, which can be read where nothing can be written */
	return sqlite3_exec(to, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
}

int store_backup(const char *path, const char *to, struct store_error *err)
{
	_cleanup_(store_reader_closep) struct store_reader *r = NULL;
	_cleanup_(db_closep) sqlite3 *db = NULL;
	int fd, rc = store_reader_open(path, &r, err);

	if (rc < 0)
		return rc;
	fd = open(to, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return db_fail(err, -errno, "cannot create '%s': %s", to, strerror(errno));
	close(fd);
	rc = db_open(to, SQLITE_OPEN_READWRITE, &db);
	if (rc == SQLITE_OK)
		rc = copy_pages(db, r->db);
	if (rc == SQLITE_OK)
		return 0;
	rc = db_explain(db, rc, to, err);
	unlink(to);
	return rc;
}
