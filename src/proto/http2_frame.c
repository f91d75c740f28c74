/* SPDX-License-Identifier: BSD-2-Clause */
/* The frames of one direction of an HTTP/2 connection; see http2.h. RFC 9113 §4, §6. */
#include "proto/http2.h"

#define SETTING_BYTES	 6
#define RST_BYTES	 4
#define PRIORITY_BYTES	 5
#define PING_BYTES	 8
#define GOAWAY_MIN_BYTES 8
#define PROMISE_BYTES	 4 /* of the promised stream's id */

/* Where a frame of a type may stand, and how it must look; unknown types are read over. */
static const struct frame_rule {
	uint8_t flags;		       /* that are defined */
	enum { ANY, STREAM, CONN } on; /* a stream, or the connection (stream 0) */
	uint32_t min, max, step;
} rules[] = {
	[HTTP2_DATA] = { HTTP2_END_STREAM | HTTP2_PADDED, STREAM, 0, UINT32_MAX, 1 },
	[HTTP2_HEADERS] = { HTTP2_END_STREAM | HTTP2_END_HEADERS | HTTP2_PADDED |
				    HTTP2_HAS_PRIORITY,
			    STREAM, 0, UINT32_MAX, 1 },
	[HTTP2_PRIORITY] = { 0, STREAM, PRIORITY_BYTES, PRIORITY_BYTES, 1 },
	[HTTP2_RST_STREAM] = { 0, STREAM, RST_BYTES, RST_BYTES, 1 },
	[HTTP2_SETTINGS] = { 1, CONN, 0, UINT32_MAX, SETTING_BYTES },
	[HTTP2_PUSH_PROMISE] = { HTTP2_END_HEADERS | HTTP2_PADDED, STREAM, PROMISE_BYTES,
				 UINT32_MAX, 1 },
	[HTTP2_PING] = { 1, CONN, PING_BYTES, PING_BYTES, 1 },
	[HTTP2_GOAWAY] = { 0, CONN, GOAWAY_MIN_BYTES, UINT32_MAX, 1 },
	[HTTP2_WINDOW_UPDATE] = { 0, ANY, 4, 4, 1 },
	[HTTP2_CONTINUATION] = { HTTP2_END_HEADERS, STREAM, 0, UINT32_MAX, 1 },
};

#define N_RULES (sizeof(rules) / sizeof(rules[0]))

struct http2_frame http2_parse_frame(const uint8_t *b)
{
	return (struct http2_frame){
		.len = (uint32_t)b[0] << 16 | (uint32_t)b[1] << 8 | b[2],
		.type = b[3],
		.flags = b[4],
		.stream =
			((uint32_t)b[5] << 24 | (uint32_t)b[6] << 16 | (uint32_t)b[7] << 8 | b[8]) &
			0x7fffffff,
	};
}

bool http2_frame_is_sound(const struct http2_frame *f)
{
	const struct frame_rule *r;

	if (f->type >= N_RULES)
		return true;
	r = &rules[f->type];
	return (r->on == ANY || (r->on == STREAM) == (f->stream != 0)) && f->len >= r->min &&
	       f->len <= r->max && f->len % r->step == 0;
}

/* --- memory --- */

static void drop(struct http2 *p, struct buf *b)
{
	p->conn->http->budget.used -= b->cap;
	buf_done(b);
}

void http2_drop_frame(struct http2 *p, struct http2_half *h)
{
	drop(p, &h->payload);
	drop(p, &h->block);
	h->in_block = false;
}

/* False where that is over a limit. */
static bool keep(struct http2 *p, struct buf *b, struct slice part)
{
	struct arena_budget *budget = &p->conn->http->budget;
	size_t cap = b->cap;

	if ((b->n + part.n) * 2 > budget->max - budget->used ||
	    buf_add(b, part, p->conn->http->limits->head_bytes) < 0)
		return false;
	budget->used += b->cap - cap;
	return true;
}

/* --- losses --- */

void http2_lose_table(struct http2 *p, enum side side)
{
	struct http2_half *h = &p->half[side];
	struct hpack *fresh = hpack_new(true);

	p->missed = true;
	if (!fresh) {
		p->hopeless = true;
		return;
	}
	hpack_free(h->hpack);
	h->hpack = fresh;
}

static void lose_block(struct http2 *p, enum side side)
{
	struct http2_half *h = &p->half[side];

	if (!h->bad_block)
		http2_headers_lost(p, side);
	h->bad_block = true;
	http2_lose_table(p, side);
}

void http2_lose(struct http2 *p, enum side side, uint64_t n)
{
	struct http2_half *h = &p->half[side];

	if (p->conn->exchanges == 0 && !p->missed && n == 0)
		p->hopeless = true; /* it never made sense */
	stat_add(p->conn->http->stats, STAT_HTTP_LOST, 1);
	http2_drop_frame(p, h);
	http2_lose_table(p, side);
	http2_doubt_all(p, side, n);
	h->state = HTTP2_LOST;
	h->skipped = 0;
}

