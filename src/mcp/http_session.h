/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Conversations over HTTP, which spread over exchanges and connections. One is found by what the
 * protocol names it by: Mcp-Session-Id, or the address that an `endpoint` event gave out; where
 * there is neither, by who asks whom (seen at the asking end), or by the connection.
 */
#pragma once

#include "base/id.h"
#include "base/map.h"
#include "mcp/session.h"
#include "sonde/http.h"

#define HTTP_SESSIONS_MAX 4096 /* then the one that was unused longest is forgotten */

struct http_session {
	UT_hash_handle hh;
	struct id128 key;
	struct http_session *prev, *next; /* least recently used first */
	struct mcp *mcp;
	struct session session;
	struct asker asks, back;    /* what the client asks, and the server */
	struct process_key process; /* the one at this end */
	unsigned users;		    /* exchanges that hold it */
	bool known;		    /* found by its key; else only whoever holds it has it */
	bool named;		    /* it has a name of its own: its ids are used once at a time */
	bool legacy;		    /* HTTP+SSE of 2024-11-05: answers come on its stream only */
};

/* Each returns a session that is held until http_session_release(), or NULL. */
struct http_session *http_session_new(struct mcp *m, const struct http_exchange *x);
/* @id empty: without a name. */
struct http_session *http_session_get(struct mcp *m, const struct http_exchange *x,
				      struct slice id);
/* Of the address that is posted to; NULL where none was given out. */
struct http_session *http_session_of_endpoint(struct mcp *m, const struct http_exchange *x);
void http_session_release(struct http_session *s);

/* From here on it is found: by @id, or (empty) as one without a name. */
void http_session_name(struct http_session *s, const struct http_exchange *x, struct slice id);
/* From here on it is found by an address (@url as the event has it) that is posted to. */
void http_session_endpoint(struct http_session *s, const struct http_exchange *x, struct slice url);
/* It is over: what waits is cut, and nobody finds it again. */
void http_session_end(struct http_session *s, const char *why, uint64_t ts_ns);

void http_sessions_exited(struct mcp *m, struct process_key process, uint64_t ts_ns);
void http_sessions_free(struct mcp *m); /* without callbacks */
