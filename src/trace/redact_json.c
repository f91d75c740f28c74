/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Secrets in JSON text: each string is read as what it says, without its escapes, and what is found
 * there is replaced in the text as it stands. A member's name counts as the name of its value.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "trace/redact_scan.h"

#define SHORTEST 4 /* bytes of a string that can hold a secret */
#define LEVELS	 2 /* JSON within a JSON string has escapes of its own */

/* An escape, and what it stands for. */
struct escape {
	size_t raw, plain;
	uint8_t raw_n, plain_n;
};

/* A string without its escapes, and the way back. */
struct plain {
	struct buf text;
	struct escape *escapes;
	size_t n, cap;
};

struct walk {
	const struct redactor *r;
	struct buf *out;
	struct plain level[LEVELS];
	enum redact_class class; /* of the string that follows */
	const char *kind;
	bool list;    /* it is in an array that has a name */
	bool foreign; /* this is no JSON */
	int n;	      /* removed */
};

static int hex4(struct slice s)
{
	unsigned v = 0;

	if (redact_run(s, SET_HEX) < 4)
		return -1;
	for (size_t i = 0; i < 4; i++)
		v = v << 4 | redact_hex(s.p[i]);
	return (int)v;
}

/* @s begins with \u. Bytes of it; what it means in @room. */
static size_t read_unicode(struct slice s, char room[4], size_t *ret_n)
{
	int c = hex4(slice_from(s, 2)), low;

	if (c < 0)
		return 0;
	if (c >= 0xd800 && c < 0xdc00 && slice_starts(slice_from(s, 6), SLICE("\\u"))) {
		low = hex4(slice_from(s, 8));
		if (low >= 0xdc00 && low < 0xe000) {
			*ret_n = utf8_put(0x10000u + ((uint32_t)(c - 0xd800) << 10) +
						  (uint32_t)(low - 0xdc00),
					  room);
			return 12;
		}
	}
	*ret_n = utf8_put((uint32_t)c, room);
	return 6;
}

/* @s begins with a backslash. Bytes of the escape, 0 where it is none. */
static size_t read_escape(struct slice s, char room[4], size_t *ret_n)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at;

	if (s.n < 2)
		return 0;
	if (s.p[1] == 'u')
		return read_unicode(s, room, ret_n);
	at = memchr(from, s.p[1], sizeof(from) - 1);
	if (!at)
		return 0;
	room[0] = to[at - from];
	*ret_n = 1;
	return 2;
}

static int add_escape(struct plain *p, struct escape e)
{
	if (p->n == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 64;
		struct escape *grown = realloc(p->escapes, cap * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		p->escapes = grown;
		p->cap = cap;
	}
	p->escapes[p->n++] = e;
	return 0;
}

static int unescape(struct plain *p, struct slice raw)
{
	size_t at = 0;
	int r = 0;

	p->n = 0;
	p->text.n = 0;
	while (at < raw.n && r == 0) {
		const char *slash = memchr(raw.p + at, '\\', raw.n - at);
		size_t n = slash ? (size_t)(slash - raw.p) - at : raw.n - at, used, room_n = 0;
		char room[4];

		r = buf_add(&p->text, (struct slice){ raw.p + at, n }, REDACT_MAX);
		at += n;
		if (r < 0 || !slash)
			break;
		used = read_escape(slice_from(raw, at), room, &room_n);
		if (used)
			r = add_escape(p, (struct escape){ at, p->text.n, (uint8_t)used,
							   (uint8_t)room_n });
		if (!used) { /* no escape: it stands for itself */
			room[0] = '\\';
			used = room_n = 1;
		}
		if (r == 0)
			r = buf_add(&p->text, (struct slice){ room, room_n }, REDACT_MAX);
		at += used;
	}
	return r;
}

/* Where @at of the plain text stands in the raw one; the @end of a range takes in a whole escape.
 */
static size_t raw_of(const struct plain *p, size_t at, bool end)
{
	size_t low = 0, high = p->n;
	const struct escape *e;

	while (low < high) { /* the first escape behind @at */
		size_t mid = low + (high - low) / 2;

		if (p->escapes[mid].plain <= at)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == 0)
		return at;
	e = &p->escapes[low - 1];
	if (at >= e->plain + e->plain_n)
		return e->raw + e->raw_n + (at - e->plain - e->plain_n);
	return end && at > e->plain ? e->raw + e->raw_n : e->raw;
}

/* The string as it is meant, escapes of JSON within it undone as well where they could hide text.
 */
static int make_plain(struct walk *w, struct slice raw, struct slice *ret, size_t *ret_levels)
{
	struct slice s = raw;
	size_t n = 0;
	int r = 0;

	while (n < LEVELS && s.n && memchr(s.p, '\\', s.n) &&
	       (n == 0 || slice_has(s, SLICE("\\u00")))) {
		r = unescape(&w->level[n], s);
		if (r < 0)
			return r;
		s = buf_slice(&w->level[n++].text);
	}
	*ret = s;
	*ret_levels = n;
	return 0;
}

static int put_marked(struct walk *w, struct slice before, const char *kind)
{
	int r = buf_add(w->out, before, REDACT_MAX);

	w->n++;
	return r < 0 ? r : redact_put_mark(w->out, kind);
}

/* The inside of a string, or what stands between strings. */
static int put_text(struct walk *w, struct slice raw, struct slice plain, size_t levels)
{
	struct redact_text t = { plain, 0 };
	struct redact_span span;
	size_t at = 0, done = 0;
	int r = 0;

	while (r == 0 && redact_next(w->r, &t, &at, &span)) {
		size_t from = span.from, to = span.to;

		for (size_t i = levels; i > 0; i--) {
			from = raw_of(&w->level[i - 1], from, false);
			to = raw_of(&w->level[i - 1], to, true);
		}
		from = from < done ? done : from;
		r = put_marked(w, (struct slice){ raw.p + done, from - done }, span.kind);
		done = to;
		t.floor = span.to;
	}
	return r < 0 ? r : buf_add(w->out, slice_from(raw, done), REDACT_MAX);
}

static int put_string(struct walk *w, struct slice raw, bool is_name)
{
	struct slice plain = raw;
	size_t levels = 0;
	int r;

	if (raw.n < SHORTEST) {
		w->class = w->list ? w->class : CLASS_NONE;
		return buf_add(w->out, raw, REDACT_MAX);
	}
	r = make_plain(w, raw, &plain, &levels);
	if (r < 0)
		return r;
	if (is_name) {
		w->class = redact_name(plain, &w->kind);
		w->list = false;
	} else if (w->class && redact_value(plain, w->class)) {
		return put_marked(w, (struct slice){ 0 }, w->kind);
	}
	r = put_text(w, raw, plain, levels);
	if (!is_name && !w->list)
		w->class = CLASS_NONE;
	return r;
}

/* What stands between strings. The class of a name holds for a value or an array of them. */
static int put_between(struct walk *w, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '[' && w->class)
			w->list = true;
		else if (c == '{' || c == '}' || c == ']' || (c == ',' && !w->list))
			w->class = CLASS_NONE, w->list = false;
		else if (!strchr(" \t\r\n:,[0123456789+-.eEtrufalsn", c) || c == '\0')
			w->foreign = true;
	}
	if (!w->foreign)
		return buf_add(w->out, s, REDACT_MAX);
	return put_text(w, s, s, 0);
}

