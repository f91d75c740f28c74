/* SPDX-License-Identifier: BSD-2-Clause */
/* Which entry of which table is a call's: a user's first, by a full name before a dated one. */
#include "base/util.h"
#include "price/table.h"

/* --- the index --- */

static size_t make_key(struct slice provider, struct slice name, char *to, size_t size)
{
	if (provider.n + name.n + 1 > size)
		return 0;
	if (provider.n)
		memcpy(to, provider.p, provider.n);
	to[provider.n] = '\0';
	if (name.n)
		memcpy(to + provider.n + 1, name.p, name.n);
	return provider.n + 1 + name.n;
}

/* The longest key: of a longer name no call can be. */
#define KEY_MAX (2 * MODEL_NAME_MAX)

static bool index_one(struct price_table *t, struct slice provider, const struct price_name *n,
		      struct price_entry *e)
{
	struct price_ref *ref = ARENA_NEW(t->mem, struct price_ref);
	struct price_index *i;
	char key[KEY_MAX];
	size_t size = make_key(provider, n->text, key, sizeof(key));
	unsigned hash;

	if (!ref)
		return false;
	if (!size)
		return true;
	HASH_VALUE(key, size, hash);
	HASH_FIND_BYHASHVALUE(hh, t->index, key, size, hash, i);
	if (!i) {
		i = ARENA_NEW(t->mem, struct price_index);
		if (!i)
			return false;
		i->tail = &i->first;
		i->key = arena_copy(t->mem, (struct slice){ key, size }).p;
		if (!i->key)
			return false;
		HASH_ADD_KEYPTR_BYHASHVALUE(hh, t->index, i->key, size, hash, i);
		if (!i->hh.tbl)
			return false;
	}
	*ref = (struct price_ref){ .entry = e, .match = n->match };
	*i->tail = ref;
	i->tail = &ref->next;
	return true;
}

bool price_index_add(struct price_table *t, struct price_entry *e)
{
	static const struct price_name any = { 0 };

	for (const struct price_name *p = e->providers ? e->providers : &any; p; p = p->next)
		for (const struct price_name *n = e->names; n; n = n->next)
			if (n->match != MATCH_PATTERN && !index_one(t, p->text, n, e))
				return false;
	return true;
}

void price_index_free(struct price_table *t)
{
	HASH_CLEAR(hh, t->index);
}

const struct price_ref *price_index_find(const struct price_table *t, struct slice provider,
					 struct slice name)
{
	struct price_index *i;
	char key[KEY_MAX];
	size_t size = make_key(provider, name, key, sizeof(key));

	if (!size)
		return NULL;
	HASH_FIND(hh, t->index, key, size, i);
	return i ? i->first : NULL;
}

/* --- looking up --- */

static bool in_hours(const struct price_period *p, uint64_t unix_ns)
{
	const int minute = (int)(unix_ns / 60000000000 % 1440);

	if (!p->hours.n)
		return true;
	if (p->from_minute <= p->until_minute)
		return minute >= p->from_minute && minute < p->until_minute;
	return minute >= p->from_minute || minute < p->until_minute; /* over midnight */
}

bool price_period_holds(const struct price_period *p, uint64_t unix_ns)
{
	return unix_ns >= p->from_ns && unix_ns < p->until_ns && in_hours(p, unix_ns);
}

static const struct price_period *period_at(const struct price_entry *e, uint64_t unix_ns)
{
	for (const struct price_period *p = e->periods; p; p = p->next)
		if (price_period_holds(p, unix_ns))
			return p;
	return NULL;
}

/* One search: what was found so far is kept where only the time does not fit. */
struct search {
	const struct price_model *m;
	uint64_t unix_ns;
	const struct price_entry *entry;
	const struct price_period *period;
};

/* Whether the search is over. */
static bool take(struct search *s, const struct price_entry *e)
{
	const struct price_period *p = period_at(e, s->unix_ns);

	if (p || e->unpriced.n || !s->entry) {
		s->entry = e;
		s->period = p;
	}
	return p || e->unpriced.n;
}

/* Of two lists the entries in the order of the file. */
static bool take_refs(struct search *s, const struct price_ref *a, const struct price_ref *b,
		      bool dated)
{
	while (a || b) {
		const struct price_ref **first =
			!b || (a && a->entry->index < b->entry->index) ? &a : &b;
		const struct price_ref *ref = *first;

		*first = ref->next;
		if ((!dated || ref->match == MATCH_RELEASES) && take(s, ref->entry))
			return true;
	}
	return false;
}

