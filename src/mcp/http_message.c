/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which conversation the messages of an exchange belong to, and what they mean in it.
 *
 * Streamable HTTP answers a request in its own exchange, or later on another stream of the session;
 * HTTP+SSE (2024-11-05) always on the stream that gave out the address. Servers ask on any stream
 * and are answered by a POST.
 */
#include "base/json.h"
#include "mcp/http_work.h"

static struct slice session_header(const struct http_message *m)
{
	return http_header(m, SLICE("mcp-session-id"));
}

static struct circumstance how_of(const struct http_work *w)
{
	return (struct circumstance){ .conn = w->x->conn,
				      .http = true,
				      .inbound = w->x->inbound,
				      .head_only = w->by_head,
				      .one_numbering = w->s->named,
				      .exchange = w };
}

static struct jsonrpc_message blank_of(const struct http_work *w, bool answer)
{
	const struct http_message *m = answer ? &w->x->response : &w->x->request;

	return (struct jsonrpc_message){ .pos = m->pos,
					 .begin_ns = m->head_ns,
					 .end_ns = w->x->now_ns };
}

/* --- requests --- */

static bool is_ours(const struct http_work *w, const struct jsonrpc_message *m)
{
	if (m->kind == JSONRPC_OTHER)
		return false;
	if (w->marked)
		return true;
	if (m->kind == JSONRPC_NOTIFICATION)
		return slice_starts(m->method, SLICE("notifications/"));
	return m->kind == JSONRPC_REQUEST && rpc_method(m->method);
}

/* The name of a session comes with the answer to its first request. */
static struct http_session *session_of(struct http_work *w, bool begins)
{
	struct http_session *s;

	if (session_header(&w->x->request).n)
		return http_session_get(w->mcp, w->x, session_header(&w->x->request));
	s = http_session_of_endpoint(w->mcp, w->x);
	if (s)
		return s;
	w->is_fresh = begins;
	return begins ? http_session_new(w->mcp, w->x)
		      : http_session_get(w->mcp, w->x, (struct slice){ 0 });
}

static void on_request(void *ctx, const struct jsonrpc_message *m)
{
	struct http_work *w = ctx;
	struct circumstance how;

	if (!w->s && !is_ours(w, m)) {
		/* Whatever is sent to an address of the old transport is of its session. */
		if (m->kind != JSONRPC_OTHER)
			w->s = http_session_of_endpoint(w->mcp, w->x);
		if (!w->s)
			return;
	}
	if (!w->s)
		w->s = session_of(w, slice_eq(m->method, SLICE("initialize")));
	if (!w->s)
		return;
	how = how_of(w);
	if (m->kind == JSONRPC_REQUEST || m->kind == JSONRPC_NOTIFICATION) {
		asker_asked(&w->s->asks, &how, m);
		if (m->kind == JSONRPC_NOTIFICATION)
			asker_told(&w->s->back, &how, m);
	} else if (m->kind != JSONRPC_OTHER) {
		how.exchange = NULL;
		asker_answered(&w->s->back, &how, m);
	}
}

/* Where the body is lost, the head tells what was asked (since 2026-07-28). */
static void by_head(struct http_work *w)
{
	const struct slice method = http_header(&w->x->request, SLICE("mcp-method"));
	const struct slice name = http_header(&w->x->request, SLICE("mcp-name"));
	struct jsonrpc_message m = blank_of(w, false);
	struct buf params = { 0 };
	struct json_writer out = { .out = &params };
	const struct rpc_method *known = rpc_method(method);

	if (!known)
		return;
	json_begin(&out, '{');
	json_key(&out, known->subject ? known->subject : "name");
	json_put_str(&out, name);
	json_end(&out, '}');
	w->by_head = true;
	m.kind = JSONRPC_REQUEST;
	m.method = method;
	if (out.r == 0)
		m.params = buf_slice(&params);
	on_request(w, &m);
	buf_done(&params);
}

static void rest_request(struct http_work *w)
{
	struct jsonrpc_message m = blank_of(w, false);
	const struct slice body = slice_trim(buf_slice(&w->request));
	struct circumstance how;

	if (!w->marked && (w->request_bad || (body.n && !json_valid(body)) ||
			   (slice_ends(slice_of(w->method), SLICE("Message")) &&
			    !json_member(body, SLICE("message")).n)))
		return;
	w->s = http_session_get(w->mcp, w->x, (struct slice){ 0 });
	if (!w->s)
		return;
	m.kind = JSONRPC_REQUEST;
	m.method = slice_of(w->method);
	if (!w->request_bad)
		m.params = body;
	how = how_of(w);
	asker_asked(&w->s->asks, &how, &m);
}

static bool stream_request(struct http_work *w)
{
	const struct slice id = session_header(&w->x->request);

	if (id.n)
		w->s = http_session_get(w->mcp, w->x, id);
	return true; /* what comes on it tells */
}

