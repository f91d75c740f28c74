/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Protocol Buffers on the wire, without their schema: field by field, nothing allocated. Groups,
 * which nobody uses any more, end the walk. https://protobuf.dev/programming-guides/encoding
 *
 * And written, field by field as well: nested messages between begin and end.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum protobuf_type {
	PROTOBUF_VARINT = 0,
	PROTOBUF_FIXED64 = 1,
	PROTOBUF_BYTES = 2, /* strings, messages, packed numbers */
	PROTOBUF_FIXED32 = 5,
};

struct protobuf_field {
	uint32_t number;
	enum protobuf_type type;
	uint64_t value;	    /* of a number, as it stands: not zigzag-decoded */
	struct slice bytes; /* of PROTOBUF_BYTES, in the message */
};

/* Takes the next field off @rest. False at the end, or where what is left is none (then @rest is
 * not empty). */
bool protobuf_next(struct slice *rest, struct protobuf_field *ret);
/* The first field of that number that is bytes, or the empty slice. */
struct slice protobuf_bytes(struct slice message, uint32_t number);
/* The last number in that field; false where there is none. */
bool protobuf_number(struct slice message, uint32_t number, uint64_t *ret);

/* --- writing --- */

#define PROTOBUF_DEPTH_MAX 16

/* Appends to a buffer. The first error sticks and is in `r`. */
struct protobuf_writer {
	struct buf *out;
	size_t max; /* bytes of out; 0: no limit */
	int r;	    /* 0, -ENOMEM, -E2BIG */
	int depth;
	size_t open[PROTOBUF_DEPTH_MAX]; /* where the content of open messages begins */
};

void protobuf_put_varint(struct protobuf_writer *w, uint32_t number, uint64_t v);
void protobuf_put_fixed64(struct protobuf_writer *w, uint32_t number, uint64_t v);
void protobuf_put_fixed32(struct protobuf_writer *w, uint32_t number, uint32_t v);
void protobuf_put_double(struct protobuf_writer *w, uint32_t number, double v);
void protobuf_put_bytes(struct protobuf_writer *w, uint32_t number, struct slice bytes);
/* A nested message. Depth over the limit: -E2BIG. */
void protobuf_begin(struct protobuf_writer *w, uint32_t number);
void protobuf_end(struct protobuf_writer *w);
/* Between begin and end: a value of a packed list. */
void protobuf_put_packed64(struct protobuf_writer *w, uint64_t v);
