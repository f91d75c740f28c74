/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/slice.h"

#include <stdlib.h>
#include <strings.h>

bool slice_cut(struct slice s, char c, struct slice *ret_before, struct slice *ret_after)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;
	size_t before;

	if (!at)
		return false;
	before = (size_t)(at - s.p);
	*ret_before = (struct slice){ s.p, before };
	*ret_after = (struct slice){ at + 1, s.n - before - 1 };
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct slice slice_trim(struct slice s)
{
	while (s.n && is_blank(s.p[0]))
		s = (struct slice){ s.p + 1, s.n - 1 };
	while (s.n && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool slice_ieq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

bool slice_istarts(struct slice s, struct slice prefix)
{
	return s.n >= prefix.n && slice_ieq((struct slice){ s.p, prefix.n }, prefix);
}

bool slice_has(struct slice s, struct slice part)
{
	return part.n == 0 || (s.n && memmem(s.p, s.n, part.p, part.n));
}

struct slice slice_from(struct slice s, size_t at)
{
	return at < s.n ? (struct slice){ s.p + at, s.n - at } : (struct slice){ 0 };
}

bool slice_u64(struct slice s, uint64_t *ret)
{
	uint64_t v = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned digit = (unsigned char)s.p[i] - '0';

		if (digit > 9 || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, digit, &v))
			return false;
	}
	*ret = v;
	return true;
}

struct slice slice_base(struct slice path)
{
	const char *slash = path.n ? memrchr(path.p, '/', path.n) : NULL;

	return slash ? slice_from(path, (size_t)(slash - path.p) + 1) : path;
}

char *slice_dup(struct slice s)
{
	char *p = malloc(s.n + 1);

	if (!p)
		return NULL;
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

void slice_position(struct slice text, size_t offset, size_t *ret_line, size_t *ret_column)
{
	const char *p = text.p, *end = text.p + (offset < text.n ? offset : text.n), *nl;

	*ret_line = 1;
	while (p < end && (nl = memchr(p, '\n', (size_t)(end - p)))) {
		++*ret_line;
		p = nl + 1;
	}
	*ret_column = (size_t)(end - p) + 1;
}
