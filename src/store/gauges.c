/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/gauges.h"

#include <stdio.h>
#include <sys/stat.h>

#include "store/reader.h"
#include "store/sink.h"

static int64_t size_of(const char *path, const char *suffix)
{
	char name[4200];
	struct stat st;

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	return stat(name, &st) == 0 ? st.st_size : -1;
}

int store_gauges(struct store_reader *r, struct store_gauges *ret)
{
	struct store_gauges g = { size_of(r->path, ""), size_of(r->path, "-wal"), 0 };
	const int rc = store_newest_seq(r, &g.newest_seq);

	if (rc == 0)
		*ret = g;
	return rc;
}

int store_active_runs(struct store_reader *r, store_active_fn fn, void *ctx)
{
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(r->db,
				    "SELECT coalesce(agent, ''), status, count(*) FROM runs"
				    " WHERE status IN (1, 7) GROUP BY 1, 2 ORDER BY 3 DESC",
				    -1, &s, NULL);

	if (rc != SQLITE_OK)
		return reader_errno(r, rc);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		const struct slice agent = { (const char *)sqlite3_column_text(s, 0),
					     (size_t)sqlite3_column_bytes(s, 0) };

		rc = fn(ctx, agent, sqlite3_column_int(s, 1), sqlite3_column_int64(s, 2));
		if (rc < 0)
			return rc;
	}
	return rc == SQLITE_DONE ? 0 : reader_errno(r, rc);
}
