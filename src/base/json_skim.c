/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/json.h"
#include "base/json_scan.h"
#include "base/utf8.h"

static bool begin(struct slice value, char open, struct json_iter *ret)
{
	const char *end, *p;

	*ret = (struct json_iter){ .object = open == '{' };
	if (value.n == 0)
		return false;
	end = value.p + value.n;
	p = json_scan_blanks(value.p, end);
	if (p == end || *p != open)
		return false;
	ret->rest = (struct slice){ p + 1, (size_t)(end - p - 1) };
	ret->first = true;
	return true;
}

bool json_object(struct slice value, struct json_iter *ret)
{
	return begin(value, '{', ret);
}

bool json_array(struct slice value, struct json_iter *ret)
{
	return begin(value, '[', ret);
}

static bool fail(struct json_iter *it)
{
	it->bad = true;
	return false;
}

/* To the first byte of the next member or element; false at the end. */
static bool next_start(struct json_iter *it)
{
	const char *end, *p;

	if (it->bad || it->over || !it->rest.p)
		return false;
	end = it->rest.p + it->rest.n;
	p = json_scan_blanks(it->rest.p, end);
	if (p < end && *p == (it->object ? '}' : ']')) {
		it->over = true;
		it->rest = (struct slice){ p + 1, (size_t)(end - p - 1) };
		return false;
	}
	if (!it->first) {
		if (p == end || *p != ',')
			return fail(it);
		p = json_scan_blanks(p + 1, end);
	}
	it->first = false;
	it->rest = (struct slice){ p, (size_t)(end - p) };
	return p < end || fail(it);
}

bool json_next(struct json_iter *it, struct slice *ret_value)
{
	const char *end, *p;

	if (it->object || !next_start(it))
		return false;
	end = it->rest.p + it->rest.n;
	p = json_scan_value(it->rest.p, end);
	if (!p)
		return fail(it);
	*ret_value = (struct slice){ it->rest.p, (size_t)(p - it->rest.p) };
	it->rest = (struct slice){ p, (size_t)(end - p) };
	return true;
}

bool json_next_member(struct json_iter *it, struct slice *ret_key, struct slice *ret_value)
{
	const char *end, *p, *key_end, *value;

	if (!it->object || !next_start(it))
		return false;
	p = it->rest.p;
	end = p + it->rest.n;
	key_end = *p == '"' ? json_scan_string(p + 1, end) : NULL;
	if (!key_end)
		return fail(it);
	value = json_scan_blanks(key_end, end);
	if (value == end || *value != ':')
		return fail(it);
	value = json_scan_blanks(value + 1, end);
	*ret_key = (struct slice){ p + 1, (size_t)(key_end - p - 2) };
	it->rest = (struct slice){ value, (size_t)(end - value) };
	p = json_scan_value(value, end);
	if (!p)
		return fail(it);
	*ret_value = (struct slice){ value, (size_t)(p - value) };
	it->rest = (struct slice){ p, (size_t)(end - p) };
	return true;
}

struct slice json_member(struct slice object, struct slice key)
{
	struct slice name, value;
	struct json_iter it;

	if (!json_object(object, &it))
		return (struct slice){ 0 };
	while (json_next_member(&it, &name, &value))
		if (slice_eq(name, key))
			return value;
	return (struct slice){ 0 };
}

/* Without a look at the length of every name: most differ in the first byte. A key may hold NULs.
 */
static bool key_is(struct slice key, const char *name)
{
	return key.n && name[0] == key.p[0] && strncmp(name, key.p, key.n) == 0 &&
	       strnlen(name, key.n + 1) == key.n;
}

bool json_members(struct slice object, const char *const names[], struct slice ret[], size_t n)
{
	struct slice key, value;
	struct json_iter it;
	size_t left = n;

	memset(ret, 0, n * sizeof(*ret));
	if (!json_object(object, &it))
		return false;
	while (left && json_next_member(&it, &key, &value))
		for (size_t i = 0; i < n; i++)
			if (!ret[i].p && key_is(key, names[i])) {
				ret[i] = value;
				left--;
				break;
			}
	return true;
}

struct slice json_find(struct slice value, const char *path)
{
	while (value.n && *path) {
		const size_t n = strcspn(path, ".");

		value = json_member(value, (struct slice){ path, n });
		path += n + (path[n] == '.');
	}
	return value;
}

void json_find_ints(struct slice value, const struct json_int_field *fields, size_t n, void *dst)
{
	for (size_t i = 0; i < n; i++) {
		int64_t v;

		if (json_int64(json_find(value, fields[i].path), &v))
			memcpy((char *)dst + fields[i].offset, &v, sizeof(v));
	}
}

/* --- strings --- */

static int hex4(const char *p, const char *end)
{
	int v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		const char c = (char)(p[i] | 0x20);

		if (p[i] >= '0' && p[i] <= '9')
			v = v * 16 + p[i] - '0';
		else if (c >= 'a' && c <= 'f')
			v = v * 16 + c - 'a' + 10;
		else
			return -1;
	}
	return v;
}

/* @p follows "\u". A surrogate without its half becomes U+FFFD, as everywhere. */
static const char *unescape_u(const char *p, const char *end, char **out)
{
	int32_t c = hex4(p, end), low;

	if (c < 0) {
		*(*out)++ = 'u';
		return p;
	}
	p += 4;
	if (c >= 0xd800 && c < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
		low = hex4(p + 2, end);
		if (low >= 0xdc00 && low < 0xe000) {
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
			p += 6;
		}
	}
	*out += utf8_put((uint32_t)c, *out);
	return p;
}

/* @p follows a backslash. What is no escape stands for itself. */
static const char *unescape(const char *p, const char *end, char **out)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	const char *at;

	if (*p == 'u')
		return unescape_u(p + 1, end, out);
	at = *p ? strchr(from, *p) : NULL;
	**out = *p;
	if (at)
		**out = to[at - from];
	++*out;
	return p + 1;
}

bool json_is(struct slice value, const char *text)
{
	const size_t n = strlen(text);

	return value.n == n + 2 && value.p[0] == '"' && memcmp(value.p + 1, text, n) == 0;
}

struct slice json_text(struct slice value, struct arena *mem)
{
	const char *p, *end, *slash;
	char *out, *start;

	if (value.n < 2 || value.p[0] != '"' || value.p[value.n - 1] != '"')
		return (struct slice){ 0 };
	value = (struct slice){ value.p + 1, value.n - 2 };
	p = value.p;
	end = p + value.n;
	if (!memchr(p, '\\', value.n))
		return value;
	/* An escape is never shorter than what it stands for. */
	start = out = arena_alloc(mem, value.n);
	if (!out)
		return (struct slice){ 0 };
	while ((slash = memchr(p, '\\', (size_t)(end - p))) && slash + 1 < end) {
		memcpy(out, p, (size_t)(slash - p));
		out += slash - p;
		p = unescape(slash + 1, end, &out);
	}
	memcpy(out, p, (size_t)(end - p));
	out += end - p;
	return (struct slice){ start, (size_t)(out - start) };
}
