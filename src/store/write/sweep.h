/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Removes the content that nothing refers to: a collector that marks what is in use in one state of
 * the store, then removes the rest in short transactions while others write. What these touch
 * meanwhile they name (guard.h), and it counts as in use.
 *
 * A node goes before its parent and before its message, so that the store is sound at every moment.
 */
#pragma once

#include "store/db.h"

struct sweep {
	sqlite3 *db;
	void (*progress)(void *ctx, const char *doing, int64_t done, int64_t of);
	void *ctx;
	int64_t nodes, blobs; /* that were removed; added to */
};

/* SQLite's code; SQLITE_BUSY where another has begun one meanwhile. */
int sweep_run(struct sweep *s);

/* A moment for others that want to write, after a transaction. */
void sweep_pause(void);
