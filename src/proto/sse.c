/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/sse.h"

#include <errno.h>

void sse_init(struct sse *p, sse_fn fn, void *ctx)
{
	*p = (struct sse){ .fn = fn, .ctx = ctx };
}

void sse_done(struct sse *p)
{
	buf_done(&p->line);
	buf_done(&p->type);
	buf_done(&p->data);
}

static void reset_event(struct sse *p)
{
	p->type.n = 0;
	p->data.n = 0;
	p->has_data = false;
}

static int dispatch(struct sse *p)
{
	struct sse_event ev = { .type = buf_slice(&p->type), .data = buf_slice(&p->data) };
	int r = p->has_data ? p->fn(p->ctx, &ev) : 0;

	reset_event(p);
	return r;
}

static int add_data(struct sse *p, struct slice value)
{
	int r = p->has_data ? buf_add(&p->data, SLICE("\n"), SSE_EVENT_MAX) : 0;

	p->has_data = true;
	return r < 0 ? r : buf_add(&p->data, value, SSE_EVENT_MAX);
}

/* The stream's first line: a byte order mark is no part of it, nor are blanks before the field. */
static struct slice skip_mark(struct slice line)
{
	if (slice_starts(line, SLICE("\xef\xbb\xbf")))
		line = slice_from(line, 3);
	while (line.n && (line.p[0] == ' ' || line.p[0] == '\t'))
		line = slice_from(line, 1);
	return line;
}

/* A line that is not blank: a field or a comment (":..."). */
static int take_field(struct sse *p, struct slice line)
{
	struct slice name, value = { 0 };

	if (!slice_cut(line, ':', &name, &value))
		name = line;
	if (value.n && value.p[0] == ' ')
		value = slice_from(value, 1);

	if (slice_eq(name, SLICE("data")))
		return add_data(p, value);
	if (slice_eq(name, SLICE("event"))) {
		p->type.n = 0;
		return buf_add(&p->type, value, SSE_EVENT_MAX);
	}
	return 0; /* id and retry are for clients that reconnect */
}

/* What could not be kept is dropped with its whole event. */
static void drop_event(struct sse *p, int r)
{
	reset_event(p);
	p->line.n = 0;
	p->skip = true;
	if (p->dropped == 0)
		p->dropped = r;
}

/* A line whose end has not come. */
static void keep_line(struct sse *p, struct slice part)
{
	int r = p->skip_line ? 0 : buf_add(&p->line, part, SSE_EVENT_MAX);

	if (r < 0) {
		p->skip_line = true;
		drop_event(p, r);
	}
}

/* One line without its end. Returns what the callback returned, else 0. */
static int take_line(struct sse *p, struct slice line)
{
	int r;

	if (!p->started && line.n) {
		p->started = true;
		line = skip_mark(line);
	}
	if (line.n == 0) {
		p->skip = false;
		return dispatch(p);
	}
	r = p->skip ? 0 : take_field(p, line);
	if (r < 0)
		drop_event(p, r);
	return 0;
}

/* The rest of a line, up to its end. */
static int end_line(struct sse *p, struct slice part)
{
	int r;

	if (p->line.n || part.n > SSE_EVENT_MAX) {
		keep_line(p, part);
		part = buf_slice(&p->line);
	}
	if (p->skip_line) {
		p->skip_line = false;
		return 0;
	}
	r = take_line(p, part);
	p->line.n = 0;
	return r;
}

/* The next @c from @at on; @known is where the last search ended: nothing is searched twice. */
static const char *next(const char *known, const char *at, const char *end, char c)
{
	if (known && known >= at)
		return known;
	known = memchr(at, c, (size_t)(end - at));
	return known ? known : end;
}

int sse_feed(struct sse *p, struct slice in)
{
	const char *at = in.p, *end = in.n ? in.p + in.n : at, *lf = NULL, *cr = NULL, *eol;
	int r = 0;

	p->dropped = 0;
	while (at < end && r >= 0) {
		if (p->after_cr && *at == '\n') {
			p->after_cr = false;
			at++;
			continue;
		}
		p->after_cr = false;
		lf = next(lf, at, end, '\n');
		cr = next(cr, at, end, '\r');
		eol = lf < cr ? lf : cr;
		if (eol == end) {
			keep_line(p, (struct slice){ at, (size_t)(end - at) });
			break;
		}
		p->after_cr = *eol == '\r';
		r = end_line(p, (struct slice){ at, (size_t)(eol - at) });
		at = eol + 1;
	}
	return r < 0 ? r : p->dropped;
}

bool sse_finish(struct sse *p)
{
	bool left = p->has_data || p->type.n || (p->line.n && p->line.p[0] != ':');

	reset_event(p);
	p->line.n = 0;
	return left;
}