/* The end of a string that begins at @at: its closing quote, or the end of the text. */
static size_t string_end(struct slice s, size_t at)
{
	for (;;) {
		const char *quote = at < s.n ? memchr(s.p + at, '"', s.n - at) : NULL;
		size_t slashes = 0, end;

		if (!quote)
			return s.n;
		end = (size_t)(quote - s.p);
		while (end - slashes > at && s.p[end - slashes - 1] == '\\')
			slashes++;
		if (slashes % 2 == 0)
			return end;
		at = end + 1;
	}
}

static bool is_name(struct slice s, size_t end)
{
	for (size_t i = end + 1; i < s.n && i < end + 64; i++) {
		if (s.p[i] == ':')
			return true;
		if (!strchr(" \t\r\n", s.p[i]))
			return false;
	}
	return false;
}

static int walk_strings(struct walk *w, struct slice s)
{
	size_t at = 0;
	int r = 0;

	while (r == 0 && at < s.n) {
		const char *quote = memchr(s.p + at, '"', s.n - at);
		size_t open = quote ? (size_t)(quote - s.p) + 1 : s.n, end;

		r = put_between(w, (struct slice){ s.p + at, open - at - (quote != NULL) });
		if (r < 0 || !quote)
			return r;
		end = string_end(s, open);
		r = buf_add(w->out, SLICE("\""), REDACT_MAX);
		if (r == 0)
			r = put_string(w, (struct slice){ s.p + open, end - open },
				       is_name(s, end));
		if (r == 0 && end < s.n)
			r = buf_add(w->out, SLICE("\""), REDACT_MAX);
		at = end + 1;
	}
	return r;
}

static int redact_json_once(const struct redactor *r, struct slice json, struct buf *out)
{
	struct walk w = { .r = r, .out = out };
	int err = walk_strings(&w, json);

	for (size_t i = 0; i < LEVELS; i++) {
		buf_done(&w.level[i].text);
		free(w.level[i].escapes);
	}
	if (err < 0)
		return err;
	return w.n;
}

static bool is_foreign(struct slice s)
{
	s = slice_trim(s);
	return s.n && (!strchr("{[\"", s.p[0]) || slice_starts(s, SLICE(REDACT_MARK)));
}

int redact_json(struct redactor *r, struct slice json, struct buf *out)
{
	/* What is no JSON at all must not be read as if quotes had a meaning. */
	if (is_foreign(json))
		return redact(r, json, out);
	return redact_fixpoint(r, json, out, redact_json_once);
}
