/* SPDX-License-Identifier: BSD-2-Clause */
/* The scan itself, values that were learned, and text; see redact_scan.h. */
#include "trace/redact.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "trace/redact_scan.h"

#define NEEDLES_MAX   1024 /* rules and learned values, in all their spellings */
#define LEARNED_BYTES (1 << 20)
#define LEARNED_MIN   8
#define LEARNED_MAX   4096
#define PAIRS	      65536
#define PASSES_MAX    8

/* A literal that is looked for. */
struct needle {
	struct slice text;
	const struct redact_rule *rule; /* NULL: a learned value */
	uint16_t next;			/* of the same first two bytes, + 1; 0: none */
};

struct redactor {
	struct arena *mem; /* learned values */
	struct needle needles[NEEDLES_MAX];
	size_t n;
	uint8_t pairs[PAIRS / 8]; /* which two bytes any needle begins with */
	uint16_t first[PAIRS];	  /* by two bytes in lower case: index of a needle + 1 */
};

static const struct redact_rule learned_rule = { .kind = "secret" };

static unsigned char lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

static unsigned pair_of(unsigned char a, unsigned char b)
{
	return a | (unsigned)b << 8;
}

static void mark_pair(struct redactor *r, unsigned char a, unsigned char b)
{
	unsigned pair = pair_of(a, b);

	r->pairs[pair / 8] |= (uint8_t)(1 << pair % 8);
}

static unsigned char upper(unsigned char c)
{
	return c >= 'a' && c <= 'z' ? (unsigned char)(c & ~0x20) : c;
}

/* Adds at the end of its chain: earlier needles are tried first. */
static void add_needle(struct redactor *r, struct slice text, const struct redact_rule *rule)
{
	unsigned char a = (unsigned char)text.p[0], b = (unsigned char)text.p[1];
	uint16_t *link = &r->first[pair_of(lower(a), lower(b))];

	if (r->n == NEEDLES_MAX)
		return;
	while (*link)
		link = &r->needles[*link - 1].next;
	r->needles[r->n++] = (struct needle){ text, rule, 0 };
	*link = (uint16_t)r->n;
	mark_pair(r, a, b);
	if (!rule->any_case)
		return;
	mark_pair(r, upper(a), b);
	mark_pair(r, a, upper(b));
	mark_pair(r, upper(a), upper(b));
}

int redactor_new(struct redactor **ret)
{
	struct redactor *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->mem = arena_new(LEARNED_BYTES);
	if (!r->mem) {
		free(r);
		return -ENOMEM;
	}
	for (size_t i = 0; i < redact_n_rules; i++)
		add_needle(r, slice_of(redact_rules[i].literal), &redact_rules[i]);
	*ret = r;
	return 0;
}

void redactor_free(struct redactor *r)
{
	if (!r)
		return;
	arena_free(r->mem);
	free(r);
}

/* --- learned values --- */

static void learn_spelling(struct redactor *r, struct slice s)
{
	for (size_t i = redact_n_rules; i < r->n; i++)
		if (slice_eq(r->needles[i].text, s))
			return;
	s = arena_copy(r->mem, s);
	if (s.p)
		add_needle(r, s, &learned_rule);
}

/*
 * Base64 of text that holds the value: of each of the three ways in which it can fall into groups
 * of three bytes, the digits that depend on the value alone.
 */
static void learn_base64(struct redactor *r, struct slice s)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char out[LEARNED_MAX / 3 * 4 + 8];

	for (size_t skip = 0; skip < 3; skip++) {
		size_t n = 0;

		for (size_t i = skip; i + 3 <= s.n; i += 3) {
			unsigned v = (unsigned)(unsigned char)s.p[i] << 16 |
				     (unsigned)(unsigned char)s.p[i + 1] << 8 |
				     (unsigned char)s.p[i + 2];

			for (int shift = 18; shift >= 0; shift -= 6)
				out[n++] = digits[v >> shift & 63];
		}
		if (n >= LEARNED_MIN)
			learn_spelling(r, (struct slice){ out, n });
	}
}

static void learn_url(struct redactor *r, struct slice s, const char *hex)
{
	char out[LEARNED_MAX * 3];
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (redact_run((struct slice){ s.p + i, 1 }, SET_WORD | SET_DOT)) {
			out[n++] = (char)c;
			continue;
		}
		out[n++] = '%';
		out[n++] = hex[c >> 4];
		out[n++] = hex[c & 15];
	}
	if (n > s.n)
		learn_spelling(r, (struct slice){ out, n });
}

