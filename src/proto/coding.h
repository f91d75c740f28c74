/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Content codings, undone as the bytes come: gzip, deflate, br, zstd, and several on top of each
 * other. What can be decoded is handed on at once, so a compressed event stream stays a stream.
 *
 * RFC 9110 §8.4.1, RFC 1952, RFC 7932, RFC 8878. The input is hostile: output is bounded in bytes
 * and against the input, and the decoders' memory comes out of a budget.
 */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

#define CODING_STAGES_MAX 4 /* codings on top of each other */

struct coding;

struct coding_limits {
	uint64_t bytes;		     /* decoded, of each stage */
	unsigned ratio;		     /* decoded to encoded, where over 16 MiB were decoded */
	struct arena_budget *budget; /* of the decoders' memory; may be NULL */
};

/* @decoded is lent for the call. */
typedef void (*coding_fn)(void *ctx, struct slice decoded);

/*
 * @names: the value of Content-Encoding, in the order in which the codings were applied. 0 with
 * NULL where there is nothing to undo; -EOPNOTSUPP for an unknown coding, -ENOMEM.
 */
int coding_new(struct slice names, const struct coding_limits *limits, coding_fn fn, void *ctx,
	       struct coding **ret);
void coding_free(struct coding *c);

/*
 * Decodes what can be. NULL, or why nothing of this body can be decoded any more ("bad gzip",
 * "over limit", "out of memory"); do not feed it again then.
 */
const char *coding_feed(struct coding *c, struct slice in);
/* The body has ended: NULL, or what is missing ("gzip cut short"). */
const char *coding_finish(struct coding *c);
