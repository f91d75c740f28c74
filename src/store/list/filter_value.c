/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/list/filter_value.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/util.h"

#define SHOWN	40
#define PICO	1000000000000
#define MAX_USD 500000 /* ten times as much would not fit */
#define MAX_NS	(INT64_MAX / 2)

static const char *const steps[] = { "agent", "llm", "tool", "process",
				     "http",  "mcp", "file", "network" }; /* enum step_kind */

int filter_fail(struct store_error *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

struct slice filter_shown(struct slice s)
{
	if (s.n > SHOWN)
		s.n = SHOWN;
	while (s.n && s.n == SHOWN && ((unsigned char)s.p[s.n - 1] & 0xc0) == 0x80)
		s.n--; /* not in the middle of a letter */
	return s;
}

/* --- numbers --- */

/* "12.5" in units of 1 / @scale, of at most @max; what follows the digits in @ret_rest. */
static bool read_decimal(struct slice s, int64_t scale, int64_t max, int64_t *ret,
			 struct slice *ret_rest)
{
	int64_t v = 0, part = scale;
	size_t i = 0;

	for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++) {
		v = v * 10 + (s.p[i] - '0') * scale;
		if (v > max)
			return false;
	}
	if (i == 0)
		return false;
	if (i + 1 < s.n && s.p[i] == '.')
		for (i++; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++) {
			part /= 10;
			v += (s.p[i] - '0') * part;
		}
	*ret = v;
	*ret_rest = slice_from(s, i);
	return v <= max;
}

static bool read_usd(struct slice s, int64_t *ret)
{
	struct slice rest;

	if (s.n && s.p[0] == '$')
		s = slice_from(s, 1);
	return read_decimal(s, PICO, (int64_t)MAX_USD * PICO, ret, &rest) && rest.n == 0;
}

struct unit {
	const char *name;
	int64_t scale;
};

static bool read_units(struct slice s, const struct unit *units, size_t n, int64_t *ret)
{
	struct slice digits = s, rest;
	int64_t v;

	while (digits.n && !(digits.p[digits.n - 1] >= '0' && digits.p[digits.n - 1] <= '9'))
		digits.n--;
	rest = slice_from(s, digits.n);
	for (size_t i = 0; i < n; i++)
		if (slice_ieq(rest, slice_of(units[i].name)))
			return read_decimal(digits, units[i].scale, MAX_NS / 10, &v, &rest) &&
			       rest.n == 0 && (*ret = v, true);
	return false;
}

static bool read_count(struct slice s, int64_t *ret)
{
	static const struct unit units[] = {
		{ "", 1 }, { "k", 1000 }, { "m", 1000000 }, { "g", 1000000000 }
	};

	return read_units(s, units, ARRAY_SIZE(units), ret);
}

static bool read_time(struct slice s, int64_t *ret)
{
	static const struct unit units[] = {
		{ "ms", 1000000 },	{ "s", 1000000000 },	 { "m", 60000000000 },
		{ "h", 3600000000000 }, { "d", 86400000000000 },
	};

	return read_units(s, units, ARRAY_SIZE(units), ret);
}

/* --- words of a list --- */

static int one_of(const struct term_name *name, struct slice text, const char *const *list,
		  int first, int n, int64_t *ret, struct store_error *err)
{
	char all[128] = "";
	size_t used = 0;

	for (int i = 0; i < n; i++) {
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", i ? ", " : "",
					 list[i]);
		if (slice_eq(slice_of(list[i]), text)) {
			*ret = first + i;
			return 0;
		}
	}
	return filter_fail(err, "'%s:' takes one of: %s; not '%.*s'", name->name, all,
			   SLICE_ARG(filter_shown(text)));
}

int filter_value(const struct term_name *name, struct slice text, struct term_value *ret,
		 struct store_error *err)
{
	static const struct {
		const char *takes;
		bool (*read)(struct slice s, int64_t *ret);
	} numbers[] = {
		[TERM_COUNT] = { "a number such as 5, 100k or 2.5M", read_count },
		[TERM_USD] = { "dollars such as 0.5", read_usd },
		[TERM_NS] = { "a time such as 500ms, 30s, 5m or 2h", read_time },
	};
	const char *takes = "the first 4 digits of an id, or more";

	*ret = (struct term_value){ .text = text };
	switch (name->type) {
	case TERM_TEXT:
	case TERM_WORDS:
		return 0;
	case TERM_STATUS:
		return one_of(name, text, run_status_names + RUN_RUNNING, RUN_RUNNING, RUN_PAUSED,
			      &ret->number, err);
	case TERM_STEP:
		return one_of(name, text, steps, STEP_AGENT, ARRAY_SIZE(steps), &ret->number, err);
	case TERM_ID:
		if (reader_id_range(text, &ret->low, &ret->high))
			return 0;
		break;
	case TERM_COUNT:
	case TERM_USD:
	case TERM_NS:
		if (numbers[name->type].read(text, &ret->number))
			return 0;
		takes = numbers[name->type].takes;
		break;
	}
	return filter_fail(err, "'%s' takes %s, not '%.*s'", name->name, takes,
			   SLICE_ARG(filter_shown(text)));
}

struct slice filter_phrase(struct arena *mem, struct slice words)
{
	char *out = arena_alloc(mem, 2 * words.n + 3);
	size_t n = 0;

	if (!out)
		return (struct slice){ 0 };
	out[n++] = '"';
	for (size_t i = 0; i < words.n; i++) {
		if (words.p[i] == '"')
			out[n++] = '"';
		out[n++] = words.p[i];
	}
	out[n++] = '"';
	return (struct slice){ out, n };
}

/* --- fields --- */

static void *field_of(struct store_filter *f, const struct term_name *name)
{
	return (char *)f + name->field;
}

static bool set_text(struct slice *field, struct slice text)
{
	if (field->n)
		return false;
	*field = text;
	return true;
}

static bool set_id(struct id128 *field, const struct term_value *v)
{
	if (!id128_is_zero(field) || !id128_eq(&v->low, &v->high) || id128_is_zero(&v->low))
		return false;
	*field = v->low;
	return true;
}

bool filter_set_field(struct store_filter *f, const struct store_term *t)
{
	enum step_kind *step;

	if (!t->name->field || t->negated || t->n != 1)
		return false;
	switch (t->name->type) {
	case TERM_TEXT:
	case TERM_STATUS:
		return set_text(field_of(f, t->name), t->values[0].text);
	case TERM_ID:
		return set_id(field_of(f, t->name), &t->values[0]);
	case TERM_STEP:
		step = field_of(f, t->name);
		if (*step)
			return false;
		*step = (enum step_kind)t->values[0].number;
		return true;
	default:
		return false;
	}
}
