/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An exchange while a protocol's reader fills it: keeps the order of events, undoes content
 * codings, holds the limits. For the readers in this folder.
 *
 * It may end before its reader is done with it (evicted, lost): it then stays as a shell without
 * memory, so that the reader keeps the framing; what is fed to it goes nowhere.
 */
#pragma once

#include "proto/coding.h"
#include "proto/http.h"
#include "sonde/http.h"

enum side { REQUEST, RESPONSE };

struct http_conn;

/* Of one message, beside what its struct http_message shows. */
struct exchange_body {
	struct coding *coding;
	bool begun; /* its first byte, or that it was lost, was seen */
	bool ended;
	bool skip; /* no more of the body is handed over */
};

struct exchange {
	struct http_exchange x;
	struct exchange *next; /* the reader's */
	struct http_conn *conn;
	struct exchange_body body[2]; /* by enum side */
	bool announced;		      /* the consumer knows it */
	bool finished;
	bool is_head, is_connect; /* the request's method */
	bool cut;		  /* the request ended before its end */
};

/* NULL where memory is refused. */
struct exchange *exchange_new(struct http_conn *conn, bool inbound);
/* Ends it as @end where it has not ended, with HTTP_FINISHED if the consumer knows it. */
void exchange_finish(struct exchange *e, enum http_end end);
/* Frees it without any callback. NULL is fine. */
void exchange_free(struct exchange *e);

/* The exchange's memory; a shell gets a new one. NULL where memory is refused. */
struct arena *exchange_mem(struct exchange *e);
/* For a shell: the memory that was only needed to read a head. */
void exchange_drop_mem(struct exchange *e);

static inline struct http_message *exchange_message(struct exchange *e, enum side side)
{
	return side == REQUEST ? &e->x.request : &e->x.response;
}

/*
 * The head is in x. @codings: content codings and, behind them, the transfer codings to undo that
 * came on top, as in coding.h.
 */
void exchange_head(struct exchange *e, enum side side, struct slice codings);
/* Body bytes as they crossed the wire, without framing. */
void exchange_body(struct exchange *e, enum side side, struct slice wire, uint64_t ts_ns);
/* @n bytes of the message are missing here. */
void exchange_gap(struct exchange *e, enum side side, uint64_t n, uint8_t reason);
/* The body is not whole for another reason; the first reason stays. */
void exchange_damage(struct exchange *e, enum side side, const char *why);
void exchange_end(struct exchange *e, enum side side, uint64_t ts_ns);
