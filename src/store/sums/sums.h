/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keeps the sums of sums_sql.h up to date: who writes or removes steps notes them, and adds or
 * takes out all that are noted at once, in the same transaction. To be taken out, they must still
 * be as they were when they were added.
 */
#pragma once

#include "store/db.h"

struct sums;

/* SQLite's codes. The connection must be allowed to make a temporary table. */
int sums_new(sqlite3 *db, struct sums **ret);
void sums_free(struct sums *s);
DEFINE_CLEANUP(struct sums *, sums_free)

/* The step in row @n. */
int sums_note(struct sums *s, int64_t n);
/* At most @limit steps of the run. */
int sums_note_run(struct sums *s, const struct id128 *run, int64_t limit);
/* The rows whose numbers a query with one parameter selects. */
int sums_note_selected(struct sums *s, const char *select, int64_t v);
/* Adds (@sign 1) or takes out (-1) what is noted. The notes stay until sums_forget(). */
int sums_apply(struct sums *s, int sign);
int sums_forget(struct sums *s);
/* Both: what was noted is added, and forgotten. */
int sums_settle(struct sums *s);
