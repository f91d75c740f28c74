/* SPDX-License-Identifier: BSD-2-Clause */
#include "price/read.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/util.h"

#define USD_MAX 1000000 /* per million tokens: what is above is a mistake */

bool reader_wrong(struct reader *rd, struct slice at, const char *fmt, ...)
{
	size_t n = 0, size = sizeof(rd->err->text);
	va_list ap;

	if (rd->r < 0)
		return false;
	rd->r = -EBADMSG;
	rd->err->offset = at.p ? (size_t)(at.p - rd->text.p) : 0;
	if (rd->model.n)
		n = (size_t)snprintf(rd->err->text, size, "models[%d] (%.*s): ", rd->index,
				     (int)(rd->model.n < 60 ? rd->model.n : 60), rd->model.p);
	else if (rd->index >= 0)
		n = (size_t)snprintf(rd->err->text, size, "models[%d]: ", rd->index);
	va_start(ap, fmt);
	vsnprintf(rd->err->text + n, size - n, fmt, ap);
	va_end(ap);
	return false;
}

bool reader_members(struct reader *rd, struct slice object, const char *const *names, size_t n,
		    struct slice *ret, const char *what)
{
	struct json_iter it;
	struct slice key, value;

	memset(ret, 0, n * sizeof(*ret));
	if (!json_object(object, &it))
		return reader_wrong(rd, object, "%s", what);
	while (json_next_member(&it, &key, &value)) {
		size_t i = 0;

		/* most differ in their first letter */
		while (i < n &&
		       (!key.n || names[i][0] != key.p[0] || !slice_eq(key, slice_of(names[i]))))
			i++;
		if (i == n)
			return reader_wrong(rd, key, "'%.*s' is no member",
					    (int)(key.n < 40 ? key.n : 40), key.p);
		ret[i] = value;
	}
	return true;
}

static bool is_number(struct slice value)
{
	return value.n && (value.p[0] == '-' || (value.p[0] >= '0' && value.p[0] <= '9'));
}

bool reader_usd(struct reader *rd, struct slice value, const char *name, int64_t *ret)
{
	int64_t pico;

	if (!is_number(value))
		return reader_wrong(rd, value, "'%.40s' is no number", name);
	if (!json_scaled(value, 12, &pico) || pico < 0 || pico > (int64_t)USD_MAX * 1000000000000)
		return reader_wrong(rd, value, "'%.40s' is not between 0 and %d", name, USD_MAX);
	if (pico % 1000000)
		return reader_wrong(rd, value, "'%.40s' has more than 6 decimals", name);
	*ret = pico / 1000000;
	return true;
}

bool reader_factor(struct reader *rd, struct slice value, struct slice name, int64_t *ret)
{
	int64_t micro;

	if (!is_number(value) || !json_scaled(value, 6, &micro) || micro < 0 ||
	    micro > 1000000000 || micro % 1000)
		return reader_wrong(rd, value,
				    "'%.*s' is no factor (0 to 1000, at most 3 decimals)",
				    (int)(name.n < 40 ? name.n : 40), name.p);
	*ret = micro / 1000;
	return true;
}

bool reader_time(struct reader *rd, struct slice value, const char *name, uint64_t *ret)
{
	static const char *const formats[] = { "%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ" };
	char text[32];

	if (!value.n)
		return true;
	if (value.p[0] != '"' || value.n - 2 >= sizeof(text))
		return reader_wrong(rd, value, "'%s' is no date such as 2026-09-01", name);
	memcpy(text, value.p + 1, value.n - 2);
	text[value.n - 2] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		struct tm tm = { 0 };
		const char *end = strptime(text, formats[i], &tm);
		time_t t;

		if (!end || *end)
			continue;
		t = timegm(&tm);
		if (t < 0 || t > INT64_MAX / 1000000000)
			break;
		*ret = (uint64_t)t * 1000000000;
		return true;
	}
	return reader_wrong(rd, value, "'%s' is no date such as 2026-09-01", name);
}

bool reader_text(struct reader *rd, struct slice value, const char *name, struct slice *ret)
{
	struct slice text =
		value.n && value.p[0] == '"' ? json_text(value, rd->mem) : (struct slice){ 0 };

	if (!text.n || memchr(text.p, '\0', text.n))
		return reader_wrong(rd, value, "'%s' is no text", name);
	*ret = arena_copy(rd->mem, text);
	return true;
}

static bool read_name(struct reader *rd, struct slice value, const char *name,
		      enum price_match match, struct price_name ***tail)
{
	struct price_name *n = READER_NEW(rd, struct price_name);
	struct slice text =
		value.n && value.p[0] == '"' ? json_text(value, rd->mem) : (struct slice){ 0 };

	if (!n)
		return false;
	if (!text.n || text.n > MODEL_NAME_MAX || memchr(text.p, '\0', text.n))
		return reader_wrong(rd, value, "'%.40s' is no name or list of names", name);
	n->text = arena_copy(rd->mem, text);
	n->match = match;
	**tail = n;
	*tail = &n->next;
	return true;
}

bool reader_names(struct reader *rd, struct slice value, const char *name, enum price_match match,
		  struct price_name ***tail)
{
	struct json_iter it;
	struct slice one;

	if (!json_array(value, &it))
		return read_name(rd, value, name, match, tail);
	while (json_next(&it, &one))
		if (!read_name(rd, one, name, match, tail))
			return false;
	return true;
}
