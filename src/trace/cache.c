/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "trace/cache.h"
#include "trace/hash.h"

#ifndef __clang__ /* gcc does not see that what hangs in a hash is not lost */
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

struct cache_entry {
	UT_hash_handle hh;
	_Alignas(max_align_t) char key[]; /* then the value, aligned */
};

static size_t value_at(const struct cache *c)
{
	const size_t align = _Alignof(max_align_t);

	return (c->key_size + align - 1) & ~(align - 1);
}

void cache_init(struct cache *c, unsigned max, size_t key_size, size_t value_size)
{
	*c = (struct cache){ .max = max, .key_size = key_size, .value_size = value_size };
}

static void drop_all(struct cache_entry **head)
{
	struct cache_entry *e, *tmp;

	HASH_ITER (hh, *head, e, tmp) {
		HASH_DEL(*head, e);
		free(e);
	}
}

void cache_done(struct cache *c)
{
	drop_all(&c->young);
	drop_all(&c->old);
}

/* Makes room for one more among the young. */
static void age(struct cache *c)
{
	if (HASH_COUNT(c->young) < c->max)
		return;
	drop_all(&c->old);
	c->old = c->young;
	c->young = NULL;
}

/* False, and @e is freed, where memory is refused. */
static bool insert(struct cache *c, struct cache_entry *e)
{
	age(c);
	HASH_ADD(hh, c->young, key, c->key_size, e);
	if (e->hh.tbl)
		return true;
	free(e);
	return false;
}

void *cache_find(struct cache *c, const void *key)
{
	struct cache_entry *e;

	HASH_FIND(hh, c->young, key, c->key_size, e);
	if (e)
		return e->key + value_at(c);
	HASH_FIND(hh, c->old, key, c->key_size, e);
	if (!e)
		return NULL;
	HASH_DEL(c->old, e);
	memset(&e->hh, 0, sizeof(e->hh));
	return insert(c, e) ? e->key + value_at(c) : NULL;
}

void *cache_add(struct cache *c, const void *key)
{
	struct cache_entry *e = calloc(1, sizeof(*e) + value_at(c) + c->value_size);

	if (!e)
		return NULL;
	memcpy(e->key, key, c->key_size);
	return insert(c, e) ? e->key + value_at(c) : NULL;
}
