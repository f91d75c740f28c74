/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A writer beside a sweep (sweep.h). Two things can go wrong: content that a sweep has found to be
 * without use gets a use again before it is removed; and an engine that gave content long ago,
 * which has been removed since, refers to it. So while a sweep goes on a writer names what it
 * touches, and from then on it looks whether what is referred to is there.
 */
#pragma once

#include "store/schema.h"
#include "store/write/pending.h"

struct guard;

/* SQLite's codes. */
int guard_new(sqlite3 *db, struct guard **ret);
void guard_free(struct guard *g);

/* In each transaction, before anything is put. */
int guard_begin(struct guard *g);
int guard_blob(struct guard *g, const struct id128 *id);
/* @ret_keep: whether what the node refers to is there. */
/* A picture that @m says is kept, as it is found: what is gone is missing. */
int guard_media(struct guard *g, struct media *m);
int guard_node(struct guard *g, const struct pending_node *n, bool *ret_keep);
/* @ret_keep: whether the span's run is there: one that ended long ago may have been removed. */
int guard_run(struct guard *g, const struct id128 *run, bool *ret_keep);
/* Clears what @span refers to and is not there. */
int guard_span(struct guard *g, struct slice attrs, struct span *span);

/* References, nodes and spans that were left out since the last call. */
uint64_t guard_lost(struct guard *g);
/* Whether a sweep has begun or ended since the last call: what was given once may be gone. */
bool guard_swept(struct guard *g);
