/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Histograms of durations as values of SQL, so that those of many days add up:
 *
 *	times(v, n)		aggregate: of durations in ns, each n times, or of histograms
 *	times_sum(a, b)		of two histograms
 *	times_percentiles(h)	blob of PERCENTILES int64 (percentile.h)
 *
 * Buckets are a sixteenth of a power of two wide: what is read out is within 3.2 % of what went in.
 * Counts may be below 0, for what is taken out. NULL: nothing.
 */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIMES_ERROR_PERCENT 3.2
#define TIMES_BUCKETS	    976

/* The same in memory; zero-initialise. */
struct times {
	int64_t n[TIMES_BUCKETS];
	bool any;
};
void times_add(struct times *t, int64_t ns);
void times_add_blob(struct times *t, const void *blob, size_t size);
void times_merge(struct times *to, const struct times *from);
/* The smallest value that so many of a hundred do not exceed; -1 where there is nothing. */
int64_t times_percentile(const struct times *t, unsigned percent);

/* Defines the functions. SQLite's code. */
int times_define(sqlite3 *db);
