/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/reader.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"
#include "store/attrs.h"
#include "store/figures/reach.h"
#include "store/list/page.h"

#define BUSY_MS	   5000
#define SPAN_ATTRS (1u << 20) /* bytes of one span's attributes in memory */
#define SUMS_ABOVE 5000	      /* steps that are read in no time */

DEFINE_CLEANUP(struct store_reader *, store_reader_close)

int reader_errno(const struct store_reader *r, int rc)
{
	if ((rc & 0xff) == SQLITE_INTERRUPT)
		return -ETIMEDOUT;
	return db_explain(r->db, rc, r->path, NULL);
}

/* --- opening --- */

static const char *owner_of(const struct stat *st)
{
	const struct passwd *pw = getpwuid(st->st_uid);

	return pw ? pw->pw_name : "another user";
}

static int look_at(const char *path, struct store_error *err)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return db_fail(err, -ENOENT, "there is no store at '%s' yet", path);
		return db_fail(err, -errno, "cannot open the store '%s': %s", path,
			       strerror(errno));
	}
	if (!S_ISREG(st.st_mode))
		return db_fail(err, -EBADMSG, "'%s' is no file", path);
	if (access(path, R_OK) < 0)
		return db_fail(err, -EACCES, "the store '%s' is readable for %s only", path,
			       owner_of(&st));
	return 0;
}

/*
 * A file in WAL mode that nobody has open can only be read by who may create the files beside it.
 * So it is opened for writing where that is permitted, and nothing is written.
 */
