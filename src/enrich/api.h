/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GET requests to an API server over TLS: one at a time, by libcurl. No redirects, no proxies, no
 * cookies; the token's file is read for each request, for tokens are replaced while they are valid.
 */
#pragma once

#include "base/buf.h"

struct api;

struct api_config {
	const char *server;	/* "https://10.0.0.1:6443", without a path */
	const char *token_file; /* NULL: none. Not sent but over TLS */
	const char *ca_file;	/* NULL: the system's */
};

/* 0; -EINVAL: no address that is understood; -ENOMEM. */
int api_new(const struct api_config *c, struct api **ret);
void api_free(struct api *a);

struct api_get {
	const char *path; /* and query */
	bool stands;	  /* the answer goes on while something happens; else it comes soon */
	/* A piece of a body; negative: breaks it off. Of other answers than 200 the first KB. */
	int (*body)(void *ctx, struct slice piece);
	/* Asked about once a second: whether to break it off. */
	bool (*stop)(void *ctx);
	void *ctx;
	/* what came of it */
	int status;	 /* of HTTP; 0: no answer */
	uint64_t ms;	 /* how long it took */
	char error[256]; /* why not, for people */
};

/* 0: @g->status is there and the body whole; what @body returned; -ECANCELED by @stop; -EIO. */
int api_get(struct api *a, struct api_get *g);
