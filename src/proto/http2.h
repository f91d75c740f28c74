/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HTTP/2 (RFC 9113) on a connection that is only watched: each direction a sequence of frames,
 * which belong to streams; a stream is an exchange. Shared by the files of this protocol.
 *
 *	http2.c		how a connection begins, is found again after a loss, and ends
 *	http2_frame.c	frames of one direction
 *	http2_stream.c	what frames mean for the exchanges
 *	hpack.c		header blocks
 *
 * A gap inside a frame that carries data leaves the framing whole. Elsewhere the direction is lost,
 * and found again where a piece of it begins with a frame: peers hand frames over whole. Header
 * fields that refer to what was missed are left out.
 */
#pragma once

#include "base/buf.h"
#include "base/map.h"
#include "proto/hpack.h"
#include "proto/protocol.h"

#define HTTP2_STREAMS_MAX 1024
#define HTTP2_RESYNC_MAX  (64u << 20) /* bytes of a lost direction without a frame */
#define HTTP2_HEAD	  9u	      /* bytes of a frame's header */

enum http2_type {
	HTTP2_DATA,
	HTTP2_HEADERS,
	HTTP2_PRIORITY,
	HTTP2_RST_STREAM,
	HTTP2_SETTINGS,
	HTTP2_PUSH_PROMISE,
	HTTP2_PING,
	HTTP2_GOAWAY,
	HTTP2_WINDOW_UPDATE,
	HTTP2_CONTINUATION,
};

enum http2_flag {
	HTTP2_END_STREAM = 0x1,
	HTTP2_END_HEADERS = 0x4,
	HTTP2_PADDED = 0x8,
	HTTP2_HAS_PRIORITY = 0x20,
};

struct http2_frame {
	uint32_t len, stream;
	uint8_t type, flags;
};

struct http2_stream {
	uint32_t id;
	struct exchange *e;
	bool head[2]; /* by enum side: it has been read */
	UT_hash_handle hh;
};

enum http2_state { HTTP2_PREFACE, HTTP2_FRAME_HEAD, HTTP2_PAYLOAD, HTTP2_LOST, HTTP2_DONE };

struct http2_half {
	enum http2_state state;
	uint8_t bytes[HTTP2_HEAD]; /* of the frame's header so far; of the preface: how many */
	uint8_t n_bytes;
	struct http2_frame frame;
	uint64_t frame_ns, frame_pos; /* where its header begins */
	uint32_t left;		      /* bytes of the payload */
	uint32_t padding;	      /* of these, at the end */
	bool padded;		      /* the length of DATA's padding is still to come */
	struct buf payload;	      /* of a frame that is read whole; counted in the budget */

	/* The header block: HEADERS or PUSH_PROMISE and its CONTINUATIONs. */
	bool in_block;
	bool bad_block; /* a part of it is missing */
	struct http2_frame block_frame;
	uint64_t block_ns, block_pos;
	struct buf block; /* counted in the budget */
	struct hpack *hpack;

	uint64_t skipped;
	uint8_t reason; /* of the loss */
};

struct http2 {
	struct http_conn *conn;
	enum sonde_dir request_dir;
	struct http2_half half[2]; /* by enum side */
	struct http2_stream *streams;
	uint32_t last_request; /* the newest stream that began */
	bool missed;	       /* streams may be open that were not seen to begin */
	bool hopeless;
};

/* --- http2_frame.c --- */

/* Reads a frame's header from HTTP2_HEAD bytes. */
struct http2_frame http2_parse_frame(const uint8_t *bytes);
/* Whether such a frame may stand in a connection. */
bool http2_frame_is_sound(const struct http2_frame *f);
/* What @in begins with, as far as one state goes; the rest. */
struct slice http2_read(struct http2 *p, enum side side, const struct stream_chunk *chunk,
			struct slice in);
/* @n bytes are missing. */
void http2_read_gap(struct http2 *p, enum side side, uint64_t n);
/* Forgets what is kept of a frame that is not complete. */
void http2_drop_frame(struct http2 *p, struct http2_half *h);
/* The direction is lost; what was read of its tables is void. */
void http2_lose(struct http2 *p, enum side side, uint64_t n);
/* Header blocks were missed: from now on the table holds placeholders. */
void http2_lose_table(struct http2 *p, enum side side);

/* --- http2_stream.c --- */

struct http2_stream *http2_find(const struct http2 *p, uint32_t id);
/*
 * A header block is complete, with what the half's block_frame says. Returns the side that it was:
 * joined midway, the first one tells which direction is whose.
 */
enum side http2_headers(struct http2 *p, enum side side, struct slice block);
/* What HEADERS or PUSH_PROMISE began with cannot be read. */
void http2_headers_lost(struct http2 *p, enum side side);
void http2_data(struct http2 *p, enum side side, struct slice data, uint64_t ts_ns);
void http2_data_lost(struct http2 *p, enum side side, uint64_t n);
/* The stream's direction has ended. */
void http2_end(struct http2 *p, enum side side, uint32_t id, uint64_t ts_ns);
void http2_reset(struct http2 *p, uint32_t id);
/* @n bytes are missing that may have been anybody's. */
void http2_doubt_all(struct http2 *p, enum side side, uint64_t n);
/* Every stream ends as @why; those with a message under way say @damage. */
void http2_end_all(struct http2 *p, enum http_end why, const char *damage);
void http2_remove(struct http2 *p, struct http2_stream *s);
/* @e, whose request HTTP/1.1 has carried, is stream 1. Takes it over. */
void http2_adopt(struct http2 *p, struct exchange *e);

/* --- http2.c --- */

/* What a client begins with, RFC 9113 §3.4. */
extern const struct slice http2_preface;

/* The direction taken for the client's is the server's. */
void http2_swap(struct http2 *p);
/* Whether @in, a piece of either direction, begins with a frame. */
bool http2_resumes(struct slice in);
