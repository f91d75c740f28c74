/* SPDX-License-Identifier: BSD-2-Clause */
/* How an HTTP/2 connection begins, is found again, and ends; see http2.h. */
#include "proto/http2.h"

#include <errno.h>
#include <stdlib.h>

#define SETTINGS_FIRST_MAX 1024	 /* bytes of a server's first frame */
#define FRAME_DEFAULT_MAX  16384 /* RFC 9113 §6.5.2; more must be agreed on */
#define CHAIN_MAX	   64	 /* frames that are looked at */

const struct slice http2_preface = { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24 };

static enum http_match starts_client(struct slice first)
{
	size_t n = first.n < http2_preface.n ? first.n : http2_preface.n;

	if (n && memcmp(first.p, http2_preface.p, n) != 0)
		return HTTP_NO;
	return n == http2_preface.n ? HTTP_YES : HTTP_MORE;
}

/* A server begins with SETTINGS, whose first byte no text has. */
static enum http_match starts_server(struct slice first)
{
	uint8_t head[HTTP2_HEAD] = { 0 };
	struct http2_frame f;

	if (first.n)
		memcpy(head, first.p, first.n < HTTP2_HEAD ? first.n : HTTP2_HEAD);
	f = http2_parse_frame(head);
	if (first.n < HTTP2_HEAD)
		return head[0] || (first.n > 3 && f.type != HTTP2_SETTINGS) ? HTTP_NO : HTTP_MORE;
	return f.type == HTTP2_SETTINGS && f.flags == 0 && head[5] == 0 && f.stream == 0 &&
			       f.len <= SETTINGS_FIRST_MAX && http2_frame_is_sound(&f)
		       ? HTTP_YES
		       : HTTP_NO;
}

static enum http_match detect(struct slice first)
{
	enum http_match client = starts_client(first), server = starts_server(first);

	return client > server ? client : server;
}

/* As sound as a frame can be seen to be without what came before it. */
static bool is_likely(const uint8_t *bytes)
{
	const struct http2_frame f = http2_parse_frame(bytes);

	return f.type <= HTTP2_CONTINUATION && !(bytes[5] & 0x80) &&
	       !(f.flags &
		 ~(HTTP2_END_STREAM | HTTP2_END_HEADERS | HTTP2_PADDED | HTTP2_HAS_PRIORITY)) &&
	       f.len <= FRAME_DEFAULT_MAX && http2_frame_is_sound(&f);
}

bool http2_resumes(struct slice in)
{
	/* The parts of a header block are of no use without its beginning. */
	if (in.n < HTTP2_HEAD || in.p[3] == HTTP2_CONTINUATION)
		return false;
	for (int i = 0; i < CHAIN_MAX && in.n >= HTTP2_HEAD; i++) {
		uint8_t head[HTTP2_HEAD];

		memcpy(head, in.p, HTTP2_HEAD);
		if (!is_likely(head))
			return false;
		in = slice_from(in, HTTP2_HEAD + http2_parse_frame(head).len);
	}
	return true;
}

void http2_swap(struct http2 *p)
{
	struct http2_half h = p->half[REQUEST];

	p->half[REQUEST] = p->half[RESPONSE];
	p->half[RESPONSE] = h;
	p->request_dir = !p->request_dir;
}

static void http2_free(void *state)
{
	struct http2 *p = state;
	struct http2_stream *s, *next;

	HASH_ITER(hh, p->streams, s, next)
	http2_remove(p, s);
	for (int side = REQUEST; side <= RESPONSE; side++) {
		http2_drop_frame(p, &p->half[side]);
		hpack_free(p->half[side].hpack);
	}
	free(p);
}

static enum sonde_dir find_request_dir(const struct http_conn *c, enum sonde_dir dir,
				       struct slice first)
{
	if (starts_client(first) == HTTP_YES)
		return dir;
	if (!c->midway) /* the server has spoken first */
		return !dir;
	return c->conn->flags & SONDE_CONN_SERVER ? SONDE_DIR_IN : SONDE_DIR_OUT;
}

static void *http2_open(struct http_conn *c, enum sonde_dir dir, struct slice first, bool midway)
{
	bool whole = starts_client(first) == HTTP_YES; /* then the other side is just as new */
	struct http2 *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	midway &= !whole;
	p->conn = c;
	p->missed = midway;
	p->request_dir = find_request_dir(c, dir, first);
	p->half[REQUEST].state = midway ? HTTP2_LOST : HTTP2_PREFACE;
	p->half[RESPONSE].state = midway ? HTTP2_LOST : HTTP2_FRAME_HEAD;
	for (int side = REQUEST; side <= RESPONSE; side++) {
		p->half[side].hpack = hpack_new(midway);
		if (!p->half[side].hpack) {
			http2_free(p);
			return NULL;
		}
	}
	if (c->carried)
		http2_adopt(p, TAKE(c->carried));
	return p;
}

static void read_eof(struct http2 *p, enum side side)
{
	struct http2_half *h = &p->half[side];
	bool lost = h->state == HTTP2_LOST;

	http2_drop_frame(p, h);
	h->state = HTTP2_DONE;
	if (side == RESPONSE)
		http2_end_all(p, lost ? HTTP_END_LOST : HTTP_END_CUT, "cut");
}

static enum http_next http2_feed(void *state, const struct stream_chunk *chunk,
				 struct slice *ret_rest)
{
	struct http2 *p = state;
	struct slice in = chunk->bytes;
	enum side side = chunk->dir == p->request_dir ? REQUEST : RESPONSE;

	(void)ret_rest;
	if (chunk->gap) {
		p->half[side].reason = chunk->gap_reason;
		http2_read_gap(p, side, chunk->gap);
	}
	while (in.n && !p->hopeless) {
		side = chunk->dir == p->request_dir ? REQUEST : RESPONSE;
		in = http2_read(p, side, chunk, in);
	}
	if (p->hopeless)
		return HTTP_GIVE_UP;
	if (chunk->eof)
		read_eof(p, side);
	return HTTP_GO_ON;
}

/* Streams stay as shells without memory, so that what follows is still told apart. */
static void http2_evict(void *state)
{
	struct http2 *p = state;
	struct http2_stream *s, *next;

	HASH_ITER(hh, p->streams, s, next)
	{
		stat_add(p->conn->http->stats, STAT_HTTP_OVER_LIMIT, !s->e->finished);
		exchange_finish(s->e, HTTP_END_EVICTED);
	}
}

static void http2_close(void *state, enum http_end why)
{
	struct http2 *p = state;

	if (p->half[RESPONSE].state == HTTP2_LOST && why == HTTP_END_CUT)
		why = HTTP_END_LOST;
	http2_end_all(p, why, why == HTTP_END_RECORDING ? "recording ended" : "cut");
	http2_free(p);
}

const struct http_protocol http2 = {
	.name = "http/2",
	.detect = detect,
	.resumes = http2_resumes,
	.open = http2_open,
	.feed = http2_feed,
	.evict = http2_evict,
	.close = http2_close,
	.free = http2_free,
};
