/* SPDX-License-Identifier: BSD-2-Clause */
/* What the store looks like right now, for who asks often: nothing here reads the whole of it. */
#pragma once

#include "store/query.h"

struct store_gauges {
	int64_t file_bytes, wal_bytes; /* -1: not known */
	int64_t newest_seq;
};
int store_gauges(struct store_reader *r, struct store_gauges *ret);

/* Runs in progress by agent and status (running, paused); @agent is lent. Negative ends it. */
typedef int (*store_active_fn)(void *ctx, struct slice agent, enum run_status status, int64_t runs);
int store_active_runs(struct store_reader *r, store_active_fn fn, void *ctx);
