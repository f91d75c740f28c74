/* SPDX-License-Identifier: BSD-2-Clause */
/* The prices of one model: periods, levels, service tiers, places. */
#include "base/util.h"
#include "price/read.h"

/* Members that are no rates; they stand behind the rates in what members_of() returns. */
enum { M_OVER = PRICE_RATES, M_TOKENS, M_FROM, M_UNTIL, M_HOURS, M_TIERS, M_GEO, M_NR };

static const char *const others[] = { "over", "tokens", "from", "until", "hours", "tiers", "geo" };

/* Rates and those of the others that @allowed (bits) has. */
static bool members_of(struct reader *rd, struct slice j, unsigned allowed, struct slice ret[M_NR],
		       const char *what)
{
	const char *names[M_NR];

	for (int i = 0; i < M_NR; i++) {
		names[i] = i < PRICE_RATES ? price_rates[i].name : others[i - PRICE_RATES];
		if (i >= PRICE_RATES && !(allowed & 1u << i))
			names[i] = "\""; /* which no key is */
	}
	return reader_members(rd, j, names, M_NR, ret, what);
}

static bool read_rates(struct reader *rd, const struct slice m[M_NR], int64_t rate[PRICE_RATES])
{
	for (int i = 0; i < PRICE_RATES; i++)
		if (m[i].n && !reader_usd(rd, m[i], price_rates[i].name, &rate[i]))
			return false;
	return true;
}

/* Keeps the largest `over` first, so that the first that fits is the right one. */
static bool insert_level(struct reader *rd, struct slice at, struct price_level **list,
			 struct price_level *l)
{
	while (*list && (*list)->over > l->over)
		list = &(*list)->next;
	if (*list && (*list)->over == l->over)
		return reader_wrong(rd, at, "'over' has the same number of tokens twice");
	l->next = *list;
	*list = l;
	return true;
}

static bool read_level(struct reader *rd, struct slice j, const struct price_level *base,
		       struct price_level **list)
{
	struct price_level *l = READER_NEW(rd, struct price_level);
	struct slice m[M_NR];
	int64_t tokens;

	if (!l)
		return false;
	if (!members_of(rd, j, 1u << M_TOKENS, m, "'over' is no list of objects"))
		return false;
	if (!json_int64(m[M_TOKENS], &tokens) || tokens < 0 || tokens > 1000000000000)
		return reader_wrong(rd, j, "'over' without a number of tokens");
	*l = *base;
	l->over = tokens;
	return read_rates(rd, m, l->rate) && insert_level(rd, j, list, l);
}

/* The prices in @m on top of those of @base (NULL: none), with its levels. */
static struct price_level *read_levels(struct reader *rd, const struct slice m[M_NR],
				       const struct price_level *base)
{
	struct price_level *list = READER_NEW(rd, struct price_level), *own = list;
	struct json_iter it;
	struct slice one;

	if (!list)
		return NULL;
	for (int i = 0; i < PRICE_RATES; i++)
		list->rate[i] = base ? base->rate[i] : -1;
	list->over = -1;
	if (!read_rates(rd, m, list->rate))
		return NULL;
	if (!m[M_OVER].n)
		return list;
	if (!json_array(m[M_OVER], &it)) {
		reader_wrong(rd, m[M_OVER], "'over' is no list");
		return NULL;
	}
	while (json_next(&it, &one))
		if (!read_level(rd, one, own, &list))
			return NULL;
	return list;
}

static const struct price_level *base_level(const struct price_level *l)
{
	while (l->next)
		l = l->next;
	return l;
}

static struct slice copy_key(struct reader *rd, struct slice key)
{
	return arena_copy(rd->mem, key);
}

static struct price_tier *read_tier(struct reader *rd, struct slice name, struct slice value,
				    const struct price_tier *standard)
{
	struct price_tier *t = READER_NEW(rd, struct price_tier);
	struct slice m[M_NR];

	if (!t)
		return NULL;
	t->name = copy_key(rd, name);
	t->permille = 1000;
	t->levels = standard->levels;
	if (value.p[0] != '{') {
		if (value.p[0] == '"' || value.p[0] == '[') {
			reader_wrong(rd, value, "tier '%.*s' is no factor and no object",
				     (int)(name.n < 40 ? name.n : 40), name.p);
			return NULL;
		}
		return reader_factor(rd, value, name, &t->permille) ? t : NULL;
	}
	if (!members_of(rd, value, 1u << M_OVER, m, ""))
		return NULL;
	t->levels = read_levels(rd, m, base_level(standard->levels));
	return t->levels ? t : NULL;
}

