/* SPDX-License-Identifier: BSD-2-Clause */
/* Server-Sent Events (sse.h) as a framing. */
#include <errno.h>

#include "proto/framing.h"
#include "proto/sse.h"

struct state {
	struct frame_sink sink;
	struct sse sse;
};

static int on_event(void *ctx, const struct sse_event *ev)
{
	const struct state *s = ctx;
	const struct frame f = { .type = ev->type, .data = ev->data };

	return s->sink.fn(s->sink.ctx, &f);
}

static int open_sse(void *state, const struct http_message *m)
{
	struct state *s = state;

	(void)m;
	sse_init(&s->sse, on_event, s);
	return 0;
}

static bool begins(struct slice first)
{
	return slice_starts(first, SLICE(":")) || slice_starts(first, SLICE("data:")) ||
	       slice_starts(first, SLICE("event:"));
}

static int feed(void *state, struct slice in)
{
	struct state *s = state;

	return sse_feed(&s->sse, in);
}

/* The event that the gap is in is gone. What is left of its line names no field; but the gap may as
 * well end where an event begins. */
static void gap(void *state)
{
	struct state *s = state;

	sse_done(&s->sse);
	sse_init(&s->sse, on_event, s);
}

/* Some end their last event without the blank line that would end it. */
static int finish(void *state)
{
	struct state *s = state;

	return sse_feed(&s->sse, SLICE("\n\n"));
}

static size_t held(const void *state)
{
	const struct state *s = state;

	return s->sse.line.cap + s->sse.data.cap + s->sse.type.cap;
}

static void done(void *state)
{
	struct state *s = state;

	sse_done(&s->sse);
}

const struct framing framing_sse = {
	.name = "sse",
	.types = (const char *const[]){ "text/event-stream", NULL },
	.begins = begins,
	.size = sizeof(struct state),
	.open = open_sse,
	.feed = feed,
	.gap = gap,
	.finish = finish,
	.held = held,
	.done = done,
};
