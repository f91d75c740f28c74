/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/exchange.h"

#include <errno.h>
#include <stdlib.h>

#include "proto/protocol.h"

/* The events of a message, from HTTP_REQUEST_HEAD or HTTP_RESPONSE_HEAD on. */
enum { HEAD, BODY, END };

/* The consumer keeps a whole body in the arena, in a buffer that doubles and leaves the old one. */
#define ARENA_BODIES 4
#define ARENA_EXTRA  (1 << 20)

static struct arena *new_mem(struct http *h)
{
	return arena_new_within(h->limits->body_bytes * ARENA_BODIES + ARENA_EXTRA, &h->budget);
}

struct exchange *exchange_new(struct http_conn *conn, bool inbound)
{
	struct exchange *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->x.mem = new_mem(conn->http);
	if (!e->x.mem) {
		free(e);
		return NULL;
	}
	e->conn = conn;
	e->x.conn = conn->conn;
	e->x.inbound = inbound;
	return e;
}

struct arena *exchange_mem(struct exchange *e)
{
	if (!e->x.mem)
		e->x.mem = new_mem(e->conn->http);
	return e->x.mem;
}

void exchange_drop_mem(struct exchange *e)
{
	if (!e->finished)
		return;
	arena_free(TAKE(e->x.mem));
	e->x.method = e->x.path = e->x.host = (struct slice){ 0 };
	e->x.request = e->x.response = (struct http_message){ 0 };
}

static void close_codings(struct exchange *e)
{
	for (int side = REQUEST; side <= RESPONSE; side++)
		coding_free(TAKE(e->body[side].coding));
}

void exchange_free(struct exchange *e)
{
	if (!e)
		return;
	close_codings(e);
	arena_free(e->x.mem);
	free(e);
}

static void tell(struct exchange *e, enum http_event ev, struct slice piece)
{
	struct http *h = e->conn->http;

	e->x.now_ns = h->now_ns;
	h->reader->exchange(h->ctx, ev, &e->x, piece);
}

void exchange_finish(struct exchange *e, enum http_end end)
{
	if (e->finished)
		return;
	e->finished = true;
	e->x.end = end;
	e->x.end_ns = e->conn->http->now_ns;
	close_codings(e);
	if (e->announced)
		tell(e, HTTP_FINISHED, (struct slice){ 0 });
	exchange_drop_mem(e);
}

static void report(struct exchange *e, enum side side, int what, struct slice piece)
{
	int first = side == REQUEST ? HTTP_REQUEST_HEAD : HTTP_RESPONSE_HEAD;

	if (!arena_failed(e->x.mem))
		tell(e, (enum http_event)(first + what), piece);
}

/*
 * Where consumer or reader ran out of memory the exchange is over: nobody may rely on what is in
 * it. Never done inside report(), which a decoder may be calling.
 */
static void settle(struct exchange *e)
{
	if (e->finished || !arena_failed(e->x.mem))
		return;
	stat_add(e->conn->http->stats, STAT_HTTP_OVER_LIMIT, 1);
	exchange_finish(e, HTTP_END_EVICTED);
}

void exchange_damage(struct exchange *e, enum side side, const char *why)
{
	struct http_message *m = exchange_message(e, side);

	if (!m->damage)
		m->damage = why;
}

/* Nothing sensible can follow in this body. */
static void spoil(struct exchange *e, enum side side, const char *why)
{
	struct exchange_body *b = &e->body[side];
	bool limit = strcmp(why, "over limit") == 0;

	exchange_damage(e, side, why);
	b->skip = true;
	coding_free(TAKE(b->coding));
	stat_add(e->conn->http->stats, limit ? STAT_HTTP_OVER_LIMIT : STAT_CODING_BAD, 1);
}

/* False where the limit of a body cut it. */
static bool deliver(struct exchange *e, enum side side, struct slice piece)
{
	struct http_message *m = exchange_message(e, side);
	uint64_t room = e->conn->http->limits->body_bytes - m->body_bytes;
	bool fits = piece.n <= room;

	if (!fits)
		piece.n = (size_t)room;
	m->body_bytes += piece.n;
	if (piece.n)
		report(e, side, BODY, piece);
	return fits;
}

static void deliver_request(void *ctx, struct slice piece)
{
	deliver(ctx, REQUEST, piece);
}

static void deliver_response(void *ctx, struct slice piece)
{
	deliver(ctx, RESPONSE, piece);
}

void exchange_head(struct exchange *e, enum side side, struct slice codings)
{
	struct http *h = e->conn->http;
	struct coding_limits limits = { h->limits->body_bytes, h->limits->ratio, &h->budget };
	int r;

	if (e->finished)
		return;
	if (!e->announced) {
		e->announced = true;
		e->x.number = e->conn->exchanges++;
		stat_add(h->stats, STAT_HTTP_EXCHANGES, 1);
	}
	r = coding_new(codings, &limits, side == REQUEST ? deliver_request : deliver_response, e,
		       &e->body[side].coding);
	if (r < 0)
		spoil(e, side, r == -ENOMEM ? "out of memory" : "unknown coding");
	report(e, side, HEAD, (struct slice){ 0 });
	settle(e);
}

void exchange_body(struct exchange *e, enum side side, struct slice wire, uint64_t ts_ns)
{
	struct http_message *m = exchange_message(e, side);
	struct exchange_body *b = &e->body[side];
	const char *why = NULL;

	if (e->finished || wire.n == 0)
		return;
	m->wire_bytes += wire.n;
	if (m->body_ns == 0)
		m->body_ns = ts_ns;
	if (b->skip)
		return;
	if (b->coding)
		why = coding_feed(b->coding, wire);
	else if (!deliver(e, side, wire))
		why = "over limit";
	if (why)
		spoil(e, side, why);
	settle(e);
}

void exchange_gap(struct exchange *e, enum side side, uint64_t n, uint8_t reason)
{
	struct http_message *m = exchange_message(e, side);
	struct exchange_body *b = &e->body[side];

	if (e->finished || n == 0)
		return;
	m->lost_bytes += n;
	if (m->lost_reason == 0)
		m->lost_reason = reason;
	exchange_damage(e, side, "gap");
	if (!b->coding)
		return;
	/* A decoder cannot go on behind missing input. */
	b->skip = true;
	coding_free(TAKE(b->coding));
}

void exchange_end(struct exchange *e, enum side side, uint64_t ts_ns)
{
	struct http_message *m = exchange_message(e, side);
	struct exchange_body *b = &e->body[side];
	const char *why;

	if (b->ended)
		return;
	b->ended = true;
	if (e->finished)
		return;
	m->end_ns = ts_ns;
	why = b->coding ? coding_finish(b->coding) : NULL;
	if (why)
		spoil(e, side, why);
	report(e, side, END, (struct slice){ 0 });
	settle(e);
}