/* Types whose payload is kept until it is complete. */
static bool is_kept(uint8_t type)
{
	return type == HTTP2_HEADERS || type == HTTP2_PUSH_PROMISE || type == HTTP2_CONTINUATION ||
	       type == HTTP2_RST_STREAM;
}

static void end_frame(struct http2 *p, enum side side, uint64_t ts_ns);

/* Missing bytes inside a frame that goes on behind them. */
static void gap_in_payload(struct http2 *p, enum side side, uint32_t n)
{
	struct http2_half *h = &p->half[side];
	uint32_t data = h->left > h->padding ? h->left - h->padding : 0;

	h->left -= n;
	if (h->frame.type == HTTP2_DATA) {
		h->padded = false; /* its length was among them: what there is of it is data */
		http2_data_lost(p, side, n < data ? n : data);
	} else if (is_kept(h->frame.type) && h->frame.type != HTTP2_RST_STREAM) {
		lose_block(p, side);
	}
	if (h->left == 0)
		end_frame(p, side, p->conn->http->now_ns);
}

void http2_read_gap(struct http2 *p, enum side side, uint64_t n)
{
	struct http2_half *h = &p->half[side];

	if (h->state == HTTP2_DONE)
		return;
	if (h->state == HTTP2_PAYLOAD && n <= h->left) {
		gap_in_payload(p, side, (uint32_t)n);
	} else if (h->state == HTTP2_LOST) {
		http2_doubt_all(p, side, n);
	} else {
		if (h->state == HTTP2_PAYLOAD && h->frame.type == HTTP2_DATA)
			http2_data_lost(p, side, h->left);
		p->missed = true;
		http2_lose(p, side, n);
	}
}

/* --- frames that are read whole --- */

/* Without padding, and without what stands before a header block. */
static bool strip(const struct http2_frame *f, struct slice *payload)
{
	size_t before = f->type == HTTP2_PUSH_PROMISE ? PROMISE_BYTES : 0, pad = 0;

	if (f->type == HTTP2_HEADERS && f->flags & HTTP2_HAS_PRIORITY)
		before = PRIORITY_BYTES;
	if (f->type != HTTP2_CONTINUATION && f->flags & HTTP2_PADDED) {
		if (payload->n == 0)
			return false;
		pad = (uint8_t)payload->p[0];
		*payload = slice_from(*payload, 1);
	}
	if (before + pad > payload->n)
		return false;
	*payload = slice_from(*payload, before);
	payload->n -= pad;
	return true;
}

static void begin_block(struct http2_half *h)
{
	h->in_block = true;
	h->bad_block = false;
	h->block_frame = h->frame;
	h->block_ns = h->frame_ns;
	h->block_pos = h->frame_pos;
}

static void end_block(struct http2 *p, enum side side, uint64_t ts_ns)
{
	struct http2_half *h = &p->half[side];
	const struct http2_frame f = h->block_frame;
	struct buf block = h->block;

	h->block = (struct buf){ 0 };
	h->in_block = false;
	if (!h->bad_block)
		side = http2_headers(p, side, buf_slice(&block));
	drop(p, &block);
	if (f.type == HTTP2_HEADERS && f.flags & HTTP2_END_STREAM)
		http2_end(p, side, f.stream, ts_ns);
}

static void add_to_block(struct http2 *p, enum side side, struct slice payload, uint64_t ts_ns)
{
	struct http2_half *h = &p->half[side];

	if (!h->bad_block && (!strip(&h->frame, &payload) || !keep(p, &h->block, payload))) {
		stat_add(p->conn->http->stats, STAT_HTTP_OVER_LIMIT, 1);
		lose_block(p, side);
	}
	if (h->frame.flags & HTTP2_END_HEADERS)
		end_block(p, side, ts_ns);
}

static void end_frame(struct http2 *p, enum side side, uint64_t ts_ns)
{
	struct http2_half *h = &p->half[side];
	const struct http2_frame f = h->frame;
	struct buf payload = h->payload;

	h->payload = (struct buf){ 0 };
	h->state = HTTP2_FRAME_HEAD;
	h->n_bytes = 0;
	switch (f.type) {
	case HTTP2_DATA:
		if (f.flags & HTTP2_END_STREAM)
			http2_end(p, side, f.stream, ts_ns);
		break;
	case HTTP2_HEADERS:
	case HTTP2_PUSH_PROMISE:
	case HTTP2_CONTINUATION:
		add_to_block(p, side, buf_slice(&payload), ts_ns);
		break;
	case HTTP2_RST_STREAM:
		http2_reset(p, f.stream);
		break;
	default:
		break;
	}
	drop(p, &payload);
}

