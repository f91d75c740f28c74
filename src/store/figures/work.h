/* SPDX-License-Identifier: BSD-2-Clause */
/* metrics.c at work: what is added up, from rows (work.c) and from sums (work_sums.c). */
#pragma once

#include "store/figures/tally.h"
#include "store/reader.h"

#define WORK_MODELS 300 /* more are one without a name */

struct work {
	struct store_reader *r;
	const struct store_filter *f;
	struct tallies tallies;
	struct store_metrics *ret;
	struct share {
		char *model;
		struct store_model_share sum;
	} models[WORK_MODELS];
	size_t n_models, last_model;
};

void work_done(struct work *w);

/* What rows are added to. */
enum { WORK_BUCKETS = 1, WORK_SHARES = 2 };

/* Each row that the filter lets through. 0 or -errno. */
int work_runs(struct work *w, const struct store_filter *f);
/* Model calls and tool calls; @open: those alone that go on. */
int work_steps(struct work *w, const struct store_filter *f, unsigned to, bool open);

/* The same of all, from sums. -EAGAIN where sums do not know, or are not worth it. */
int work_from_sums(struct work *w);

/* Where a time's model calls stand in the heat map. */
void work_heat(struct work *w, int64_t ns, int64_t calls);
/* That of a model; NULL where memory is refused. */
struct store_model_share *work_share(struct work *w, struct slice model);
