/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Header blocks of HTTP/2 (HPACK, RFC 7541) in one direction of a connection that is only watched.
 * Decoding is libnghttp2's.
 *
 * Where blocks were missed, the decoder's table is not the peer's. It is then filled with
 * placeholders: what was added before has no meaning and is left out, what is added from then on
 * is right, as the table is counted from its newest entry.
 */
#pragma once

#include "base/arena.h"
#include "sonde/http.h"

struct hpack;

/* @midway: blocks were missed. NULL where memory is refused. */
struct hpack *hpack_new(bool midway);
void hpack_free(struct hpack *h);

/* One header section. */
struct hpack_head {
	struct slice method, path, authority; /* of a request; empty where not known */
	int status;			      /* of a response; 0 where not known */
	struct http_header *headers;	      /* the others */
	size_t n_headers;
	bool unknown; /* fields were left out: they referred to what was missed */
};

/*
 * Reads a whole block; strings are copied to @mem, NULL: nobody needs them. 0, -ENOMEM where @mem
 * refused them, or -EBADMSG: the table is lost, replace it by one that begins midway.
 */
int hpack_read(struct hpack *h, struct slice block, struct arena *mem, struct hpack_head *ret);
