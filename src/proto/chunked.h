/* SPDX-License-Identifier: BSD-2-Clause */
/* The chunked transfer coding, RFC 9112 §7.1; extensions and trailers are read over. */
#pragma once

#include <stdint.h>

#include "base/slice.h"

enum chunked_result { CHUNKED_MORE, CHUNKED_DATA, CHUNKED_END, CHUNKED_BAD };

/* Zero-initialise. */
struct chunked {
	uint64_t left; /* of the chunk's data; while its size is read, the size so far */
	uint32_t line; /* bytes of size line or trailers so far */
	uint8_t state;
	bool digits; /* the size line has one */
};

/* Takes what it can from *@in: a piece of data, or up to what ended it. */
enum chunked_result chunked_next(struct chunked *c, struct slice *in, struct slice *ret_data);
/* @n bytes are missing. False where they may have held framing: then nothing can be read on. */
bool chunked_skip(struct chunked *c, uint64_t n);
