/* SPDX-License-Identifier: BSD-2-Clause */
/* Bounds: how long a reader works on a question, and how far it counts. */
#include <errno.h>
#include <time.h>

#include "store/reader.h"

#define LOOK_EVERY 1000 /* steps of SQLite's machine: some ten microseconds */

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int out_of_time(void *ctx)
{
	const struct store_reader *r = ctx;

	return now_ms() >= r->end_ms;
}

void limit_begin(struct store_reader *r, unsigned ms)
{
	if (!ms)
		return;
	r->end_ms = now_ms() + ms;
	sqlite3_progress_handler(r->db, LOOK_EVERY, out_of_time, r);
}

void limit_end(struct store_reader *r)
{
	sqlite3_progress_handler(r->db, 0, NULL, NULL);
}

void store_limit(struct store_reader *r, unsigned ms)
{
	r->limit_ms = ms;
}

static int count_steps(struct store_reader *r, sqlite3_stmt *s, int64_t *ret, bool *ret_more)
{
	int rc = SQLITE_ROW;

	*ret = 0;
	*ret_more = false;
	while (*ret <= r->count_max && (rc = sqlite3_step(s)) == SQLITE_ROW)
		(*ret)++;
	if (rc == SQLITE_DONE)
		return 0;
	if (rc != SQLITE_ROW && (rc & 0xff) != SQLITE_INTERRUPT)
		return reader_errno(r, rc);
	*ret_more = true;
	if (*ret > r->count_max)
		*ret = r->count_max;
	return 0;
}

int count_rows(struct store_reader *r, struct where *w, const char *head, unsigned ms, int64_t *ret,
	       bool *ret_more)
{
	_cleanup_(stmt_freep) sqlite3_stmt *s = NULL;
	int rc = where_prepare(r, w, head, "", &s);

	if (rc < 0)
		return rc;
	limit_begin(r, r->limit_ms && r->limit_ms < ms ? r->limit_ms : ms);
	rc = count_steps(r, s, ret, ret_more);
	limit_end(r);
	return rc;
}
