/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/db.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/util.h"
#include "store/figures/times.h"
#include "store/schema.h"

int db_fail(struct store_error *err, int r, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return r;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return r;
}

/*
 * SQLite keeps no errno of a failed write, and knows only ENOSPC by itself: a limit on the size of
 * files comes as an I/O error.
 */
static int write_errno(int sys)
{
	struct rlimit limit;

	if (sys > 0)
		return -sys;
	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
		return -EFBIG;
	return -EIO;
}

static int code_errno(sqlite3 *db, int rc)
{
	int sys = db ? sqlite3_system_errno(db) : 0;

	if (rc == SQLITE_IOERR_WRITE)
		return write_errno(sys);

	switch (rc & 0xff) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL: /* WAL recovery raced with others for too long */
		return -EBUSY;
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
		return -EBADMSG;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return sys > 0 ? -sys : -EACCES;
	case SQLITE_IOERR:
		return sys > 0 ? -sys : -EIO;
	default:
		return -EIO;
	}
}

int db_explain(sqlite3 *db, int rc, const char *path, struct store_error *err)
{
	int r = code_errno(db, rc);

	switch (r) {
	case -ENOSPC:
	case -EDQUOT:
	case -EFBIG:
		return db_fail(err, -ENOSPC, "no space left for the store '%s'", path);
	case -EROFS:
		return db_fail(err, r, "the store '%s' cannot be written: it is read-only", path);
	case -EBUSY:
		return db_fail(err, r, "the store '%s' is locked by another process", path);
	case -EBADMSG:
		return db_fail(err, r, "'%s' is damaged or no store of sonde: %s", path,
			       sqlite3_errstr(rc));
	case -EACCES:
	case -EPERM:
		return db_fail(err, -EACCES, "no permission to open the store '%s'", path);
	default:
		return db_fail(err, r, "the store '%s': %s (%s)", path,
			       db ? sqlite3_errmsg(db) : sqlite3_errstr(rc), strerror(-r));
	}
}

int db_open(const char *path, int flags, sqlite3 **ret)
{
	char plain[4096];
	sqlite3 *db = NULL;
	int rc;

	if (strncmp(path, "file:", 5) == 0) { /* Debian's library takes that for a URI */
		snprintf(plain, sizeof(plain), "./%s", path);
		path = plain;
	}
	rc = sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	if (!db)
		return SQLITE_NOMEM;
	*ret = db;					/* open or not: it holds the error */
	return rc == SQLITE_OK ? times_define(db) : rc; /* triggers call them */
}

void db_close(sqlite3 *db)
{
	sqlite3_close_v2(db);
}

int db_int(sqlite3 *db, const char *sql, int64_t *ret)
{
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &s, NULL);

	if (rc != SQLITE_OK)
		return rc;
	rc = sqlite3_step(s);
	if (rc != SQLITE_ROW)
		return rc;
	*ret = sqlite3_column_int64(s, 0);
	return SQLITE_OK;
}

/* In one transaction: another process may be making the tables right now. */
static int read_version(sqlite3 *db, int64_t *version, int64_t *id, int64_t *tables)
{
	int rc = sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);

	if (rc != SQLITE_OK)
		return rc;
	rc = db_int(db, "PRAGMA user_version", version);
	if (rc == SQLITE_OK)
		rc = db_int(db, "PRAGMA application_id", id);
	if (rc == SQLITE_OK)
		rc = db_int(db, "SELECT count(*) FROM sqlite_schema", tables);
	sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

int db_check_version(sqlite3 *db, const char *path, bool exact, int64_t *ret_version,
		     struct store_error *err)
{
	int64_t version = 0, id = 0, tables = 0;
	int rc = read_version(db, &version, &id, &tables);

	if (rc != SQLITE_OK)
		return db_explain(db, rc, path, err);
	if (version == 0 && id == 0 && tables == 0) {
		if (exact)
			return db_fail(err, -EBADMSG, "'%s' is empty: nothing was stored in it",
				       path);
	} else if (id != SCHEMA_APPLICATION_ID || version < 1) {
		return db_fail(err, -EBADMSG, "'%s' is a database, but no store of sonde", path);
	}
	if (version > schema_version)
		return db_fail(err, -ENOTSUP,
			       "'%s' was written by a newer sonde (store version %lld; this one "
			       "knows %d)",
			       path, (long long)version, schema_version);
	if (exact && version < schema_version)
		return db_fail(
			err, -ENOTSUP,
			"'%s' is of store version %lld, and this sonde reads %d: what writes "
			"it next, `sonde run` or the daemon, makes it that",
			path, (long long)version, schema_version);
	*ret_version = version;
	return 0;
}
