/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Envelopes of gRPC, gRPC-Web and Connect streams: u8 flags, u32 length (big-endian), message.
 *
 * Flag 1: the message is compressed, by the coding that a header names, gzip where none does. Flags
 * 2 (Connect) and 128 (gRPC-Web): it is the end, with status or trailers: its type is "end".
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md,
 * https://connectrpc.com/docs/protocol
 *
 * Nothing marks where an envelope begins: after a gap nothing more comes out.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "proto/coding.h"
#include "proto/framing.h"

#define HEAD	   5
#define COMPRESSED 0x01
#define LAST	   0x82
#define RATIO_MAX  1000

struct state {
	struct frame_sink sink;
	struct buf message, decoded;
	char coding[16];
	bool skip;	    /* the message is too large */
	uint32_t skip_left; /* bytes of it still to come */
	bool lost, full;    /* full: what was decoded is too large */
};

static int open_envelope(void *state, const struct http_message *m)
{
	static const char *const headers[] = { "grpc-encoding", "connect-content-encoding" };
	struct state *s = state;
	struct slice name = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(headers) && !name.n; i++)
		name = http_header(m, slice_of(headers[i]));
	if (!name.n || name.n >= sizeof(s->coding))
		name = SLICE("gzip");
	memcpy(s->coding, name.p, name.n);
	return 0;
}

static void on_decoded(void *ctx, struct slice piece)
{
	struct state *s = ctx;

	s->full = s->full || buf_add(&s->decoded, piece, FRAME_MAX) < 0;
}

static int decode(struct state *s, struct slice in)
{
	const struct coding_limits limits = { .bytes = FRAME_MAX, .ratio = RATIO_MAX };
	struct coding *coding = NULL;
	const char *why;
	int r;

	s->decoded.n = 0;
	s->full = false;
	r = coding_new(slice_of(s->coding), &limits, on_decoded, s, &coding);
	if (r < 0)
		return r;
	if (!coding) /* "identity" */
		return buf_add(&s->decoded, in, FRAME_MAX);
	why = coding_feed(coding, in);
	if (!why)
		why = coding_finish(coding);
	coding_free(coding);
	return why || s->full ? -E2BIG : 0;
}

static int tell(struct state *s, uint8_t flags, struct slice message)
{
	struct frame f = { .data = message };
	int r = 0;

	if (flags & LAST)
		f.type = SLICE("end");
	if ((flags & COMPRESSED) && message.n) {
		r = decode(s, message);
		if (r < 0)
			return -E2BIG;
		f.data = buf_slice(&s->decoded);
	}
	return s->sink.fn(s->sink.ctx, &f);
}

static uint32_t length_of(const char *head)
{
	uint32_t v;

	memcpy(&v, head + 1, sizeof(v));
	return be32toh(v);
}

/* The rest of a message that is not kept. */
static void skip(struct state *s, struct slice *in)
{
	const size_t n = in->n < s->skip_left ? in->n : s->skip_left;

	*in = slice_from(*in, n);
	s->skip_left -= (uint32_t)n;
	s->skip = s->skip_left > 0;
}

/* What is whole in @in is taken off it. */
static int take_all(struct state *s, struct slice *in)
{
	int dropped = 0;

	while (s->skip || in->n >= HEAD) {
		uint32_t n;
		int r;

		if (s->skip) {
			skip(s, in);
			if (!in->n)
				return dropped;
			continue;
		}
		if ((uint8_t)in->p[0] & ~(COMPRESSED | LAST))
			return -EBADMSG;
		n = length_of(in->p);
		if (n > FRAME_MAX) {
			s->skip = true;
			s->skip_left = n;
			*in = slice_from(*in, HEAD);
			dropped = -E2BIG;
			continue;
		}
		if (in->n < HEAD + n)
			return dropped;
		r = tell(s, (uint8_t)in->p[0], (struct slice){ in->p + HEAD, n });
		if (r == -E2BIG)
			dropped = r;
		else if (r < 0)
			return r;
		*in = slice_from(*in, HEAD + n);
	}
	return dropped;
}

static int feed(void *state, struct slice in)
{
	struct state *s = state;
	int r, kept;

	if (s->lost)
		return -EBADMSG;
	if (!s->message.n) {
		r = take_all(s, &in);
		kept = buf_add(&s->message, in, FRAME_MAX + HEAD);
		return r < 0 ? r : kept;
	}
	if (buf_add(&s->message, in, 2 * FRAME_MAX) < 0) {
		s->lost = true;
		return -EBADMSG;
	}
	in = buf_slice(&s->message);
	r = take_all(s, &in);
	if (in.n && in.p != s->message.p)
		memmove(s->message.p, in.p, in.n);
	s->message.n = in.n;
	return r;
}

static void gap(void *state)
{
	struct state *s = state;

	s->lost = true;
}

static int finish(void *state)
{
	const struct state *s = state;

	return s->message.n || s->skip ? -EBADMSG : 0;
}

static size_t held(const void *state)
{
	const struct state *s = state;

	return s->message.cap + s->decoded.cap;
}

static void done(void *state)
{
	struct state *s = state;

	buf_done(&s->message);
	buf_done(&s->decoded);
}

const struct framing framing_envelope = {
	.name = "grpc",
	.types = (const char *const[]){ "application/grpc", "application/connect+", NULL },
	.size = sizeof(struct state),
	.open = open_envelope,
	.feed = feed,
	.gap = gap,
	.finish = finish,
	.held = held,
	.done = done,
};