static int open_file(struct store_reader *r, struct store_error *err)
{
	int rc = SQLITE_CANTOPEN;

	if (access(r->path, W_OK) == 0)
		rc = db_open(r->path, SQLITE_OPEN_READWRITE, &r->db);
	if (rc != SQLITE_OK) {
		db_close(TAKE(r->db));
		rc = db_open(r->path, SQLITE_OPEN_READONLY, &r->db);
	}
	if (rc != SQLITE_OK)
		return db_explain(r->db, rc, r->path, err);
	sqlite3_busy_timeout(r->db, BUSY_MS);
	sqlite3_db_config(r->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_db_config(r->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(r->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(r->db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
	rc = sqlite3_exec(
		r->db,
		"PRAGMA query_only = 1; PRAGMA cell_size_check = 1; PRAGMA cache_size = -8192;"
		"PRAGMA temp_store = MEMORY; SELECT count(*) FROM sqlite_schema",
		NULL, NULL, NULL);
	if ((rc & 0xff) == SQLITE_CANTOPEN || (rc & 0xff) == SQLITE_READONLY)
		return db_fail(err, -EACCES,
			       "cannot read the store '%s' while nobody writes it, as you may not "
			       "write beside it: read it as its owner, or read a copy "
			       "(`sonde store backup`)",
			       r->path);
	return rc == SQLITE_OK ? 0 : db_explain(r->db, rc, r->path, err);
}

int store_reader_open(const char *path, struct store_reader **ret, struct store_error *err)
{
	_cleanup_(store_reader_closep) struct store_reader *r = calloc(1, sizeof(*r));
	int64_t version;
	int rc = look_at(path, err);

	if (rc < 0)
		return rc;
	if (!r || blob_coder_new(&r->coder) < 0)
		return db_fail(err, -ENOMEM, "out of memory");
	if (snprintf(r->path, sizeof(r->path), "%s", path) >= (int)sizeof(r->path))
		return db_fail(err, -ENAMETOOLONG, "the path of the store is too long");
	r->sql_limit_ms = STORE_SQL_MS;
	r->sums_above = SUMS_ABOVE;
	r->count_max = STORE_COUNT_MAX;
	r->reach_max = STORE_REACH_MAX;
	rc = open_file(r, err);
	if (rc == 0)
		rc = db_check_version(r->db, r->path, true, &version, err);
	if (rc < 0)
		return rc;
	*ret = TAKE(r);
	return 0;
}

void store_reader_close(struct store_reader *r)
{
	if (!r)
		return;
	sqlite3_finalize(r->blob);
	sqlite3_finalize(r->media);
	viewer_done(r);
	db_close(r->db);
	blob_coder_free(r->coder);
	free(r);
}

/* --- runs and spans --- */

char *reader_select(const struct column *columns, int n, const char *prefix, const char *more)
{
	struct buf b = { 0 };

	if (buf_add(&b, SLICE("SELECT "), SIZE_MAX) < 0 || row_names(columns, n, prefix, &b) < 0 ||
	    buf_add(&b, slice_of(more), SIZE_MAX) < 0 ||
	    buf_add(&b, (struct slice){ "", 1 }, SIZE_MAX) < 0) {
		buf_done(&b);
		return NULL;
	}
	return b.p;
}

int store_runs(struct store_reader *r, const struct store_filter *f, store_run_fn fn, void *ctx)
{
	_cleanup_(freep) char *head =
		reader_select(run_columns, run_columns_n, "r.", " FROM runs AS r");
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	_cleanup_(where_done) struct where w = { 0 };
	char tail[96];
	int rc;

	if (!head)
		return -ENOMEM;
	where_look(r, &w, f);
	where_runs(&w, f);
	rc = where_prepare(
		r, &w, head,
		where_tail("ORDER BY r.start_ns DESC, r.id DESC", f->limit, tail, sizeof(tail)),
		&s);
	if (rc < 0)
		return rc;
	limit_begin(r, r->limit_ms);
	while (rc == 0 && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct run run = { 0 };

		row_read(s, 0, run_columns, run_columns_n, &run);
		rc = fn(ctx, &run);
		rc = rc < 0 ? rc : 0;
	}
	limit_end(r);
	return rc == SQLITE_DONE ? 0 : rc < 0 ? rc : reader_errno(r, rc);
}

int reader_span(struct store_reader *r, sqlite3_stmt *s, store_span_fn fn, void *ctx)
{
	_cleanup_(arena_freep) struct arena *mem = arena_new(SPAN_ATTRS);
	struct span span = { 0 };
	struct slice json;
	int rc;

	if (!mem)
		return -ENOMEM;
	row_read(s, 0, span_columns, span_columns_n, &span);
	if (span.cost.source == COST_UNKNOWN)
		span.cost.pico_usd = 0;
	json.p = (const char *)sqlite3_column_text(s, span_columns_n);
	json.n = (size_t)sqlite3_column_bytes(s, span_columns_n);
	attrs_read(json, mem, &span.attrs, &span.n_attrs);
	rc = viewer_grant_span(r, &span, json);
	return rc < 0 ? rc : fn(ctx, &span);
}

int store_spans(struct store_reader *r, const struct store_filter *f, store_span_fn fn, void *ctx)
{
	const char *order = id128_is_zero(&f->run) ? "ORDER BY s.start_ns DESC, s.id DESC"
						   : "ORDER BY s.start_ns, s.id";
	_cleanup_(freep) char *head =
		reader_select(span_columns, span_columns_n, "s.", ", s.attrs FROM spans AS s");
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	_cleanup_(where_done) struct where w = { 0 };
	char tail[96];
	int rc;

	if (!head)
		return -ENOMEM;
	where_spans(&w, f);
	rc = where_prepare(r, &w, head, where_tail(order, f->limit, tail, sizeof(tail)), &s);
	if (rc < 0)
		return rc;
	limit_begin(r, r->limit_ms);
	while (rc == 0 && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		rc = reader_span(r, s, fn, ctx);
		rc = rc < 0 ? rc : 0;
	}
	limit_end(r);
	return rc == SQLITE_DONE ? 0 : rc < 0 ? rc : reader_errno(r, rc);
}

/* --- references --- */

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		c = (char)(c + 32);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool reader_id_range(struct slice digits, struct id128 *low, struct id128 *high)
{
	if (digits.n < 4 || digits.n > 32)
		return false;
	*low = (struct id128){ 0 };
	memset(high->b, 0xff, sizeof(high->b));
	for (size_t i = 0; i < digits.n; i++) {
		int v = nibble(digits.p[i]);
		int shift = i % 2 ? 0 : 4;

		if (v < 0)
			return false;
		low->b[i / 2] |= (uint8_t)(v << shift);
		high->b[i / 2] = (uint8_t)((high->b[i / 2] & ~(15 << shift)) | v << shift);
	}
	return true;
}

/* The only row's id; -EEXIST where there are two. */
static int only_id(struct store_reader *r, sqlite3_stmt *s, struct id128 *ret)
{
	struct id128 id = { 0 };
	int n = 0, rc;

	while ((rc = sqlite3_step(s)) == SQLITE_ROW)
		if (n++ == 0 && sqlite3_column_bytes(s, 0) == sizeof(id.b))
			memcpy(id.b, sqlite3_column_blob(s, 0), sizeof(id.b));
	if (rc != SQLITE_DONE)
		return reader_errno(r, rc);
	if (n != 1)
		return n ? -EEXIST : -ENOENT;
	*ret = id;
	return 0;
}

/* What has ids that can be referred to by their first digits. */
struct kind_of_id {
	const char *select, *last, *low, *high;
};

static int find_id(struct store_reader *r, const struct kind_of_id *k, const char *ref,
		   struct id128 *ret)
{
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	_cleanup_(where_done) struct where w = { 0 };
	struct id128 low, high;
	int rc;

	if (strcmp(ref, "last") == 0) {
		rc = where_prepare(r, &w, k->select, k->last, &s);
		return rc < 0 ? rc : only_id(r, s, ret);
	}
	if (!reader_id_range(slice_of(ref), &low, &high))
		return -EINVAL;
	where_blob(&w, k->low, low.b, sizeof(low.b));
	where_blob(&w, k->high, high.b, sizeof(high.b));
	rc = where_prepare(r, &w, k->select, "LIMIT 2", &s);
	return rc < 0 ? rc : only_id(r, s, ret);
}

int store_run_find(struct store_reader *r, const char *ref, struct id128 *ret)
{
	static const struct kind_of_id runs = {
		.select = "SELECT id FROM runs",
		.last = "ORDER BY start_ns DESC, id DESC LIMIT 1",
		.low = " AND id >= ?",
		.high = " AND id <= ?",
	};

	return find_id(r, &runs, ref, ret);
}

int store_session_find(struct store_reader *r, const char *ref, struct id128 *ret)
{
	static const struct kind_of_id sessions = {
		.select = "SELECT DISTINCT session FROM runs",
		.last = "AND session IS NOT NULL ORDER BY start_ns DESC, id DESC LIMIT 1",
		.low = " AND session >= ?",
		.high = " AND session <= ?",
	};

	return find_id(r, &sessions, ref, ret);
}

/* --- content --- */

static int unpack(struct store_reader *r, sqlite3_stmt *s, int at, struct buf *ret)
{
	enum blob_codec codec = (enum blob_codec)sqlite3_column_int(s, at);
	int64_t size = sqlite3_column_int64(s, at + 1);
	struct slice in = { sqlite3_column_blob(s, at + 2),
			    (size_t)sqlite3_column_bytes(s, at + 2) };

	if (size < 0 || size > BLOB_MAX)
		return -EBADMSG;
	return blob_unpack(r->coder, codec, in, (size_t)size, ret);
}

int store_blob_read(struct store_reader *r, const struct id128 *id, struct buf *ret)
{
	int rc = viewer_may_read(r, id);

	if (rc <= 0)
		return rc ? rc : -ENOENT;
	rc = SQLITE_OK;
	if (!r->blob) /* "main.": it was asked above */
		rc = sqlite3_prepare_v3(r->db,
					"SELECT codec, size, bytes FROM main.blobs WHERE id = ?",
					-1, SQLITE_PREPARE_PERSISTENT, &r->blob, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_blob(r->blob, 1, id->b, sizeof(id->b), SQLITE_STATIC);
	if (rc != SQLITE_OK)
		return reader_errno(r, rc);
	rc = sqlite3_step(r->blob);
	if (rc == SQLITE_ROW)
		rc = unpack(r, r->blob, 0, ret);
	else
		rc = rc == SQLITE_DONE ? -ENOENT : reader_errno(r, rc);
	sqlite3_reset(r->blob);
	return rc;
}

/* A message, and what became of its pictures; its id follows in the row. */
static int unpack_message(struct store_reader *r, sqlite3_stmt *s, int at, struct buf *ret)
{
	const size_t from = ret->n;
	struct id128 id = { 0 };
	const int rc = unpack(r, s, at, ret);

	if (rc == 0 && sqlite3_column_bytes(s, at + 3) == sizeof(id.b))
		memcpy(id.b, sqlite3_column_blob(s, at + 3), sizeof(id.b));
	return rc < 0 ? rc : media_fill(r, &id, ret, from);
}

int store_message_read(struct store_reader *r, const struct id128 *node, struct buf *ret)
{
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	int rc =
		sqlite3_prepare_v2(r->db,
				   "SELECT b.codec, b.size, b.bytes, b.id FROM nodes n JOIN blobs b"
				   " ON b.id = n.message WHERE n.id = ?1",
				   -1, &s, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_blob(s, 1, node->b, sizeof(node->b), SQLITE_STATIC);
	if (rc != SQLITE_OK)
		return reader_errno(r, rc);
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		return unpack_message(r, s, 0, ret);
	return rc == SQLITE_DONE ? -ENOENT : reader_errno(r, rc);
}

/*
 * Depth falls on the way up, so a damaged store cannot send us round in circles. Who may see a node
 * may see what leads to it, so "main." comes after a look at the node alone.
 */
static const char conversation[] =
	"WITH RECURSIVE c (id, parent, message, depth) AS ("
	" SELECT id, parent, message, depth FROM main.nodes WHERE id = ?1"
	" UNION ALL SELECT n.id, n.parent, n.message, n.depth FROM c JOIN main.nodes n"
	" ON n.id = c.parent AND n.depth < c.depth)"
	" SELECT c.id, b.codec, b.size, b.bytes, b.id FROM c LEFT JOIN main.blobs b ON b.id = "
	"c.message"
	" ORDER BY c.depth";

static int give_message(struct store_reader *r, sqlite3_stmt *s, store_message_fn fn, void *ctx)
{
	struct buf text = { 0 };
	struct id128 node = { 0 };
	int rc = 0;

	if (sqlite3_column_bytes(s, 0) == sizeof(node.b))
		memcpy(node.b, sqlite3_column_blob(s, 0), sizeof(node.b));
	if (sqlite3_column_type(s, 1) != SQLITE_NULL) /* else: content that is not kept */
		rc = unpack_message(r, s, 1, &text);
	if (rc == 0)
		rc = viewer_grant(r, &node);
	if (rc == 0)
		rc = fn(ctx, &node, buf_slice(&text));
	buf_done(&text);
	return rc;
}

int store_conversation(struct store_reader *r, const struct id128 *node, store_message_fn fn,
		       void *ctx)
{
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	int rc = viewer_may_read(r, node);

	if (rc <= 0)
		return rc;
	rc = sqlite3_prepare_v2(r->db, conversation, -1, &s, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_blob(s, 1, node->b, sizeof(node->b), SQLITE_STATIC);
	if (rc != SQLITE_OK)
		return reader_errno(r, rc);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		rc = give_message(r, s, fn, ctx);
		if (rc < 0)
			return rc;
	}
	return rc == SQLITE_DONE ? 0 : reader_errno(r, rc);
}
