/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/options.h"

#include <stdarg.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "base/when.h"

/* What a walk over argv has come to. */
struct parser {
	const struct option_spec *specs;
	struct options_error *err;
	const char *const *argv;
	int argc, at; /* at: the next argument to read */
	/* Instead of setting values; NULL: they are set. */
	options_visit_fn visit;
	void *ctx;
};

__attribute__((format(printf, 2, 3))) static int fail(struct parser *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->err->text, sizeof(p->err->text), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

bool options_size(const char *text, uint64_t *ret)
{
	static const char units[] = "KMGT";
	unsigned long long v;
	unsigned shift = 0;
	const char *unit;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno)
		return false;
	unit = *end ? strchr(units, *end & ~0x20) : NULL;
	if (unit && *unit) {
		shift = 10 * (unsigned)(unit - units + 1);
		end++;
	}
	if (*end == 'i' && shift)
		end++;
	if (*end == 'B')
		end++;
	if (*end || v > UINT64_MAX >> shift)
		return false;
	*ret = (uint64_t)v << shift;
	return true;
}

static bool read_count(const char *text, uint64_t *ret)
{
	return slice_u64(slice_of(text), ret);
}

static bool read_choice(const char *const *choices, const char *text, int *ret)
{
	for (int i = 0; choices[i]; i++)
		if (strcmp(choices[i], text) == 0) {
			*ret = i;
			return true;
		}
	return false;
}

static int bad_choice(struct parser *p, const struct option_spec *o, const char *text)
{
	char list[160] = "";

	for (size_t i = 0, n = 0; o->choices[i] && n < sizeof(list); i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", i ? ", " : "",
				      o->choices[i]);
	return fail(p, "'--%s' takes one of: %s; not '%s'", o->name, list, text);
}

static int set_value(struct parser *p, const struct option_spec *o, const char *text)
{
	if (p->visit && o->type != OPTION_FLAG)
		return p->visit(p->ctx, o, true, text);
	switch (o->type) {
	case OPTION_FLAG:
		return fail(p, "option '--%s' takes no value", o->name);
	case OPTION_STRING:
	case OPTION_FILE:
	case OPTION_FOLDER:
		*(const char **)o->value = text;
		break;
	case OPTION_SIZE:
		if (!options_size(text, o->value))
			return fail(p, "'--%s' takes a size such as 512K or 32M, not '%s'", o->name,
				    text);
		break;
	case OPTION_COUNT:
		if (!read_count(text, o->value))
			return fail(p, "'--%s' takes a number, not '%s'", o->name, text);
		break;
	case OPTION_CHOICE:
		if (!read_choice(o->choices, text, o->value))
			return bad_choice(p, o, text);
		break;
	case OPTION_TIME:
		if (!when_read(text, when_now(), o->value))
			return fail(p,
				    "'--%s' takes a time such as 2026-11-20, 2026-11-20T10:00, "
				    "90m or 7d, not '%s'",
				    o->name, text);
		break;
	}
	if (o->seen)
		*o->seen = true;
	return 0;
}

static int set_flag(struct parser *p, const struct option_spec *o, bool v)
{
	if (p->visit)
		return p->visit(p->ctx, o, v, NULL);
	*(bool *)o->value = v;
	if (o->seen)
		*o->seen = true;
	return 0;
}

static const struct option_spec *find_name(const struct option_spec *specs, struct slice name)
{
	for (; specs && specs->name; specs++)
		if (slice_eq(slice_of(specs->name), name))
			return specs;
	return NULL;
}

/* Damerau-Levenshtein distance of short words; large where one is long. */
static size_t distance(const char *a, const char *b)
{
	enum { MAX = 32 };
	size_t d[MAX + 1][MAX + 1], n = strlen(a), m = strlen(b);

	if (n > MAX || m > MAX)
		return MAX;
	for (size_t i = 0; i <= n; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= n; i++)
		for (size_t j = 1; j <= m; j++) {
			size_t best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			if (d[i - 1][j] + 1 < best)
				best = d[i - 1][j] + 1;
			if (d[i][j - 1] + 1 < best)
				best = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    d[i - 2][j - 2] + 1 < best)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = best;
		}
	return d[n][m];
}