static void begin_frame(struct http2 *p, enum side side, uint64_t ts_ns)
{
	struct http2_half *h = &p->half[side];
	const struct http2_frame f = http2_parse_frame(h->bytes);
	bool starts_block = f.type == HTTP2_HEADERS || f.type == HTTP2_PUSH_PROMISE;
	bool goes_on = f.type == HTTP2_CONTINUATION;

	/* Nothing may come between the parts of a header block (RFC 9113 §6.10). */
	if (!http2_frame_is_sound(&f) || goes_on != h->in_block ||
	    (goes_on && f.stream != h->block_frame.stream)) {
		http2_lose(p, side, 0);
		return;
	}
	h->frame = f;
	h->state = HTTP2_PAYLOAD;
	h->left = f.len;
	h->padding = 0;
	h->padded = f.type == HTTP2_DATA && f.flags & HTTP2_PADDED;
	if (starts_block)
		begin_block(h);
	if (h->left == 0)
		end_frame(p, side, ts_ns);
}

/* --- bytes --- */

static struct slice read_frame_head(struct http2 *p, enum side side,
				    const struct stream_chunk *chunk, struct slice in)
{
	struct http2_half *h = &p->half[side];
	size_t n = HTTP2_HEAD - h->n_bytes < in.n ? HTTP2_HEAD - h->n_bytes : in.n;

	if (h->n_bytes == 0) {
		h->frame_ns = chunk->ts_ns;
		h->frame_pos = chunk->pos + (chunk->bytes.n - in.n);
	}
	memcpy(h->bytes + h->n_bytes, in.p, n);
	h->n_bytes += (uint8_t)n;
	if (h->n_bytes == HTTP2_HEAD)
		begin_frame(p, side, chunk->ts_ns);
	return slice_from(in, n);
}

static void read_data(struct http2 *p, enum side side, struct slice in, uint64_t ts_ns)
{
	struct http2_half *h = &p->half[side];
	uint32_t room;

	if (h->padded && in.n) {
		h->padded = false;
		h->padding = (uint8_t)in.p[0];
		h->left--;
		in = slice_from(in, 1);
	}
	room = h->left > h->padding ? h->left - h->padding : 0;
	h->left -= (uint32_t)in.n;
	if (in.n > room)
		in.n = room;
	if (in.n)
		http2_data(p, side, in, ts_ns);
}

static struct slice read_payload(struct http2 *p, enum side side, const struct stream_chunk *chunk,
				 struct slice in)
{
	struct http2_half *h = &p->half[side];
	struct slice part = { in.p, in.n < h->left ? in.n : h->left };

	if (h->frame.type == HTTP2_DATA) {
		read_data(p, side, part, chunk->ts_ns);
	} else {
		h->left -= (uint32_t)part.n;
		if (is_kept(h->frame.type) && !(h->in_block && h->bad_block) &&
		    !keep(p, &h->payload, part)) {
			stat_add(p->conn->http->stats, STAT_HTTP_OVER_LIMIT, 1);
			lose_block(p, side);
		}
	}
	if (h->left == 0)
		end_frame(p, side, chunk->ts_ns);
	return slice_from(in, part.n);
}

static struct slice read_preface(struct http2 *p, enum side side, struct slice in)
{
	struct http2_half *h = &p->half[side];
	size_t n = http2_preface.n - h->n_bytes < in.n ? http2_preface.n - h->n_bytes : in.n;

	if (memcmp(http2_preface.p + h->n_bytes, in.p, n) != 0) {
		http2_lose(p, side, 0);
		return in;
	}
	h->n_bytes += (uint8_t)n;
	if (h->n_bytes == http2_preface.n) {
		h->state = HTTP2_FRAME_HEAD;
		h->n_bytes = 0;
	}
	return slice_from(in, n);
}

/* A lost direction goes on where a piece of it begins with a frame. */
static struct slice resync(struct http2 *p, enum side side, const struct stream_chunk *chunk,
			   struct slice in)
{
	struct http2_half *h = &p->half[side];

	if (in.n == chunk->bytes.n && slice_starts(in, http2_preface)) {
		h->state = HTTP2_PREFACE;
		h->n_bytes = 0;
		return in;
	}
	if (in.n == chunk->bytes.n && http2_resumes(in)) {
		h->state = HTTP2_FRAME_HEAD;
		h->n_bytes = 0;
		return in;
	}
	http2_doubt_all(p, side, 0);
	h->skipped += in.n;
	p->hopeless |= h->skipped > HTTP2_RESYNC_MAX;
	return (struct slice){ 0 };
}

struct slice http2_read(struct http2 *p, enum side side, const struct stream_chunk *chunk,
			struct slice in)
{
	switch (p->half[side].state) {
	case HTTP2_PREFACE:
		return read_preface(p, side, in);
	case HTTP2_FRAME_HEAD:
		return read_frame_head(p, side, chunk, in);
	case HTTP2_PAYLOAD:
		return read_payload(p, side, chunk, in);
	case HTTP2_LOST:
		return resync(p, side, chunk, in);
	case HTTP2_DONE:
		break;
	}
	return (struct slice){ 0 };
}
