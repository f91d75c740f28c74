/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HTTP on connections: decides once per connection what it speaks, hands chunks to that protocol's
 * reader (http1.c, http2.c: variants of struct http_protocol) and reports exchanges.
 *
 * Passive and sans-I/O: a gap, a cut or a limit damages an exchange and says so on it, never more.
 */
#pragma once

#include "sonde/http.h"
#include "sonde/stats.h"

struct http;

struct http_limits {
	size_t head_bytes;   /* of one message's head; default 256 KiB */
	size_t body_bytes;   /* of one body, decoded; default 64 MiB */
	unsigned ratio;	     /* decoded to encoded, beyond 16 MiB decoded; default 200 */
	size_t memory_bytes; /* of all connections; then the oldest idle is evicted; default 512 MiB
			      */
};

extern const struct http_limits http_limits_default;

struct http_reader {
	http_fn exchange;
	http_socket_fn socket; /* NULL: WebSockets are not read */
	/* The first bytes (of the connection, or behind an upgrade) say that this is no HTTP, or
	 * the connection was given up for good; nothing more of it is read. */
	void (*not_http)(void *ctx, struct connection *conn);
};

/* 0 or -ENOMEM. @limits NULL: the default. @reader, @limits and @stats must outlive it. */
int http_new(const struct http_reader *reader, void *ctx, const struct http_limits *limits,
	     struct stats *stats, struct http **ret);
/* Of all connections, from now on, instead of limits->memory_bytes. */
void http_set_memory(struct http *h, size_t bytes);
/* What they use of that. */
void http_memory(const struct http *h, size_t *ret_used, size_t *ret_max);
void http_free(struct http *h); /* without callbacks */

/* Uses conn->user for itself from the first chunk to http_close(). */
void http_feed(struct http *h, const struct stream_chunk *chunk);
/* The connection has gone; its exchanges finish. @why: CUT or RECORDING. */
void http_close(struct http *h, struct connection *conn, enum http_end why, uint64_t ts_ns);
