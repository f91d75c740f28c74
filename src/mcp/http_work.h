/* SPDX-License-Identifier: BSD-2-Clause */
/* An exchange under way: for http.c, which reads bodies, and http_message.c, which reads messages.
 */
#pragma once

#include "mcp/http_session.h"
#include "proto/sse.h"

enum http_role {
	HTTP_POST,
	HTTP_STREAM, /* GET: what the server says of its own accord, or answers on (HTTP+SSE) */
	HTTP_DELETE, /* ends a session */
	HTTP_CARD,   /* A2A: who the agent is */
	HTTP_REST,   /* A2A without JSON-RPC around it */
};

enum http_body { HTTP_BODY_UNKNOWN, HTTP_BODY_JSON, HTTP_BODY_EVENTS };

struct http_work {
	struct http_work *prev, *next;
	struct mcp *mcp;
	struct http_exchange *x;
	struct http_session *s; /* NULL until it turns out to be one of ours */
	enum http_role role;
	bool marked;	   /* its head says that it is MCP or A2A */
	bool begun;	   /* the request has been read */
	bool request_over; /* all of it has come */
	bool request_bad;  /* its body is not whole */
	bool by_head;	   /* so its head was read instead */
	bool answer_bad;
	bool is_fresh;	    /* its session waits for a name */
	bool endpoint_any;  /* its stream gave out an address */
	const char *method; /* HTTP_REST: what JSON-RPC calls it */
	struct buf request, answer;
	struct sse events;
	enum http_body body;
	size_t events_size; /* bytes that these keep */
	unsigned n_others;  /* documents of the answer that are no JSON-RPC */
	uint64_t lost;	    /* of the answer, as far as it was told */
};

/* What the head of a request says that the exchange may be. False: nothing of ours. */
bool http_role_of(const struct http_exchange *x, struct http_work *w);

/* The request has come, or as much of it as ever will. False: the exchange is none of ours. */
bool http_message_request(struct http_work *w);
/* One JSON document of the answer. */
void http_message_answer(struct http_work *w, struct slice text);
/* One event of the answer; type and data as the stream has them. */
void http_message_event(struct http_work *w, struct slice type, struct slice data);
/* The exchange is over. */
void http_message_end(struct http_work *w);
