/* SPDX-License-Identifier: BSD-2-Clause */
/* Tools that model calls were offered, by name and agent: to find those that nobody calls. */
#pragma once

#include "store/query.h"

#define OFFERS_MAX 20000 /* names by agents; more are counted */

struct offer; /* one tool of one agent */

/* Zero-initialise. */
struct offers {
	struct offer *by_key;
	uint64_t dropped;
};

/* What was offered in the calls that the filter lets through. 0 or -errno. */
int offers_read(struct store_reader *r, const struct store_filter *f, struct offers *ret);
void offers_done(struct offers *o);

/* In how many model calls it was offered; 0: in none. It counts as called from then on. */
int64_t offers_take(struct offers *o, struct slice tool, struct slice agent);
/* Those that were not taken, the most offered first. A negative return ends it. */
typedef int (*offer_fn)(void *ctx, struct slice tool, struct slice agent, int64_t calls);
int offers_rest(struct offers *o, offer_fn fn, void *ctx);
