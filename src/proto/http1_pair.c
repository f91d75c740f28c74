/* SPDX-License-Identifier: BSD-2-Clause */
/* Which response belongs to which request, also where bytes are missing; see http1.h. */
#include <utlist.h>

#include "proto/http1.h"

#define INTERIM_MAX 64 /* bytes of a 100 Continue; what is longer was a response */

static struct exchange *add_exchange(struct http1 *p)
{
	struct exchange *e = exchange_new(p->conn, p->request_dir == SONDE_DIR_IN);

	if (!e)
		return NULL;
	LL_APPEND(p->open, e);
	if (++p->n_open > HTTP1_OPEN_MAX)
		p->hopeless = true;
	return e;
}

struct exchange *http1_take(struct http1 *p, struct exchange *e)
{
	for (int side = REQUEST; side <= RESPONSE; side++)
		if (p->half[side].e == e)
			p->half[side].e = NULL;
	LL_DELETE(p->open, e);
	p->n_open--;
	return e;
}

void http1_remove(struct http1 *p, struct exchange *e)
{
	exchange_free(http1_take(p, e));
}

void http1_reap(struct http1 *p)
{
	struct exchange *e, *next;

	for (e = p->open; e; e = next) {
		next = e->next;
		if (!e->body[REQUEST].ended || !e->body[RESPONSE].ended)
			continue;
		exchange_finish(e, e->cut ? HTTP_END_CUT : HTTP_END_COMPLETE);
		http1_remove(p, e);
	}
}

/* No response will be read for it (any more). Its request may still be under way. */
static void abandon(struct http1 *p, struct exchange *e, enum http_end end)
{
	exchange_finish(e, end);
	e->body[RESPONSE].ended = true;
	if (p->half[RESPONSE].e == e)
		p->half[RESPONSE].e = NULL;
	if (p->half[REQUEST].e != e)
		e->body[REQUEST].ended = true;
}

void http1_abandon_waiting(struct http1 *p, const struct exchange *keep, enum http_end end)
{
	struct exchange *e;

	for (e = p->open; e; e = e->next) {
		if (e != keep && e != p->half[RESPONSE].e && !e->body[RESPONSE].ended)
			abandon(p, e, end);
	}
}

struct exchange *http1_waiting(struct http1 *p)
{
	const struct http1_half *request = &p->half[REQUEST];
	struct exchange *e;

	for (e = p->open; e; e = e->next) {
		/* Nothing answers a request of which not even the head has been sent. */
		if (!e->body[RESPONSE].ended && !(e == request->e && request->state == HEAD))
			return e;
	}
	return NULL;
}

struct exchange *http1_newest(struct http1 *p)
{
	struct exchange *e = p->open;

	while (e && e->next)
		e = e->next;
	return e;
}

/* A response whose request was not seen. What was lost on the other side is likely that. */
static struct exchange *add_unseen(struct http1 *p)
{
	struct http1_half *request = &p->half[REQUEST];
	struct exchange *e = add_exchange(p);

	if (!e)
		return NULL;
	e->body[REQUEST].ended = true;
	exchange_gap(e, REQUEST, request->lost, request->reason);
	request->lost = 0;
	return e;
}

static void lose(struct http1 *p, enum side side)
{
	struct http1_half *h = &p->half[side];

	if (h->state != LOST)
		stat_add(p->conn->http->stats, STAT_HTTP_LOST, 1);
	h->state = LOST;
	h->e = NULL;
	h->skipped = 0;
}

void http1_lose(struct http1 *p, enum side side, struct exchange *e)
{
	struct http1_half *h = &p->half[side];

	http1_drop_head(p, h);
	if (e && side == REQUEST) { /* the response may still come */
		if (e->announced)
			exchange_end(e, REQUEST, p->conn->http->now_ns);
		e->body[REQUEST].ended = true;
	} else if (side == RESPONSE) {
		if (e) {
			exchange_gap(e, RESPONSE, h->lost, h->reason);
			abandon(p, e, HTTP_END_LOST);
		}
		h->blame = false;
		h->lost = 0;
	}
	lose(p, side);
	http1_reap(p);
}

void http1_lose_between(struct http1 *p, enum side side)
{
	struct http1_half *h = &p->half[side];
	struct exchange *e = http1_waiting(p), *newest = http1_newest(p);

	if (side == RESPONSE && e && e != newest) {
		exchange_gap(e, RESPONSE, h->lost, h->reason);
		h->lost = 0;
		http1_abandon_waiting(p, newest, HTTP_END_LOST);
		http1_reap(p);
	}
	h->blame = side == RESPONSE && http1_waiting(p);
	lose(p, side);
}

void http1_reject(struct http1 *p, enum side side)
{
	struct http1_half *h = &p->half[side];
	struct exchange *e = h->e;
	/* Nobody has heard of it, and there is no request that waits for an answer. */
	bool nothing = e && !e->announced && (side == REQUEST || e->body[REQUEST].ended);
	bool expected = side == RESPONSE && (h->blame || !h->found);

	if (p->conn->exchanges == 0 && !h->found)
		p->hopeless = true;
	http1_drop_head(p, h);
	if (nothing)
		http1_remove(p, e);
	else if (expected)
		http1_lose(p, side, e);
	lose(p, side);
}

void http1_begin(struct http1 *p, enum side side, const struct stream_chunk *chunk, size_t at)
{
	struct http1_half *h = &p->half[side];
	struct exchange *e;

	/* Whole messages were lost, and no request before the one that waits: its response is among
	 * them, and so is the request that this one answers. */
	if (side == RESPONSE && h->blame && h->lost > INTERIM_MAX && !p->half[REQUEST].found)
		http1_lose(p, side, http1_waiting(p));
	e = side == RESPONSE ? http1_waiting(p) : NULL;
	if (!e)
		e = side == REQUEST ? add_exchange(p) : add_unseen(p);
	if (!e) {
		stat_add(p->conn->http->stats, STAT_HTTP_OVER_LIMIT, 1);
		lose(p, side);
		return;
	}
	h->found = h->state == LOST;
	h->state = HEAD;
	h->e = e;
	h->line = LINE_EMPTY;
	h->started = false;
	h->head_ns = chunk->ts_ns;
	h->head_pos = chunk->pos + at;
}

enum http_match http1_starts(enum side side, struct slice first)
{
	return side == REQUEST ? http1_starts_request(first) : http1_starts_response(first);
}

struct slice http1_resync(struct http1 *p, enum side side, const struct stream_chunk *chunk,
			  struct slice in)
{
	struct http1_half *h = &p->half[side];
	enum http_match least = HTTP_MORE;
	struct exchange *waiting;

	/* There is no response without a request, seen or lost; that it is lost is known later. */
	if (side == RESPONSE && !http1_waiting(p) && p->half[REQUEST].state != LOST)
		least = HTTP_YES;
	if (in.n == chunk->bytes.n && http1_starts(side, in) >= least) {
		http1_begin(p, side, chunk, 0);
		if (h->state == HEAD)
			return in;
	}
	/* What comes is the answer that is waited for, and its head was lost; not what came before
	 * the request and was held back until both directions were known to be one connection's. */
	waiting = side == RESPONSE ? http1_waiting(p) : NULL;
	if (waiting && (h->blame || chunk->ts_ns >= waiting->x.request.head_ns))
		http1_lose(p, side, waiting);
	h->skipped += in.n;
	if (h->skipped > HTTP1_RESYNC_MAX)
		p->hopeless = true;
	return (struct slice){ 0 };
}
