/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/framing.h"

#include <errno.h>
#include <stdlib.h>

#include "base/util.h"

static const struct framing *const framings[] = {
	&framing_aws, &framing_envelope, &framing_sse, &framing_lines, &framing_array,
};

static bool has_type(const struct framing *f, struct slice type)
{
	for (const char *const *t = f->types; t && *t; t++)
		if (slice_istarts(type, slice_of(*t)))
			return true;
	return false;
}

/*
 * JSON's brackets count for more than the media type: an error may come as an "event stream". A
 * line of JSON begins with one as well, and a binary frame may.
 */
const struct framing *framing_of(const struct http_message *m, struct slice first)
{
	const struct slice type = http_header(m, SLICE("content-type"));
	const bool json = first.n && (first.p[0] == '{' || first.p[0] == '[');

	for (size_t i = 0; i < ARRAY_SIZE(framings); i++)
		if (has_type(framings[i], type) && (!json || framings[i] != &framing_sse))
			return framings[i];
	for (size_t i = 0; i < ARRAY_SIZE(framings); i++)
		if (framings[i]->begins && framings[i]->begins(first))
			return framings[i];
	return NULL;
}

int framer_open(struct framer *f, const struct framing *framing, frame_fn fn, void *ctx,
		const struct http_message *m)
{
	struct frame_sink *sink = calloc(1, framing->size);
	int r;

	if (!sink)
		return -ENOMEM;
	*sink = (struct frame_sink){ fn, ctx };
	r = framing->open ? framing->open(sink, m) : 0;
	if (r < 0) {
		free(sink);
		return r;
	}
	framer_done(f);
	*f = (struct framer){ .framing = framing, .state = sink };
	return 0;
}

int framer_feed(struct framer *f, struct slice in)
{
	int r;

	if (!f->state || f->broken)
		return f->broken ? -EBADMSG : 0;
	r = f->framing->feed(f->state, in);
	f->broken = r == -EBADMSG;
	return r;
}

void framer_gap(struct framer *f)
{
	if (f->state)
		f->framing->gap(f->state);
}

int framer_finish(struct framer *f)
{
	return f->state && !f->broken ? f->framing->finish(f->state) : 0;
}

size_t framer_held(const struct framer *f)
{
	return f->state ? f->framing->held(f->state) : 0;
}

void framer_done(struct framer *f)
{
	if (f->state)
		f->framing->done(f->state);
	free(f->state);
	*f = (struct framer){ 0 };
}
