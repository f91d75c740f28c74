/* SPDX-License-Identifier: BSD-2-Clause */
/* How often somebody may ask: a bucket each, which fills by RATE_PER_S to RATE_BURST. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define RATE_PER_S   200
#define RATE_BURST   1000
#define RATE_BUCKETS 256 /* whoever has not asked for longest makes room */

struct rate {
	struct rate_bucket {
		uint64_t key; /* 0: free */
		uint64_t at_ms;
		uint64_t left; /* thousandths of a request */
	} buckets[RATE_BUCKETS];
};

/* Takes @n from the bucket of @key (not 0); false where they are not there. @now_ms never goes
 * back. */
bool rate_take(struct rate *r, uint64_t key, unsigned n, uint64_t now_ms);
/* The key of some bytes of one kind. */
uint64_t rate_key(unsigned kind, const void *p, unsigned n);
