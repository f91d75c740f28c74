/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The writer. Ticks must not hold the engine up, or the kernel's ring runs over: they wait little
 * for other writers and try again with the next one, while what is to be written waits in memory.
 * Patience is for the end, and for when too much waits.
 */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "store/schema.h"
#include "store/write/pending.h"
#include "store/write/write.h"

#define BATCH_NS	1000000000ull /* a batch waits no longer */
#define BATCH_ROWS	4096
#define BATCH_BYTES	(16u << 20)
#define RETRY_NS	250000000ull
#define PENDING_MAX	(256u << 20) /* what may wait in memory while the store cannot be written */
#define PENDING_WAIT_MS 10000	     /* when three quarters of that do: better late than lost */
#define TICK_WAIT_MS	50
#define OPEN_WAIT_MS	20000
#define LAST_WAIT_MS	30000

struct store {
	sqlite3 *db;
	struct writer *writer;
	struct blob_coder *coder;
	struct pending *pending;
	struct stats *stats;
	struct store_error error; /* of the last batch that failed */
	int r;			  /* the same; 0 where it has been written since */
	int lost_r;		  /* something could not even wait */
	uint64_t retry_ns;	  /* tick time before which a failed batch is not tried again */
	size_t max_bytes;	  /* that may wait */
	unsigned full_wait_ms;	  /* once, when they nearly do */
	bool waited;		  /* that wait was in vain; no other before something was written */
	char path[4096];
};

DEFINE_CLEANUP(struct store *, store_close)

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void sleep_ms(unsigned ms)
{
	nanosleep(&(struct timespec){ .tv_nsec = (long)ms * 1000000 }, NULL);
}

/* --- opening --- */

static int make_parents(const char *path, struct store_error *err)
{
	char dir[4096];
	size_t n = strlen(path);

	if (n == 0 || n >= sizeof(dir))
		return db_fail(err, -ENAMETOOLONG, "the path of the store is empty or too long");
	memcpy(dir, path, n + 1);
	for (char *p = strchr(dir + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(dir, 0700) < 0 && errno != EEXIST)
			return db_fail(err, -errno, "cannot create the directory '%s': %s", dir,
				       strerror(errno));
		*p = '/';
	}
	return 0;
}

/*
 * Makes the file with its mode before SQLite can make it with another. One that exists is not
 * opened here: closing it again would drop the locks that this process may hold on it.
 */
static int make_file(const char *path, struct store_error *err)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	if (errno != EEXIST)
		return db_fail(err, -errno, "cannot create the store '%s': %s", path,
			       strerror(errno));
	if (stat(path, &st) < 0)
		return db_fail(err, -errno, "cannot open the store '%s': %s", path,
			       strerror(errno));
	if (!S_ISREG(st.st_mode))
		return db_fail(err, -EBADMSG, "'%s' is no file", path);
	if (access(path, W_OK) < 0) /* SQLite would open it for reading only, and say so late */
		return db_fail(err, -errno, "cannot write the store '%s': %s", path,
			       errno == EROFS ? "the disk is read-only" : strerror(errno));
	if ((st.st_mode & 077) && chmod(path, 0600) < 0 && errno != EPERM)
		return db_fail(err, -errno, "cannot protect the store '%s': %s", path,
			       strerror(errno));
	return 0;
}

/* What an open file is told; those that write it wait for others. */
static const char setup[] = "PRAGMA synchronous = NORMAL;"
			    "PRAGMA journal_size_limit = 67108864;"
			    "PRAGMA cell_size_check = ON;"
			    "PRAGMA temp_store = MEMORY";

