/* SPDX-License-Identifier: BSD-2-Clause */
/* Attributes stand in one column, as a JSON object: each has the type that JSON shows. */
#include "store/attrs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A double must stay one: 5 would come back as an integer, so it is written 5.0. */
static void put_double(struct json_writer *w, double v)
{
	struct buf text = { 0 };
	struct json_writer own = { .out = &text };

	json_put_double(&own, v);
	if (own.r == 0 && !memchr(text.p, '.', text.n) && !memchr(text.p, 'e', text.n) &&
	    text.p[0] != 'n')
		own.r = buf_add(&text, SLICE(".0"), SIZE_MAX);
	if (own.r == 0)
		json_put_raw(w, buf_slice(&text));
	else
		w->r = own.r;
	buf_done(&text);
}

void attr_put(struct json_writer *w, const struct attr *a)
{
	switch (a->type) {
	case ATTR_STRING:
		json_put_str(w, a->s);
		break;
	case ATTR_INT:
		json_put_int(w, a->i);
		break;
	case ATTR_DOUBLE:
		put_double(w, a->d);
		break;
	case ATTR_BOOL:
		json_put_bool(w, a->i != 0);
		break;
	case ATTR_STRINGS:
		json_put_raw(w, a->s.n && json_valid(a->s) ? a->s : SLICE("[]"));
		break;
	}
}

int attrs_write(const struct attr *attrs, size_t n, struct buf *ret)
{
	struct json_writer w = { .out = ret };

	json_begin(&w, '{');
	for (size_t i = 0; i < n; i++) {
		json_key(&w, attrs[i].name);
		attr_put(&w, &attrs[i]);
	}
	json_end(&w, '}');
	return w.r;
}

static bool read_number(struct slice v, struct attr *a)
{
	char text[48], *end;

	a->type = ATTR_INT;
	if (!memchr(v.p, '.', v.n) && !memchr(v.p, 'e', v.n) && !memchr(v.p, 'E', v.n))
		return json_int64(v, &a->i);
	a->type = ATTR_DOUBLE;
	if (v.n >= sizeof(text))
		return false;
	memcpy(text, v.p, v.n);
	text[v.n] = '\0';
	a->d = strtod(text, &end);
	return *end == '\0' && isfinite(a->d);
}

static bool read_value(struct slice v, struct arena *mem, struct attr *a)
{
	if (v.n == 0)
		return false;
	switch (v.p[0]) {
	case '"':
		a->type = ATTR_STRING;
		a->s = json_text(v, mem);
		return true;
	case '[':
		a->type = ATTR_STRINGS;
		a->s = v;
		return true;
	case 't':
	case 'f':
		a->type = ATTR_BOOL;
		a->i = v.p[0] == 't';
		return true;
	default:
		return read_number(v, a);
	}
}

static size_t members(struct slice json)
{
	struct slice key, value;
	struct json_iter it;
	size_t n = 0;

	if (json_object(json, &it))
		while (json_next_member(&it, &key, &value))
			n++;
	return n;
}

void attrs_read(struct slice json, struct arena *mem, const struct attr **ret, size_t *ret_n)
{
	size_t max = members(json), n = 0;
	struct slice key, value;
	struct attr *attrs;
	struct json_iter it;

	*ret = NULL;
	*ret_n = 0;
	attrs = max ? arena_alloc(mem, max * sizeof(*attrs)) : NULL;
	if (!attrs || !json_object(json, &it))
		return;
	while (n < max && json_next_member(&it, &key, &value)) {
		/* names are ours and plain: their escapes need no resolving */
		attrs[n].name = arena_copy(mem, key).p;
		if (attrs[n].name && read_value(value, mem, &attrs[n]))
			n++;
	}
	*ret = attrs;
	*ret_n = n;
}
