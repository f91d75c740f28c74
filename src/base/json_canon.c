/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One spelling for JSON that means the same. Who parses and prints a value changes blanks, member
 * order (Go and Rust sort, JavaScript moves names that are numbers to the front), escapes and the
 * spelling of numbers.
 */
#include <stdlib.h>

#include "base/json.h"

#define CANON_DEPTH 32 /* of nested JSON that is sorted; deeper values stay as they are */

struct canon {
	struct json_writer *w;
	struct arena *mem; /* for what is sorted and unescaped */
	bool (*drop)(struct slice key);
};

struct member {
	struct slice key, value;
};

static void put_value(struct canon *c, struct slice v, unsigned depth);

static int by_key(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	const size_t n = x->key.n < y->key.n ? x->key.n : y->key.n;
	const int order = n ? memcmp(x->key.p, y->key.p, n) : 0;

	if (order)
		return order;
	if (x->key.n != y->key.n)
		return x->key.n < y->key.n ? -1 : 1;
	return x->value.p < y->value.p ? -1 : 1; /* the same name twice: as they came */
}

static void put_object(struct canon *c, struct slice v, unsigned depth)
{
	struct member *m = NULL;
	struct slice key, value;
	struct json_iter it;
	size_t n = 0, i = 0;

	if (json_object(v, &it))
		while (json_next_member(&it, &key, &value))
			n++;
	m = arena_alloc(c->mem, (n ? n : 1) * sizeof(*m));
	if (!m)
		return;
	json_object(v, &it);
	while (i < n && json_next_member(&it, &key, &value)) {
		/* A key is a string without its quotes here; escapes need them. */
		key = json_text((struct slice){ key.p - 1, key.n + 2 }, c->mem);
		m[i++] = (struct member){ key, value };
	}
	qsort(m, n, sizeof(*m), by_key);
	json_begin(c->w, '{');
	for (i = 0; i < n; i++) {
		if (c->drop && c->drop(m[i].key))
			continue;
		json_put_key(c->w, m[i].key);
		put_value(c, m[i].value, depth + 1);
	}
	json_end(c->w, '}');
}

static void put_array(struct canon *c, struct slice v, unsigned depth)
{
	struct json_iter it;
	struct slice value;

	json_begin(c->w, '[');
	if (json_array(v, &it))
		while (json_next(&it, &value))
			put_value(c, value, depth + 1);
	json_end(c->w, ']');
}

/* NOLINTNEXTLINE(misc-no-recursion): at most CANON_DEPTH deep */
static void put_value(struct canon *c, struct slice v, unsigned depth)
{
	int64_t n;
	double d;

	if (v.p[0] == '{' && depth <= CANON_DEPTH)
		put_object(c, v, depth);
	else if (v.p[0] == '[' && depth <= CANON_DEPTH)
		put_array(c, v, depth);
	else if (v.p[0] == '"')
		json_put_str(c->w, json_text(v, c->mem));
	else if (json_int64(v, &n))
		json_put_int(c->w, n);
	else if (json_double(v, &d))
		json_put_double(c->w, d);
	else
		json_put_raw(c->w, v);
}

void json_put_canonical(struct json_writer *w, struct slice json, struct arena *mem,
			bool (*drop)(struct slice key))
{
	struct canon c = { .w = w, .mem = mem, .drop = drop };

	put_value(&c, json, 0);
}
