/* SPDX-License-Identifier: BSD-2-Clause */
/* A table's JSON form (see prices.json) into structs. A user writes such files: it is strict. */
#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "price/read.h"

#define TEXT_MAX  (16u << 20) /* bytes of a table */
#define TABLE_MAX (64u << 20) /* and of what is made of it */

/* --- models --- */

enum { E_PROVIDER, E_MODEL, E_NAMES, E_EXACT, E_ANY, E_PRICES, E_UNPRICED, E_SOURCE, E_DATE, E_NR };

static bool read_entry_names(struct reader *rd, const struct slice m[E_NR], struct price_entry *e)
{
	struct price_name **providers = &e->providers, **names = &e->names;
	const struct slice exact = m[E_EXACT], any = m[E_ANY];

	if (!m[E_MODEL].n || m[E_MODEL].p[0] != '"' || m[E_MODEL].n == 2)
		return reader_wrong(rd, m[E_MODEL].n ? m[E_MODEL] : rd->entry, "without a 'model'");
	if (!reader_text(rd, m[E_MODEL], "model", &e->model))
		return false;
	rd->model = e->model;
	if (m[E_PROVIDER].n &&
	    !reader_names(rd, m[E_PROVIDER], "provider", MATCH_EXACT, &providers))
		return false;
	/* where there are patterns, it is only a heading */
	if (!any.n && !reader_names(rd, m[E_MODEL], "model", MATCH_RELEASES, &names))
		return false;
	if (m[E_NAMES].n && !reader_names(rd, m[E_NAMES], "names", MATCH_RELEASES, &names))
		return false;
	if (exact.n && !reader_names(rd, exact, "exact", MATCH_EXACT, &names))
		return false;
	return !any.n || reader_names(rd, any, "any", MATCH_PATTERN, &names);
}

static bool read_prices(struct reader *rd, const struct slice m[E_NR], struct price_entry *e)
{
	if (!m[E_UNPRICED].n)
		return reader_periods(rd, m[E_PRICES], e);
	if (m[E_PRICES].n)
		return reader_wrong(rd, m[E_PRICES], "both 'prices' and 'unpriced'");
	return reader_text(rd, m[E_UNPRICED], "unpriced", &e->unpriced);
}

static struct price_entry *read_entry(struct reader *rd, struct slice j)
{
	static const char *const members[E_NR] = { "provider", "model",	   "names",  "exact", "any",
						   "prices",   "unpriced", "source", "date" };
	struct price_entry *e = READER_NEW(rd, struct price_entry);
	struct slice m[E_NR];

	rd->entry = j;
	rd->model = (struct slice){ 0 };
	if (!e)
		return NULL;
	if (!reader_members(rd, j, members, E_NR, m, "no object") || !read_entry_names(rd, m, e) ||
	    !read_prices(rd, m, e))
		return NULL;
	if ((m[E_SOURCE].n && !reader_text(rd, m[E_SOURCE], "source", &e->source)) ||
	    (m[E_DATE].n && !reader_text(rd, m[E_DATE], "date", &e->date)))
		return NULL;
	e->table = rd->table;
	e->index = (size_t)rd->index;
	return e;
}

/* --- what stands beside them --- */

static bool read_alias(struct reader *rd, struct slice name, struct slice value,
		       struct price_alias **ret)
{
	static const char *const members[] = { "provider", "model" };
	struct price_alias *a = READER_NEW(rd, struct price_alias);
	struct slice m[2] = { { 0 }, value };

	if (!a)
		return false;
	if (value.p[0] == '{' && !reader_members(rd, value, members, 2, m, ""))
		return false;
	a->name = arena_copy(rd->mem, json_text((struct slice){ name.p - 1, name.n + 2 }, rd->mem));
	if (m[0].n && !reader_text(rd, m[0], "provider", &a->provider))
		return false;
	*ret = a;
	return reader_text(rd, m[1], "model", &a->model);
}

static bool read_aliases(struct reader *rd, struct slice j)
{
	struct price_alias **tail = &rd->table->aliases;
	struct json_iter it;
	struct slice key, value;

	if (!j.n)
		return true;
	if (!json_object(j, &it))
		return reader_wrong(rd, j, "'aliases' is no object");
	while (json_next_member(&it, &key, &value)) {
		if (!read_alias(rd, key, value, tail))
			return false;
		tail = &(*tail)->next;
	}
	return true;
}

