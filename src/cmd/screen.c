/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/screen.h"

#include <errno.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "api/served.h"
#include "base/utf8.h"
#include "base/util.h"

#define TEXT_MAX (16u << 20)

static int terminal_width(int fd)
{
	struct winsize ws = { 0 };
	const char *columns = getenv("COLUMNS");
	uint64_t n;

	if (ioctl(fd, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 0)
		return ws.ws_col;
	if (columns && slice_u64(slice_of(columns), &n) && n > 0 && n < 10000)
		return (int)n;
	return 80;
}

/* The terminal is at the other end of the daemon's socket. */
static void as_the_caller_has_it(struct screen *s)
{
	const char *columns = getenv(SERVED_COLUMNS_ENV);
	uint64_t n;

	s->colour = getenv(SERVED_COLOUR_ENV) != NULL;
	if (columns && slice_u64(slice_of(columns), &n) && n < 10000)
		s->width = (int)n;
}

void screen_init(struct screen *s, FILE *f)
{
	const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");

	*s = (struct screen){ .f = f };
	s->tty = isatty(fileno(f));
	s->colour = s->tty && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
	s->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	s->width = s->tty ? terminal_width(fileno(f)) : 0;
	if (getenv(SERVED_ENV))
		as_the_caller_has_it(s);
}

const char *screen_style(const struct screen *s, enum style style)
{
	static const char *const codes[] = {
		[STYLE_PLAIN] = "\033[0m", [STYLE_BOLD] = "\033[1m",   [STYLE_DIM] = "\033[2m",
		[STYLE_RED] = "\033[31m",  [STYLE_GREEN] = "\033[32m", [STYLE_YELLOW] = "\033[33m",
		[STYLE_CYAN] = "\033[36m",
	};

	return s->colour ? codes[style] : "";
}

int screen_finish(struct screen *s)
{
	if (fflush(s->f) < 0)
		return errno == EPIPE ? 0 : -errno;
	/* An earlier write failed, and stdio keeps that it did but not why: ask once more. */
	if (!ferror(s->f) || write(fileno(s->f), "\n", 1) == 1)
		return 0;
	return errno == EPIPE ? 0 : -errno;
}

static wchar_t decode(struct slice s, size_t n)
{
	static const unsigned char first_bits[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	wchar_t c = (unsigned char)s.p[0] & first_bits[n];

	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)s.p[i] & 0x3f);
	return c;
}

/* What would move the cursor, change the terminal or show text in another order than it has. */
static bool is_harmful(wchar_t c)
{
	static const wchar_t ranges[][2] = {
		{ 0, 0x1f },	    { 0x7f, 0x9f },	{ 0x61c, 0x61c },
		{ 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
		{ 0xfeff, 0xfeff }, { 0xfff9, 0xfffb }, { 0xe0000, 0xe007f },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		if (c >= ranges[i][0] && c <= ranges[i][1])
			return true;
	return false;
}

static size_t char_width(wchar_t c)
{
	int w = wcwidth(c);

	return w < 0 ? 1 : (size_t)w; /* the C locale knows no width but ASCII's */
}

/* One character of @s as it may be shown. */
struct glyph {
	struct slice bytes;
	size_t width, taken; /* taken: bytes of the input */
};

static struct glyph next_glyph(struct slice s)
{
	size_t n = utf8_char(s);
	wchar_t c;

	if (n == 0)
		return (struct glyph){ SLICE("?"), 1, 1 };
	c = decode(s, n);
	if (c == '\n' || c == '\t' || c == '\r')
		return (struct glyph){ SLICE(" "), 1, n };
	if (is_harmful(c))
		return (struct glyph){ SLICE("?"), 1, n };
	return (struct glyph){ { s.p, n }, char_width(c), n };
}

size_t text_width(struct slice s)
{
	size_t width = 0;

	for (size_t at = 0; at < s.n;) {
		struct glyph g = next_glyph(slice_from(s, at));

		width += g.width;
		at += g.taken;
	}
	return width;
}

/* Whether the rest of a text fits into @room columns; reads no further than it must. */
static bool fits(struct slice s, size_t room)
{
	size_t width = 0;

	for (size_t at = 0; at < s.n;) {
		struct glyph g = next_glyph(slice_from(s, at));

		width += g.width;
		at += g.taken;
		if (width > room)
			return false;
	}
	return true;
}

size_t text_clean(struct buf *b, struct slice s, size_t max)
{
	bool cut = max && !fits(s, max);
	size_t width = 0, room = cut ? max - 1 : max;

	for (size_t at = 0; at < s.n;) {
		struct glyph g = next_glyph(slice_from(s, at));

		if (cut && width + g.width > room)
			break;
		buf_add(b, g.bytes, TEXT_MAX);
		width += g.width;
		at += g.taken;
	}
	if (!cut)
		return width;
	buf_add(b, SLICE("…"), TEXT_MAX);
	return width + 1;
}

void text_block(struct buf *b, struct slice s, const char *indent)
{
	struct slice line, rest = s;

	while (slice_cut(rest, '\n', &line, &rest)) {
		text_clean(b, slice_trim(line).n ? line : (struct slice){ 0 }, 0);
		buf_add(b, SLICE("\n"), TEXT_MAX);
		buf_add(b, slice_of(indent), TEXT_MAX);
	}
	text_clean(b, rest, 0);
}
