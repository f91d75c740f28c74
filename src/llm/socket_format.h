/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of llm/: WebSockets that carry model calls. socket.c makes exchanges, one for each call;
 * what messages begin, fill and end a call says a format: one file that ends in a
 * struct llm_socket_format, and its line in socket.c's table.
 */
#pragma once

#include "base/buf.h"
#include "base/json.h"
#include "llm/socket.h"

#define SOCKET_CALL_MEMORY (256u << 20) /* bytes of one exchange, its consumer's included */
#define SOCKET_LANE_MAX	   64

/* A call under way. */
struct socket_call {
	struct socket_call *prev, *next;
	struct http_exchange x;
	struct http_header type;    /* of the response */
	char lane[SOCKET_LANE_MAX]; /* by which its messages are known, as JSON */
	bool silent;		    /* nobody hears of it */
	struct buf request;
};

struct llm_socket_format;

struct socket {
	struct socket *prev, *next;
	struct http_socket *http;
	const struct llm_socket_format *format;
	void *state;		   /* the format's, zeroed; NULL where it has none */
	struct socket_call *calls; /* oldest first */
	unsigned n_calls;
	uint32_t exchanges;
};

struct llm_sockets;

struct llm_socket_format {
	/* Whether it is spoken on a socket that was opened under that path (without a query). */
	bool (*is_path)(struct slice path);
	size_t state_size;
	/* Messages have no "type" (@type is empty then), and may be binary frames. */
	bool untyped;
	/* A message with its "type", from either side. */
	void (*client)(struct llm_sockets *l, struct socket *s, const struct http_socket_message *m,
		       struct slice type);
	void (*server)(struct llm_sockets *l, struct socket *s, const struct http_socket_message *m,
		       struct slice type);
	void (*done)(struct llm_sockets *l, struct socket *s); /* frees the state; may be NULL */
};

extern const struct llm_socket_format llm_socket_responses, llm_socket_realtime, llm_socket_gemini;

/* --- socket.c --- */

/* A call that @m begins; NULL where there are too many. Fill ->request, then socket_ask(). */
struct socket_call *socket_call_new(struct llm_sockets *l, struct socket *s,
				    const struct http_socket_message *m);
/* A call whose answer begins with @m, and whose request was not seen; NULL likewise. */
struct socket_call *socket_call_unseen(struct llm_sockets *l, struct socket *s,
				       const struct http_socket_message *m);
/* Tells ->request, which is freed unless the call is silent. */
void socket_ask(struct llm_sockets *l, struct socket *s, struct socket_call *c);
/* An event of the answer, which begins with the first one; @status of that. */
void socket_answer(struct llm_sockets *l, struct socket *s, struct socket_call *c,
		   const struct http_socket_message *m, struct slice event, int status);
/* The answer is whole; @c is gone. */
void socket_finish(struct llm_sockets *l, struct socket *s, struct socket_call *c);
/* The end of its answer was lost. */
void socket_lose(struct llm_sockets *l, struct socket *s, struct socket_call *c);
/* The oldest call of that lane, or NULL. */
struct socket_call *socket_find(const struct socket *s, const char *lane);
/* A JSON value as the name of a lane; cut where it is longer. */
void socket_lane(struct slice value, char ret[SOCKET_LANE_MAX]);
/* Whether @n more bytes may be kept over messages, of all sockets at once: then they count until
 * socket_forget(). */
bool socket_keep(struct llm_sockets *l, size_t n);
void socket_forget(struct llm_sockets *l, size_t n);
/* Keeps @more at the end of @b; false where that is over @max or over what all may keep. */
bool socket_add(struct llm_sockets *l, struct buf *b, struct slice more, size_t max);
/* Empties what socket_add() filled. */
void socket_drop(struct llm_sockets *l, struct buf *b);
