/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/json.h"
#include "base/json_scan.h"

/* Which of the open brackets are objects: the stack of a parser that does not recurse. */
struct nest {
	uint64_t object[JSON_DEPTH_MAX / 64];
	unsigned depth;
	const char *at; /* the token that is being read */
};

static bool push(struct nest *n, bool object)
{
	const uint64_t bit = 1ULL << (n->depth % 64);
	uint64_t *word;

	if (n->depth == JSON_DEPTH_MAX)
		return false;
	word = &n->object[n->depth++ / 64];
	*word = object ? *word | bit : *word & ~bit;
	return true;
}

static bool in_object(const struct nest *n)
{
	return n->object[(n->depth - 1) / 64] >> ((n->depth - 1) % 64) & 1;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* @p follows a backslash. */
static const char *escape(const char *p, const char *end)
{
	if (p == end || !*p || !strchr("\"\\/bfnrtu", *p))
		return NULL;
	if (*p != 'u')
		return p + 1;
	if (end - p < 5)
		return NULL;
	for (int i = 1; i <= 4; i++)
		if (!is_hex(p[i]))
			return NULL;
	return p + 5;
}

/* @p follows the opening quote. */
static const char *string(const char *p, const char *end)
{
	while (p && (p = json_scan_plain(p, end)) < end) {
		if (*p == '"')
			return p + 1;
		if ((unsigned char)*p < 0x20)
			return NULL;
		p = *p == '\\' ? escape(p + 1, end) : p + 1;
	}
	return NULL;
}

static const char *literal(const char *p, const char *end)
{
	static const struct slice words[] = { { "true", 4 }, { "false", 5 }, { "null", 4 } };
	const struct slice rest = { p, (size_t)(end - p) };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (slice_starts(rest, words[i]))
			return p + words[i].n;
	return json_scan_number(p, end);
}

/* "name" and the colon after it, up to the value. */
static const char *member_name(struct nest *n, const char *p, const char *end)
{
	n->at = p;
	if (p == end || *p != '"')
		return NULL;
	p = string(p + 1, end);
	if (!p)
		return NULL;
	n->at = p = json_scan_blanks(p, end);
	return p < end && *p == ':' ? json_scan_blanks(p + 1, end) : NULL;
}

/* The brackets that end after a value, and the comma that follows; @p is then at the next value. */
static const char *after_value(struct nest *n, const char *p, const char *end)
{
	for (p = json_scan_blanks(p, end); n->depth; p = json_scan_blanks(p + 1, end)) {
		n->at = p;
		if (p == end)
			return NULL;
		if (*p == ',') {
			p = json_scan_blanks(p + 1, end);
			return in_object(n) ? member_name(n, p, end) : p;
		}
		if (*p != (in_object(n) ? '}' : ']'))
			return NULL;
		n->depth--;
	}
	return p;
}

/* One value's first token; an empty object or array is left to after_value(). */
static const char *value(struct nest *n, const char *p, const char *end, bool *ret_more)
{
	const bool object = *p == '{';

	*ret_more = false;
	n->at = p;
	if (*p == '"')
		return string(p + 1, end);
	if (!object && *p != '[')
		return literal(p, end);
	if (!push(n, object))
		return NULL;
	n->at = p = json_scan_blanks(p + 1, end);
	if (p == end)
		return NULL;
	if (*p == (object ? '}' : ']'))
		return p;
	*ret_more = true;
	return object ? member_name(n, p, end) : p;
}

static bool check(struct nest *n, struct slice text)
{
	const char *end = text.p + text.n, *p = json_scan_blanks(text.p, end);
	bool more;

	do {
		n->at = p;
		if (p == end)
			return false;
		p = value(n, p, end, &more);
		if (p && !more)
			p = after_value(n, p, end);
		if (!p)
			return false;
	} while (more || n->depth);
	n->at = p;
	return p == end;
}

bool json_check(struct slice text, size_t *ret_offset)
{
	struct nest n = { .at = text.p };

	if (text.n && check(&n, text))
		return true;
	*ret_offset = text.n ? (size_t)(n.at - text.p) : 0;
	return false;
}

bool json_valid(struct slice text)
{
	size_t offset;

	return json_check(text, &offset);
}
