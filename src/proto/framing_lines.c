/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One JSON value a line: NDJSON, JSON Lines, and RFC 7464's sequences, whose record separator
 * (0x1e) before each value is dropped.
 */
#include <errno.h>

#include "proto/framing.h"

struct state {
	struct frame_sink sink;
	struct buf line; /* its beginning, kept from the last feed */
	bool skip;	 /* the rest of this line is dropped */
};

static int tell(const struct state *s, struct slice line)
{
	struct frame f = { .data = slice_trim(line) };

	if (f.data.n && f.data.p[0] == '\x1e')
		f.data = slice_trim(slice_from(f.data, 1));
	return f.data.n ? s->sink.fn(s->sink.ctx, &f) : 0;
}

static int keep(struct state *s, struct slice part)
{
	int r = s->skip ? 0 : buf_add(&s->line, part, FRAME_MAX);

	if (r < 0) {
		s->skip = true;
		buf_done(&s->line);
	}
	return r;
}

static int end_line(struct state *s, struct slice part)
{
	int r = 0;

	if (s->skip) {
		s->skip = false;
	} else if (s->line.n == 0) {
		r = tell(s, part);
	} else {
		r = keep(s, part);
		if (r == 0)
			r = tell(s, buf_slice(&s->line));
		s->skip = false;
	}
	s->line.n = 0;
	return r;
}

static int feed(void *state, struct slice in)
{
	struct state *s = state;
	struct slice line;
	int dropped = 0, r;

	while (slice_cut(in, '\n', &line, &in)) {
		r = end_line(s, line);
		if (r == -E2BIG || r == -ENOMEM)
			dropped = r;
		else if (r < 0)
			return r;
	}
	r = keep(s, in);
	return r < 0 ? r : dropped;
}

/* The line that the gap is in is gone. */
static void gap(void *state)
{
	struct state *s = state;

	s->line.n = 0;
	s->skip = true;
}

static int finish(void *state)
{
	return end_line(state, (struct slice){ 0 });
}

static size_t held(const void *state)
{
	const struct state *s = state;

	return s->line.cap;
}

static void done(void *state)
{
	struct state *s = state;

	buf_done(&s->line);
}

const struct framing framing_lines = {
	.name = "ndjson",
	.types = (const char *const[]){ "application/x-ndjson", "application/ndjson",
					"application/jsonl", "application/x-jsonlines",
					"application/json-seq", "application/stream+json", NULL },
	.size = sizeof(struct state),
	.feed = feed,
	.gap = gap,
	.finish = finish,
	.held = held,
	.done = done,
};
