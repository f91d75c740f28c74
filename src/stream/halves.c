/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A half waits for its link; one that receives waits on while another half of its process still
 * has no socket: that may be the request to its answer, and must come first.
 */
#include "stream/halves.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/map.h"
#include "base/util.h"

struct held {
	struct held *next;
	_Alignas(8) char event[];
};

struct pair;

struct half {
	uint64_t id, tgid, start_ns, since_ns;
	uint64_t sock; /* linked to it; 0: not yet */
	uint64_t base; /* position of its first byte in the pair */
	struct sonde_link_event link;
	struct pair *pair;
	bool alone; /* goes on as it is */
	struct held *held, *held_last;
	size_t held_bytes;
	struct half *prev, *next; /* halves.waiting */
	UT_hash_handle hh;
};

struct pair {
	uint64_t sock, id; /* id: of the half that came first */
	uint64_t tgid, start_ns;
	uint64_t end[2]; /* position behind the last byte */
	struct half *half[2];
	UT_hash_handle hh;
};

struct halves {
	halves_fn out;
	void *ctx;
	struct stats *stats;
	struct half *by_id;
	struct pair *by_sock;
	struct half *waiting; /* oldest first */
	size_t held_bytes;
};

int halves_new(halves_fn out, void *ctx, struct stats *stats, struct halves **ret)
{
	struct halves *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->out = out;
	h->ctx = ctx;
	h->stats = stats;
	*ret = h;
	return 0;
}

static struct half *half_find(struct halves *h, uint64_t id)
{
	struct half *x;

	HASH_FIND(hh, h->by_id, &id, sizeof(id), x);
	return x;
}

static struct pair *pair_find(struct halves *h, uint64_t sock)
{
	struct pair *p;

	HASH_FIND(hh, h->by_sock, &sock, sizeof(sock), p);
	return p;
}

static bool is_waiting(const struct half *x)
{
	return !x->pair && !x->alone;
}

static void drop_held(struct halves *h, struct half *x)
{
	while (x->held) {
		struct held *next = x->held->next;

		free(x->held);
		x->held = next;
	}
	h->held_bytes -= x->held_bytes;
	x->held_bytes = 0;
}

static void half_free(struct halves *h, struct half *x)
{
	drop_held(h, x);
	if (is_waiting(x))
		DL_DELETE(h->waiting, x);
	for (int dir = 0; x->pair && dir < 2; dir++)
		if (x->pair->half[dir] == x)
			x->pair->half[dir] = NULL;
	HASH_DEL(h->by_id, x);
	free(x);
}

/* With its halves. */
static void pair_free(struct halves *h, struct pair *p)
{
	struct half *x, *next;

	HASH_ITER(hh, h->by_id, x, next)
	if (x->pair == p)
		half_free(h, x);
	HASH_DEL(h->by_sock, p);
	free(p);
}

void halves_free(struct halves *h)
{
	struct half *x, *next;
	struct pair *p, *next_pair;

	if (!h)
		return;
	HASH_ITER(hh, h->by_id, x, next)
	half_free(h, x);
	HASH_ITER(hh, h->by_sock, p, next_pair)
	{
		HASH_DEL(h->by_sock, p);
		free(p);
	}
	free(h);
}

/* --- events of a half, as those of its connection --- */

/* @e belongs to us. */
static void send(struct halves *h, struct half *x, struct sonde_event *e)
{
	struct sonde_data_event *d = (void *)e;
	struct sonde_gap_event *g = (void *)e;
	struct sonde_conn_event *c = (void *)e;
	struct pair *p = x->pair;
	uint64_t *end;

	if (p && e->kind == SONDE_EV_CONN_OPEN) {
		c->conn = p->id;
		c->flags &= ~(uint32_t)SONDE_CONN_HALF;
		if (p->id != x->id)
			return; /* it is open */
	} else if (p && e->kind == SONDE_EV_DATA) {
		d->conn = p->id;
		d->pos += x->base;
		end = &p->end[d->dir & 1];
		*end = d->pos + d->len > *end ? d->pos + d->len : *end;
	} else if (p && e->kind == SONDE_EV_GAP) {
		g->conn = p->id;
		g->pos += x->base;
		end = &p->end[g->dir & 1];
		*end = g->pos + g->len > *end ? g->pos + g->len : *end;
	}
	h->out(h->ctx, e);
}

static void send_copy(struct halves *h, struct half *x, const struct sonde_event *e)
{
	_Alignas(8) char copy[SONDE_EVENT_MAX];

	if (e->size > sizeof(copy))
		return;
	memcpy(copy, e, e->size);
	send(h, x, (void *)copy);
}

