/* SPDX-License-Identifier: BSD-2-Clause */
/* What frames mean for the exchanges of an HTTP/2 connection; see http2.h. RFC 9113 §5, §8. */
#include <errno.h>
#include <stdlib.h>

#include "proto/header.h"
#include "proto/http2.h"

struct http2_stream *http2_find(const struct http2 *p, uint32_t id)
{
	struct http2_stream *s;

	HASH_FIND(hh, p->streams, &id, sizeof(id), s);
	return s;
}

void http2_remove(struct http2 *p, struct http2_stream *s)
{
	HASH_DEL(p->streams, s);
	exchange_free(s->e);
	free(s);
}

/* NULL where there are too many, or memory is refused; @e stays the caller's then. */
static struct http2_stream *add_stream(struct http2 *p, uint32_t id, struct exchange *e)
{
	struct http2_stream *s;

	if (HASH_COUNT(p->streams) >= HTTP2_STREAMS_MAX)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->id = id;
	s->e = e;
	HASH_ADD(hh, p->streams, id, sizeof(id), s);
	if (!s->hh.tbl) {
		free(s);
		return NULL;
	}
	return s;
}

void http2_adopt(struct http2 *p, struct exchange *e)
{
	struct http2_stream *s = add_stream(p, 1, e);

	if (!s) {
		exchange_finish(e, HTTP_END_EVICTED);
		exchange_free(e);
		return;
	}
	s->head[REQUEST] = true;
	p->last_request = s->id;
}

static void reap(struct http2 *p, struct http2_stream *s, enum http_end end)
{
	if (!s->e->body[REQUEST].ended || !s->e->body[RESPONSE].ended)
		return;
	exchange_finish(s->e, end);
	http2_remove(p, s);
}

/* --- header blocks --- */

/* What its sender has not begun can only be known by its request, or not at all. */
static bool may_begin(const struct http2 *p, enum side side, uint32_t id)
{
	bool by_client = id % 2 == 1;

	if (!by_client)
		return false; /* pushed: nobody asked for it */
	/* What answers a stream that nobody has opened yet says that its opening was missed. */
	return id > p->last_request || (side == RESPONSE && p->missed);
}

static void fill_message(struct http2_half *h, struct http2_stream *s, enum side side,
			 const struct hpack_head *head)
{
	struct http_message *m = exchange_message(s->e, side);
	struct buf codings = { 0 };

	m->headers = head->headers;
	m->n_headers = head->n_headers;
	m->head_ns = h->block_ns;
	m->pos = h->block_pos;
	header_content_codings(m->headers, m->n_headers, s->e->x.mem, &codings);
	s->head[side] = true;
	exchange_head(s->e, side, buf_slice(&codings));
	exchange_drop_mem(s->e);
}

static void fill_request(struct http2 *p, struct http2_stream *s, const struct hpack_head *head)
{
	struct http_message host = { .headers = head->headers, .n_headers = head->n_headers };
	struct slice authority =
		head->authority.n ? head->authority : http_header(&host, SLICE("host"));

	s->e->x.method = head->method;
	s->e->x.path = head->path;
	s->e->x.host = header_without_default_port(authority);
	s->e->is_head = slice_eq(head->method, SLICE("HEAD"));
	p->last_request = s->id;
}

/* The first message of a direction says whose it is. */
static enum side true_side(struct http2 *p, enum side side, const struct hpack_head *head)
{
	bool response = head->status && !head->method.n, request = head->method.n > 0;

	if (!p->missed || p->conn->exchanges || p->streams ||
	    (side == REQUEST ? !response : !request))
		return side;
	http2_swap(p);
	return !side;
}

/* 0; -EAGAIN: interim, the response itself follows; -ENOMEM: there are too many streams. */
static int take_head(struct http2 *p, enum side side, struct http2_stream *s, struct exchange *e,
		     const struct hpack_head *head)
{
	struct http2_half *h = &p->half[side];
	bool is_new = !s;

	if (side == RESPONSE && head->status < 200)
		return -EAGAIN;
	if (is_new)
		s = add_stream(p, h->block_frame.stream, e);
	if (!s)
		return -ENOMEM;
	e->x.inbound = p->request_dir == SONDE_DIR_IN;
	if (side == REQUEST)
		fill_request(p, s, head);
	else
		e->x.status = head->status;
	if (side == RESPONSE && is_new)
		e->body[REQUEST].ended = true; /* it was not seen */
	fill_message(h, s, side, head);
	return 0;
}

/* The head of a message of @s, or of a new stream. */
static enum side read_head(struct http2 *p, enum side side, struct http2_stream *s,
			   struct slice block)
{
	struct http2_half *h = &p->half[side];
	struct exchange *e = s ? s->e : exchange_new(p->conn, p->request_dir == SONDE_DIR_IN);
	struct arena *mem = e ? exchange_mem(e) : NULL;
	struct hpack_head head = { 0 };
	int r = hpack_read(h->hpack, block, mem, &head);

