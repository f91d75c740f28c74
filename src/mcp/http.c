/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bodies of exchanges that may carry MCP or A2A. A POST is given up at its first member where
 * that is none of JSON-RPC's, so that a model call's body is not kept a second time.
 */
#include "mcp/http.h"

#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "mcp/http_work.h"

#define WORKS_MAX  8192 /* exchanges that are kept at once */
#define OTHERS_MAX 16	/* events of a stream, after which nothing better is expected */

/* --- one exchange --- */

/* A stream that nobody claims and that says something else: the rest of it is not looked at. */
static bool is_foreign(const struct http_work *w)
{
	return !w->s && !w->marked && w->role == HTTP_STREAM && w->n_others >= OTHERS_MAX;
}

static int on_event(void *ctx, const struct sse_event *ev)
{
	if (!is_foreign(ctx))
		http_message_event(ctx, ev->type, ev->data);
	return 0;
}

static void buf_free(struct http_work *w, struct buf *b)
{
	w->mcp->budget.used -= b->cap;
	buf_done(b);
}

static void events_free(struct http_work *w)
{
	w->mcp->budget.used -= w->events_size;
	w->events_size = 0;
	sse_done(&w->events);
	sse_init(&w->events, on_event, w);
}

static void work_free(struct http_work *w)
{
	struct mcp *m = w->mcp;

	DL_DELETE(m->works, w);
	m->n_works--;
	buf_free(w, &w->request);
	buf_free(w, &w->answer);
	events_free(w);
	w->x->rpc = NULL;
	free(w);
}

static bool drop(struct http_work *w)
{
	if (w->s) {
		asker_exchange_over(&w->s->asks, w, 0, "another protocol has it", w->x->now_ns);
		asker_let_go(&w->s->back, w);
		http_session_release(w->s);
	}
	work_free(w);
	return false;
}

void http_works_free(struct mcp *m)
{
	while (m->works)
		work_free(m->works);
}

static bool work_new(struct mcp *m, struct http_exchange *x)
{
	struct http_work role = { 0 }, *w;

	x->rpc = NULL;
	if (!http_role_of(x, &role))
		return false;
	w = m->n_works < WORKS_MAX ? calloc(1, sizeof(*w)) : NULL;
	if (!w) {
		stat_add(m->stats, STAT_MCP_OVER_LIMIT, 1);
		return false;
	}
	*w = role;
	w->mcp = m;
	w->x = x;
	sse_init(&w->events, on_event, w);
	DL_APPEND(m->works, w);
	m->n_works++;
	x->rpc = w;
	return w->marked;
}

/* False where the body may not grow: over its own limit, or over that of all. */
static bool keep(struct http_work *w, struct buf *b, struct slice piece)
{
	struct arena_budget *budget = &w->mcp->budget;
	const size_t had = b->cap, wants = b->n + piece.n;
	bool kept = false;

	/* A buffer that grows doubles. */
	if (wants <= had || budget->used - had + 2 * wants <= budget->max)
		kept = buf_add(b, piece, JSONRPC_MESSAGE_MAX) == 0;
	budget->used += b->cap - had;
	if (!kept)
		stat_add(w->mcp->stats, STAT_MCP_OVER_LIMIT, 1);
	return kept;
}

/* --- requests --- */

static bool begin(struct http_work *w)
{
	const struct http_message *m = &w->x->request;

	if (w->begun)
		return true;
	w->request_bad |= m->lost_bytes || m->damage;
	if (!http_message_request(w))
		return drop(w);
	buf_free(w, &w->request);
	return true;
}

static bool on_request_body(struct http_work *w, struct slice piece)
{
	if (w->begun || w->request_bad)
		return w->s || w->marked;
	w->request_bad =
		w->x->request.lost_bytes || w->x->request.damage || !keep(w, &w->request, piece);
	if (w->role != HTTP_POST || w->marked)
		return true;
	if (w->request_bad || jsonrpc_may_begin(buf_slice(&w->request)) == 0)
		return drop(w);
	return false;
}