const char *options_suggest(const char *word, const char *const *names)
{
	size_t n = strlen(word), best = n < 3 ? 1 : n < 7 ? 2 : 3;
	const char *ret = NULL;

	for (; *names; names++) {
		size_t d = distance(word, *names);

		/* What was cut short is meant as it begins. */
		if (n >= 2 && strncmp(word, *names, n) == 0)
			d = 1;
		if (d < best || (d == best && !ret)) {
			best = d;
			ret = *names;
		}
	}
	return ret;
}

static int unknown(struct parser *p, struct slice name)
{
	const char *names[64];
	char word[64];
	const char *meant;
	size_t n = 0;

	for (const struct option_spec *o = p->specs; o && o->name && n < ARRAY_SIZE(names) - 2; o++)
		names[n++] = o->name;
	names[n++] = "help";
	names[n] = NULL;
	snprintf(word, sizeof(word), "%.*s", SLICE_ARG(name));
	meant = options_suggest(word, names);
	if (meant)
		return fail(p, "unknown option '--%s'; did you mean '--%s'?", word, meant);
	return fail(p, "unknown option '--%s'", word);
}

/* The value of an option that takes one: behind it, else the next argument. */
static int take_value(struct parser *p, const struct option_spec *o, const char *attached)
{
	if (attached)
		return set_value(p, o, attached);
	if (p->at >= p->argc)
		return fail(p, "option '--%s' needs a value: %s", o->name, o->arg ? o->arg : "");
	return set_value(p, o, p->argv[p->at++]);
}

static int parse_long(struct parser *p, const char *text)
{
	struct slice name = slice_of(text), value = { 0 };
	const struct option_spec *o;
	bool has_value = slice_cut(name, '=', &name, &value);

	if (slice_eq(name, SLICE("help")) && !has_value)
		return OPTIONS_HELP;
	o = find_name(p->specs, name);
	if (o && o->type == OPTION_FLAG && !has_value)
		return set_flag(p, o, true);
	if (o)
		return take_value(p, o, has_value ? value.p : NULL);
	if (slice_starts(name, SLICE("no-"))) {
		o = find_name(p->specs, slice_from(name, 3));
		if (o && o->type == OPTION_FLAG && !has_value)
			return set_flag(p, o, false);
	}
	return unknown(p, name);
}

