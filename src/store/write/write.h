/* SPDX-License-Identifier: BSD-2-Clause */
/* One transaction: what is pending, into the tables. */
#pragma once

#include "store/db.h"
#include "store/write/pending.h"

struct writer;

/* Prepares the statements. SQLite's code. */
int writer_new(sqlite3 *db, struct writer **ret);
void writer_free(struct writer *w);

/*
 * All of @p or nothing. SQLite's code; SQLITE_BUSY after @wait_ms of waiting for other writers.
 * A row that can never be written is left out and counted in @ret_refused, as is a reference to
 * content that was removed.
 */
int writer_commit(struct writer *w, const struct pending *p, int wait_ms, uint64_t *ret_refused);
/* As store_swept(). */
bool writer_swept(struct writer *w);
