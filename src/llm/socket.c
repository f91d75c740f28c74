/* SPDX-License-Identifier: BSD-2-Clause */
#include "llm/socket_format.h"

#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "base/cleanup.h"
#include "base/util.h"

#ifndef __clang__ /* gcc 12's analyzer takes what only a list points to for lost */
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

#define CALLS_MAX  64		/* open on one connection */
#define MEMORY_MAX (512u << 20) /* of all exchanges at once */
#define KEPT_MAX   (64u << 20)	/* bytes that formats keep, of all sockets at once */

/* The first that knows the path. */
static const struct llm_socket_format *const formats[] = {
	&llm_socket_realtime,
	&llm_socket_responses,
	&llm_socket_gemini,
};

struct llm_sockets {
	http_fn fn;
	void *ctx;
	struct socket *all;
	struct arena_budget budget;
	size_t kept;
};

int llm_sockets_new(http_fn fn, void *ctx, struct llm_sockets **ret)
{
	struct llm_sockets *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->fn = fn;
	l->ctx = ctx;
	l->budget.max = MEMORY_MAX;
	*ret = l;
	return 0;
}

bool socket_keep(struct llm_sockets *l, size_t n)
{
	if (n > KEPT_MAX - l->kept)
		return false;
	l->kept += n;
	return true;
}

void socket_forget(struct llm_sockets *l, size_t n)
{
	l->kept -= n;
}

bool socket_add(struct llm_sockets *l, struct buf *b, struct slice more, size_t max)
{
	if (!socket_keep(l, more.n))
		return false;
	if (buf_add(b, more, max) == 0)
		return true;
	socket_forget(l, more.n);
	return false;
}

void socket_drop(struct llm_sockets *l, struct buf *b)
{
	socket_forget(l, b->n);
	buf_done(b);
	*b = (struct buf){ 0 };
}

static void call_free(struct llm_sockets *l, struct socket *s, struct socket_call *c)
{
	if (c->silent)
		socket_forget(l, c->request.n);
	DL_DELETE(s->calls, c);
	s->n_calls--;
	arena_free(c->x.mem);
	buf_done(&c->request);
	free(c);
}

static void socket_free(struct llm_sockets *l, struct socket *s)
{
	struct socket_call *c, *next;

	DL_FOREACH_SAFE(s->calls, c, next)
	call_free(l, s, c);
	if (s->format->done)
		s->format->done(l, s);
	free(s->state);
	DL_DELETE(l->all, s);
	s->http->user = NULL;
	free(s);
}

void llm_sockets_free(struct llm_sockets *l)
{
	struct socket *s, *next;

	if (!l)
		return;
	DL_FOREACH_SAFE(l->all, s, next)
	socket_free(l, s);
	free(l);
}

static const struct llm_socket_format *format_of(struct slice path)
{
	path = http_path(path);
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (formats[i]->is_path(path))
			return formats[i];
	return &llm_socket_responses;
}

static struct socket *socket_get(struct llm_sockets *l, struct http_socket *http)
{
	struct socket *s = http->user;

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->format = format_of(http->path);
	if (s->format->state_size)
		s->state = calloc(1, s->format->state_size);
	if (s->format->state_size && !s->state) {
		free(s);
		return NULL;
	}
	s->http = http;
	s->exchanges = http->exchanges;
	http->user = s;
	DL_APPEND(l->all, s);
	return s;
}

static void tell(struct llm_sockets *l, struct socket *s, struct socket_call *c, enum http_event ev,
		 struct slice piece)
{
	if (c->silent)
		return;
	c->x.now_ns = s->http->now_ns;
	l->fn(l->ctx, ev, &c->x, piece);
}

static void finish(struct llm_sockets *l, struct socket *s, struct socket_call *c,
		   enum http_end end)
{
	c->x.end = end;
	c->x.end_ns = s->http->now_ns;
	tell(l, s, c, HTTP_FINISHED, (struct slice){ 0 });
	call_free(l, s, c);
}

void socket_lane(struct slice value, char ret[SOCKET_LANE_MAX])
{
	const size_t n = value.n < SOCKET_LANE_MAX - 1 ? value.n : SOCKET_LANE_MAX - 1;

	memcpy(ret, n ? value.p : "", n);
	ret[n] = 0;
}

struct socket_call *socket_find(const struct socket *s, const char *lane)
{
	struct socket_call *c;

	DL_FOREACH(s->calls, c)
	if (strcmp(c->lane, lane) == 0)
		return c;
	return NULL;
}

/* --- requests --- */

