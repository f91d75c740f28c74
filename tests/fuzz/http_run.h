/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exchanges under fuzz: their events are in order, each ends once, and all of it becomes one
 * number, which is the same where the same was read.
 */
#pragma once

#include <stdint.h>
#include <stdlib.h>

#include "proto/http.h"

struct run {
	uint64_t digest;
	unsigned begun, finished;
	bool lost;
	enum http_event last;
	uint32_t last_number;
};

static void fold(struct run *r, uint64_t v)
{
	r->digest = (r->digest ^ v) * 0x100000001b3;
}

static void fold_bytes(struct run *r, struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		fold(r, (unsigned char)s.p[i]);
}

static void fold_message(struct run *r, const struct http_message *m)
{
	for (size_t i = 0; i < m->n_headers; i++) {
		fold_bytes(r, m->headers[i].name);
		fold_bytes(r, m->headers[i].value);
	}
	fold(r, m->wire_bytes);
	fold(r, m->body_bytes);
	fold(r, m->damage != NULL);
}

static void take(void *ctx, enum http_event ev, struct http_exchange *x, struct slice piece)
{
	struct run *r = ctx;
	bool body = ev == HTTP_REQUEST_BODY || ev == HTTP_RESPONSE_BODY;
	uintptr_t before = (uintptr_t)x->user; /* the events so far, as bits */

	if (before & 1u << HTTP_FINISHED || (!body && before & 1u << ev))
		abort();
	if (!before && ev != HTTP_REQUEST_HEAD && ev != HTTP_RESPONSE_HEAD && ev != HTTP_FINISHED)
		abort();
	if (ev == HTTP_REQUEST_HEAD && before)
		abort();
	if (body && !(before & 1u << (ev - 1)))
		abort();
	r->begun += !before;
	x->user = (void *)(before | 1u << ev); /* NOLINT(performance-no-int-to-ptr) */
	if (!body || ev != r->last || x->number != r->last_number)
		fold(r, ev * 1000u + x->number);
	r->last = ev;
	r->last_number = x->number;
	fold_bytes(r, piece);
	if (ev != HTTP_FINISHED)
		return;
	r->finished++;
	r->lost |= x->end == HTTP_END_LOST;
	if (x->end == HTTP_END_NONE || x->end == HTTP_END_EVICTED)
		abort();
	fold(r, x->end);
	fold(r, (unsigned)x->status);
	fold_bytes(r, x->method);
	fold_bytes(r, x->path);
	fold_bytes(r, x->host);
	fold_message(r, &x->request);
	fold_message(r, &x->response);
}

static void not_http(void *ctx, struct connection *conn)
{
	(void)conn;
	fold(ctx, 77);
}

static inline void feed(struct http *h, struct stream_chunk *c, uint64_t pos[2], struct slice s,
			size_t cut)
{
	for (size_t at = 0; at < s.n; at += cut) {
		c->bytes = (struct slice){ s.p + at, s.n - at < cut ? s.n - at : cut };
		c->pos = pos[c->dir];
		pos[c->dir] += c->bytes.n;
		http_feed(h, c);
	}
}