static bool read_likes(struct reader *rd, struct slice j)
{
	struct price_like **tail = &rd->table->likes;
	struct json_iter it;
	struct slice key, value;

	if (!j.n)
		return true;
	if (!json_object(j, &it))
		return reader_wrong(rd, j, "'like' is no object");
	while (json_next_member(&it, &key, &value)) {
		struct price_like *l = READER_NEW(rd, struct price_like);
		struct price_name **names;

		if (!l)
			return false;
		l->provider = arena_copy(rd->mem, key);
		names = &l->others;
		if (!reader_names(rd, value, "like", MATCH_EXACT, &names))
			return false;
		*tail = l;
		tail = &l->next;
	}
	return true;
}

static bool read_texts(struct reader *rd, const struct slice m[3])
{
	static const char *const names[] = { "version", "source", "date" };
	struct slice *const to[] = { &rd->table->version, &rd->table->source, &rd->table->date };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		*to[i] = SLICE("");
		if (m[i].n && m[i].p[0] != '"')
			return reader_wrong(rd, m[i], "'%s' is no text", names[i]);
		if (m[i].n > 2 && !reader_text(rd, m[i], names[i], to[i]))
			return false;
	}
	if (rd->table->version.n == 0)
		rd->table->version = SLICE("unnamed");
	return true;
}

enum { H_VERSION, H_SOURCE, H_DATE, H_ABOUT, H_FORMAT, H_ALIASES, H_LIKE, H_MODELS, H_NR };

static bool read_head(struct reader *rd, struct slice j, struct slice *ret_models)
{
	static const char *const members[H_NR] = { "version", "source",	 "date", "about",
						   "format",  "aliases", "like", "models" };
	struct slice m[H_NR], format = json_member(j, SLICE("format"));
	struct json_iter it;
	int64_t v;

	if (!json_object(j, &it))
		return reader_wrong(rd, j, "no JSON object");
	if (!json_int64(format, &v) || v != 1)
		return reader_wrong(rd, format, "without \"format\": 1");
	if (!reader_members(rd, j, members, H_NR, m, "no JSON object") || !read_texts(rd, m) ||
	    !read_aliases(rd, m[H_ALIASES]) || !read_likes(rd, m[H_LIKE]))
		return false;
	*ret_models = m[H_MODELS];
	return json_array(m[H_MODELS], &it) ||
	       reader_wrong(rd, m[H_MODELS], "without a list 'models'");
}

/* --- all of it --- */

/* Those with patterns are few: they are walked through where nothing else fits. */
static bool has_pattern(const struct price_entry *e)
{
	const struct price_name *n = e->names;

	while (n && n->match != MATCH_PATTERN)
		n = n->next;
	return n;
}

/* Called with each wrong entry, so that a check can go on; NULL: reading ends with the first. */
struct checker {
	price_check_fn fn;
	void *ctx;
	int r; /* what fn answered, where that is an end */
	size_t errors;
};

/* Whether reading goes on. */
static bool go_on(struct reader *rd, struct checker *c)
{
	if (!c || rd->r != -EBADMSG)
		return false;
	c->errors++;
	c->r = c->fn(c->ctx, rd->err, false);
	rd->r = 0;
	return c->r >= 0;
}

static int read_entries(struct reader *rd, struct slice models, struct checker *c)
{
	struct price_entry **tail = &rd->table->entries, **pattern = &rd->table->patterns;
	struct json_iter it;
	struct slice one;

	json_array(models, &it);
	while (json_next(&it, &one)) {
		struct price_entry *e;

		rd->index++;
		e = read_entry(rd, one);
		if (!e && !go_on(rd, c))
			return rd->r < 0 ? rd->r : -ENOMEM;
		if (!e)
			continue;
		*tail = e;
		tail = &e->next;
		if (!price_index_add(rd->table, e))
			return -ENOMEM;
		if (has_pattern(e)) {
			*pattern = e;
			pattern = &e->next_pattern;
		}
	}
	return arena_failed(rd->mem) ? -ENOMEM : 0;
}

DEFINE_CLEANUP(struct price_table *, price_free)

static int new_table(struct price_table **ret)
{
	_cleanup_(price_freep) struct price_table *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->mem = arena_new(TABLE_MAX);
	t->keys = calloc(1, sizeof(*t->keys));
	if (t->keys)
		t->keys->mem = arena_new(TABLE_MAX);
	if (!t->mem || !t->keys || !t->keys->mem)
		return -ENOMEM;
	*ret = TAKE(t);
	return 0;
}

