/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/list/cursor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HEAD   3  /* kind, order, way */
#define NUMBER 16 /* digits */

static char way_of(const struct store_page *page)
{
	return page->ascending ? 'a' : 'd';
}

static size_t id_size(enum cursor_kind kind)
{
	return kind == CURSOR_SPANS ? 8 : 16;
}

void place_id(struct place *p, const uint8_t *id, size_t n)
{
	memcpy(p->id, id, n);
	p->id_n = n;
}

void cursor_write(const struct store_page *page, enum cursor_kind kind, const struct place *p,
		  char ret[STORE_CURSOR])
{
	char *at = ret;

	at += sprintf(at, "%c%d%c%016llx", kind, page->order, way_of(page),
		      (unsigned long long)p->key);
	for (size_t i = 0; i < p->id_n; i++)
		at += sprintf(at, "%02x", p->id[i]);
	if (kind == CURSOR_SPANS)
		sprintf(at, "%016llx", (unsigned long long)p->n);
}

/* Lower-case digits alone. */
static bool read_hex(const char *p, size_t n, uint64_t *ret)
{
	*ret = 0;
	for (size_t i = 0; i < n; i++) {
		const char c = p[i];

		if (c >= '0' && c <= '9')
			*ret = *ret << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			*ret = *ret << 4 | (uint64_t)(c - 'a' + 10);
		else
			return false;
	}
	return true;
}

int cursor_read(const struct store_page *page, enum cursor_kind kind, struct place *ret)
{
	const struct slice c = page->cursor;
	const size_t id_n = id_size(kind);
	uint64_t v;

	*ret = (struct place){ .id_n = id_n };
	if (c.n != HEAD + NUMBER + 2 * id_n + (kind == CURSOR_SPANS ? NUMBER : 0) ||
	    c.p[0] != (char)kind || c.p[1] != (char)('0' + page->order) || c.p[2] != way_of(page) ||
	    !read_hex(c.p + HEAD, NUMBER, &v))
		return -EINVAL;
	ret->key = (int64_t)v;
	for (size_t i = 0; i < id_n; i++) {
		if (!read_hex(c.p + HEAD + NUMBER + 2 * i, 2, &v))
			return -EINVAL;
		ret->id[i] = (uint8_t)v;
	}
	if (kind == CURSOR_SPANS) {
		if (!read_hex(c.p + HEAD + NUMBER + 2 * id_n, NUMBER, &v))
			return -EINVAL;
		ret->n = (int64_t)v;
	}
	return 0;
}
