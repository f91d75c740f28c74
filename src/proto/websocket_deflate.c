/* SPDX-License-Identifier: BSD-2-Clause */
#define ZLIB_CONST
#include "proto/websocket_deflate.h"

#include <stdlib.h>
#include <zlib.h>

#include "base/buf.h"

#define BLOCK	   (64u << 10)
#define RATIO_FROM (16u << 20) /* decoded bytes from which the ratio counts */

struct websocket_inflater {
	z_stream z;
	bool no_takeover, broken;
	struct buf out;
};

struct websocket_inflater *websocket_inflater_new(bool no_takeover)
{
	struct websocket_inflater *i = calloc(1, sizeof(*i));

	if (!i)
		return NULL;
	i->no_takeover = no_takeover;
	if (inflateInit2(&i->z, -MAX_WBITS) != Z_OK) {
		free(i);
		return NULL;
	}
	return i;
}

void websocket_inflater_free(struct websocket_inflater *i)
{
	if (!i)
		return;
	inflateEnd(&i->z);
	buf_done(&i->out);
	free(i);
}

void websocket_inflate_lost(struct websocket_inflater *i)
{
	if (i)
		i->broken = !i->no_takeover;
}

void websocket_inflate_done(struct websocket_inflater *i)
{
	if (i)
		buf_done(&i->out);
}

static const char *decode(struct websocket_inflater *i, struct slice in,
			  const struct http_limits *limits, size_t wire)
{
	char block[BLOCK];

	i->z.next_in = (const Bytef *)in.p;
	i->z.avail_in = (uInt)in.n;
	do {
		int r;

		i->z.next_out = (Bytef *)block;
		i->z.avail_out = sizeof(block);
		r = inflate(&i->z, Z_SYNC_FLUSH);
		if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
			return "bad deflate";
		if (buf_add(&i->out, (struct slice){ block, sizeof(block) - i->z.avail_out },
			    limits->body_bytes) < 0 ||
		    (i->out.n > RATIO_FROM && i->out.n / limits->ratio > wire))
			return "over limit";
		if (r == Z_STREAM_END)
			break; /* a final block: the sender starts afresh */
	} while (i->z.avail_in || i->z.avail_out == 0);
	return NULL;
}

const char *websocket_inflate(struct websocket_inflater *i, struct slice *data,
			      const struct http_limits *limits)
{
	/* What every message ends with and nobody sends (RFC 7692 §7.2.2). */
	static const struct slice tail = { "\0\0\xff\xff", 4 };
	const char *why;

	if (!i || i->broken)
		return "gap";
	websocket_inflate_done(i);
	if (i->no_takeover)
		inflateReset(&i->z);
	why = decode(i, *data, limits, data->n);
	if (!why)
		why = decode(i, tail, limits, data->n);
	if (why)
		websocket_inflate_lost(i);
	*data = buf_slice(&i->out);
	return why;
}