struct socket_call *socket_call_new(struct llm_sockets *l, struct socket *s,
				    const struct http_socket_message *m)
{
	struct socket_call *c = s->n_calls < CALLS_MAX ? calloc(1, sizeof(*c)) : NULL;

	if (!c)
		return NULL;
	c->x = (struct http_exchange){
		.mem = arena_new_within(SOCKET_CALL_MEMORY, &l->budget),
		.conn = s->http->conn,
		.number = s->exchanges,
		.inbound = s->http->inbound,
		.method = SLICE("POST"),
		.path = s->http->path,
		.host = s->http->host,
		.request = { .headers = s->http->headers,
			     .n_headers = s->http->n_headers,
			     .head_ns = m->first_ns,
			     .body_ns = m->first_ns,
			     .end_ns = s->http->now_ns,
			     .wire_bytes = m->data.n,
			     .body_bytes = m->data.n,
			     .pos = m->pos },
	};
	if (!c->x.mem) {
		free(c);
		return NULL;
	}
	s->exchanges++;
	s->n_calls++;
	DL_APPEND(s->calls, c);
	return c;
}

struct socket_call *socket_call_unseen(struct llm_sockets *l, struct socket *s,
				       const struct http_socket_message *m)
{
	struct socket_call *c = socket_call_new(l, s, m);

	if (!c)
		return NULL;
	c->x.method = (struct slice){ 0 };
	c->x.request = (struct http_message){ .damage = "gap" };
	return c;
}

void socket_ask(struct llm_sockets *l, struct socket *s, struct socket_call *c)
{
	tell(l, s, c, HTTP_REQUEST_HEAD, (struct slice){ 0 });
	tell(l, s, c, HTTP_REQUEST_BODY, buf_slice(&c->request));
	tell(l, s, c, HTTP_REQUEST_END, (struct slice){ 0 });
	if (!c->silent || !socket_keep(l, c->request.n))
		buf_done(&c->request);
}

/* --- answers --- */

static void begin_answer(struct llm_sockets *l, struct socket *s, struct socket_call *c,
			 const struct http_socket_message *m, int status)
{
	c->type = (struct http_header){ SLICE("content-type"), SLICE("text/event-stream") };
	c->x.status = status >= 100 && status < 1000 ? status : 500;
	c->x.response.headers = &c->type;
	c->x.response.n_headers = 1;
	c->x.response.head_ns = c->x.response.body_ns = m->first_ns;
	c->x.response.pos = m->pos;
	tell(l, s, c, HTTP_RESPONSE_HEAD, (struct slice){ 0 });
}

/* The message as an event of a stream, whose lines JSON's blanks must not break. */
void socket_answer(struct llm_sockets *l, struct socket *s, struct socket_call *c,
		   const struct http_socket_message *m, struct slice event, int status)
{
	_cleanup_(buf_done) struct buf line = { 0 };

	if (c->x.status == 0)
		begin_answer(l, s, c, m, status);
	if (buf_add(&line, SLICE("data: "), SOCKET_CALL_MEMORY) < 0 ||
	    buf_add(&line, event, SOCKET_CALL_MEMORY) < 0 ||
	    buf_add(&line, SLICE("\n\n"), SOCKET_CALL_MEMORY) < 0)
		return;
	for (size_t i = 0; i < line.n - 2; i++)
		if (line.p[i] == '\n' || line.p[i] == '\r')
			line.p[i] = ' ';
	c->x.response.wire_bytes += m->data.n;
	c->x.response.body_bytes += line.n;
	tell(l, s, c, HTTP_RESPONSE_BODY, buf_slice(&line));
}

void socket_finish(struct llm_sockets *l, struct socket *s, struct socket_call *c)
{
	if (!c->x.response.end_ns)
		c->x.response.end_ns = s->http->now_ns;
	tell(l, s, c, HTTP_RESPONSE_END, (struct slice){ 0 });
	finish(l, s, c, HTTP_END_COMPLETE);
}

void socket_lose(struct llm_sockets *l, struct socket *s, struct socket_call *c)
{
	if (!c->x.response.damage)
		c->x.response.damage = "gap";
	finish(l, s, c, HTTP_END_LOST);
}

/* A message that cannot be read may have been of any call; it is told on those that wait. */
static void on_damage(struct socket *s, const struct http_socket_message *m)
{
	struct socket_call *c;

	DL_FOREACH(s->calls, c)
	{
		if (m->from_client)
			continue;
		c->x.response.lost_bytes += m->lost_bytes;
		if (!c->x.response.damage)
			c->x.response.damage = m->damage;
	}
}

void llm_sockets_feed(struct llm_sockets *l, struct http_socket *http,
		      const struct http_socket_message *m, enum http_end why)
{
	struct socket *s = socket_get(l, http);
	struct slice type;

	if (!s)
		return;
	if (!m) {
		while (s->calls)
			finish(l, s, s->calls, why);
		socket_free(l, s);
		return;
	}
	if (m->damage) {
		on_damage(s, m);
		return;
	}
	type = m->text ? json_member(m->data, SLICE("type")) : (struct slice){ 0 };
	if (!type.n && !s->format->untyped)
		return;
	(m->from_client ? s->format->client : s->format->server)(l, s, m, type);
}