static int parse_letters(struct parser *p, const char *text)
{
	for (; *text; text++) {
		const struct option_spec *o = p->specs;
		int r;

		while (o && o->name && o->letter != *text)
			o++;
		if (!o || !o->name)
			return *text == 'h' ? OPTIONS_HELP : fail(p, "unknown option '-%c'", *text);
		if (o->type != OPTION_FLAG)
			return take_value(p, o, text[1] ? text + 1 : NULL);
		r = set_flag(p, o, true);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Each operand goes to @operand; returns what ended it. */
static int walk(struct parser *p, bool stop_at_operand, int (*operand)(void *ctx, const char *text),
		void *ctx)
{
	bool operands_only = false;

	while (p->at < p->argc) {
		const char *text = p->argv[p->at++];
		int r = 0;

		if (operands_only || text[0] != '-' || !text[1]) {
			r = operand(ctx, text);
			operands_only |= stop_at_operand;
		} else if (strcmp(text, "--") == 0) {
			operands_only = true;
		} else {
			r = text[1] == '-' ? parse_long(p, text + 2) : parse_letters(p, text + 1);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

struct operands {
	char **argv;
	int n;
};

/* To the front: it was read from there or from behind it. */
static int keep_operand(void *ctx, const char *text)
{
	struct operands *o = ctx;

	o->argv[o->n++] = (char *)text;
	return 0;
}

int options_parse(const struct option_spec *specs, bool stop_at_operand, int argc, char **argv,
		  struct options_error *err)
{
	struct parser p = {
		.specs = specs, .err = err, .argv = (const char *const *)argv, .argc = argc
	};
	struct operands o = { .argv = argv };
	const int r = walk(&p, stop_at_operand, keep_operand, &o);

	if (r < 0)
		return r;
	argv[o.n] = NULL;
	return o.n;
}

static int visit_operand(void *ctx, const char *text)
{
	const struct parser *p = ctx;

	return p->visit(p->ctx, NULL, false, text);
}

int options_walk(const struct option_spec *specs, bool stop_at_operand, int argc,
		 const char *const *argv, options_visit_fn fn, void *ctx, struct options_error *err)
{
	struct parser p = {
		.specs = specs, .err = err, .argv = argv, .argc = argc, .visit = fn, .ctx = ctx
	};

	return walk(&p, stop_at_operand, visit_operand, &p);
}

/* --- help --- */

static void add_text(struct buf *b, const char *text)
{
	buf_add(b, slice_of(text), 1u << 20);
}

static void describe_size(uint64_t v, char *ret, size_t n)
{
	static const char *const units[] = { "", "K", "M", "G", "T" };
	size_t u = 0;

	while (v && v % 1024 == 0 && u + 1 < ARRAY_SIZE(units)) {
		v /= 1024;
		u++;
	}
	snprintf(ret, n, "%llu%s", (unsigned long long)v, units[u]);
}

/* What holds if the option is not given; empty where that is nothing worth a word. */
static void describe_default(const struct option_spec *o, char *ret, size_t n)
{
	*ret = 0;
	switch (o->type) {
	case OPTION_STRING:
	case OPTION_FILE:
	case OPTION_FOLDER:
		if (*(const char **)o->value)
			snprintf(ret, n, "%s", *(const char **)o->value);
		break;
	case OPTION_SIZE:
		if (*(uint64_t *)o->value)
			describe_size(*(uint64_t *)o->value, ret, n);
		break;
	case OPTION_COUNT:
		if (*(uint64_t *)o->value)
			snprintf(ret, n, "%llu", (unsigned long long)*(uint64_t *)o->value);
		break;
	case OPTION_CHOICE:
		/* A choice below 0 stands for "none given". */
		if (o->choices && *(int *)o->value >= 0)
			snprintf(ret, n, "%s", o->choices[*(int *)o->value]);
		break;
	case OPTION_FLAG:
	case OPTION_TIME:
		break;
	}
}

static void add_choices(struct buf *b, const char *const *choices)
{
	add_text(b, " (");
	for (size_t i = 0; choices[i]; i++) {
		add_text(b, i ? ", " : "");
		add_text(b, choices[i]);
	}
	add_text(b, ")");
}

#define HELP_COLUMN 26

static void add_option(struct buf *b, const struct option_spec *o)
{
	bool on = o->type == OPTION_FLAG && *(bool *)o->value;
	char left[96], value[64], letter[8] = "   ";
	const char *line = o->help;

	if (o->letter)
		snprintf(letter, sizeof(letter), "-%c,", o->letter);
	/* A flag that is on is worth naming by how it is turned off. */
	snprintf(left, sizeof(left), "  %s --%s%s%s%s", letter, on ? "no-" : "", o->name,
		 o->arg ? " " : "", o->arg ? o->arg : "");
	add_text(b, left);
	if (strlen(left) > HELP_COLUMN - 2)
		add_text(b, "\n");
	for (size_t pad = strlen(left) > HELP_COLUMN - 2 ? 0 : strlen(left);; pad = 0) {
		size_t n = strcspn(line, "\n");

		for (; pad < HELP_COLUMN; pad++)
			add_text(b, " ");
		buf_add(b, (struct slice){ line, n }, 1u << 20);
		line += n;
		if (!*line)
			break;
		add_text(b, "\n");
		line++;
	}
	if (o->choices)
		add_choices(b, o->choices);
	describe_default(o, value, sizeof(value));
	if (*value) {
		add_text(b, " [");
		add_text(b, value);
		add_text(b, "]");
	}
	add_text(b, "\n");
}

void options_help(const struct option_spec *specs, struct buf *ret)
{
	static bool no;
	static const struct option_spec help = { "help", 'h',	      OPTION_FLAG, &no,
						 NULL,	 "this text", NULL,	   NULL };

	for (; specs && specs->name; specs++)
		add_option(ret, specs);
	add_option(ret, &help);
}
