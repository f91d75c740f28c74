/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenAI Realtime: what openai_realtime.c reads is put together here.
 *
 * A call is a response, from response.create (or, where the server begins by itself, from
 * response.created) to response.done. Its request is what was added to the conversation since the
 * response before, which it names; so calls chain as those of the Responses API do. A transcription
 * of what somebody said is a call of its own, since another model makes it.
 *
 * Sound comes in pieces of base64 that are not handed on.
 */
#include "base/util.h"
#include "llm/socket_format.h"

#define ITEMS_MAX   ((size_t)8 << 20) /* bytes of items that wait for a response */
#define SESSION_MAX ((size_t)1 << 20)
#define ID_MAX	    256

struct state {
	struct buf session; /* as the server said it last */
	struct buf items;   /* since the last response, with commas between them */
	bool items_lost;
	unsigned echoes;	    /* items of the client that the server is about to repeat */
	char last_response[ID_MAX]; /* JSON */
};

static bool is_path(struct slice path)
{
	return slice_ends(path, SLICE("/realtime"));
}

static void done(struct llm_sockets *l, struct socket *s)
{
	struct state *st = s->state;

	socket_drop(l, &st->session);
	socket_drop(l, &st->items);
}

static void set_session(struct llm_sockets *l, struct state *st, struct slice session)
{
	if (!session.n || session.p[0] != '{')
		return;
	socket_drop(l, &st->session);
	socket_add(l, &st->session, session, SESSION_MAX);
}

static void add_item(struct llm_sockets *l, struct state *st, struct slice item)
{
	const size_t before = st->items.n;

	if (!item.n || item.p[0] != '{')
		return;
	if ((!before || socket_add(l, &st->items, SLICE(","), ITEMS_MAX)) &&
	    socket_add(l, &st->items, item, ITEMS_MAX))
		return;
	socket_forget(l, st->items.n - before); /* the comma */
	st->items.n = before;
	st->items_lost = true;
}

/* --- requests --- */

/* The value of a parameter of the query. */
static struct slice parameter(struct slice path, struct slice name)
{
	struct slice before, query, one, key, value;

	if (!slice_cut(path, '?', &before, &query))
		return (struct slice){ 0 };
	while (query.n) {
		if (!slice_cut(query, '&', &one, &query)) {
			one = query;
			query.n = 0;
		}
		if (slice_cut(one, '=', &key, &value) && slice_eq(key, name))
			return value;
	}
	return (struct slice){ 0 };
}

static void put_member(struct json_writer *w, const char *key, struct slice json)
{
	if (!json.n)
		return;
	json_key(w, key);
	json_put_raw(w, json);
}

static void put_model(struct json_writer *w, const struct socket *s)
{
	struct slice model = parameter(s->http->path, SLICE("model"));

	if (!model.n)
		model = parameter(s->http->path, SLICE("deployment")); /* Azure */
	if (!model.n)
		return;
	json_key(w, "model");
	json_put_str(w, model);
}

static void write_request(const struct socket *s, struct slice response, struct socket_call *c)
{
	const struct state *st = s->state;
	struct json_writer w = { .out = &c->request };

	json_begin(&w, '{');
	if (!json_member(buf_slice(&st->session), SLICE("model")).n)
		put_model(&w, s);
	put_member(&w, "session", buf_slice(&st->session));
	put_member(&w, "previous_response_id", slice_of(st->last_response));
	put_member(&w, "response", response);
	put_member(&w, "stream", SLICE("true"));
	json_key(&w, "input");
	json_begin(&w, '[');
	if (st->items.n)
		json_put_raw(&w, buf_slice(&st->items));
	json_end(&w, ']');
	json_end(&w, '}');
	if (w.r < 0 || st->items_lost)
		c->x.request.damage = "over limit";
}

static struct socket_call *ask(struct llm_sockets *l, struct socket *s,
			       const struct http_socket_message *m, struct slice response)
{
	struct socket_call *c = socket_call_new(l, s, m);
	struct state *st = s->state;

	if (!c)
		return NULL;
	write_request(s, response, c);
	socket_drop(l, &st->items);
	st->items_lost = false;
	socket_ask(l, s, c);
	return c;
}

static void client(struct llm_sockets *l, struct socket *s, const struct http_socket_message *m,
		   struct slice type)
{
	struct state *st = s->state;

