/* SPDX-License-Identifier: BSD-2-Clause */
/* How much a store has, for who waits for it: what takes long to count is not counted. */
#pragma once

#include "store/query.h"

struct store_size {
	int64_t runs, spans, blobs; /* -1: they are too many to be counted at once */
	uint64_t first_ns, last_ns; /* when the first and the newest run began; 0: there is none */
};
/* 0 or -errno. */
int store_size(struct store_reader *r, struct store_size *ret);
/* Of the stores that this program writes, and of what writes them. */
int store_schema_version(void);
const char *store_sqlite_version(void);