	if (r == -EBADMSG) {
		http2_headers_lost(p, side);
		http2_lose_table(p, side);
	} else if (r == 0 && mem) {
		side = true_side(p, side, &head);
		r = take_head(p, side, s, e, &head);
	} else {
		r = -ENOMEM;
	}
	if (r == -ENOMEM)
		stat_add(p->conn->http->stats, STAT_HTTP_OVER_LIMIT, 1);
	if (r < 0 && !s)
		exchange_free(e);
	else if (r == -ENOMEM)
		exchange_finish(e, HTTP_END_EVICTED);
	return side;
}

/* Fields that follow a body (gRPC's status) are told like those before it, once it has ended. */
static void read_trailers(struct http2 *p, enum side side, struct http2_stream *s,
			  struct slice block)
{
	struct http_message *m = exchange_message(s->e, side);
	struct arena *mem = exchange_mem(s->e);
	struct http_header *all;
	struct hpack_head more = { 0 };
	int r = hpack_read(p->half[side].hpack, block, mem, &more);

	if (r == -EBADMSG)
		http2_lose_table(p, side);
	all = r == 0 && mem && more.n_headers
		      ? arena_alloc(mem, (m->n_headers + more.n_headers) * sizeof(*all))
		      : NULL;
	if (all) {
		if (m->n_headers)
			memcpy(all, m->headers, m->n_headers * sizeof(*all));
		memcpy(all + m->n_headers, more.headers, more.n_headers * sizeof(*all));
		m->headers = all;
		m->n_headers += more.n_headers;
	}
}

enum side http2_headers(struct http2 *p, enum side side, struct slice block)
{
	struct http2_half *h = &p->half[side];
	const struct http2_frame *f = &h->block_frame;
	struct http2_stream *s = http2_find(p, f->stream);
	bool trailers = s && s->head[side];
	struct hpack_head head;

	if (f->type == HTTP2_HEADERS && !trailers && (s || may_begin(p, side, f->stream)))
		return read_head(p, side, s, block);
	if (f->type == HTTP2_HEADERS && trailers && !s->e->finished) {
		read_trailers(p, side, s, block);
		return side;
	}
	/* Nobody needs it, but it may change the table. */
	if (hpack_read(h->hpack, block, NULL, &head) < 0)
		http2_lose_table(p, side);
	return side;
}

void http2_headers_lost(struct http2 *p, enum side side)
{
	const struct http2_frame *f = &p->half[side].block_frame;
	struct http2_stream *s = http2_find(p, f->stream);

	p->missed = true;
	if (s && f->type == HTTP2_HEADERS && !s->head[side])
		exchange_damage(s->e, side, "gap");
}

/* --- data --- */

void http2_data(struct http2 *p, enum side side, struct slice data, uint64_t ts_ns)
{
	struct http2_half *h = &p->half[side];
	struct http2_stream *s = http2_find(p, h->frame.stream);

	if (!s)
		return;
	if (s->head[side])
		exchange_body(s->e, side, data, ts_ns);
	else /* nothing says what it is */
		exchange_gap(s->e, side, data.n, h->reason);
}

void http2_data_lost(struct http2 *p, enum side side, uint64_t n)
{
	struct http2_half *h = &p->half[side];
	struct http2_stream *s = http2_find(p, h->frame.stream);

	if (s)
		exchange_gap(s->e, side, n, h->reason);
}

void http2_doubt_all(struct http2 *p, enum side side, uint64_t n)
{
	struct http2_stream *s, *next;
	bool only = HASH_COUNT(p->streams) == 1;

	HASH_ITER(hh, p->streams, s, next)
	{
		if (s->e->body[side].ended)
			continue;
		if (only)
			exchange_gap(s->e, side, n, p->half[side].reason);
		exchange_damage(s->e, side, "gap");
	}
}

/* --- ends --- */

void http2_end(struct http2 *p, enum side side, uint32_t id, uint64_t ts_ns)
{
	struct http2_stream *s = http2_find(p, id);
	bool lost;

	if (!s)
		return;
	lost = !s->head[side];
	if (lost)
		s->e->body[side].ended = true;
	else
		exchange_end(s->e, side, ts_ns);
	reap(p, s, lost ? HTTP_END_LOST : HTTP_END_COMPLETE);
}

static void damage_open(struct exchange *e, const bool head[2], const char *damage)
{
	for (int side = REQUEST; side <= RESPONSE; side++)
		if (head[side] && !e->body[side].ended)
			exchange_damage(e, (enum side)side, damage);
}

void http2_reset(struct http2 *p, uint32_t id)
{
	struct http2_stream *s = http2_find(p, id);

	if (!s)
		return;
	damage_open(s->e, s->head, "cut");
	/* A server that has answered may say that it wants no more of the request. */
	exchange_finish(s->e, s->e->body[RESPONSE].ended ? HTTP_END_COMPLETE : HTTP_END_CUT);
	http2_remove(p, s);
}

void http2_end_all(struct http2 *p, enum http_end why, const char *damage)
{
	struct http2_stream *s, *next;

	HASH_ITER(hh, p->streams, s, next)
	{
		damage_open(s->e, s->head, damage);
		exchange_finish(s->e, why);
	}
}
