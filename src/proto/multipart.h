/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * multipart/form-data (RFC 7578) that is whole in memory, or was cut: one part after the other,
 * nothing is copied. At most MULTIPART_PARTS_MAX parts come out of one body.
 */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

#define MULTIPART_PARTS_MAX 1024

struct multipart {
	struct slice rest, boundary;
	unsigned parts;
	bool cut; /* the last part did not end, or the body did not */
};

struct multipart_part {
	struct slice name, filename, type; /* empty where not told; file names as sent */
	struct slice data;
	bool is_file; /* there is a filename, maybe an empty one */
};

/* @type: the Content-Type header. False where it is no form, or has no boundary. */
bool multipart_begin(struct slice type, struct slice body, struct multipart *ret);
/* The next part; false at the end. A part that the body's end cuts comes out as far as it is there,
 * and @m->cut is set. */
bool multipart_next(struct multipart *m, struct multipart_part *ret);
