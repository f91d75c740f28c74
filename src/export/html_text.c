/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/html_text.h"

#include <stdbool.h>

#include "base/utf8.h"

static const char *entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

/* U+202A to U+202E, U+2066 to U+2069, U+200E and U+200F: they show text in another order. */
static bool reorders(const char *p, size_t n)
{
	const unsigned char *u = (const unsigned char *)p;

	if (n != 3 || u[0] != 0xe2)
		return false;
	return (u[1] == 0x80 && ((u[2] >= 0xaa && u[2] <= 0xae) || u[2] == 0x8e || u[2] == 0x8f)) ||
	       (u[1] == 0x81 && u[2] >= 0xa6 && u[2] <= 0xa9);
}

static bool is_control(const char *p, size_t n)
{
	const unsigned char c = (unsigned char)p[0];

	if (n == 2)
		return c == 0xc2 && (unsigned char)p[1] < 0xa0;
	return n == 1 && (c < 0x20 || c == 0x7f) && c != '\n' && c != '\t';
}

void html_text(FILE *f, struct slice s)
{
	for (size_t at = 0; at < s.n;) {
		const char *p = s.p + at;
		const size_t n = utf8_char(slice_from(s, at));
		const char *e = n == 1 ? entity(*p) : NULL;

		if (e)
			fputs(e, f);
		else if (n == 0 || is_control(p, n) || reorders(p, n))
			fputs("\xef\xbf\xbd", f);
		else
			fwrite(p, 1, n, f);
		at += n ? n : 1;
	}
}

void html_element(FILE *f, const char *tag, const char *class, struct slice s)
{
	if (s.n == 0)
		return;
	if (class)
		fprintf(f, "<%s class=\"%s\">", tag, class);
	else
		fprintf(f, "<%s>", tag);
	html_text(f, s);
	fprintf(f, "</%s>", tag);
}

void html_fact(FILE *f, const char *name, struct slice value)
{
	if (value.n == 0)
		return;
	fprintf(f, "<tr><th>%s<td>", name);
	html_text(f, value);
	fputc('\n', f);
}