static bool sells(const struct price_entry *e, struct slice provider)
{
	bool sold = !e->providers || provider.n == 0;

	for (const struct price_name *p = e->providers; p && !sold; p = p->next)
		sold = slice_eq(p->text, provider);
	return sold;
}

/* Where a call's provider is not known any will do: rare enough to walk through all. */
static bool take_of_any(struct search *s, const struct price_table *t, struct slice name,
			bool dated)
{
	for (const struct price_entry *e = t->entries; e; e = e->next)
		for (const struct price_name *n = e->names; n; n = n->next)
			if (n->match == MATCH_RELEASES || (!dated && n->match == MATCH_EXACT))
				if (slice_eq(n->text, name) && take(s, e))
					return true;
	return false;
}

static bool take_name(struct search *s, const struct price_table *t, struct slice provider,
		      struct slice name, bool dated)
{
	if (provider.n == 0)
		return take_of_any(s, t, name, dated);
	return take_refs(s, price_index_find(t, provider, name),
			 price_index_find(t, (struct slice){ 0 }, name), dated);
}

static bool take_pattern(struct search *s, const struct price_table *t, struct slice provider,
			 struct slice name)
{
	for (const struct price_entry *e = t->patterns; e; e = e->next_pattern) {
		if (!sells(e, provider))
			continue;
		for (const struct price_name *n = e->names; n; n = n->next)
			if (n->match == MATCH_PATTERN && price_pattern_matches(n->text, name) &&
			    take(s, e))
				return true;
	}
	return false;
}

/* By all of a name first, so that a release with a price of its own gets it. */
static bool take_releases(struct search *s, const struct price_table *t, struct slice provider,
			  struct slice name)
{
	if (take_name(s, t, provider, name, false))
		return true;
	for (size_t at = price_release_at(provider, name, name.n); at;
	     at = price_release_at(provider, name, at))
		if (take_name(s, t, provider, (struct slice){ name.p, at }, true))
			return true;
	return false;
}

/* In one table. An entry of one region is preferred to one with a factor for it. */
static bool search_in(struct search *s, const struct price_table *t, struct slice provider)
{
	const struct slice name = s->m->name, full = s->m->full;

	if (full.n != name.n && take_releases(s, t, provider, full))
		return true;
	return take_releases(s, t, provider, name) || take_pattern(s, t, provider, name);
}

static bool search_all(struct search *s, const struct price_table *t, struct slice provider)
{
	for (const struct price_table *o = t->over; o; o = o->over)
		if (search_in(s, o, provider))
			return true;
	return search_in(s, t, provider);
}

static bool search_like(struct search *s, const struct price_table *t, const struct price_table *in)
{
	for (const struct price_like *l = in->likes; l; l = l->next) {
		if (!slice_eq(l->provider, s->m->provider))
			continue;
		for (const struct price_name *n = l->others; n; n = n->next)
			if (search_all(s, t, n->text))
				return true;
	}
	return false;
}

const struct price_period *price_find(const struct price_table *t, const struct price_model *m,
				      uint64_t unix_ns, const struct price_entry **ret_entry)
{
	struct search s = { .m = m, .unix_ns = unix_ns };
	bool found = m->name.n <= MODEL_NAME_MAX && search_all(&s, t, m->provider);

	/* a provider of its own that only has no price yet is not looked for elsewhere */
	for (const struct price_table *o = t->over; o && !found && !s.entry; o = o->over)
		found = search_like(&s, t, o);
	if (!found && !s.entry && m->name.n <= MODEL_NAME_MAX)
		search_like(&s, t, t);
	*ret_entry = s.entry;
	return s.period;
}

static const struct price_alias *alias_of(const struct price_table *t, struct slice model)
{
	const struct price_alias *a;

	for (const struct price_table *o = t->over; o; o = o->over)
		for (a = o->aliases; a; a = a->next)
			if (slice_eq(a->name, model))
				return a;
	for (a = t->aliases; a; a = a->next)
		if (slice_eq(a->name, model))
			return a;
	return NULL;
}

void price_resolve(const struct price_table *t, const struct price_query *q,
		   struct price_model *ret)
{
	const struct price_alias *a;

	price_model_of(q->provider, q->model, ret);
	a = alias_of(t, q->model);
	if (!a)
		a = alias_of(t, ret->name);
	if (a)
		price_model_of(a->provider.n ? a->provider : q->provider, a->model, ret);
}
