/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Server-Sent Events, the way LLM APIs stream their answers.
 *
 * Bytes go in as they were captured, in pieces of any size; one callback comes out per
 * complete event. Spec: https://html.spec.whatwg.org/multipage/server-sent-events.html
 * One thing beyond it: blanks before the stream's first field are dropped, since a server was seen
 * that sends one and every client but strict ones reads it.
 */
#pragma once

#include "base/buf.h"

#define SSE_EVENT_MAX (16 << 20) /* bytes of one event's data, and of one line */

struct sse_event {
	struct slice type; /* empty means "message" */
	struct slice data; /* the data lines, joined by '\n' */
};

/* @ev is valid during the call. A negative return ends sse_feed(), which returns it. */
typedef int (*sse_fn)(void *ctx, const struct sse_event *ev);

struct sse {
	struct buf line; /* the unfinished line, kept from the last feed */
	struct buf type, data;
	bool has_data;
	bool started;	/* a line that is not empty was read */
	bool after_cr;	/* the last byte was a CR: a LF belongs to it */
	bool skip_line; /* the rest of this line is dropped */
	bool skip;	/* the rest of this event is dropped */
	int dropped;	/* why the last feed dropped an event, or 0 */
	sse_fn fn;
	void *ctx;
};

void sse_init(struct sse *p, sse_fn fn, void *ctx);
void sse_done(struct sse *p);

/*
 * Consumes all of @in. 0, or what the callback returned (then the rest of @in is not read), or
 * -E2BIG, -ENOMEM: an event was dropped, those after it came out as usual.
 */
int sse_feed(struct sse *p, struct slice in);

/* The stream has ended. Whether it ended inside an event, which is dropped, as the spec has it. */
bool sse_finish(struct sse *p);
