/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AWS event streams (application/vnd.amazon.eventstream), as Bedrock streams its answers.
 *
 * A message, all numbers big-endian: u32 its length, u32 length of the headers, u32 CRC-32 of these
 * eight bytes; headers; payload; u32 CRC-32 of everything before. A header: u8 length of the name,
 * name, u8 type, value. https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html
 *
 * A checksum of its own makes the prelude a mark that can be found again behind a gap.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include <zlib.h>

#include "base/util.h"
#include "proto/framing.h"

#define PRELUDE	    12
#define OVERHEAD    16		/* prelude and the checksum at the end */
#define MESSAGE_MAX (24u << 20) /* of AWS' own library */

struct state {
	struct frame_sink sink;
	struct buf message; /* begins with a prelude, or is searched for one */
	bool search;	    /* it is not known where a message begins */
};

static uint32_t u32_at(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return be32toh(v);
}

static uint32_t checksum(struct slice s)
{
	return (uint32_t)crc32(0, (const unsigned char *)s.p, (unsigned)s.n);
}

/* The length of the message that begins with @p, PRELUDE bytes; 0: none begins here. */
static size_t message_length(const char *p)
{
	const uint32_t n = u32_at(p), headers = u32_at(p + 4);

	if (n < OVERHEAD || n > MESSAGE_MAX || headers > n - OVERHEAD ||
	    checksum((struct slice){ p, 8 }) != u32_at(p + 8))
		return 0;
	return n;
}

/* Recorders and proxies lose the media type; the prelude's checksum is proof enough. */
static bool begins(struct slice first)
{
	return first.n >= PRELUDE && message_length(first.p) > 0;
}

/* Bytes of a header's value; -1: no such type, or cut. The value's own length is skipped. */
static int value_length(uint8_t type, struct slice *rest)
{
	static const int fixed[] = { 0, 0, 1, 2, 4, 8, -1, -1, 8, 16 };
	int n;

	if (type >= ARRAY_SIZE(fixed))
		return -1;
	n = fixed[type];
	if (n < 0) {
		if (rest->n < 2)
			return -1;
		n = (uint8_t)rest->p[0] << 8 | (uint8_t)rest->p[1];
		*rest = slice_from(*rest, 2);
	}
	return (size_t)n <= rest->n ? n : -1;
}

static void take_header(struct frame *f, struct slice name, struct slice value)
{
	if (slice_eq(name, SLICE(":event-type")) || slice_eq(name, SLICE(":exception-type")) ||
	    (slice_eq(name, SLICE(":error-code")) && !f->type.n))
		f->type = value;
	else if (slice_eq(name, SLICE(":error-message")) && !f->data.n) /* there is no payload */
		f->data = value;
	else if (slice_eq(name, SLICE(":message-type")))
		f->failed = !slice_eq(value, SLICE("event"));
}

static void read_headers(struct frame *f, struct slice rest)
{
	while (rest.n >= 2) {
		const size_t name_n = (uint8_t)rest.p[0];
		const struct slice name = { rest.p + 1, name_n };
		uint8_t type;
		int n;

		if (rest.n < name_n + 2)
			return;
		type = (uint8_t)rest.p[name_n + 1];
		rest = slice_from(rest, name_n + 2);
		n = value_length(type, &rest);
		if (n < 0)
			return;
		take_header(f, name, (struct slice){ rest.p, (size_t)n });
		rest = slice_from(rest, (size_t)n);
	}
}

static int tell(struct state *s, struct slice message)
{
	const uint32_t headers = u32_at(message.p + 4);
	struct frame f = { .data = { message.p + PRELUDE + headers,
				     message.n - OVERHEAD - headers } };

	read_headers(&f, (struct slice){ message.p + PRELUDE, headers });
	return s->sink.fn(s->sink.ctx, &f);
}

/* Where the next message begins in @in, or how much of @in is surely no beginning. */
static size_t find_prelude(struct slice in)
{
	size_t at = 0;

	while (at + PRELUDE <= in.n && !message_length(in.p + at))
		at++;
	return at;
}

/* Reads what is whole at the start of @in. 0: more is needed; else @ret_n bytes are done with. */
static int take(struct state *s, struct slice in, size_t *ret_n)
{
	size_t n;

	*ret_n = 0;
	if (in.n < PRELUDE)
		return 0;
	n = message_length(in.p);
	if (!n) {
		*ret_n = find_prelude(in);
		if (s->search)
			return 0;
		s->search = true;
		return -EIO; /* counted once for each stretch that is none */
	}
	s->search = false;
	if (in.n < n)
		return 0;
	if (checksum((struct slice){ in.p, n - 4 }) != u32_at(in.p + n - 4)) {
		s->search = true;
		*ret_n = PRELUDE;
		return -EIO;
	}
	*ret_n = n;
	return tell(s, (struct slice){ in.p, n });
}

/* All that is whole in @in; @ret_rest: what is not. */
static int take_all(struct state *s, struct slice in, struct slice *ret_rest)
{
	int dropped = 0;

	for (size_t n = 1; n;) {
		int r = take(s, in, &n);

		if (r == -EIO)
			dropped = -E2BIG;
		else if (r < 0)
			return r;
		in = slice_from(in, n);
	}
	*ret_rest = in;
	return dropped;
}

static void gap(void *state)
{
	struct state *s = state;

	s->message.n = 0;
	s->search = true;
}

static int feed(void *state, struct slice in)
{
	struct state *s = state;
	struct slice rest;
	int r;

	if (s->message.n) {
		if (buf_add(&s->message, in, MESSAGE_MAX + FRAME_MAX) < 0) {
			gap(s);
			return -E2BIG;
		}
		in = buf_slice(&s->message);
	}
	r = take_all(s, in, &rest);
	if (r < 0 && r != -E2BIG)
		return r;
	if (s->message.n) {
		if (rest.n && rest.p != s->message.p)
			memmove(s->message.p, rest.p, rest.n);
		s->message.n = rest.n;
	} else if (buf_add(&s->message, rest, MESSAGE_MAX) < 0) {
		gap(s);
		return -E2BIG;
	}
	return r;
}

static int finish(void *state)
{
	const struct state *s = state;

	return s->message.n ? -EBADMSG : 0;
}

static size_t held(const void *state)
{
	const struct state *s = state;

	return s->message.cap;
}

static void done(void *state)
{
	struct state *s = state;

	buf_done(&s->message);
}

const struct framing framing_aws = {
	.name = "aws event stream",
	.types = (const char *const[]){ "application/vnd.amazon.eventstream", NULL },
	.begins = begins,
	.size = sizeof(struct state),
	.feed = feed,
	.gap = gap,
	.finish = finish,
	.held = held,
	.done = done,
};
