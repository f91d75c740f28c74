/* SPDX-License-Identifier: BSD-2-Clause */
#include "api/params.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/util.h"
#include "base/when.h"
#include "store/list/filter.h"

#define MEM_MAX (256u << 10)

__attribute__((format(printf, 2, 3))) static bool wrong(struct params *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->error, sizeof(p->error), fmt, ap);
	va_end(ap);
	return false;
}

/* --- what values mean --- */

static bool read_filter(struct params *p, struct slice v)
{
	struct store_error err = { "" };
	const int r = store_filter_parse(v, p->mem, &p->filter, &err);

	p->filter_text = v;
	if (r < 0)
		return wrong(p, "%s", *err.text ? err.text : "the filter cannot be read");
	return true;
}

static bool read_time(struct params *p, const char *name, struct slice v, uint64_t *ret)
{
	uint64_t later = 0;

	if (slice_eq(v, SLICE("all")))
		return true; /* no bound */
	if (!when_read(v.p, p->now_ns, ret))
		return wrong(p,
			     "'%s' takes a time such as 2026-11-20, 2026-11-20T10:00, today, "
			     "90m, 2h or 7d (ago), or all",
			     name);
	/* What means another time a day later is no fixed one. */
	p->relative |= when_read(v.p, p->now_ns + 86400000000000u, &later) && later != *ret;
	return true;
}

static bool read_since(struct params *p, struct slice v)
{
	p->since_text = v;
	return read_time(p, "since", v, &p->filter.since_ns);
}

static bool read_until(struct params *p, struct slice v)
{
	p->until_text = v;
	return read_time(p, "until", v, &p->filter.until_ns);
}

const char *const params_sort_names[] = {
	[ORDER_START] = "start",   [ORDER_DURATION] = "duration", [ORDER_COST] = "cost",
	[ORDER_TOKENS] = "tokens", [ORDER_STEPS] = "steps",	  [ORDER_ERRORS] = "errors",
};

static bool read_sort(struct params *p, struct slice v)
{
	for (size_t i = 0; i < ARRAY_SIZE(params_sort_names); i++)
		if (slice_eq(v, slice_of(params_sort_names[i]))) {
			p->page.order = (enum store_order)i;
			return true;
		}
	return wrong(p, "'sort' takes start, duration, cost, tokens, steps or errors");
}

static bool read_order(struct params *p, struct slice v)
{
	p->page.ascending = slice_eq(v, SLICE("asc"));
	return p->page.ascending || slice_eq(v, SLICE("desc")) ||
	       wrong(p, "'order' takes asc or desc");
}

static bool read_limit(struct params *p, struct slice v)
{
	uint64_t n;

	if (!slice_u64(v, &n) || n == 0 || n > PARAMS_LIMIT_MAX)
		return wrong(p, "'limit' takes a number from 1 to %d", PARAMS_LIMIT_MAX);
	p->page.limit = (size_t)n;
	return true;
}

static bool read_cursor(struct params *p, struct slice v)
{
	p->page.cursor = v;
	return v.n < STORE_CURSOR || wrong(p, "'cursor' takes what the page before has as 'next'");
}

static bool read_flag(struct params *p, const char *name, struct slice v, bool *ret)
{
	*ret = slice_eq(v, SLICE("1"));
	return *ret || slice_eq(v, SLICE("0")) || wrong(p, "'%s' takes 0 or 1", name);
}

static bool read_content(struct params *p, struct slice v)
{
	return read_flag(p, "content", v, &p->content);
}

static bool read_all(struct params *p, struct slice v)
{
	return read_flag(p, "all", v, &p->all);
}

static bool read_by(struct params *p, struct slice v)
{
	p->by = v;
	return true;
}

static bool read_bucket(struct params *p, struct slice v)
{
	p->bucket = v;
	return true;
}

static bool read_a(struct params *p, struct slice v)
{
	p->a = v;
	return true;
}

static bool read_b(struct params *p, struct slice v)
{
	p->b = v;
	return true;
}

static bool read_format(struct params *p, struct slice v)
{
	p->format = v;
	return true;
}

static bool read_rows(struct params *p, struct slice v)
{
	p->rows = v;
	return true;
}

static bool read_run(struct params *p, struct slice v)
{
	p->run = v;
	return true;
}

static const struct {
	const char *name;
	unsigned group;
	bool (*read)(struct params *p, struct slice v);
} names[] = {
	{ "filter", PARAMS_FILTER, read_filter },
	{ "since", PARAMS_FILTER, read_since },
	{ "until", PARAMS_FILTER, read_until },
	{ "sort", PARAMS_SORT, read_sort },
	{ "order", PARAMS_SORT, read_order },
	{ "limit", PARAMS_PAGE, read_limit },
	{ "cursor", PARAMS_PAGE, read_cursor },
	{ "by", PARAMS_BY, read_by },
	{ "bucket", PARAMS_BUCKET, read_bucket },
	{ "a", PARAMS_PAIR, read_a },
	{ "b", PARAMS_PAIR, read_b },
	{ "format", PARAMS_EXPORT, read_format },
	{ "rows", PARAMS_EXPORT, read_rows },
	{ "content", PARAMS_EXPORT, read_content },
	{ "run", PARAMS_EXPORT, read_run },
	{ "all", PARAMS_ALL, read_all },
};

/* --- the way in --- */

int params_begin(struct params *p, unsigned takes, uint64_t now_ns)
{
	*p = (struct params){ .takes = takes, .now_ns = now_ns };
	p->page.limit = PARAMS_LIMIT;
	p->mem = arena_new(MEM_MAX);
	return p->mem ? 0 : -ENOMEM;
}

void params_done(struct params *p)
{
	arena_free(p->mem);
	p->mem = NULL;
}

static bool unknown(struct params *p, const char *name)
{
	size_t n = (size_t)snprintf(p->error, sizeof(p->error),
				    "there is no parameter '%.60s' here; there ", name);

	if (!p->takes)
		return wrong(p, "there is no parameter '%.60s' here; there are none", name);
	n += (size_t)snprintf(p->error + n, sizeof(p->error) - n, "are:");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].group & p->takes)
			n += (size_t)snprintf(p->error + n, sizeof(p->error) - n, " %s",
					      names[i].name);
	return false;
}

bool params_add(struct params *p, const char *name, const char *value)
{
	/* A copy with an end, whatever becomes of the request. */
	const struct slice v = arena_copy(p->mem, slice_of(value ? value : ""));

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!(names[i].group & p->takes) || strcmp(names[i].name, name) != 0)
			continue;
		if (p->seen & 1u << i)
			return wrong(p, "'%s' stands there twice", name);
		p->seen |= 1u << i;
		if (arena_failed(p->mem) || !v.p)
			return wrong(p, "'%s' is too long", name);
		return names[i].read(p, v);
	}
	return unknown(p, name);
}

bool params_end(struct params *p)
{
	const struct store_filter *f = &p->filter;

	if (f->until_ns && f->since_ns >= f->until_ns)
		return wrong(p, "'since' is not before 'until': nothing lies between them");
	return true;
}
