/* SPDX-License-Identifier: BSD-2-Clause */
/* What lists and pages of sessions share. */
#pragma once

#include "store/list/cursor.h"
#include "store/reader.h"

/* When a run was last heard of. */
#define SESSION_LAST "max(r.start_ns, coalesce(r.end_ns, 0))"

/*
 * The sessions of a page, and one more where there is one: as SQL, " AND r.session IN (x'..',
 * ...)". More than that where several end at once, as the order among these is by id. @behind NULL:
 * the first page. @many: the filter lets through so many that the first are soon met. 1; 0 where
 * there are none, or -errno.
 */
int sessions_latest(struct store_reader *r, const struct store_filter *f, size_t limit, bool many,
		    const struct place *behind, struct buf *ret);
/* Those of @found (empty: all), the latest first, at most @limit where that is not 0. */
int sessions_give(struct store_reader *r, const struct store_filter *f, struct slice found,
		  size_t limit, store_session_fn fn, void *ctx);
