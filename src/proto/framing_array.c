/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A JSON array that is told element by element as it comes: Gemini's streams without "alt=sse".
 * After a gap nobody can say how deep one is: nothing more comes out.
 */
#include <errno.h>

#include "base/json_scan.h"
#include "base/util.h"
#include "proto/framing.h"

enum where { BEFORE, BETWEEN, INSIDE, AFTER, LOST };

struct state {
	struct frame_sink sink;
	struct buf element; /* its beginning, kept from the last feed */
	enum where where;
	unsigned depth; /* open brackets of the element */
	bool string, escaped, skip;
};

static bool begins(struct slice first)
{
	return slice_starts(first, SLICE("["));
}

static bool blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Reads one byte of an element. Whether the element ends before it (-1), with it (1) or not (0). */
static int step(struct state *s, char c)
{
	if (s->string) {
		if (s->escaped)
			s->escaped = false;
		else if (c == '\\')
			s->escaped = true;
		else if (c == '"')
			s->string = false;
		return !s->string && s->depth == 0;
	}
	switch (c) {
	case '"':
		s->string = true;
		return 0;
	case '{':
	case '[':
		s->depth++;
		return 0;
	case '}':
	case ']':
		if (s->depth == 0)
			return -1;
		return --s->depth == 0;
	case ',':
		return s->depth == 0 ? -1 : 0;
	default:
		return 0;
	}
}

static int keep(struct state *s, struct slice part)
{
	int r = s->skip ? 0 : buf_add(&s->element, part, FRAME_MAX);

	if (r < 0) {
		s->skip = true;
		buf_done(&s->element);
	}
	return r;
}

static int end_element(struct state *s, struct slice part)
{
	struct frame f = { 0 };
	int r = 0;

	s->where = BETWEEN;
	if (s->element.n || part.n > FRAME_MAX)
		r = keep(s, part);
	f.data = slice_trim(s->element.n ? buf_slice(&s->element) : part);
	if (r == 0 && !s->skip && f.data.n)
		r = s->sink.fn(s->sink.ctx, &f);
	s->skip = false;
	s->element.n = 0;
	return r;
}

/* What stands outside of elements, up to the next. -EBADMSG where it is no array. */
static int skip_between(struct state *s, struct slice *in)
{
	for (; in->n && s->where != INSIDE && s->where != AFTER; *in = slice_from(*in, 1)) {
		const char c = in->p[0];

		if (blank(c))
			continue;
		if (s->where == BEFORE) {
			if (c != '[')
				return -EBADMSG;
			s->where = BETWEEN;
		} else if (c == ']') {
			s->where = AFTER;
		} else if (c == '}') {
			return -EBADMSG; /* closes nothing */
		} else if (c != ',') {
			s->where = INSIDE;
			return 0;
		}
	}
	return 0;
}

static int take_element(struct state *s, struct slice *in)
{
	struct slice part = *in;

	for (size_t i = 0; i < in->n; i++) {
		int end;

		if (s->string && !s->escaped)
			i = (size_t)(json_scan_plain(in->p + i, in->p + in->n) - in->p);
		if (i == in->n)
			break;
		end = step(s, in->p[i]);
		if (!end)
			continue;
		part.n = i + (end > 0);
		*in = slice_from(*in, part.n);
		return end_element(s, part);
	}
	in->n = 0;
	return keep(s, part);
}

static int feed(void *state, struct slice in)
{
	struct state *s = state;
	int dropped = 0, r = 0;

	if (s->where == LOST)
		return -EBADMSG;
	while (in.n && s->where != AFTER) {
		r = s->where == INSIDE ? take_element(s, &in) : skip_between(s, &in);
		if (r == -E2BIG || r == -ENOMEM)
			dropped = r;
		else if (r < 0)
			return r;
	}
	return dropped;
}

static void gap(void *state)
{
	struct state *s = state;

	s->where = LOST;
}

static int finish(void *state)
{
	const struct state *s = state;

	return s->where == AFTER ? 0 : -EBADMSG;
}

static size_t held(const void *state)
{
	const struct state *s = state;

	return s->element.cap;
}

static void done(void *state)
{
	struct state *s = state;

	buf_done(&s->element);
}

const struct framing framing_array = {
	.name = "json array",
	.begins = begins,
	.size = sizeof(struct state),
	.feed = feed,
	.gap = gap,
	.finish = finish,
	.held = held,
	.done = done,
};
