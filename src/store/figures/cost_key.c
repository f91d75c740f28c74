/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/figures/cost_key.h"

#include "base/util.h"
#include "store/list/terms.h"

#define NO_FIELD SIZE_MAX

static const struct {
	const char *name;
	enum store_group group;
	size_t field;
} keys[] = {
	{ "agent", GROUP_AGENT, offsetof(struct store_filter, agent) },
	{ "model", GROUP_MODEL, offsetof(struct store_filter, model) },
	{ "provider", GROUP_PROVIDER, offsetof(struct store_filter, provider) },
	{ "project", GROUP_PROJECT, offsetof(struct store_filter, project) },
	{ "user", GROUP_USER, offsetof(struct store_filter, user) },
	{ "workflow", GROUP_WORKFLOW, offsetof(struct store_filter, workflow) },
	{ "host", GROUP_HOST, NO_FIELD },
};

static struct slice *field_of(struct store_filter *f, size_t at)
{
	return (struct slice *)((char *)f + at);
}

/* Whether all terms are about @name. */
static bool are_of(const struct store_filter *f, const char *name, bool *one)
{
	for (size_t i = 0; i < f->n_terms; i++) {
		const struct store_term *t = &f->terms[i];

		if (strcmp(t->name->name, name) != 0)
			return false;
		*one |= t->n == 1 && !t->negated;
		for (size_t k = 0; k < t->n; k++)
			if (t->values[k].text.n == 0)
				return false;
	}
	return true;
}

bool cost_key_of(const struct store_filter *f, struct cost_key *ret)
{
	*ret = (struct cost_key){ .f = f };
	if (sums_know(f, false, false))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		struct store_filter rest = *f;
		struct cost_key k = { f, keys[i].name, keys[i].group, { 0 }, false };

		rest.n_terms = 0;
		if (keys[i].field != NO_FIELD) {
			k.is = *field_of(&rest, keys[i].field);
			*field_of(&rest, keys[i].field) = (struct slice){ 0 };
		}
		k.one = k.is.n > 0;
		if (sums_know(&rest, false, false) && are_of(f, k.name, &k.one)) {
			*ret = k;
			return true;
		}
	}
	return false;
}

char *cost_key_sql(const struct cost_key *k, const char *expr, int first)
{
	sqlite3_str *s = sqlite3_str_new(NULL);

	if (k->is.n)
		sqlite3_str_appendf(s, " AND %s = ?%d", expr, first++);
	for (size_t i = 0; k->name && i < k->f->n_terms; i++) {
		const struct store_term *t = &k->f->terms[i];

		sqlite3_str_appendf(s, " AND %s%s IN (", expr, t->negated ? " NOT" : "");
		for (size_t v = 0; v < t->n; v++)
			sqlite3_str_appendf(s, "%s?%d", v ? ", " : "", first++);
		sqlite3_str_appendchar(s, 1, ')');
	}
	sqlite3_str_append(s, " ", 1); /* nothing would be no text */
	return sqlite3_str_finish(s);
}

static int bind(sqlite3_stmt *s, int at, struct slice v)
{
	return sqlite3_bind_text64(s, at, v.p, v.n, SQLITE_STATIC, SQLITE_UTF8);
}

int cost_key_bind(const struct cost_key *k, sqlite3_stmt *s, int first)
{
	int rc = k->is.n ? bind(s, first++, k->is) : SQLITE_OK;

	for (size_t i = 0; k->name && i < k->f->n_terms; i++)
		for (size_t v = 0; v < k->f->terms[i].n && rc == SQLITE_OK; v++)
			rc = bind(s, first++, k->f->terms[i].values[v].text);
	return rc;
}