	if (json_is(type, "response.create")) {
		ask(l, s, m, json_member(m->data, SLICE("response")));
	} else if (json_is(type, "conversation.item.create")) {
		add_item(l, st, json_member(m->data, SLICE("item")));
		st->echoes++;
	}
}

/* --- answers --- */

/* The server's own: what somebody said while it listened. */
static void on_item(struct llm_sockets *l, struct state *st, struct slice data)
{
	const struct slice item = json_member(data, SLICE("item"));
	const struct slice role = json_member(item, SLICE("role"));

	if (json_is(role, "assistant") ||
	    json_is(json_member(item, SLICE("type")), "function_call"))
		return; /* of a response */
	if (st->echoes)
		st->echoes--;
	else
		add_item(l, st, item);
}

/* Another model wrote down what was said. */
static void on_transcription(struct llm_sockets *l, struct socket *s,
			     const struct http_socket_message *m)
{
	static const char *const models[] = { "audio.input.transcription.model",
					      "input_audio_transcription.model" };
	const struct state *st = s->state;
	struct socket_call *c = socket_call_new(l, s, m);
	struct json_writer w;

	if (!c)
		return;
	w = (struct json_writer){ .out = &c->request };
	json_begin(&w, '{');
	json_key(&w, "transcription");
	json_begin(&w, '{');
	for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
		const struct slice model = json_find(buf_slice(&st->session), models[i]);

		if (model.n > 2)
			put_member(&w, "model", model);
	}
	json_end(&w, '}');
	put_member(&w, "input", SLICE("[]"));
	json_end(&w, '}');
	if (w.r < 0)
		c->x.request.damage = "out of memory";
	socket_ask(l, s, c);
	socket_answer(l, s, c, m, m->data, 200);
	socket_finish(l, s, c);
}

static struct slice response_id(struct slice data)
{
	const struct slice id = json_member(data, SLICE("response_id"));

	return id.n ? id : json_find(data, "response.id");
}

/* An error need not be about a response: it is where one was asked for and none came. */
static void on_error(struct llm_sockets *l, struct socket *s, const struct http_socket_message *m)
{
	struct socket_call *c = socket_find(s, "");

	if (!c)
		return;
	socket_answer(l, s, c, m, m->data, 200);
	socket_finish(l, s, c);
}

/* Without the sound itself. */
static bool is_sound(struct slice type)
{
	return json_is(type, "response.output_audio.delta") ||
	       json_is(type, "response.audio.delta");
}

static void on_response(struct llm_sockets *l, struct socket *s,
			const struct http_socket_message *m, struct slice type)
{
	const struct slice id = response_id(m->data);
	struct state *st = s->state;
	char lane[SOCKET_LANE_MAX];
	struct socket_call *c;

	if (!id.n)
		return;
	socket_lane(id, lane);
	c = socket_find(s, lane);
	if (!c && json_is(type, "response.created")) {
		c = socket_find(s, "");
		if (!c)
			c = ask(l, s, m, (struct slice){ 0 });
		if (c)
			memcpy(c->lane, lane, sizeof(lane));
	}
	if (!c)
		return;
	socket_answer(l, s, c, m,
		      is_sound(type) ? SLICE("{\"type\":\"response.output_audio.delta\"}")
				     : m->data,
		      200);
	if (!json_is(type, "response.done"))
		return;
	if (id.n < ID_MAX) {
		memcpy(st->last_response, id.p, id.n);
		st->last_response[id.n] = 0;
	}
	socket_finish(l, s, c);
}

static void server(struct llm_sockets *l, struct socket *s, const struct http_socket_message *m,
		   struct slice type)
{
	if (slice_starts(type, SLICE("\"session.")))
		set_session(l, s->state, json_member(m->data, SLICE("session")));
	else if (json_is(type, "conversation.item.created") ||
		 json_is(type, "conversation.item.added"))
		on_item(l, s->state, m->data);
	else if (json_is(type, "conversation.item.input_audio_transcription.completed") ||
		 json_is(type, "conversation.item.input_audio_transcription.failed"))
		on_transcription(l, s, m);
	else if (json_is(type, "error"))
		on_error(l, s, m);
	else if (slice_starts(type, SLICE("\"response.")))
		on_response(l, s, m, type);
}

const struct llm_socket_format llm_socket_realtime = {
	.is_path = is_path,
	.state_size = sizeof(struct state),
	.client = client,
	.server = server,
	.done = done,
};
