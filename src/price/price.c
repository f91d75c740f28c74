/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules. A larger input makes the whole call dearer, as the vendors bill it, not the excess.
 * What is paid twice, and what is not known, is split.c's matter.
 */
#include "price/price.h"

#include <stdio.h>

#include "base/util.h"
#include "price/split.h"
#include "price/table.h"

void price_free(struct price_table *t)
{
	while (t) {
		struct price_table *over = t->over;

		price_index_free(t);
		if (t->keys) {
			HASH_CLEAR(hh, t->keys->map);
			arena_free(t->keys->mem);
		}
		free(t->keys);
		arena_free(t->mem);
		free(t);
		t = over;
	}
}

struct slice price_version(const struct price_table *t)
{
	return t->version;
}

int price_overlay(struct price_table *t, struct price_table *over)
{
	struct price_table **last = &over;

	while (*last)
		last = &(*last)->over;
	*last = t->over;
	t->over = over;
	return 0;
}

/* --- which price --- */

static bool is_one_of(struct slice s, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (slice_ieq(s, slice_of(names[i])))
			return true;
	return false;
}

/* Other words for the ordinary tier. */
static bool is_standard(struct slice tier)
{
	static const char *const names[] = { "",	 "default",	  "auto",
					     "standard", "standard_only", "on_demand",
					     "on-demand" };

	return is_one_of(tier, names, ARRAY_SIZE(names));
}

/* Capacity that is paid by the hour, whatever is done with it. */
static bool is_provisioned(struct slice tier)
{
	static const char *const names[] = { "provisioned_throughput", "provisioned", "reserved",
					     "scale" };

	return is_one_of(tier, names, ARRAY_SIZE(names));
}

static const struct price_tier *tier_of(const struct price_period *p, struct slice name)
{
	if (is_standard(name))
		return p->tiers;
	if (slice_ieq(name, SLICE("batches")))
		name = SLICE("batch");
	for (const struct price_tier *t = p->tiers->next; t; t = t->next)
		if (slice_ieq(t->name, name))
			return t;
	return NULL;
}

static const struct price_level *level_of(const struct price_tier *t, int64_t input)
{
	const struct price_level *l = t->levels;

	while (l->over >= 0 && input <= l->over)
		l = l->next;
	return l;
}

/* Where no place in particular is meant. */
static bool is_anywhere(struct slice place)
{
	static const char *const names[] = { "", "global", "default", "not_available", "unknown" };

	return is_one_of(place, names, ARRAY_SIZE(names));
}

/* A place that has no factor costs nothing extra: the vendors name only those that do. */
static const struct price_geo *geo_of(const struct price_period *p, struct slice name)
{
	const struct price_geo *any = NULL;

	if (is_anywhere(name))
		return NULL;
	for (const struct price_geo *g = p->geos; g; g = g->next) {
		if (slice_ieq(g->name, name))
			return g;
		if (slice_eq(g->name, SLICE("*")))
			any = g;
	}
	return any;
}

/* --- how much --- */

/* All parts of an amount are summed up as eighteenths of 10^-12 USD, in which an hour's price for a
 * millisecond (3,600,000 to the hour) is a whole number like those of tokens. */
#define PARTS	       18
#define PICO_PER_MICRO INT64_C(1000000)

static const struct scale {
	int64_t tier_permille, geo_permille;
} no_scale = { 1000, 1000 };

/*
 * Factors in thousandths, rounded once at the end. 2^63 tokens at 10^12 times 10^6 * 10^6 does not
 * fit in 127 bits, so everything is bounded.
 */
static const char *total(const struct price_level *l, const int64_t n[PRICE_RATES],
			 const struct scale *scale, int64_t *ret)
{
	const __int128 max = INT64_MAX;
	const __int128 factor = (__int128)scale->tier_permille * scale->geo_permille;
	const __int128 whole = (__int128)1000000 * PARTS;
	__int128 scaled = 0, plain = 0;

	for (int kind = 0; kind < PRICE_RATES; kind++) {
		const int64_t rate = price_rate_of(l, (enum price_rate)kind);
		const struct price_rate_info *info = &price_rates[kind];

		if (!n[kind])
			continue;
		if (rate < 0)
			return info->missing;
		*(info->scaled ? &scaled : &plain) +=
			(__int128)n[kind] * rate * (PICO_PER_MICRO * PARTS / info->denominator);
		if (scaled + plain > max * 1000)
			return "too large to be true";
	}
	scaled = (scaled * factor + plain * 1000000 + whole / 2) / whole;
	if (scaled > max)
		return "too large to be true";
	*ret = (int64_t)scaled;
	return NULL;
}

