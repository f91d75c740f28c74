/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/list/filter.h"

#include <errno.h>
#include <stdio.h>

#include "base/util.h"
#include "base/when.h"
#include "store/list/filter_value.h"
#include "store/list/terms.h"

/* A term as it stands in the text. */
struct found {
	bool negated, words; /* words: of the task; it has no name */
	struct slice name, op;
	struct slice values[TERM_VALUES_MAX];
	size_t n;
};

struct parser {
	struct slice rest;
	struct arena *mem;
	struct store_filter *f;
	struct store_error *err;
	struct store_term *terms; /* those of f->terms, that grow here */
	size_t n_values;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip(struct parser *p, size_t n)
{
	p->rest = slice_from(p->rest, n);
}

/* --- pieces of the text --- */

/* A value in quotes; what stands behind a backslash is itself. */
static int read_quoted(struct parser *p, struct slice *ret)
{
	char *out = arena_alloc(p->mem, p->rest.n + 1);
	size_t i = 1, n = 0;

	if (!out)
		return -ENOMEM;
	for (; i < p->rest.n && p->rest.p[i] != '"'; i++) {
		if (p->rest.p[i] == '\\' && i + 1 < p->rest.n)
			i++;
		out[n++] = p->rest.p[i];
	}
	if (i == p->rest.n)
		return filter_fail(p->err, "a quote is not closed: %.*s",
				   SLICE_ARG(filter_shown(p->rest)));
	skip(p, i + 1);
	*ret = (struct slice){ out, n };
	return 0;
}

static int read_value(struct parser *p, struct slice *ret)
{
	size_t n = 0;

	if (p->rest.n && p->rest.p[0] == '"')
		return read_quoted(p, ret);
	while (n < p->rest.n && !is_blank(p->rest.p[n]) && p->rest.p[n] != ',')
		n++;
	*ret = arena_copy(p->mem, (struct slice){ p->rest.p, n });
	skip(p, n);
	return n && !ret->p ? -ENOMEM : 0;
}

static int read_values(struct parser *p, struct found *t)
{
	bool more = true;
	int r = 0;

	while (more && r == 0) {
		if (p->n_values++ == TERM_VALUES_MAX)
			return filter_fail(p->err, "more than %d values", TERM_VALUES_MAX);
		r = read_value(p, &t->values[t->n]);
		if (r == 0 && t->values[t->n].n == 0)
			return filter_fail(p->err, "'%.*s%.*s' lacks a value",
					   SLICE_ARG(filter_shown(t->name)), SLICE_ARG(t->op));
		t->n++;
		more = p->rest.n && p->rest.p[0] == ',';
		skip(p, more);
	}
	if (r == 0 && p->rest.n && !is_blank(p->rest.p[0]))
		return filter_fail(p->err, "a blank is missing before: %.*s",
				   SLICE_ARG(filter_shown(p->rest)));
	return r;
}

/* How many bytes of the name of a term that begins here, and of what follows it; 0: none does. */
static size_t name_length(struct slice s, size_t *ret_op)
{
	size_t n = 0;

	while (n < s.n && ((s.p[n] >= 'a' && s.p[n] <= 'z') || (s.p[n] >= 'A' && s.p[n] <= 'Z') ||
			   s.p[n] == '_'))
		n++;
	if (n == 0 || n == s.n || !strchr(":=<>", s.p[n]) || s.p[n] == '\0')
		return 0;
	*ret_op = s.p[n] != ':' && s.p[n] != '=' && n + 1 < s.n && s.p[n + 1] == '=' ? 2 : 1;
	return n;
}

static int read_word(struct parser *p, struct found *t)
{
	const char *from = p->rest.p;
	size_t n = 0;

	t->words = true;
	t->n = 1;
	if (from[0] == '"')
		return read_quoted(p, &t->values[0]);
	while (n < p->rest.n && !is_blank(from[n]))
		n++;
	t->values[0] = (struct slice){ from, n };
	skip(p, n);
	return 0;
}

static int read_term(struct parser *p, struct found *t)
{
	size_t n, op;

	t->negated = p->rest.p[0] == '-' && p->rest.n > 1 && !is_blank(p->rest.p[1]);
	skip(p, t->negated);
	n = name_length(p->rest, &op);
	if (n == 0)
		return read_word(p, t);
	t->name = (struct slice){ p->rest.p, n };
	t->op = (struct slice){ p->rest.p + n, op };
	skip(p, n + op);
	return read_values(p, t);
}

/* --- what they mean --- */

static int add_term(struct parser *p, const struct store_term *t)
{
	if (p->f->n_terms == TERMS_MAX)
		return filter_fail(p->err, "more than %d terms", TERMS_MAX);
	p->terms[p->f->n_terms++] = *t;
	p->f->terms = p->terms;
	return 0;
}

/* Those without a name that must all be there, as one text; others are terms of their own. */
static int add_words(struct parser *p, const struct found *t)
{
	struct slice *text = &p->f->text, word = t->values[0];
	struct term_value *v;
	char *all;

	if (slice_trim(word).n == 0)
		return 0;
	if (t->negated || slice_has(word, SLICE(" "))) {
		v = ARENA_NEW(p->mem, struct term_value);
		if (!v)
			return -ENOMEM;
		v->text = filter_phrase(p->mem, word);
		return v->text.n ? add_term(p, &(struct store_term){ .name = &term_words,
								     .negated = t->negated,
								     .values = v,
								     .n = 1 })
				 : -ENOMEM;
	}
	all = arena_alloc(p->mem, text->n + word.n + 2);
	if (!all)
		return -ENOMEM;
	*text = (struct slice){ all, (size_t)sprintf(all, "%.*s %.*s", SLICE_ARG(*text),
						     SLICE_ARG(word)) };
	return 0;
}

/* since: and until: have one value and narrow what there is. */
static int add_time(struct parser *p, const struct found *t)
{
	const bool since = t->name.p[0] == 's';
	uint64_t at, *field = since ? &p->f->since_ns : &p->f->until_ns;
	char text[64];

	snprintf(text, sizeof(text), "%.*s", SLICE_ARG(t->values[0]));
	if (t->negated || t->n > 1 || t->op.n > 1 || !strchr(":=", t->op.p[0]) ||
	    t->values[0].n >= sizeof(text) || !when_read(text, when_now(), &at))
		return filter_fail(p->err,
				   "'%.*s:' takes one time such as 2026-11-20, 2026-11-20T10:00, "
				   "today, 90m or 7d, not '%.*s'",
				   SLICE_ARG(t->name), SLICE_ARG(filter_shown(t->values[0])));
	if (!*field || (since ? at > *field : at < *field))
		*field = at;
	return 0;
}

static int unknown_name(struct parser *p, struct slice name)
{
	char list[256] = "";
	size_t n = 0;

	for (int i = 0; i < term_names_n; i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s, ", term_names[i].name);
	return filter_fail(p->err,
			   "there is no '%.*s' to filter by; there are %ssince and until (words of "
			   "the task that have such a sign: in quotes)",
			   SLICE_ARG(filter_shown(name)), list);
}

static const struct term_name *find_name(struct slice name)
{
	for (int i = 0; i < term_names_n; i++)
		if (slice_eq(slice_of(term_names[i].name), name))
			return &term_names[i];
	return NULL;
}

/* ">=": SQL has the same words, but ":" is "=" where numbers are compared, and nothing else. */
static int read_compare(struct parser *p, const struct found *t, struct store_term *ret)
{
	static const char *const signs[] = { ">", ">=", "<", "<=", "=" };
	const bool number = ret->name->type >= TERM_COUNT;

	if (t->op.p[0] == ':' || t->op.p[0] == '=') {
		ret->compare = number ? "=" : NULL;
		return 0;
	}
	if (!number)
		return filter_fail(p->err, "'%s' is no number: '%s:' takes a value",
				   ret->name->name, ret->name->name);
	for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
		if (slice_eq(slice_of(signs[i]), t->op))
			ret->compare = signs[i];
	return t->n == 1 ? 0
			 : filter_fail(p->err, "'%s%s' takes one number", ret->name->name,
				       ret->compare);
}

static int add_named(struct parser *p, const struct found *t)
{
	struct store_term term = { .name = find_name(t->name), .negated = t->negated, .n = t->n };
	struct term_value *values;
	int r;

	if (slice_eq(t->name, SLICE("since")) || slice_eq(t->name, SLICE("until")))
		return add_time(p, t);
	if (!term.name)
		return unknown_name(p, t->name);
	values = arena_alloc(p->mem, t->n * sizeof(*values));
	if (!values)
		return -ENOMEM;
	r = read_compare(p, t, &term);
	for (size_t i = 0; i < t->n && r == 0; i++)
		r = filter_value(term.name, t->values[i], &values[i], p->err);
	term.values = values;
	if (r < 0 || filter_set_field(p->f, &term))
		return r;
	return add_term(p, &term);
}

static bool is_text(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' && !is_blank(s.p[i]))
			return false;
	return true;
}

static int begin(struct parser *p)
{
	if (p->rest.n > TERM_TEXT_MAX)
		return filter_fail(p->err, "longer than %d bytes", TERM_TEXT_MAX);
	if (!is_text(p->rest))
		return filter_fail(p->err, "it is no text");
	p->terms = arena_alloc(p->mem, TERMS_MAX * sizeof(*p->terms));
	if (!p->terms)
		return -ENOMEM;
	if (p->f->n_terms)
		memcpy(p->terms, p->f->terms, p->f->n_terms * sizeof(*p->terms));
	for (size_t i = 0; i < p->f->n_terms; i++)
		p->n_values += p->f->terms[i].n;
	return 0;
}

int store_filter_parse(struct slice text, struct arena *mem, struct store_filter *f,
		       struct store_error *err)
{
	struct parser p = { .rest = text, .mem = mem, .f = f, .err = err };
	int r = begin(&p);

	while (r == 0) {
		struct found t = { .n = 0 };

		while (p.rest.n && is_blank(p.rest.p[0]))
			skip(&p, 1);
		if (p.rest.n == 0)
			break;
		r = read_term(&p, &t);
		if (r == 0)
			r = t.words ? add_words(&p, &t) : add_named(&p, &t);
	}
	if (r == 0 && f->until_ns && f->since_ns >= f->until_ns)
		r = filter_fail(err, "since is not before until: nothing lies between them");
	return r;
}