static int open_once(struct store *s, struct store_error *err)
{
	int64_t version = 0;
	int r, rc = db_open(s->path, SQLITE_OPEN_READWRITE, &s->db);

	if (rc != SQLITE_OK)
		return db_explain(s->db, rc, s->path, err);
	sqlite3_busy_timeout(s->db, 1000);
	r = db_check_version(s->db, s->path, false, &version, err);
	if (r < 0)
		return r;
	if (version == 0) /* before anything is in it, or never */
		rc = sqlite3_exec(s->db, "PRAGMA auto_vacuum = INCREMENTAL", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(s->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(s->db, setup, NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return db_explain(s->db, rc, s->path, err);
	if (version < schema_version) {
		r = schema_migrate(s->db, s->path, NULL, 0, err);
		if (r < 0)
			return r;
	}
	rc = writer_new(s->db, &s->writer);
	return rc == SQLITE_OK ? 0 : db_explain(s->db, rc, s->path, err);
}

/* Several may open a new file at once, and turning it to WAL does not wait by itself. */
static int open_patiently(struct store *s, struct store_error *err)
{
	uint64_t end = now_ms() + OPEN_WAIT_MS;
	unsigned pause = 2;
	int r;

	for (;;) {
		r = open_once(s, err);
		if (r != -EBUSY || now_ms() >= end)
			return r;
		db_close(TAKE(s->db));
		sleep_ms(pause);
		pause = pause < 100 ? pause * 2 : 100;
	}
}

/* One transaction that changes nothing: read-only media and full disks show now, not later. */
static int try_writing(struct store *s, struct store_error *err)
{
	uint64_t refused = 0;
	int rc = writer_commit(s->writer, s->pending, OPEN_WAIT_MS, &refused);

	return rc == SQLITE_OK ? 0 : db_explain(s->db, rc, s->path, err);
}

static int store_new(const char *path, struct stats *stats, struct store **ret)
{
	_cleanup_(store_closep) struct store *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->stats = stats;
	s->max_bytes = PENDING_MAX;
	s->full_wait_ms = PENDING_WAIT_MS;
	if (snprintf(s->path, sizeof(s->path), "%s", path) >= (int)sizeof(s->path))
		return -ENAMETOOLONG;
	if (pending_new(s->max_bytes, &s->pending) < 0 || blob_coder_new(&s->coder) < 0)
		return -ENOMEM;
	*ret = TAKE(s);
	return 0;
}

int store_open(const char *path, struct stats *stats, struct store **ret, struct store_error *err)
{
	_cleanup_(store_closep) struct store *s = NULL;
	int r = make_parents(path, err);

	if (r == 0)
		r = make_file(path, err);
	if (r < 0)
		return r;
	r = store_new(path, stats, &s);
	if (r < 0)
		return db_fail(err, r, "cannot open the store '%s': %s", path, strerror(-r));
	r = open_patiently(s, err);
	if (r == 0)
		r = try_writing(s, err);
	if (r < 0)
		return r;
	*ret = TAKE(s);
	return 0;
}

/* --- writing --- */

static int failed(struct store *s, int rc)
{
	s->r = db_explain(s->db, rc, s->path, &s->error);
	stat_add(s->stats, s->r == -EBUSY ? STAT_STORE_RETRIES : STAT_STORE_ERRORS, 1);
	return s->r;
}

static int commit(struct store *s, int wait_ms)
{
	struct pending *next;
	uint64_t refused = 0;
	int rc;

	if (s->pending->rows == 0)
		return s->r = 0;
	/* first, as what is written must not stay to be written again */
	if (pending_new(s->max_bytes, &next) < 0)
		return failed(s, SQLITE_NOMEM);
	rc = writer_commit(s->writer, s->pending, wait_ms, &refused);
	if (rc != SQLITE_OK) {
		pending_free(next);
		return failed(s, rc);
	}
	stat_add(s->stats, STAT_STORE_ERRORS, refused);
	pending_free(s->pending);
	s->pending = next;
	s->waited = false;
	return s->r = 0;
}

/* Waits for whoever holds the lock, but not for a disk to be emptied. */
static int commit_patiently(struct store *s, unsigned wait_ms)
{
	uint64_t end = now_ms() + wait_ms;
	int tries = 0, r;

	do {
		r = commit(s, 1000);
		if (r == 0)
			return 0;
		if (r != -EBUSY) {
			if (++tries == 3)
				return r;
			sleep_ms(100);
		}
	} while (now_ms() < end);
	return r;
}

/* After each thing that was given: @r of the pending list. */
static void given(struct store *s, int r)
{
	if (r < 0) {
		s->lost_r = r;
		stat_add(s->stats, STAT_STORE_ERRORS, 1);
		return;
	}
	if (arena_size(s->pending->mem) >= s->max_bytes / 4 * 3 && !s->waited)
		s->waited = commit_patiently(s, s->full_wait_ms) < 0;
	else if (s->r == 0 &&
		 (s->pending->rows >= BATCH_ROWS || arena_size(s->pending->mem) >= BATCH_BYTES))
		commit(s, TICK_WAIT_MS);
}

void store_blob(struct store *s, const struct id128 *id, const char *kind, struct slice bytes)
{
	enum blob_codec codec = BLOB_PLAIN;
	struct slice packed;
	int r;

	if (pending_has_blob(s->pending, id))
		return;
	r = blob_pack(s->coder, bytes, &packed, &codec);
	if (r == 0)
		r = pending_blob(s->pending, id, kind, packed, codec, bytes.n);
	given(s, r);
}

void store_media(struct store *s, const struct media *m)
{
	given(s, pending_media(s->pending, m));
}

void store_node(struct store *s, const struct id128 *id, const struct id128 *parent,
		const struct id128 *message, uint32_t depth)
{
	given(s, pending_node(s->pending, id, parent, message, depth));
}

void store_span(struct store *s, const struct span *span)
{
	given(s, pending_span(s->pending, span));
}

void store_run(struct store *s, const struct run *run)
{
	given(s, pending_run(s->pending, run));
}

void store_state(struct store *s, const struct id128 *run, struct slice state)
{
	given(s, pending_state(s->pending, run, state));
}

int store_states(struct store *s, int (*fn)(void *ctx, struct slice state), void *ctx)
{
	sqlite3_stmt *st = NULL;
	int r = 0, rc = sqlite3_prepare_v2(s->db, "SELECT state FROM open_state ORDER BY run", -1,
					   &st, NULL);

	while (rc == SQLITE_OK && r == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		r = fn(ctx, (struct slice){ sqlite3_column_blob(st, 0),
					    (size_t)sqlite3_column_bytes(st, 0) });
		rc = SQLITE_OK;
	}
	sqlite3_finalize(st);
	return r < 0 || rc == SQLITE_OK || rc == SQLITE_DONE ? r : -EIO;
}

void store_cut(struct store *s, const struct store_cut *cut)
{
	given(s, pending_cut(s->pending, cut));
}

void store_tick(struct store *s, uint64_t now_ns)
{
	struct pending *p = s->pending;

	if (p->rows == 0)
		return;
	if (p->since_ns == 0)
		p->since_ns = now_ns;
	if (now_ns - p->since_ns < BATCH_NS || now_ns < s->retry_ns)
		return;
	if (commit(s, TICK_WAIT_MS) < 0)
		s->retry_ns = now_ns + RETRY_NS;
}

bool store_swept(struct store *s)
{
	return writer_swept(s->writer);
}

int store_flush(struct store *s)
{
	return commit_patiently(s, LAST_WAIT_MS);
}

void store_bound(struct store *s, size_t max_bytes, unsigned wait_ms)
{
	s->max_bytes = max_bytes;
	s->full_wait_ms = wait_ms;
}

int store_failure(const struct store *s, struct store_error *ret)
{
	if (s->r < 0)
		*ret = s->error;
	else if (s->lost_r < 0)
		db_fail(ret, s->lost_r,
			"the store '%s' could not be written for too long: "
			"something was left out",
			s->path);
	return s->r < 0 ? s->r : s->lost_r;
}

int store_close(struct store *s)
{
	int r = 0;

	if (!s)
		return 0;
	if (s->writer)
		r = store_flush(s);
	if (r == 0)
		r = s->lost_r;
	writer_free(s->writer);
	db_close(s->db);
	blob_coder_free(s->coder);
	pending_free(s->pending);
	free(s);
	return r;
}
