/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One HTTP exchange as it grows: what proto/ makes and llm/ and mcp/ read.
 *
 * Bodies are handed over in pieces, without transfer and content codings, and not kept.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"
#include "sonde/stream.h"

struct http_header {
	struct slice name, value; /* name as sent; compare with slice_ieq() */
};

/* One of the two messages of an exchange. */
struct http_message {
	struct http_header *headers;
	size_t n_headers;
	uint64_t head_ns;    /* boot time: the first byte of the message */
	uint64_t body_ns;    /* first body byte; 0 while there is none */
	uint64_t end_ns;     /* last byte; 0 while it lasts */
	uint64_t wire_bytes; /* of the body, as it crossed the wire, without what was lost */
	uint64_t body_bytes; /* of the body, decoded */
	uint64_t lost_bytes; /* of the body, on the wire: gaps */
	uint64_t pos;	     /* stream position of the head */
	uint8_t lost_reason; /* enum sonde_gap_reason of the first gap */
	const char
		*damage; /* why the body is not whole ("gap", "over limit", "bad gzip"), or NULL */
};

/* How an exchange ended. */
enum http_end {
	HTTP_END_NONE = 0, /* it has not */
	HTTP_END_COMPLETE,
	HTTP_END_CUT,	    /* the connection closed or its process went away before the end */
	HTTP_END_LOST,	    /* a gap made the rest unreadable */
	HTTP_END_EVICTED,   /* over our own limits */
	HTTP_END_RECORDING, /* the recording ended first */
};

struct http_exchange {
	struct arena *mem; /* owns every byte below; freed after HTTP_FINISHED */
	const struct connection *conn;
	uint32_t number;	   /* of this exchange on its connection, from 0 */
	bool inbound;		   /* this process is the server */
	struct slice method, path; /* path: the request target with its query, as sent, but without
				      scheme and authority; both empty where no request was seen */
	struct slice host;	   /* Host header (or :authority), without a default port */
	int status;		   /* 0 while no response was seen */
	uint64_t now_ns;	   /* boot time of the bytes that caused the event being reported */
	struct http_message request, response;
	enum http_end end;
	uint64_t end_ns; /* boot time; 0 while it lasts */
	void *user;	 /* llm's own, or that of another consumer */
	void *rpc;	 /* mcp's own */
};

/*
 * What happened to an exchange; in this order, body events any number of times. It begins with
 * RESPONSE_HEAD where the request was not seen: joined midway, or lost (request.lost_bytes).
 */
enum http_event {
	HTTP_REQUEST_HEAD,
	HTTP_REQUEST_BODY,
	HTTP_REQUEST_END,
	HTTP_RESPONSE_HEAD, /* may come before REQUEST_END: servers may answer early */
	HTTP_RESPONSE_BODY,
	HTTP_RESPONSE_END,
	HTTP_FINISHED, /* always, and last; x->end says how */
};

/*
 * @piece: the decoded bytes of a *_BODY event, lent for the call. An upgraded connection
 * (101, or CONNECT) finishes its exchange; what follows is no HTTP, or a WebSocket.
 */
typedef void (*http_fn)(void *ctx, enum http_event ev, struct http_exchange *x, struct slice piece);

/* --- WebSocket: messages on a connection that left HTTP (RFC 6455) --- */

struct http_socket {
	const struct connection *conn;
	bool inbound;		     /* this process is the server */
	struct slice path, host;     /* of the request that opened it */
	struct http_header *headers; /* likewise */
	size_t n_headers;
	uint32_t exchanges; /* on this connection before */
	uint64_t now_ns;    /* boot time of the bytes that caused what is reported */
	void *user;	    /* the consumer's own */
};

struct http_socket_message {
	bool from_client, text;
	struct slice data; /* whole, unmasked and decompressed; empty where damaged; lent */
	uint64_t first_ns; /* boot time: its first byte */
	uint64_t pos;	   /* stream position of that */
	uint64_t lost_bytes;
	const char *damage; /* why it cannot be read, or NULL */
};

/* @m NULL: the connection has ended, as @why; @s is gone then. */
typedef void (*http_socket_fn)(void *ctx, struct http_socket *s,
			       const struct http_socket_message *m, enum http_end why);

/* The first header of that name (any case), or the empty slice. */
struct slice http_header(const struct http_message *m, struct slice name);
/* A request target without its query. */
struct slice http_path(struct slice target);