static int read_table(struct reader *rd, struct slice j, struct checker *c,
		      struct price_table **ret)
{
	_cleanup_(price_freep) struct price_table *t = NULL;
	struct slice models = { 0 };
	int r = new_table(&t);

	if (r < 0)
		return r;
	rd->table = t;
	rd->mem = t->mem;
	if (!read_head(rd, j, &models) && !(go_on(rd, c) && models.n))
		return c && c->errors ? -EBADMSG : rd->r < 0 ? rd->r : -ENOMEM;
	r = read_entries(rd, models, c);
	if (r < 0)
		return r;
	*ret = TAKE(t);
	return 0;
}

/* Where the text stops being JSON: the tree's parser knows, the skimmer does not. */
static size_t bad_at(struct slice json)
{
	const char *end = NULL;
	_cleanup_(cJSON_Deletep) cJSON *j =
		json.n ? cJSON_ParseWithLengthOpts(json.p, json.n, &end, false) : NULL;

	return !j && end && end >= json.p ? (size_t)(end - json.p) : 0;
}

static int read_text(struct slice json, struct checker *c, struct price_table **ret,
		     struct price_error *err)
{
	struct reader rd = { .text = json, .err = err, .index = -1 };
	int r;

	*err = (struct price_error){ 0 };
	if (json.n > TEXT_MAX) {
		snprintf(err->text, sizeof(err->text), "larger than %u bytes", TEXT_MAX);
		return -EBADMSG;
	}
	/* our own text is looked through by a test, not at every start */
	if (json.p != price_builtin().p && !json_valid(json)) {
		err->offset = bad_at(json);
		snprintf(err->text, sizeof(err->text), "not JSON");
		return -EBADMSG;
	}
	r = read_table(&rd, slice_trim(json), c, ret);
	if (r == -ENOMEM)
		snprintf(err->text, sizeof(err->text), "out of memory");
	return r;
}

int price_read(struct slice json, struct price_table **ret, struct price_error *err)
{
	struct price_error dummy;

	return read_text(json, NULL, ret, err ? err : &dummy);
}

int price_parse(struct slice json, struct price_table **ret, const char **ret_why)
{
	struct price_error err;
	int r = price_read(json, ret, &err);

	if (r == -EBADMSG && ret_why)
		*ret_why = strcmp(err.text, "not JSON") == 0 ? "not JSON" : "not a price table";
	return r;
}

/* --- checking --- */

/* A name that an earlier entry has taken, in the same time, does nothing. */
static bool is_hidden(const struct price_table *t, const struct price_entry *e,
		      const struct price_name *n, struct slice provider)
{
	const struct price_ref *ref = price_index_find(t, provider, n->text);

	for (; ref && ref->entry != e; ref = ref->next)
		if (ref->entry->unpriced.n ||
		    (ref->entry->periods && ref->entry->periods->from_ns == 0 &&
		     ref->entry->periods->until_ns == UINT64_MAX && !ref->entry->periods->hours.n))
			return true;
	return false;
}

static int warn_hidden(const struct price_table *t, const struct price_entry *e, struct checker *c)
{
	static const struct price_name any = { 0 };
	struct price_error err = { 0 };

	for (const struct price_name *p = e->providers ? e->providers : &any; p; p = p->next)
		for (const struct price_name *n = e->names; n; n = n->next) {
			if (n->match == MATCH_PATTERN || !is_hidden(t, e, n, p->text))
				continue;
			snprintf(err.text, sizeof(err.text),
				 "models[%zu] (%.60s): the name '%.60s' is an earlier entry's",
				 e->index, e->model.p, n->text.p);
			c->r = c->fn(c->ctx, &err, true);
			if (c->r < 0)
				return c->r;
		}
	return 0;
}

int price_check(struct slice json, price_check_fn fn, void *ctx)
{
	struct checker c = { .fn = fn, .ctx = ctx };
	_cleanup_(price_freep) struct price_table *t = NULL;
	struct price_error err;
	int r = read_text(json, &c, &t, &err);

	if (c.r < 0)
		return c.r;
	if (r == -EBADMSG && !c.errors) /* not even JSON */
		c.r = fn(ctx, &err, false);
	if (r < 0)
		return c.r < 0 ? c.r : r;
	for (const struct price_entry *e = t->entries; e; e = e->next) {
		r = warn_hidden(t, e, &c);
		if (r < 0)
			return r;
	}
	return c.errors ? -EBADMSG : 0;
}
