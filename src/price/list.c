/* SPDX-License-Identifier: BSD-2-Clause */
/* What a table says, for people. */
#include <stdio.h>

#include "price/table.h"

/* They are kept the largest first; people begin with the smallest. */
static const struct price_level *next_level(const struct price_tier *t,
					    const struct price_level *after)
{
	const struct price_level *l = t->levels;

	if (l == after)
		return NULL;
	while (l->next != after)
		l = l->next;
	return l;
}

static void put_places(const struct price_period *p, char *to, size_t size)
{
	size_t n = 0;

	to[0] = '\0';
	for (const struct price_geo *g = p->geos; g && n < size; g = g->next)
		n += (size_t)snprintf(to + n, size - n, "%s%.*s x%g", n ? ", " : "",
				      SLICE_ARG(g->name), (double)g->permille / 1000);
}

/* What is the same for all rows of an entry. Everything in the arena is NUL-terminated. */
static struct price_row row_of(const struct price_table *top, const struct price_entry *e)
{
	return (struct price_row){
		.provider = e->providers ? e->providers->text.p : "",
		.model = e->model.p,
		.source = e->source.n ? e->source.p : e->table->source.p,
		.date = e->date.n ? e->date.p : e->table->date.p,
		.version = e->table->version.p,
		.rule = "",
		.tier = "",
		.places = "",
		.hours = "",
		.unpriced = e->unpriced.n ? e->unpriced.p : NULL,
		.user = e->table != top,
	};
}

static int list_tier(const struct price_row *of, const struct price_tier *t, price_row_fn fn,
		     void *ctx)
{
	struct price_row row = *of;
	char rule[64] = "";

	row.tier = t->name.n ? t->name.p : "";
	row.permille = t->permille;
	row.rule = rule;
	for (const struct price_level *l = next_level(t, NULL); l; l = next_level(t, l)) {
		int r;

		if (l->over >= 0)
			snprintf(rule, sizeof(rule), "over %lld input tokens", (long long)l->over);
		memcpy(row.rate, l->rate, sizeof(row.rate));
		r = fn(ctx, &row);
		if (r < 0)
			return r;
	}
	return 0;
}

static int list_period(const struct price_row *of, const struct price_period *p, bool all_tiers,
		       price_row_fn fn, void *ctx)
{
	struct price_row row = *of;
	char places[128];

	put_places(p, places, sizeof(places));
	row.places = places;
	row.from_ns = p->from_ns;
	row.until_ns = p->until_ns;
	row.hours = p->hours.n ? p->hours.p : "";
	for (const struct price_tier *t = p->tiers; t; t = all_tiers ? t->next : NULL) {
		int r = list_tier(&row, t, fn, ctx);

		if (r < 0)
			return r;
	}
	return 0;
}

/* By the first of its names that is no pattern; else by its heading. */
static const struct price_period *found_itself(const struct price_table *top,
					       const struct price_entry *e, uint64_t unix_ns,
					       const struct price_entry **ret_entry)
{
	struct price_model m = {
		.provider = e->providers ? e->providers->text : (struct slice){ 0 },
		.name = e->names->text,
		.full = e->names->text,
	};

	if (e->names->match == MATCH_PATTERN) { /* nothing can be looked up by it */
		*ret_entry = e;
		for (const struct price_period *p = e->periods; p; p = p->next)
			if (price_period_holds(p, unix_ns))
				return p;
		return NULL;
	}
	return price_find(top, &m, unix_ns, ret_entry);
}

/* Leaves out what a table above this one hides. */
static int list_table(const struct price_table *top, const struct price_table *t, uint64_t unix_ns,
		      price_row_fn fn, void *ctx)
{
	for (const struct price_entry *e = t->entries, *found; e; e = e->next) {
		const struct price_period *p = found_itself(top, e, unix_ns, &found);
		struct price_row row = row_of(top, e);
		int r;

		row.in_force = true;
		r = p && found == e ? list_period(&row, p, false, fn, ctx) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

int price_list(const struct price_table *t, uint64_t unix_ns, price_row_fn fn, void *ctx)
{
	int r = 0;

	for (const struct price_table *o = t->over; o && r >= 0; o = o->over)
		r = list_table(t, o, unix_ns, fn, ctx);
	return r < 0 ? r : list_table(t, t, unix_ns, fn, ctx);
}

/* --- one model --- */

static int show_entry(const struct price_table *top, const struct price_entry *e,
		      const struct price_period *in_force, price_row_fn fn, void *ctx)
{
	struct price_row row = row_of(top, e);

	if (e->unpriced.n)
		return fn(ctx, &row);
	for (const struct price_period *p = e->periods; p; p = p->next) {
		int r;

		row.in_force = p == in_force;
		r = list_period(&row, p, true, fn, ctx);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Providers that sell anything, each once: of how many models a table is, it has few of them. */
static bool is_first_of_provider(const struct price_table *t, const struct price_entry *e,
				 const struct price_name *p)
{
	for (const struct price_entry *o = t->entries; o != e; o = o->next)
		for (const struct price_name *n = o->providers; n; n = n->next)
			if (slice_eq(n->text, p->text))
				return false;
	for (const struct price_name *n = e->providers; n != p; n = n->next)
		if (slice_eq(n->text, p->text))
			return false;
	return true;
}

/* One search by a name: what was shown of it, so that nothing is shown twice. */
struct showing {
	const struct price_table *t;
	struct slice model;
	uint64_t unix_ns;
	price_row_fn fn;
	void *ctx;
	const struct price_entry *shown[64]; /* providers that sell one model are fewer */
	size_t n;
};

static bool was_shown(const struct showing *s, const struct price_entry *e)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->shown[i] == e)
			return true;
	return s->n == sizeof(s->shown) / sizeof(s->shown[0]);
}

/* Shows the entry that a call of this provider gets. */
static int show_of(struct showing *s, struct slice provider)
{
	const struct price_query q = { .provider = provider, .model = s->model };
	const struct price_entry *e;
	const struct price_period *p;
	struct price_model m;

	price_resolve(s->t, &q, &m);
	p = price_find(s->t, &m, s->unix_ns, &e);
	if (!e || was_shown(s, e) || (e->names->match == MATCH_PATTERN && !provider.n))
		return 0;
	s->shown[s->n++] = e;
	return show_entry(s->t, e, p, s->fn, s->ctx);
}

static int show_any(struct showing *s, const struct price_table *in)
{
	for (const struct price_entry *e = in->entries; e; e = e->next)
		for (const struct price_name *p = e->providers; p; p = p->next) {
			int r;

			/* a provider that sells anything tells nothing about this model */
			if (e->names->match == MATCH_PATTERN || !is_first_of_provider(in, e, p))
				continue;
			r = show_of(s, p->text);
			if (r < 0)
				return r;
		}
	return 0;
}

int price_show(const struct price_table *t, struct slice provider, struct slice model,
	       uint64_t unix_ns, price_row_fn fn, void *ctx)
{
	struct showing s = { t, model, unix_ns, fn, ctx, { 0 }, 0 };
	int r = 0;

	if (provider.n) {
		r = show_of(&s, provider);
		return r < 0 ? r : (int)s.n;
	}
	for (const struct price_table *o = t->over; o && r >= 0; o = o->over)
		r = show_any(&s, o);
	if (r >= 0)
		r = show_any(&s, t);
	if (r >= 0)
		r = show_of(&s, (struct slice){ 0 });
	return r < 0 ? r : (int)s.n;
}
