/* SPDX-License-Identifier: BSD-2-Clause */
/* One direction's compressed messages, RFC 7692; decoding is zlib's. */
#pragma once

#include "proto/http.h"

struct websocket_inflater;

/* @no_takeover: each message stands for itself. NULL where memory is refused. */
struct websocket_inflater *websocket_inflater_new(bool no_takeover);
void websocket_inflater_free(struct websocket_inflater *i);
/* A message was missed. */
void websocket_inflate_lost(struct websocket_inflater *i);
/*
 * Replaces *@data by the message, which is valid until websocket_inflate_done(). NULL, or why it
 * cannot be read ("bad deflate", "over limit", "gap": an earlier message is missing).
 */
const char *websocket_inflate(struct websocket_inflater *i, struct slice *data,
			      const struct http_limits *limits);
/* That message is done with; its memory goes. NULL is fine. */
void websocket_inflate_done(struct websocket_inflater *i);
