/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/base64.h"

#include <stdint.h>

/* The value of a digit of either alphabet, or -1. */
static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

static bool is_blank(char c)
{
	return c == '\n' || c == '\r' || c == ' ' || c == '\t';
}

/* What may stand behind the last digit. */
static bool is_padding(struct slice rest)
{
	size_t equals = 0;

	for (size_t i = 0; i < rest.n; i++) {
		if (rest.p[i] == '=')
			equals++;
		else if (!is_blank(rest.p[i]))
			return false;
	}
	return equals <= 2;
}

bool base64_decode(struct slice text, struct arena *mem, struct slice *ret)
{
	char *out = arena_alloc(mem, text.n / 4 * 3 + 3);
	unsigned held = 0; /* bits that wait for a whole byte */
	uint32_t bits = 0;
	size_t n = 0, i;

	if (!out)
		return false;
	for (i = 0; i < text.n && text.p[i] != '='; i++) {
		const int v = digit(text.p[i]);

		if (v < 0 && is_blank(text.p[i]))
			continue;
		if (v < 0)
			return false;
		bits = bits << 6 | (uint32_t)v;
		held += 6;
		if (held < 8)
			continue;
		held -= 8;
		out[n++] = (char)(bits >> held);
	}
	/* One digit alone is no byte. */
	if (held == 6 || !is_padding(slice_from(text, i)))
		return false;
	*ret = (struct slice){ out, n };
	return true;
}
