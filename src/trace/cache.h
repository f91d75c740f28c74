/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bounded map from fixed-size keys to fixed-size values that forgets what was long unused.
 *
 * Two generations: what is found or added is young; when the young ones are too many they become
 * the old ones, and the old ones that nobody asked for since are dropped. So it counts entries, not
 * time, and the same sequence of calls always forgets the same entries.
 */
#pragma once

#include <stddef.h>

struct cache_entry;

struct cache {
	struct cache_entry *young, *old;
	unsigned max; /* of one generation */
	size_t key_size, value_size;
};

void cache_init(struct cache *c, unsigned max, size_t key_size, size_t value_size);
void cache_done(struct cache *c);
/* The value, which stays where it is until two generations have passed; NULL where unknown. */
void *cache_find(struct cache *c, const void *key);
/* The zeroed value of a new key; NULL where memory is refused. */
void *cache_add(struct cache *c, const void *key);
