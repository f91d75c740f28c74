/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/utf8.h"

#include "base/util.h"

/*
 * The Unicode standard's table 3-7, well-formed byte sequences of more than one byte: by the first
 * byte, how many there are and what the second may be. It excludes overlong forms and surrogates.
 */
static const struct {
	unsigned char first_low, first_high, n, second_low, second_high;
} forms[] = {
	{ 0xc2, 0xdf, 2, 0x80, 0xbf }, { 0xe0, 0xe0, 3, 0xa0, 0xbf }, { 0xe1, 0xec, 3, 0x80, 0xbf },
	{ 0xed, 0xed, 3, 0x80, 0x9f }, { 0xee, 0xef, 3, 0x80, 0xbf }, { 0xf0, 0xf0, 4, 0x90, 0xbf },
	{ 0xf1, 0xf3, 4, 0x80, 0xbf }, { 0xf4, 0xf4, 4, 0x80, 0x8f },
};

/* Length by row of the table, where @b holds that many bytes and they fit. */
static size_t fits(const unsigned char *b, size_t n, size_t row)
{
	if (n < forms[row].n || b[1] < forms[row].second_low || b[1] > forms[row].second_high)
		return 0;
	for (size_t i = 2; i < forms[row].n; i++)
		if ((b[i] & 0xc0) != 0x80)
			return 0;
	return forms[row].n;
}

size_t utf8_char(struct slice s)
{
	const unsigned char *b = (const unsigned char *)s.p;

	if (s.n == 0)
		return 0;
	if (b[0] < 0x80)
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (b[0] >= forms[i].first_low && b[0] <= forms[i].first_high)
			return fits(b, s.n, i);
	return 0;
}

struct slice utf8_head(struct slice s, size_t max)
{
	size_t at = 0;

	for (; max && at < s.n; max--) {
		size_t n = utf8_char(slice_from(s, at));

		at += n ? n : 1;
	}
	return (struct slice){ s.p, at };
}

size_t utf8_put(uint32_t c, char ret[4])
{
	if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		c = 0xfffd;
	if (c < 0x80) {
		ret[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		ret[0] = (char)(0xc0 | c >> 6);
		ret[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		ret[0] = (char)(0xe0 | c >> 12);
		ret[1] = (char)(0x80 | (c >> 6 & 0x3f));
		ret[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	ret[0] = (char)(0xf0 | c >> 18);
	ret[1] = (char)(0x80 | (c >> 12 & 0x3f));
	ret[2] = (char)(0x80 | (c >> 6 & 0x3f));
	ret[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}
