/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keeps the sums of final spans (export/metrics_acc.h) up to date, in a thread of its own, and how
 * far they are in the store, so that a restart goes on; and gives them as a page for Prometheus.
 *
 * Until all that was in the store is in the sums, the page has no sums: a counter that catches up
 * looks like much that happens now.
 */
#pragma once

#include "base/buf.h"
#include "export/metrics_acc.h"

struct metrics_feed;

/* Gives what captures answer when asked how they are, a line each; @before and the result do not
 * count. How many answered, or -errno. */
typedef uint64_t (*metrics_line_fn)(void *ctx, struct slice line, uint64_t before);
typedef int (*metrics_status_fn)(const char *store, int timeout_ms, metrics_line_fn fn, void *ctx);

struct metrics_feed_config {
	const char *store;	  /* lent */
	size_t max_series;	  /* as metrics_new() has it */
	uint32_t labels;	  /* likewise */
	metrics_status_fn status; /* NULL: nobody to ask */
};

/* The store need not be there yet. 0 or -errno. */
int metrics_feed_start(const struct metrics_feed_config *c, struct metrics_feed **ret);
/* Keeps how far it is. NULL is fine. */
void metrics_feed_stop(struct metrics_feed *f);

/* Whether the page has sums; else @why is set to what it waits for, in words. */
bool metrics_feed_ready(struct metrics_feed *f, const char **why);
/* The page, appended to @ret; from any thread. 0 or -ENOMEM. */
int metrics_feed_page(struct metrics_feed *f, bool openmetrics, struct buf *ret);