void redactor_learn(struct redactor *r, struct slice secret)
{
	bool mixed = redact_has(secret, SET_DIGIT) ||
		     (redact_has(secret, SET_LOWER) && redact_has(secret, SET_UPPER));

	secret = slice_trim(secret);
	if (secret.n < LEARNED_MIN || secret.n > LEARNED_MAX || redact_is_placeholder(secret))
		return;
	/* A word would be removed from every sentence. */
	if (!mixed && secret.n < 20)
		return;
	learn_spelling(r, secret);
	learn_base64(r, secret);
	learn_url(r, secret, "0123456789ABCDEF");
	learn_url(r, secret, "0123456789abcdef");
}

/* Bytes of @s that spell @value, line ends in between not counted; 0 where they do not. */
static size_t match_learned(struct slice s, struct slice value)
{
	size_t at = 0, i = 0;

	while (i < value.n) {
		if (at == s.n)
			return 0;
		if (s.p[at] == value.p[i])
			i++;
		else if (i == 0 || (s.p[at] != '\n' && s.p[at] != '\r'))
			return 0;
		at++;
	}
	return at;
}

/* --- the scan --- */

static bool try_needle(const struct redact_text *t, size_t at, const struct needle *needle,
		       struct redact_span *ret)
{
	struct slice rest = slice_from(t->s, at);
	size_t n;

	if (needle->rule == &learned_rule) {
		n = match_learned(rest, needle->text);
		*ret = (struct redact_span){ at, at + n, learned_rule.kind };
		return n > 0;
	}
	if (rest.n < needle->text.n)
		return false;
	if (needle->rule->any_case ? strncasecmp(rest.p, needle->text.p, needle->text.n) != 0
				   : memcmp(rest.p, needle->text.p, needle->text.n) != 0)
		return false;
	return needle->rule->match(t, at, needle->rule, ret) && ret->to > ret->from;
}

bool redact_next(const struct redactor *r, const struct redact_text *t, size_t *at,
		 struct redact_span *ret)
{
	const unsigned char *p = (const unsigned char *)t->s.p;

	for (size_t i = *at; i + 1 < t->s.n; i++) {
		unsigned pair = pair_of(p[i], p[i + 1]);

		if (!(r->pairs[pair / 8] & 1 << pair % 8))
			continue;
		pair = pair_of(lower(p[i]), lower(p[i + 1]));
		for (unsigned k = r->first[pair]; k; k = r->needles[k - 1].next) {
			if (!try_needle(t, i, &r->needles[k - 1], ret) || ret->from < t->floor)
				continue;
			*at = ret->to;
			return true;
		}
	}
	*at = t->s.n;
	return false;
}

int redact_put_mark(struct buf *out, const char *kind)
{
	int r = buf_add(out, SLICE(REDACT_MARK), REDACT_MAX);

	if (r == 0)
		r = buf_add(out, slice_of(kind), REDACT_MAX);
	return r < 0 ? r : buf_add(out, SLICE("]"), REDACT_MAX);
}

/* --- text --- */

/* One pass. Removed, or -ENOMEM. */
static int redact_once(const struct redactor *r, struct slice text, struct buf *out)
{
	struct redact_text t = { text, 0 };
	struct redact_span span;
	size_t at = 0;
	int n = 0, err = 0;

	while (err == 0 && redact_next(r, &t, &at, &span)) {
		struct slice before = { text.p + t.floor, span.from - t.floor };

		err = buf_add(out, before, REDACT_MAX);
		if (err == 0)
			err = redact_put_mark(out, span.kind);
		t.floor = span.to;
		n++;
	}
	if (err == 0)
		err = buf_add(out, slice_from(text, t.floor), REDACT_MAX);
	return err < 0 ? err : n;
}

int redact_fixpoint(struct redactor *r, struct slice text, struct buf *out, redact_pass pass)
{
	size_t was = out->n;
	int found = pass(r, text, out), n = found;

	/*
	 * What stands beside a mark may now be seen as a secret that had no word boundary before.
	 * Passes go on until nothing changes, so that redacting twice is the same as once.
	 */
	for (int i = 1; found > 0 && i < PASSES_MAX; i++) {
		struct buf again = { 0 };

		found = pass(r, (struct slice){ out->p + was, out->n - was }, &again);
		if (found > 0) {
			out->n = was;
			if (buf_add(out, buf_slice(&again), REDACT_MAX) < 0)
				found = -ENOMEM;
			else
				n += found;
		}
		buf_done(&again);
	}
	if (found >= 0)
		return n;
	out->n = was;
	return -ENOMEM;
}

int redact(struct redactor *r, struct slice text, struct buf *out)
{
	return redact_fixpoint(r, text, out, redact_once);
}
