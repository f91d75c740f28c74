/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections and their bytes in order.
 *
 * Takes CONN_*, DATA, GAP and EXIT events, ignores every other kind. Bytes seen twice are dropped,
 * missing ones become a gap, the connections of a process that has gone are closed.
 */
#pragma once

#include "sonde/event.h"
#include "sonde/stats.h"
#include "sonde/stream.h"

#define STREAM_CONNECTIONS_MAX 65536

struct stream;

/* @conn stays valid from open() to the return of close(). Any function may be NULL. */
struct stream_reader {
	void (*open)(void *ctx, struct connection *conn);
	void (*chunk)(void *ctx, const struct stream_chunk *chunk);
	void (*linked)(void *ctx,
		       struct connection *conn); /* its socket, and so its peer, is now known */
	/* Who is at an end of a connection that stands for both (SONDE_CONN_TALK). */
	void (*used)(void *ctx, struct connection *conn, const struct sonde_use_event *use);
	void (*close)(void *ctx, struct connection *conn, uint64_t ts_ns);
};

/* 0 or -ENOMEM. @reader and @stats must outlive the stream. */
int stream_new(const struct stream_reader *reader, void *ctx, struct stats *stats,
	       struct stream **ret);
/* Closes what is open, without callbacks. NULL is fine. */
void stream_free(struct stream *s);

/* Takes one event; malformed ones are counted. */
void stream_feed(struct stream *s, const struct sonde_event *e);
/* Closes everything with callbacks: the recording has ended. */
void stream_end(struct stream *s, uint64_t ts_ns);
/* NULL where no such connection is open. */
struct connection *stream_find(struct stream *s, uint64_t conn);