static bool read_tiers(struct reader *rd, const struct slice m[M_NR], struct price_period *p)
{
	struct price_tier *standard = READER_NEW(rd, struct price_tier), **tail;
	struct json_iter it;
	struct slice key, value;

	if (!standard)
		return false;
	standard->permille = 1000;
	standard->levels = read_levels(rd, m, NULL);
	if (!standard->levels)
		return false;
	p->tiers = standard;
	tail = &standard->next;
	if (!m[M_TIERS].n)
		return true;
	if (!json_object(m[M_TIERS], &it))
		return reader_wrong(rd, m[M_TIERS], "'tiers' is no object");
	while (json_next_member(&it, &key, &value)) {
		*tail = read_tier(rd, key, value, standard);
		if (!*tail)
			return false;
		tail = &(*tail)->next;
	}
	return true;
}

static bool read_geos(struct reader *rd, struct slice j, struct price_period *p)
{
	struct price_geo **tail = &p->geos;
	struct json_iter it;
	struct slice key, value;

	if (!j.n)
		return true;
	if (!json_object(j, &it))
		return reader_wrong(rd, j, "'geo' is no object");
	while (json_next_member(&it, &key, &value)) {
		struct price_geo *g = READER_NEW(rd, struct price_geo);

		if (!g)
			return false;
		g->name = copy_key(rd, key);
		if (!reader_factor(rd, value, key, &g->permille))
			return false;
		*tail = g;
		tail = &g->next;
	}
	return true;
}

/* "16:30" at the beginning of @s: minutes since midnight, -1: it is none. */
static int minute_of(struct slice s)
{
	static const int scale[] = { 600, 60, 0, 10, 1 };
	int minute = 0;

	if (s.n < 5 || s.p[2] != ':')
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(scale); i++) {
		if (scale[i] && (s.p[i] < '0' || s.p[i] > (i == 3 ? '5' : '9')))
			return -1;
		minute += (s.p[i] - '0') * scale[i];
	}
	return minute < 1440 ? minute : -1;
}

/* "16:30-00:30" */
static bool read_hours(struct reader *rd, struct slice j, struct price_period *p)
{
	if (!j.n)
		return true;
	p->from_minute = minute_of(slice_from(j, 1));
	p->until_minute = minute_of(slice_from(j, 7));
	if (j.n != 13 || j.p[0] != '"' || j.p[6] != '-' || p->from_minute < 0 ||
	    p->until_minute < 0 || p->from_minute == p->until_minute)
		return reader_wrong(rd, j, "'hours' are none such as 16:30-00:30");
	p->hours = arena_copy(rd->mem, (struct slice){ j.p + 1, 11 });
	return true;
}

/* What can be the only price of a model. */
static bool has_price(const struct price_level *l)
{
	return l->rate[RATE_INPUT] >= 0 || l->rate[RATE_REQUEST] >= 0 || l->rate[RATE_IMAGE] >= 0 ||
	       l->rate[RATE_SEARCH_UNIT] >= 0 || l->rate[RATE_AUDIO_HOUR] >= 0;
}

static struct price_period *read_period(struct reader *rd, struct slice j)
{
	const unsigned allowed = 1u << M_OVER | 1u << M_FROM | 1u << M_UNTIL | 1u << M_HOURS |
				 1u << M_TIERS | 1u << M_GEO;
	struct price_period *p = READER_NEW(rd, struct price_period);
	struct slice m[M_NR];

	if (!p)
		return NULL;
	p->until_ns = UINT64_MAX;
	if (!members_of(rd, j, allowed, m, "'prices' is no list of objects") ||
	    !reader_time(rd, m[M_FROM], "from", &p->from_ns) ||
	    !reader_time(rd, m[M_UNTIL], "until", &p->until_ns) || !read_hours(rd, m[M_HOURS], p) ||
	    !read_tiers(rd, m, p) || !read_geos(rd, m[M_GEO], p))
		return NULL;
	if (!has_price(base_level(p->tiers->levels))) {
		reader_wrong(rd, j, "a price without 'input'");
		return NULL;
	}
	return p;
}

bool reader_periods(struct reader *rd, struct slice value, struct price_entry *e)
{
	struct price_period **tail = &e->periods;
	struct json_iter it;
	struct slice one;

	if (value.n && value.p[0] == '{') {
		*tail = read_period(rd, value);
		return *tail;
	}
	if (!json_array(value, &it))
		return reader_wrong(rd, value.n ? value : rd->entry, "without a list 'prices'");
	while (json_next(&it, &one)) {
		*tail = read_period(rd, one);
		if (!*tail)
			return false;
		tail = &(*tail)->next;
	}
	return e->periods || reader_wrong(rd, value, "without a list 'prices'");
}
