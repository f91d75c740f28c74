/* SPDX-License-Identifier: BSD-2-Clause */
/* The head of an HTTP/1.x message, and what it says about the body. RFC 9112. */
#pragma once

#include "proto/protocol.h"

struct http1_head {
	struct slice method, target; /* of a request */
	int status;		     /* of a response; 0: it is a request */
	unsigned minor;		     /* version 1.@minor */
	struct http_header *headers;
	size_t n_headers;
};

/* Whether @first, not empty, begins such a message; a request's method must be one that is known.
 */
enum http_match http1_starts_request(struct slice first);
enum http_match http1_starts_response(struct slice first);

/*
 * Reads @head, from its first byte to the empty line; writes to it where lines are folded. The
 * result points into it. 0, -EBADMSG, -ENOMEM.
 */
int http1_parse(struct arena *mem, char *head, size_t n, struct http1_head *ret);

enum http1_framing {
	HTTP1_NO_BODY,
	HTTP1_LENGTH,
	HTTP1_CHUNKED,
	HTTP1_UNTIL_CLOSE,
	HTTP1_BAD_FRAMING, /* the message's end cannot be found (RFC 9112 §6.3) */
};

/* From the headers alone, without what method and status forbid. */
enum http1_framing http1_framing(const struct http1_head *head, uint64_t *ret_length);

/* Content codings, and transfer codings but chunked behind them, as coding_new() takes them. */
struct slice http1_codings(const struct http1_head *head, struct arena *mem);

/* Where a request goes: target as path (absolute-form: without scheme and authority), host. */
void http1_target(const struct http1_head *head, struct slice *ret_path, struct slice *ret_host);
