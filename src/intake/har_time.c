/* SPDX-License-Identifier: BSD-2-Clause */
#include "intake/har.h"

#define DAY_S 86400

/* What is left to read; anything odd makes it fail once and for all. */
struct cursor {
	const char *p, *end;
	bool bad;
};

static bool is_digit(const struct cursor *c)
{
	return c->p < c->end && *c->p >= '0' && *c->p <= '9';
}

static int number(struct cursor *c, int digits)
{
	int v = 0;

	for (; digits > 0 && is_digit(c); digits--)
		v = v * 10 + *c->p++ - '0';
	c->bad |= digits != 0;
	return v;
}

/* The next byte is one of @any, and is taken. */
static bool take(struct cursor *c, const char *any)
{
	if (c->p >= c->end || !*c->p || !strchr(any, *c->p))
		return false;
	c->p++;
	return true;
}

static void need(struct cursor *c, const char *any)
{
	c->bad |= !take(c, any);
}

/* Days since 1970-01-01 in the Gregorian calendar: years are counted from March. */
static int64_t days_of(int year, int month, int day)
{
	const int64_t y = month <= 2 ? year - 1 : year, era = y / 400, of_era = y % 400;
	const int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int64_t read_date(struct cursor *c)
{
	static const int lengths[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int year = number(c, 4), month, day;

	need(c, "-");
	month = number(c, 2);
	need(c, "-");
	day = number(c, 2);
	if (c->bad || month < 1 || month > 12 || day < 1 || day > lengths[month - 1]) {
		c->bad = true;
		return 0;
	}
	return days_of(year, month, day);
}

/* Digits behind the point as ns; what is finer is cut. */
static int64_t read_fraction(struct cursor *c)
{
	int64_t ns = 0, unit = 100000000;

	c->bad |= !is_digit(c);
	for (; is_digit(c); unit /= 10)
		ns += unit * (*c->p++ - '0');
	return ns;
}

/* "Z", "+02:00", "-0330", "+01", or nothing: UTC. In seconds. */
static int64_t read_offset(struct cursor *c)
{
	int64_t s;
	bool west;

	if (c->p == c->end || take(c, "Zz"))
		return 0;
	west = *c->p == '-';
	need(c, "+-");
	s = (int64_t)number(c, 2) * 3600;
	if (c->p < c->end) {
		take(c, ":");
		s += (int64_t)number(c, 2) * 60;
	}
	return west ? -s : s;
}

bool har_time(struct slice text, uint64_t *ret_ns)
{
	struct cursor c = { text.p, text.n ? text.p + text.n : text.p, text.n == 0 };
	int64_t s = read_date(&c) * DAY_S, ns = 0;
	int64_t hour, minute, second = 0;

	need(&c, "Tt ");
	hour = number(&c, 2);
	need(&c, ":");
	minute = number(&c, 2);
	if (take(&c, ":"))
		second = number(&c, 2);
	if (take(&c, ".,"))
		ns = read_fraction(&c);
	s += hour * 3600 + minute * 60 + second - read_offset(&c);
	if (c.bad || c.p != c.end || hour > 24 || minute > 59 || second > 60 || s < 0 ||
	    s > INT64_MAX / 1000000000 - 1)
		return false;
	*ret_ns = (uint64_t)s * 1000000000 + (uint64_t)ns;
	return true;
}
