/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Protocol Buffers on the wire, without their schema: field by field, nothing allocated. Groups,
 * which nobody uses any more, end the walk. https://protobuf.dev/programming-guides/encoding
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

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