/* --- what it is called --- */

static struct slice make_key(struct arena *mem, struct slice version, struct slice model,
			     const struct price_key_of *of)
{
	struct buf text = { 0 };
	char over[48];

	arena_add(mem, &text, version);
	arena_add(mem, &text, SLICE("/"));
	arena_add(mem, &text, model);
	if (of->tier->name.n) {
		arena_add(mem, &text, SLICE("/"));
		arena_add(mem, &text, of->tier->name);
	}
	if (of->period->hours.n) {
		arena_add(mem, &text, SLICE("/"));
		arena_add(mem, &text, of->period->hours);
	}
	if (of->level->over >= 0) {
		snprintf(over, sizeof(over), "/over %lld", (long long)of->level->over);
		arena_add(mem, &text, slice_of(over));
	}
	if (of->geo) {
		arena_add(mem, &text, SLICE("/"));
		arena_add(mem, &text,
			  slice_eq(of->geo->name, SLICE("*")) ? SLICE("regional") : of->geo->name);
	}
	return buf_slice(&text);
}

/* Made when it is first used: a table has many more combinations than calls ever need. */
static struct slice key_of(struct price_keys *keys, struct slice version, struct slice model,
			   const struct price_key_of *of)
{
	struct price_key *k;

	HASH_FIND(hh, keys->map, of, sizeof(*of), k);
	if (k)
		return k->text;
	k = ARENA_NEW(keys->mem, struct price_key);
	if (!k)
		return model;
	k->of = *of;
	k->text = make_key(keys->mem, version, model, of);
	HASH_ADD(hh, keys->map, of, sizeof(k->of), k);
	return k->text;
}

/* --- both --- */

static const char *price(const struct price_table *t, const struct price_query *q, struct cost *ret)
{
	int64_t n[PRICE_RATES] = { 0 };
	const struct price_entry *e;
	struct price_key_of of = { 0 };
	struct price_model m;
	struct scale scale = no_scale;
	const char *why;

	if (q->model.n == 0)
		return "model not known";
	if (is_provisioned(q->tier))
		return "provisioned throughput: no price per token";
	price_resolve(t, q, &m);
	of.period = price_find(t, &m, q->unix_ns, &e);
	if (!of.period && e && e->unpriced.n)
		return e->unpriced.p; /* NUL-terminated by arena_copy() */
	if (!of.period)
		return e ? "no price for that time" : "no price for this model";
	of.tier = tier_of(of.period, q->tier);
	if (!of.tier)
		return "no price for this service tier";
	of.level = level_of(of.tier, q->usage->input);
	of.geo = geo_of(of.period, q->geo.n ? q->geo : m.place);
	why = price_split(q->usage, of.level, n);
	if (why)
		return why;
	scale.tier_permille = of.tier->permille;
	scale.geo_permille = of.geo ? of.geo->permille : 1000;
	why = total(of.level, n, &scale, &ret->pico_usd);
	if (why)
		return why;
	ret->key = key_of(t->keys, e->table->version, e->model, &of);
	ret->source = q->usage->estimated ? COST_ESTIMATED : COST_TABLE;
	return NULL;
}

void price_call(const struct price_table *t, const struct price_query *q, struct cost *ret)
{
	struct cost c = { .source = COST_UNKNOWN };
	const char *why = price(t, q, &c);

	if (why)
		c = (struct cost){ .source = COST_UNKNOWN, .key = slice_of(why) };
	*ret = c;
}

bool price_differs(int64_t told_pico_usd, int64_t ours_pico_usd)
{
	const __int128 difference = (__int128)told_pico_usd - ours_pico_usd;
	const __int128 size = difference < 0 ? -difference : difference;

	return size > 1000000 && size * 100 > ours_pico_usd;
}
