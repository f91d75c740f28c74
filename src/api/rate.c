/* SPDX-License-Identifier: BSD-2-Clause */
#include "api/rate.h"

#include <xxhash.h>

#define ONE  1000u
#define FULL ((uint64_t)RATE_BURST * ONE)

static struct rate_bucket *find(struct rate *r, uint64_t key)
{
	struct rate_bucket *oldest = &r->buckets[0];

	for (int i = 0; i < RATE_BUCKETS; i++) {
		struct rate_bucket *b = &r->buckets[i];

		if (b->key == key)
			return b;
		if (oldest->key && (!b->key || b->at_ms < oldest->at_ms))
			oldest = b;
	}
	*oldest = (struct rate_bucket){ .left = FULL };
	return oldest;
}

bool rate_take(struct rate *r, uint64_t key, unsigned n, uint64_t now_ms)
{
	struct rate_bucket *b = find(r, key);
	const uint64_t passed = b->key && now_ms > b->at_ms ? now_ms - b->at_ms : 0;

	b->key = key;
	b->at_ms = now_ms;
	/* A millisecond gives RATE_PER_S thousandths. */
	b->left = passed > FULL / RATE_PER_S || b->left + passed * RATE_PER_S > FULL
			  ? FULL
			  : b->left + passed * RATE_PER_S;
	if (b->left < (uint64_t)n * ONE)
		return false;
	b->left -= (uint64_t)n * ONE;
	return true;
}

uint64_t rate_key(unsigned kind, const void *p, unsigned n)
{
	const uint64_t key = XXH3_64bits_withSeed(p, n, kind);

	return key ? key : 1;
}