static void send_held(struct halves *h, struct half *x)
{
	for (struct held *at = x->held; at; at = at->next)
		send(h, x, (void *)at->event);
	drop_held(h, x);
}

static void settle_alone(struct halves *h, struct half *x)
{
	if (!is_waiting(x))
		return;
	DL_DELETE(h->waiting, x);
	x->alone = true;
	send_held(h, x);
	if (x->sock)
		h->out(h->ctx, &x->link.hdr);
}

static void keep(struct halves *h, struct half *x, const struct sonde_event *e)
{
	struct held *held = NULL;

	if (x->held_bytes + e->size <= HALF_BYTES_MAX &&
	    h->held_bytes + e->size <= HALVES_BYTES_MAX)
		held = malloc(sizeof(*held) + e->size);
	if (!held) {
		settle_alone(h, x);
		send_copy(h, x, e);
		return;
	}
	held->next = NULL;
	memcpy(held->event, e, e->size);
	LL_APPEND2(x->held, held, next);
	x->held_bytes += e->size;
	h->held_bytes += e->size;
}

/* --- joining --- */

static enum sonde_dir dir_of(const struct half *x)
{
	return x->link.evidence == SONDE_LINK_NEXT_CALL ? SONDE_DIR_OUT : SONDE_DIR_IN;
}

static struct pair *pair_new(struct halves *h, const struct half *x)
{
	struct pair *p = HASH_COUNT(h->by_sock) < HALVES_MAX ? calloc(1, sizeof(*p)) : NULL;

	if (!p)
		return NULL;
	p->sock = x->sock;
	p->id = x->id;
	p->tgid = x->tgid;
	p->start_ns = x->start_ns;
	HASH_ADD(hh, h->by_sock, sock, sizeof(p->sock), p);
	if (p->hh.tbl)
		return p;
	free(p);
	return NULL;
}

static void join(struct halves *h, struct half *x)
{
	struct pair *p = pair_find(h, x->sock);
	enum sonde_dir dir = dir_of(x);
	bool first = !p;

	if (!p)
		p = pair_new(h, x);
	if (!p) {
		stat_add(h->stats, STAT_STREAM_EVICTED, 1);
		settle_alone(h, x);
		return;
	}
	DL_DELETE(h->waiting, x);
	x->pair = p;
	x->base = p->end[dir]; /* of the object that it replaces */
	p->half[dir] = x;
	send_held(h, x);
	if (first)
		h->out(h->ctx, &x->link.hdr);
}

static bool same_process(const struct half *a, const struct half *b)
{
	return a->tgid == b->tgid && a->start_ns == b->start_ns;
}

/* Whether an older half might be what this one is the answer to. */
static bool must_wait(struct halves *h, const struct half *x)
{
	const struct pair *p = pair_find(h, x->sock);
	const struct half *other;

	if (dir_of(x) == SONDE_DIR_OUT || (p && p->half[SONDE_DIR_OUT]))
		return false;
	DL_FOREACH(h->waiting, other)
	if (!other->sock && same_process(other, x))
		return true;
	return false;
}

static void join_waiting(struct halves *h)
{
	struct half *x, *next;

	DL_FOREACH_SAFE(h->waiting, x, next)
	if (x->sock && !must_wait(h, x))
		join(h, x);
}

/* It waits no longer: what is linked is joined, the rest stays alone. */
static void settle(struct halves *h, struct half *x)
{
	if (x->sock)
		join(h, x);
	else
		settle_alone(h, x);
}

static void settle_old(struct halves *h, uint64_t now_ns)
{
	struct half *x, *next;
	bool news = false;

	DL_FOREACH_SAFE(h->waiting, x, next)
	{
		if (now_ns < x->since_ns || now_ns - x->since_ns < HALF_WAIT_NS)
			continue;
		news = true;
		settle(h, x);
	}
	if (news)
		join_waiting(h);
}

/* --- events --- */

static void feed_open(struct halves *h, const struct sonde_event *e)
{
	const struct sonde_conn_event *c = (const void *)e;
	struct half *x = NULL;

	if (!(c->flags & SONDE_CONN_HALF) || half_find(h, c->conn)) {
		h->out(h->ctx, e);
		return;
	}
	if (HASH_COUNT(h->by_id) < HALVES_MAX)
		x = calloc(1, sizeof(*x));
	if (x) {
		x->id = c->conn;
		x->tgid = e->tgid;
		x->start_ns = e->start_ns;
		x->since_ns = e->ts_ns;
		HASH_ADD(hh, h->by_id, id, sizeof(x->id), x);
	}
	if (!x || !x->hh.tbl) {
		free(x);
		stat_add(h->stats, STAT_STREAM_EVICTED, 1);
		h->out(h->ctx, e);
		return;
	}
	DL_APPEND(h->waiting, x);
	keep(h, x, e);
}

