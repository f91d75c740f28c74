/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a body is divided into events (messages, lines, elements): Server-Sent Events, JSON lines, a
 * JSON array that comes element by element, AWS event streams, gRPC and Connect envelopes.
 *
 * A new one is one file that ends in a struct framing, and its line in framing.c's table. Bytes go
 * in as they were captured, in pieces of any size; one callback comes out for each event.
 */
#pragma once

#include "base/buf.h"
#include "sonde/http.h"

#define FRAME_MAX ((size_t)16 << 20) /* bytes of one event */

struct frame {
	struct slice type; /* the event's name, where the framing has names */
	struct slice data;
	bool failed; /* the framing says that this is an error */
};

/* @f is valid during the call. A negative return ends framer_feed(), which returns it. */
typedef int (*frame_fn)(void *ctx, const struct frame *f);

/* Where events go. */
struct frame_sink {
	frame_fn fn;
	void *ctx;
};

struct framing {
	const char *name;
	/* Media types, NULL-terminated: beginnings, in lower case. */
	const char *const *types;
	/* Whether a body that begins so, without blanks before it, is one whatever its type; or
	 * NULL. */
	bool (*begins)(struct slice first);

	size_t size; /* of its state, which begins with a struct frame_sink and is zeroed */
	/* @m: the message whose body it is. 0 or -ENOMEM. May be NULL. */
	int (*open)(void *state, const struct http_message *m);
	/* 0; what the callback returned; -E2BIG, -ENOMEM: an event was dropped, those after it came
	 * out as usual; -EBADMSG: this is not in this framing (any more). */
	int (*feed)(void *state, struct slice in);
	/* Bytes are missing here. */
	void (*gap)(void *state);
	/* The body is over. 0, or what the callback returned, or -EBADMSG: it ended inside an
	 * event. */
	int (*finish)(void *state);
	size_t (*held)(const void *state); /* bytes that are kept */
	void (*done)(void *state);	   /* frees what the state holds */
};

extern const struct framing framing_sse, framing_lines, framing_array, framing_aws,
	framing_envelope;

/* The framing of a body that begins with @first, or NULL: it is one piece. */
const struct framing *framing_of(const struct http_message *m, struct slice first);

/* A body that is being divided. Zero-initialise. */
struct framer {
	const struct framing *framing;
	void *state;
	bool broken; /* nothing more comes out */
};

/* 0 or -ENOMEM. */
int framer_open(struct framer *f, const struct framing *framing, frame_fn fn, void *ctx,
		const struct http_message *m);
int framer_feed(struct framer *f, struct slice in);
void framer_gap(struct framer *f);
int framer_finish(struct framer *f);
/* Bytes that it keeps. */
size_t framer_held(const struct framer *f);
void framer_done(struct framer *f);
