/* SPDX-License-Identifier: BSD-2-Clause */
#include <math.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/json_scan.h"

static bool is_number(struct slice value)
{
	return value.n && json_scan_number(value.p, value.p + value.n) == value.p + value.n;
}

struct decimal {
	uint64_t digits;
	int64_t exponent;
	bool negative;
	bool cut; /* there were more digits after the point */
};

/* The exponent's own digits; what is absurdly large is cut, it fits no integer anyway. */
static int64_t read_exponent(const char *p, const char *end)
{
	const bool negative = p < end && *p == '-';
	int64_t v = 0;

	if (p < end && (*p == '-' || *p == '+'))
		p++;
	for (; p < end && v < 1000000; p++)
		v = v * 10 + (*p - '0');
	return negative ? -v : v;
}

/*
 * @value is a well-formed number. Of a fraction only the digits that fit are taken (a float of
 * Python's prints 17); false where the whole part alone has more than any integer.
 */
static bool read_decimal(struct slice value, struct decimal *ret)
{
	const char *p = value.p, *end = p + value.n, *e = p;
	bool fraction = false;

	*ret = (struct decimal){ .negative = *p == '-' };
	while (e < end && (*e | 0x20) != 'e')
		e++;
	ret->exponent = e < end ? read_exponent(e + 1, end) : 0;
	if (memchr(p, '.', (size_t)(e - p)))
		while (e[-1] == '0')
			e--;
	for (p += ret->negative; p < e; p++) {
		uint64_t digits;

		if (*p == '.') {
			fraction = true;
			continue;
		}
		if (__builtin_mul_overflow(ret->digits, 10, &digits) ||
		    __builtin_add_overflow(digits, (uint64_t)(*p - '0'), &digits))
			return ret->cut = fraction;
		ret->digits = digits;
		ret->exponent -= fraction;
	}
	return true;
}

/* To exponent 0. @round: drop digits after the point; else they make it fail. */
static bool settle(struct decimal *d, bool round)
{
	for (; d->digits && d->exponent < 0; d->exponent++) {
		const unsigned digit = d->digits % 10;

		if (digit && !round)
			return false;
		d->digits = d->digits / 10 + (d->exponent == -1 && digit >= 5);
	}
	for (; d->digits && d->exponent > 0; d->exponent--)
		if (__builtin_mul_overflow(d->digits, 10, &d->digits))
			return false;
	return d->digits <= (uint64_t)INT64_MAX + (d->negative ? 1 : 0);
}

static bool to_int64(struct slice value, int scale, bool round, int64_t *ret)
{
	struct decimal d;

	if (!is_number(value) || !read_decimal(value, &d) || (d.cut && !round))
		return false;
	d.exponent += scale;
	if (!settle(&d, round))
		return false;
	*ret = d.negative ? (int64_t)(0 - d.digits) : (int64_t)d.digits;
	return true;
}

bool json_int64(struct slice value, int64_t *ret)
{
	return to_int64(value, 0, false, ret);
}

bool json_scaled(struct slice value, int scale, int64_t *ret)
{
	return to_int64(value, scale, true, ret);
}

bool json_double(struct slice value, double *ret)
{
	char text[512];
	double v;

	if (!is_number(value) || value.n >= sizeof(text))
		return false;
	memcpy(text, value.p, value.n);
	text[value.n] = '\0';
	v = strtod(text, NULL);
	if (!isfinite(v))
		return false;
	*ret = v;
	return true;
}
