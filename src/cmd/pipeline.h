/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stages between intake and the sinks, wired together: events in, spans out. Pure: no file, no
 * clock, so a recording gives the same results as the capture that it was made of.
 */
#pragma once

#include "llm/endpoint.h"
#include "price/price.h"
#include "sonde/event.h"
#include "sonde/http.h"
#include "sonde/stats.h"
#include "trace/trace.h"

struct pipeline;

struct pipeline_config {
	const struct trace_sink *sink;
	const struct price_table *prices;     /* lent; may be NULL */
	const struct llm_endpoint *endpoints; /* of the user's own, lent */
	/* Tells the kernel to stop copying a connection: 0, -EAGAIN (asked again later), -errno.
	 * NULL: nobody to tell, as in a replay. */
	int (*verdict)(void *ctx, uint64_t conn);
	void *ctx; /* of the sink and of verdict() */
	struct stats *stats;
};

/* 0 or -ENOMEM. What @c points to must outlive it; @c itself need not. */
int pipeline_new(const struct pipeline_config *c, struct pipeline **ret);
void pipeline_free(struct pipeline *p);

/* An event that event_valid() found well formed. END finishes all that is open. */
void pipeline_feed(struct pipeline *p, const struct sonde_event *e);
/*
 * What was read already: an exchange of a file, event by event as http.h orders them, or a
 * WebSocket's message. They carry their own times; that of the newest is the pipeline's. Returns
 * whether the exchange is, or may still become, a model call.
 */
bool pipeline_exchange(struct pipeline *p, enum http_event ev, struct http_exchange *x,
		       struct slice piece);
void pipeline_socket(struct pipeline *p, struct http_socket *s, const struct http_socket_message *m,
		     enum http_end why);
/* The connection that they named has gone. */
void pipeline_forget(struct pipeline *p, const struct connection *conn);

/* As trace_content_gone(). */
void pipeline_content_gone(struct pipeline *p);
/* Finishes what is open where END did not come: the recording was cut. */
void pipeline_end(struct pipeline *p);