bool http_message_request(struct http_work *w)
{
	const struct slice version = http_header(&w->x->request, SLICE("mcp-protocol-version"));
	const struct jsonrpc_message blank = blank_of(w, false);

	w->begun = true;
	if (w->role == HTTP_CARD)
		return true;
	if (w->role == HTTP_STREAM || w->role == HTTP_DELETE)
		return stream_request(w);
	if (w->role == HTTP_REST)
		rest_request(w);
	else if (!w->request_bad)
		jsonrpc_read(buf_slice(&w->request), &blank, on_request, w);
	/* A body that has not ended may be whole all the same. */
	if (!w->s && (w->request_bad || !w->request_over) && w->role == HTTP_POST && w->marked)
		by_head(w);
	if (w->s && !w->s->session.protocol_version)
		session_keep(&w->s->session.protocol_version, version);
	return w->s;
}

/* --- answers --- */

static void name_session(struct http_work *w)
{
	const struct slice id = session_header(&w->x->response);

	if (!w->is_fresh || !w->s || w->x->status == 0)
		return;
	w->is_fresh = false;
	if (w->x->status < 300)
		http_session_name(w->s, w->x, id);
}

static void on_answer(void *ctx, const struct jsonrpc_message *m)
{
	struct http_work *w = ctx;
	struct circumstance how;

	if (m->kind == JSONRPC_OTHER) {
		w->n_others++;
		return;
	}
	if (!w->s)
		w->s = http_session_get(w->mcp, w->x, session_header(&w->x->request));
	if (!w->s)
		return;
	how = how_of(w);
	if (m->kind == JSONRPC_RESULT || m->kind == JSONRPC_ERROR) {
		asker_answered(&w->s->asks, &how, m);
		return;
	}
	if (m->kind == JSONRPC_NOTIFICATION)
		asker_told(&w->s->asks, &how, m);
	how.works_for = &w->s->asks;
	how.one_numbering = true; /* who answers names the session, or there is but one */
	asker_asked(&w->s->back, &how, m);
}

static void rest_answer(struct http_work *w, struct slice text)
{
	struct jsonrpc_message m = blank_of(w, true);
	const struct circumstance how = how_of(w);

	if (!json_valid(text) || w->x->status >= 400)
		return;
	m.kind = JSONRPC_RESULT;
	m.value = slice_trim(text);
	asker_answered(&w->s->asks, &how, &m);
}

void http_message_answer(struct http_work *w, struct slice text)
{
	const struct jsonrpc_message blank = blank_of(w, true);

	name_session(w);
	if (w->role == HTTP_CARD) {
		if (w->x->status == 200 && json_valid(text))
			card_take(w->mcp, w->x->host, slice_trim(text));
	} else if (w->role == HTTP_REST) {
		rest_answer(w, text);
	} else if (w->role == HTTP_POST) {
		jsonrpc_read(text, &blank, on_answer, w);
	}
}

static void endpoint(struct http_work *w, struct slice url)
{
	if (w->endpoint_any || w->s)
		return;
	w->s = http_session_new(w->mcp, w->x);
	if (!w->s)
		return;
	w->endpoint_any = true;
	http_session_endpoint(w->s, w->x, url);
}

void http_message_event(struct http_work *w, struct slice type, struct slice data)
{
	const struct jsonrpc_message blank = blank_of(w, true);

	name_session(w);
	if (w->role == HTTP_REST)
		rest_answer(w, data);
	else if (w->role == HTTP_STREAM && slice_eq(type, SLICE("endpoint")))
		endpoint(w, data);
	else if (w->role == HTTP_POST || w->role == HTTP_STREAM)
		jsonrpc_read(data, &blank, on_answer, w);
}

/* --- the end --- */

static const char *why_over(const struct http_work *w)
{
	static const char *const whys[] = {
		[HTTP_END_NONE] = NULL,
		[HTTP_END_COMPLETE] = NULL,
		[HTTP_END_CUT] = "the connection closed",
		[HTTP_END_LOST] = "bytes were lost",
		[HTTP_END_EVICTED] = "over limit",
		[HTTP_END_RECORDING] = "the recording ended",
	};

	if (whys[w->x->end])
		return whys[w->x->end];
	return w->answer_bad ? "the answer could not be read" : NULL;
}

/* Whether what was not answered here may be answered elsewhere. */
static bool goes_on(const struct http_work *w)
{
	const struct slice type = http_header(&w->x->response, SLICE("content-type"));

	if (w->x->end == HTTP_END_RECORDING || w->x->status >= 300 || !w->s->named)
		return false;
	return w->s->legacy || w->x->status == 202 ||
	       slice_istarts(type, SLICE("text/event-stream"));
}

static void end_post(struct http_work *w)
{
	const int status = w->x->status >= 400 ? w->x->status : 0;

	name_session(w);
	if (goes_on(w))
		asker_let_go(&w->s->asks, w);
	else
		asker_exchange_over(&w->s->asks, w, status, why_over(w), w->x->now_ns);
}

void http_message_end(struct http_work *w)
{
	const char *why = why_over(w);

	if (!w->s)
		return;
	asker_let_go(&w->s->back, w);
	if (w->role == HTTP_POST || w->role == HTTP_REST)
		end_post(w);
	else if (w->role == HTTP_STREAM && w->endpoint_any)
		http_session_end(w->s, why ? why : "the stream ended", w->x->now_ns);
	else if (w->role == HTTP_DELETE && w->x->status < 300)
		http_session_end(w->s, "the session was ended", w->x->now_ns);
}
