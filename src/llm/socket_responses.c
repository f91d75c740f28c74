/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Responses API over a WebSocket: each response.create is a call, the events after it are its
 * answer. Lanes (stream_id) are apart, and in order within. A response.create with
 * "generate":false warms up: it is no call, and what it sent belongs to the request that names it.
 */
#include <stdlib.h>
#include <utlist.h>

#include "base/util.h"
#include "llm/socket_format.h"

#ifndef __clang__ /* gcc 12's analyzer takes what only a list points to for lost */
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

#define WARM_UPS_MAX 8 /* that are remembered */

/* A warm-up that was answered. */
struct warm_up {
	struct warm_up *prev, *next;
	char *response_id;
	struct buf request;
};

struct state {
	struct warm_up *warm_ups;
	unsigned n;
};

static bool is_path(struct slice path)
{
	return slice_ends(path, SLICE("/responses"));
}

static void warm_up_free(struct llm_sockets *l, struct state *st, struct warm_up *w)
{
	socket_forget(l, w->request.n);
	DL_DELETE(st->warm_ups, w);
	st->n--;
	free(w->response_id);
	buf_done(&w->request);
	free(w);
}

static void done(struct llm_sockets *l, struct socket *s)
{
	struct state *st = s->state;

	while (st->warm_ups)
		warm_up_free(l, st, st->warm_ups);
}

/* --- requests --- */

static void put_items(struct json_writer *w, struct slice array)
{
	struct json_iter it;
	struct slice item;

	if (!json_array(array, &it))
		return;
	while (json_next(&it, &item))
		json_put_raw(w, item);
}

/* The request with the input of the warm-up before its own. */
static int join(struct slice warm, struct slice request, struct buf *ret)
{
	struct json_writer w = { .out = ret };
	struct slice key, value;
	struct json_iter it;

	json_begin(&w, '{');
	for (bool ok = json_object(request, &it); ok && json_next_member(&it, &key, &value);) {
		if (slice_eq(key, SLICE("previous_response_id")))
			continue; /* of what is no call */
		json_put_key(&w, key);
		if (!slice_eq(key, SLICE("input"))) {
			json_put_raw(&w, value);
			continue;
		}
		json_begin(&w, '[');
		put_items(&w, json_member(warm, SLICE("input")));
		put_items(&w, value);
		json_end(&w, ']');
	}
	json_end(&w, '}');
	return w.r;
}

static struct warm_up *find_warm_up(const struct state *st, struct slice text)
{
	const struct slice id = json_member(text, SLICE("previous_response_id"));
	struct warm_up *w;

	DL_FOREACH(st->warm_ups, w)
	if (id.n && json_is(id, w->response_id))
		return w;
	return NULL;
}

static void remember_warm_up(struct llm_sockets *l, struct state *st, struct socket_call *c,
			     struct slice response)
{
	const struct slice id = json_member(response, SLICE("id"));
	struct warm_up *w;

	if (id.n < 2)
		return;
	while (st->n >= WARM_UPS_MAX)
		warm_up_free(l, st, st->warm_ups);
	w = calloc(1, sizeof(*w));
	if (!w)
		return;
	w->response_id = slice_dup((struct slice){ id.p + 1, id.n - 2 });
	w->request = c->request;
	c->request = (struct buf){ 0 };
	DL_APPEND(st->warm_ups, w);
	st->n++;
	if (!w->response_id)
		warm_up_free(l, st, w);
}

/* Who asks once more has heard the answer before: its end was among what we have lost. */
static void lose_before(struct llm_sockets *l, struct socket *s, const char *lane)
{
	struct socket_call *c = socket_find(s, lane);

	if (c && c->x.response.damage)
		socket_lose(l, s, c);
}

static void client(struct llm_sockets *l, struct socket *s, const struct http_socket_message *m,
		   struct slice type)
{
	const struct warm_up *warm = find_warm_up(s->state, m->data);
	char lane[SOCKET_LANE_MAX];
	struct socket_call *c;
	int r;

	if (!json_is(type, "response.create"))
		return;
	socket_lane(json_member(m->data, SLICE("stream_id")), lane);
	lose_before(l, s, lane);
	c = socket_call_new(l, s, m);
	if (!c)
		return;
	memcpy(c->lane, lane, sizeof(c->lane));
	c->silent = slice_eq(json_member(m->data, SLICE("generate")), SLICE("false"));
	r = warm ? join(buf_slice(&warm->request), m->data, &c->request)
		 : buf_add(&c->request, m->data, SOCKET_CALL_MEMORY);
	if (r < 0)
		c->x.request.damage = "out of memory";
	socket_ask(l, s, c);
}

/* --- answers --- */

static int status_of(struct slice text, bool error)
{
	int64_t status = 200;

	if (error && !json_int64(json_member(text, SLICE("status")), &status))
		return 500;
	return status >= 100 && status < 1000 ? (int)status : 500;
}

static bool another_waits(const struct socket_call *c)
{
	const struct socket_call *next = c->next;

	while (next && strcmp(next->lane, c->lane) != 0)
		next = next->next;
	return next;
}

/* Whose answer begins. What has begun in that lane before is over, and its end was lost; where
 * bytes are missing and another one was asked since, all of it. */
static struct socket_call *begun(struct llm_sockets *l, struct socket *s,
				 const struct http_socket_message *m, const char *lane)
{
	struct socket_call *c = socket_find(s, lane);

	while (c && (c->x.status || (c->x.response.damage && another_waits(c)))) {
		socket_lose(l, s, c);
		c = socket_find(s, lane);
	}
	if (!c)
		c = socket_call_unseen(l, s, m);
	if (c)
		memcpy(c->lane, lane, sizeof(c->lane));
	return c;
}

static void server(struct llm_sockets *l, struct socket *s, const struct http_socket_message *m,
		   struct slice type)
{
	static const char *const last[] = { "response.completed", "response.incomplete",
					    "response.failed", "error" };
	char lane[SOCKET_LANE_MAX];
	struct socket_call *c;
	bool is_last = false;

	socket_lane(json_member(m->data, SLICE("stream_id")), lane);
	c = json_is(type, "response.created") ? begun(l, s, m, lane) : socket_find(s, lane);
	if (!c)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(last); i++)
		is_last |= json_is(type, last[i]);
	socket_answer(l, s, c, m, m->data, status_of(m->data, json_is(type, "error")));
	if (!is_last)
		return;
	if (c->silent)
		remember_warm_up(l, s->state, c, json_member(m->data, SLICE("response")));
	socket_finish(l, s, c);
}

const struct llm_socket_format llm_socket_responses = {
	.is_path = is_path,
	.state_size = sizeof(struct state),
	.client = client,
	.server = server,
	.done = done,
};
