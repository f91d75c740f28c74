/* SPDX-License-Identifier: BSD-2-Clause */
/* A request to the daemon's socket (api/API.md), and its answer line by line. */
#pragma once

#include "base/buf.h"

struct http_reply {
	int fd;
	int status; /* 200 */
	struct buf in;
	size_t at; /* of it: what was not given yet */
};

/*
 * Sends it and reads the answer's head. @target: path and query; @headers: lines that end with
 * "\r\n", may be ""; @body may be empty. 0, or -errno: -ENOENT and -ECONNREFUSED where nobody
 * listens, -EBADMSG where what came is no answer.
 */
int http_ask(const char *socket, const char *method, const char *target, const char *headers,
	     struct slice body, struct http_reply *ret);
void http_done(struct http_reply *r);

/* The next line of the body, without its end, lent until the next call. 1, 0 at the end, -errno. */
int http_line(struct http_reply *r, struct slice *ret);
/* Of an answer that is no 200: what it says is wrong, in @ret. */
void http_problem(struct http_reply *r, char *ret, size_t size);
