/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/duration.h"

#define ENTRIES_MAX 64
#define NS_PER_MS   1000000ull
#define MS_MAX	    (7ull * 24 * 3600 * 1000) /* what is longer is no duration of a tool */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The next character of a percent-encoded text. */
static char next_char(struct slice *s)
{
	int c = (unsigned char)s->p[0];

	if (c == '%' && s->n > 2 && hex_digit(s->p[1]) >= 0 && hex_digit(s->p[2]) >= 0) {
		c = hex_digit(s->p[1]) << 4 | hex_digit(s->p[2]);
		*s = slice_from(*s, 3);
		return (char)c;
	}
	*s = slice_from(*s, 1);
	return (char)c;
}

static bool decodes_to(struct slice encoded, struct slice text)
{
	size_t i = 0;

	while (encoded.n)
		if (i == text.n || next_char(&encoded) != text.p[i++])
			return false;
	return i == text.n;
}

bool duration_told(const struct http_message *request, struct slice tool, uint64_t *ret_ns)
{
	struct slice rest = http_header(request, SLICE("x-claude-code-prev-tool-durations"));
	bool found = false;

	for (int i = 0; i < ENTRIES_MAX && rest.n; i++) {
		struct slice entry = rest, name, value;
		uint64_t ms;

		if (!slice_cut(rest, ';', &entry, &rest))
			rest.n = 0;
		if (!slice_cut(slice_trim(entry), '=', &name, &value) || !slice_u64(value, &ms) ||
		    ms > MS_MAX || !decodes_to(name, tool))
			continue;
		if (found)
			return false;
		found = true;
		*ret_ns = ms * NS_PER_MS;
	}
	return found;
}
