/* SPDX-License-Identifier: BSD-2-Clause */
/* What metrics.c adds up, a bucket of time at a time. */
#pragma once

#include "store/figures/local_time.h"
#include "store/figures/times.h"

struct tally {
	struct store_metrics_row row;
	struct times runs, calls, first; /* how long they took; of the total: what no bucket has */
};

struct tallies {
	enum metrics_bucket kind;
	struct tally total;
	struct tally *list[METRICS_BUCKETS]; /* by time, the newest first */
	size_t n;
	bool capped, failed; /* failed: memory was refused */
	/* what the last one asked for was, as most lie beside each other */
	struct local_piece last;
	struct tally *of_last;
};

void tallies_done(struct tallies *t);
/* The bucket of a time, made where there is none; NULL where it is only part of the total. */
struct tally *tally_of(struct tallies *t, int64_t ns);
/* Where durations of a bucket go: into it, or into the total where there is none. */
struct tally *tally_times(struct tallies *t, struct tally *bucket);
/* Afterwards the total has the durations of all buckets. */
void tallies_end(struct tallies *t);
/* Adds what is known of @add. */
void tally_usage(struct llm_usage *sum, const struct llm_usage *add);
/* The row with its percentiles. */
const struct store_metrics_row *tally_row(struct tally *t);
void tally_begin(struct tally *t);