/* --- answers --- */

/* JSON begins with a bracket, whatever the header says. */
static void decide_body(struct http_work *w, struct slice piece)
{
	const struct slice type = http_header(&w->x->response, SLICE("content-type"));
	const struct slice text = slice_trim(piece);

	if (!text.n)
		return;
	w->body = slice_istarts(type, SLICE("text/event-stream")) && text.p[0] != '{' &&
				  text.p[0] != '['
			  ? HTTP_BODY_EVENTS
			  : HTTP_BODY_JSON;
}

static void feed_events(struct http_work *w, struct slice piece)
{
	size_t size;

	if (sse_feed(&w->events, piece) < 0)
		stat_add(w->mcp->stats, STAT_MCP_OVER_LIMIT, 1);
	size = w->events.line.cap + w->events.type.cap + w->events.data.cap;
	w->mcp->budget.used += size - w->events_size;
	w->events_size = size;
	if (w->mcp->budget.used <= w->mcp->budget.max)
		return;
	stat_add(w->mcp->stats, STAT_MCP_OVER_LIMIT, 1);
	events_free(w);
}

static void take_loss(struct http_work *w)
{
	const uint64_t lost = w->x->response.lost_bytes;

	if (lost == w->lost)
		return;
	if (w->s)
		asker_lost(&w->s->asks, w, lost - w->lost);
	w->lost = lost;
	w->answer_bad |= w->body != HTTP_BODY_EVENTS;
	/* The event that the gap is in is gone; what follows may as well begin one. */
	events_free(w);
}

static void on_response_body(struct http_work *w, struct slice piece)
{
	if (is_foreign(w))
		return;
	take_loss(w);
	if (w->body == HTTP_BODY_UNKNOWN)
		decide_body(w, piece);
	if (w->body == HTTP_BODY_EVENTS)
		feed_events(w, piece);
	else if (w->body == HTTP_BODY_JSON && !w->answer_bad)
		w->answer_bad = !keep(w, &w->answer, piece);
}

static void on_response_end(struct http_work *w)
{
	take_loss(w);
	w->answer_bad |= w->x->response.damage != NULL;
	if (w->body == HTTP_BODY_JSON && !w->answer_bad)
		http_message_answer(w, buf_slice(&w->answer));
	/* Some end their last event without the blank line that would end it. */
	else if (w->body == HTTP_BODY_EVENTS && w->x->end != HTTP_END_CUT)
		feed_events(w, SLICE("\n\n"));
	buf_free(w, &w->answer);
}

static bool finished(struct http_work *w)
{
	bool ours;

	if (!begin(w))
		return false;
	take_loss(w);
	http_message_end(w);
	ours = w->s || w->role == HTTP_CARD;
	http_session_release(w->s);
	work_free(w);
	return ours;
}

bool mcp_exchange(struct mcp *m, enum http_event ev, struct http_exchange *x, struct slice piece,
		  bool taken)
{
	struct http_work *w = x->rpc;

	if (ev == HTTP_REQUEST_HEAD)
		return work_new(m, x);
	if (!w)
		return false;
	if (taken && ev != HTTP_REQUEST_BODY)
		return drop(w);
	switch (ev) {
	case HTTP_REQUEST_HEAD:
		break;
	case HTTP_REQUEST_BODY:
		return on_request_body(w, piece);
	case HTTP_REQUEST_END:
		w->request_over = true;
		return begin(w) && w->s;
	case HTTP_RESPONSE_HEAD:
		break;
	case HTTP_RESPONSE_BODY:
		/* An early answer: what has come of the request must do. */
		if (!begin(w))
			return false;
		on_response_body(w, piece);
		break;
	case HTTP_RESPONSE_END:
		if (!begin(w))
			return false;
		on_response_end(w);
		break;
	case HTTP_FINISHED:
		return finished(w);
	}
	return w->s || w->role == HTTP_CARD;
}
