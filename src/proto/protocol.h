/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a protocol that carries exchanges must be able to do, and what http.c keeps for each
 * connection. A new protocol is one file that ends in a struct http_protocol, and its line in
 * http.c's table.
 */
#pragma once

#include "proto/exchange.h"

#define HTTP_FIRST_MAX 32 /* bytes of a direction after which every detect() must have decided */

enum http_match { HTTP_NO, HTTP_MORE, HTTP_YES };

/* What is left to do with a connection after a chunk. */
enum http_next {
	HTTP_GO_ON,
	HTTP_GIVE_UP,  /* nothing more can be read */
	HTTP_UPGRADED, /* what follows in both directions is another protocol */
};

struct http_protocol {
	const char *name;
	/* Whether a direction may begin with @first, which is not empty. */
	enum http_match (*detect)(struct slice first);
	/*
	 * Whether a piece of either direction, anywhere in it, begins something that can be read
	 * from there on; NULL: where detect() says yes.
	 */
	bool (*resumes)(struct slice piece);
	/*
	 * @dir begins with @first, which detect() took. @midway: the other one may be inside a
	 * message. NULL where memory is refused.
	 */
	void *(*open)(struct http_conn *c, enum sonde_dir dir, struct slice first, bool midway);
	/* @ret_rest: the bytes behind an upgrade. */
	enum http_next (*feed)(void *state, const struct stream_chunk *chunk,
			       struct slice *ret_rest);
	/* Ends what costs memory as HTTP_END_EVICTED; goes on reading afterwards. */
	void (*evict)(void *state);
	/* Ends its exchanges as @why and frees it. */
	void (*close)(void *state, enum http_end why);
	void (*free)(void *state); /* without callbacks */
};

extern const struct http_protocol http1, http2;

struct http {
	const struct http_reader *reader;
	void *ctx;
	const struct http_limits *limits;
	struct stats *stats;
	struct arena_budget budget;
	uint64_t now_ns;	 /* boot time of what is being read */
	struct http_conn *conns; /* the one idle for longest first (utlist) */
};

/* A connection that became a WebSocket; websocket.h. */
struct http_upgrade {
	struct arena *mem;
	bool inbound; /* this process is the server */
	struct slice path, host;
	struct http_header *headers; /* of the request */
	size_t n_headers;
	bool deflate, no_takeover[2]; /* permessage-deflate; by enum side of the sender */
};

struct http_conn {
	struct http_conn *prev, *next;
	struct http *http;
	struct connection *conn;
	const struct http_protocol *protocol; /* NULL: not decided */
	void *state;
	uint32_t exchanges; /* announced so far */
	bool ignored;	    /* no HTTP, or given up */
	bool midway;
	bool perhaps_midway;	      /* only because it did not begin as HTTP does */
	uint64_t undecided;	      /* bytes seen while joined midway */
	struct http_upgrade *upgrade; /* what it left HTTP for; NULL: nothing that can be read */
	/* A request that HTTP/2 answers, to which its connection was upgraded; until it has begun.
	 */
	struct exchange *carried;
	struct {
		char bytes[HTTP_FIRST_MAX];
		uint8_t n;
		uint64_t ts_ns, pos;
	} first[2]; /* while not decided, by direction */
};
