/* SPDX-License-Identifier: BSD-2-Clause */
/* What an engine leaves open, and what becomes of it when that one has died: of the writer. */
#pragma once

#include "store/db.h"
#include "store/write/pending.h"

struct cuts;

/* Prepares the statements. SQLite's code. */
int cuts_new(sqlite3 *db, struct cuts **ret);
void cuts_free(struct cuts *c);

/* Both within the writer's transaction. SQLite's code. */
int cuts_put_state(struct cuts *c, const struct pending_state *p);
/* Each step that becomes final has the next @seq and is given to @roll_up by its row. */
int cuts_put(struct cuts *c, const struct store_cut *p, int64_t *seq,
	     int (*roll_up)(void *ctx, int64_t n), void *ctx);
