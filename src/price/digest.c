/* SPDX-License-Identifier: BSD-2-Clause */
/* A table's digest: of what decides a price, not of how it is spelled. */
#include "price/table.h"

static void hash_names(struct id_hash *h, const struct price_name *n)
{
	for (; n; n = n->next) {
		id_hash_bytes(h, n->text);
		id_hash_u64(h, n->match);
	}
	id_hash_u64(h, UINT64_MAX); /* an end, so that lists never run together */
}

/* In one piece: there are many of them, and most of their rates are not there. */
static void hash_level(struct id_hash *h, const struct price_level *l)
{
	int64_t words[2 * PRICE_RATES + 1];
	size_t n = 0;

	words[n++] = l->over;
	for (int i = 0; i < PRICE_RATES; i++) {
		if (l->rate[i] < 0)
			continue;
		words[n++] = i;
		words[n++] = l->rate[i];
	}
	id_hash_bytes(h, (struct slice){ (const char *)words, n * sizeof(words[0]) });
}

static void hash_tiers(struct id_hash *h, const struct price_tier *t)
{
	const struct price_tier *standard = t;

	for (; t; t = t->next) {
		id_hash_bytes(h, t->name);
		id_hash_u64(h, (uint64_t)t->permille);
		if (t == standard || t->levels != standard->levels)
			for (const struct price_level *l = t->levels; l; l = l->next)
				hash_level(h, l);
		id_hash_u64(h, UINT64_MAX);
	}
	id_hash_u64(h, UINT64_MAX);
}

static void hash_entry(struct id_hash *h, const struct price_entry *e)
{
	id_hash_bytes(h, e->model);
	id_hash_bytes(h, e->unpriced);
	hash_names(h, e->providers);
	hash_names(h, e->names);
	for (const struct price_period *p = e->periods; p; p = p->next) {
		id_hash_u64(h, p->from_ns);
		id_hash_u64(h, p->until_ns);
		id_hash_bytes(h, p->hours);
		hash_tiers(h, p->tiers);
		for (const struct price_geo *g = p->geos; g; g = g->next) {
			id_hash_bytes(h, g->name);
			id_hash_u64(h, (uint64_t)g->permille);
		}
		id_hash_u64(h, UINT64_MAX);
	}
	id_hash_u64(h, UINT64_MAX);
}

static void hash_table(struct id_hash *h, const struct price_table *t)
{
	id_hash_bytes(h, t->version); /* it is part of what is stored with a cost */
	for (const struct price_alias *a = t->aliases; a; a = a->next) {
		id_hash_bytes(h, a->name);
		id_hash_bytes(h, a->provider);
		id_hash_bytes(h, a->model);
	}
	id_hash_u64(h, UINT64_MAX);
	for (const struct price_like *l = t->likes; l; l = l->next) {
		id_hash_bytes(h, l->provider);
		hash_names(h, l->others);
	}
	id_hash_u64(h, UINT64_MAX);
	for (const struct price_entry *e = t->entries; e; e = e->next)
		hash_entry(h, e);
	id_hash_u64(h, UINT64_MAX);
}

struct id128 price_digest(const struct price_table *t)
{
	struct id_hash h;

	id_hash_begin(&h, "prices");
	hash_table(&h, t);
	for (const struct price_table *o = t->over; o; o = o->over)
		hash_table(&h, o);
	return id_hash_end(&h);
}
