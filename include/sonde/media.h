/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What became of the bytes of a picture or document that a message or a tool's result has. There
 * its size and digest stand for it; this tells whether its bytes are kept, and as what.
 */
#pragma once

#include <stdint.h>

#include "base/id.h"
#include "base/slice.h"

/* The numbers are in stores. */
enum media_state {
	MEDIA_KEPT = 0,
	MEDIA_LEVEL = 1,   /* the content level keeps none */
	MEDIA_LARGE = 2,   /* more than the limit */
	MEDIA_BROKEN = 3,  /* no base64 */
	MEDIA_OTHER = 4,   /* no picture or document of a kind that is kept */
	MEDIA_MISSING = 5, /* it did not come whole, or there was no room for it */
};

struct media {
	struct id128 holder; /* the blob that says of it: "digest":"..." */
	struct slice digest; /* "xxh3:..." */
	enum media_state state;
	/* MEDIA_KEPT alone: the blob with that hash, cut to 128 bits, is there. */
	uint8_t sha256[ID_SHA256_SIZE];
	const char *type; /* by the bytes (base/media.h) */
	uint64_t size;	  /* bytes */
};
