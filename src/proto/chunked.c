/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/chunked.h"

#define SIZE_LINE_MAX 16384 /* a chunk's size with its extensions */
#define TRAILERS_MAX  65536

enum {
	SIZE,	   /* hexadecimal digits */
	EXTENSION, /* up to the end of the size line */
	DATA,
	DATA_END,     /* the line end behind the data */
	TRAILER,      /* the start of a trailer line; an empty one is the end */
	TRAILER_LINE, /* inside of one */
};

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_size(struct chunked *c, char ch)
{
	int digit = hex(ch);

	if (digit >= 0) {
		c->digits = true;
		if (c->left >> 60)
			return false;
		c->left = c->left << 4 | (unsigned)digit;
		return true;
	}
	c->state = EXTENSION;
	return c->digits && (ch == ';' || ch == '\r' || ch == '\n' || ch == ' ' || ch == '\t');
}

/* What follows a size line. */
static void end_size(struct chunked *c)
{
	c->state = c->left ? DATA : TRAILER;
	c->digits = false;
	c->line = 0;
}

/* One byte that is not data. False where it cannot stand there. */
static bool take_byte(struct chunked *c, char ch)
{
	if (++c->line > (c->state >= TRAILER ? TRAILERS_MAX : SIZE_LINE_MAX))
		return false;
	switch (c->state) {
	case SIZE:
		if (!take_size(c, ch))
			return false;
		if (c->state == SIZE || ch != '\n')
			return true;
		end_size(c);
		return true;
	case EXTENSION:
		if (ch == '\n')
			end_size(c);
		return true;
	case DATA_END:
		if (ch == '\n') {
			c->state = SIZE;
			c->line = 0;
		}
		return ch == '\n' || ch == '\r';
	default: /* TRAILER, TRAILER_LINE */
		if (ch == '\n')
			c->state = TRAILER;
		else if (ch != '\r')
			c->state = TRAILER_LINE;
		return true;
	}
}

static struct slice take_data(struct chunked *c, struct slice *in)
{
	struct slice data = { in->p, in->n < c->left ? in->n : (size_t)c->left };

	*in = slice_from(*in, data.n);
	c->left -= data.n;
	if (c->left == 0)
		c->state = DATA_END;
	return data;
}

enum chunked_result chunked_next(struct chunked *c, struct slice *in, struct slice *ret_data)
{
	while (in->n) {
		bool at_line = c->state == TRAILER;
		char ch = in->p[0];

		if (c->state == DATA) {
			*ret_data = take_data(c, in);
			return CHUNKED_DATA;
		}
		if (!take_byte(c, ch))
			return CHUNKED_BAD;
		*in = slice_from(*in, 1);
		if (at_line && ch == '\n')
			return CHUNKED_END;
	}
	return CHUNKED_MORE;
}

bool chunked_skip(struct chunked *c, uint64_t n)
{
	if (c->state != DATA || n > c->left)
		return false;
	c->left -= n;
	if (c->left == 0)
		c->state = DATA_END;
	return true;
}