static void feed_bytes(struct halves *h, const struct sonde_event *e, uint64_t id)
{
	struct half *x = half_find(h, id);

	if (!x)
		h->out(h->ctx, e);
	else if (is_waiting(x))
		keep(h, x, e);
	else
		send_copy(h, x, e);
}

static void feed_data(struct halves *h, const struct sonde_event *e)
{
	feed_bytes(h, e, ((const struct sonde_data_event *)e)->conn);
}

static void feed_gap(struct halves *h, const struct sonde_event *e)
{
	feed_bytes(h, e, ((const struct sonde_gap_event *)e)->conn);
}

static void feed_link(struct halves *h, const struct sonde_event *e)
{
	const struct sonde_link_event *l = (const void *)e;
	struct half *x = half_find(h, l->tls);

	if (!x || x->alone) {
		h->out(h->ctx, e);
		return;
	}
	if (!is_waiting(x))
		return;
	x->sock = l->sock;
	memcpy(&x->link, l, sizeof(x->link));
	x->link.hdr.size = sizeof(x->link);
	join_waiting(h);
}

static void feed_close(struct halves *h, const struct sonde_event *e)
{
	const struct sonde_conn_event *c = (const void *)e;
	struct sonde_conn_event end = *c;
	struct half *x = half_find(h, c->conn);
	struct pair *p = pair_find(h, c->conn);

	if (p) { /* the socket below: what runs over it ends first */
		end.conn = p->id;
		pair_free(h, p);
		end.hdr.size = sizeof(end);
		end.source = SONDE_SOURCE_RUSTLS;
		h->out(h->ctx, &end.hdr);
	}
	if (x) {
		settle_alone(h, x);
		if (x->alone)
			h->out(h->ctx, e);
		half_free(h, x); /* a pair ends with its socket */
		join_waiting(h);
		return;
	}
	h->out(h->ctx, e);
}

static void forget_process(struct halves *h, const struct sonde_event *e)
{
	struct half *x, *next;
	struct pair *p, *next_pair;

	HASH_ITER(hh, h->by_sock, p, next_pair)
	if (p->tgid == e->tgid && p->start_ns == e->start_ns)
		pair_free(h, p);
	HASH_ITER(hh, h->by_id, x, next)
	if (x->tgid == e->tgid && x->start_ns == e->start_ns)
		half_free(h, x);
}

static void feed_exit(struct halves *h, const struct sonde_event *e)
{
	struct half *x, *next;

	DL_FOREACH_SAFE(h->waiting, x, next)
	if (x->tgid == e->tgid && x->start_ns == e->start_ns)
		settle(h, x);
	h->out(h->ctx, e); /* closes them */
	forget_process(h, e);
}

static void feed_tick(struct halves *h, const struct sonde_event *e)
{
	settle_old(h, e->ts_ns);
	h->out(h->ctx, e);
}

void halves_feed(struct halves *h, const struct sonde_event *e)
{
	static const struct {
		size_t size;
		void (*feed)(struct halves *h, const struct sonde_event *e);
	} kinds[] = {
		[SONDE_EV_TICK] = { sizeof(struct sonde_event), feed_tick },
		[SONDE_EV_EXIT] = { sizeof(struct sonde_exit_event), feed_exit },
		[SONDE_EV_DATA] = { sizeof(struct sonde_data_event), feed_data },
		[SONDE_EV_GAP] = { sizeof(struct sonde_gap_event), feed_gap },
		[SONDE_EV_CONN_OPEN] = { sizeof(struct sonde_conn_event), feed_open },
		[SONDE_EV_CONN_CLOSE] = { sizeof(struct sonde_conn_event), feed_close },
		[SONDE_EV_CONN_LINK] = { sizeof(struct sonde_link_event), feed_link },
	};

	if (e->kind < ARRAY_SIZE(kinds) && kinds[e->kind].feed && e->size >= kinds[e->kind].size)
		kinds[e->kind].feed(h, e);
	else
		h->out(h->ctx, e); /* not ours, or to be counted as malformed */
}

void halves_end(struct halves *h)
{
	while (h->waiting)
		settle(h, h->waiting);
}

size_t halves_ids(struct halves *h, uint64_t conn, uint64_t ret[2])
{
	const struct half *x = half_find(h, conn);
	size_t n = 0;

	for (int dir = 0; x && x->pair && dir < 2; dir++)
		if (x->pair->half[dir])
			ret[n++] = x->pair->half[dir]->id;
	if (n == 0)
		ret[n++] = conn;
	return n;
}
