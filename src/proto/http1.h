/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HTTP/1.x on a connection that is only watched: two directions, each a sequence of messages, that
 * are paired in order. Shared by the files of this protocol.
 *
 * Bytes may be missing anywhere. Where the length of what is read is known, the framing survives,
 * and a chunked body goes on where a line with a chunk's size is found. Elsewhere the direction is
 * lost, and found again where a piece of it begins with a start line: peers hand over messages
 * whole, so a message starts where a piece starts. As clients of LLM APIs do not pipeline, a
 * request behind a loss means that what was open before it is over.
 */
#pragma once

#include "proto/chunked.h"
#include "proto/http1_head.h"
#include "proto/protocol.h"

#define HTTP1_OPEN_MAX	 256	     /* requests without a response */
#define HTTP1_RESYNC_MAX (64u << 20) /* bytes of a lost direction without a start line */

enum http1_state {
	IDLE, /* between messages */
	HEAD,
	BODY_LENGTH,
	BODY_CHUNKED,
	BODY_UNTIL_CLOSE,
	BODY_RESYNC, /* chunked, behind a gap: looking for the next chunk */
	LOST,	     /* looking for a start line */
	DONE,	     /* ended */
};

/* What a head's current line holds so far. */
enum http1_line { LINE_EMPTY, LINE_CR, LINE_TEXT };

struct http1_half {
	enum http1_state state;
	struct exchange *e; /* whose message is read; NULL in IDLE, LOST and DONE */
	struct buf head;    /* its head so far; counted in the budget */
	uint64_t head_ns, head_pos;
	enum http1_line line;
	bool started;	/* the head was seen to begin as one */
	bool found;	/* the message began in LOST: it may be none */
	bool blame;	/* the loss was not put on an exchange yet */
	uint8_t reason; /* of the loss */
	uint64_t lost;	/* bytes missing since the direction was lost */
	uint64_t skipped;
	uint64_t left; /* BODY_LENGTH */
	struct chunked chunked;
};

struct http1 {
	struct http_conn *conn;
	struct http1_half half[2]; /* by enum side */
	enum sonde_dir request_dir;
	struct exchange *open; /* oldest first (utlist) */
	unsigned n_open;
	bool upgraded, hopeless;
};

/* --- pairing: http1_pair.c --- */

/* Finishes and forgets the exchanges that have both messages behind them. */
void http1_reap(struct http1 *p);
/* Those that wait for a response, but @keep (or NULL), will get none. */
void http1_abandon_waiting(struct http1 *p, const struct exchange *keep, enum http_end end);
/* The exchange that the next response belongs to; NULL where none is open. */
struct exchange *http1_waiting(struct http1 *p);
struct exchange *http1_newest(struct http1 *p);
/* It goes on elsewhere: the caller has it then. */
struct exchange *http1_take(struct http1 *p, struct exchange *e);
/* Forgets it at once, without a word. */
void http1_remove(struct http1 *p, struct exchange *e);

/* A message starts, @at bytes into the chunk. */
void http1_begin(struct http1 *p, enum side side, const struct stream_chunk *chunk, size_t at);
/* The direction is lost; @e (or NULL) is the exchange that suffers. */
void http1_lose(struct http1 *p, enum side side, struct exchange *e);
/* Bytes are missing between messages. */
void http1_lose_between(struct http1 *p, enum side side);
/* What began as a message is none. */
void http1_reject(struct http1 *p, enum side side);
/* While lost: the rest of @in, where it begins with a message; else it is skipped. */
struct slice http1_resync(struct http1 *p, enum side side, const struct stream_chunk *chunk,
			  struct slice in);
enum http_match http1_starts(enum side side, struct slice first);
void http1_drop_head(struct http1 *p, struct http1_half *h);
