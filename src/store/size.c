/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/size.h"

#include "base/util.h"
#include "store/reader.h"
#include "store/schema.h"

#define COUNT_MS 300 /* for all counts together */

int store_schema_version(void)
{
	return schema_version;
}

const char *store_sqlite_version(void)
{
	return sqlite3_libversion();
}

int store_size(struct store_reader *r, struct store_size *ret)
{
	struct store_size size = { -1, -1, -1, 0, 0 };
	int64_t first = 0, last = 0;
	const struct {
		const char *sql;
		int64_t *to;
	} numbers[] = {
		{ "SELECT coalesce(min(start_ns), 0) FROM runs", &first },
		{ "SELECT coalesce(max(start_ns), 0) FROM runs", &last },
		{ "SELECT count(*) FROM runs", &size.runs },
		{ "SELECT count(*) FROM spans", &size.spans },
		{ "SELECT count(*) FROM blobs", &size.blobs },
	};
	int rc = SQLITE_OK;

	limit_begin(r, COUNT_MS);
	for (size_t i = 0; i < ARRAY_SIZE(numbers) && rc == SQLITE_OK; i++)
		rc = db_int(r->db, numbers[i].sql, numbers[i].to);
	limit_end(r);
	if (rc != SQLITE_OK && (rc & 0xff) != SQLITE_INTERRUPT)
		return reader_errno(r, rc);
	size.first_ns = (uint64_t)first;
	size.last_ns = (uint64_t)last;
	*ret = size;
	return 0;
}
