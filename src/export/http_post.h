/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests to a receiver of telemetry: POST over one kept connection, TLS checked, no redirects,
 * bounded in time and in what is taken of an answer.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "config/config.h"

#define HTTP_ANSWER_MAX (64u << 10) /* bytes of an answer; a longer one is no answer */

struct http_post_options {
	const char *url;
	const char *content_type;
	bool gzip;
	const struct config_list *headers; /* "Name: value" each */
	/* Files of such lines, read before each request, so that keys can be changed. */
	const struct config_list *headers_files;
	const char *ca_file, *cert_file, *key_file; /* NULL: the system's; none */
	unsigned timeout_s;			    /* of the whole request */
	const atomic_bool *stop;		    /* ends what is under way; may be NULL */
};

struct http_answer {
	int status;		 /* 0: none came */
	bool timed_out, stopped; /* why none came */
	int64_t retry_after_s;	 /* 0: not told */
	char content_type[64];	 /* lower case, without parameters */
	struct buf body;	 /* of the post: until the next request */
	char why[256];		 /* where none came */
};

struct http_post;

/* Before any thread is there. 0 or -ENOSYS. */
int http_global_init(void);

/* @o and what it points to must outlive it. -EINVAL where the address is no http(s) URL. */
int http_post_new(const struct http_post_options *o, struct http_post **ret);
void http_post_free(struct http_post *p);
DEFINE_CLEANUP(struct http_post *, http_post_free)

/* 0 where an answer came, whatever it says; -EIO where none did; -ENOMEM; or -errno of a file of
 * headers, with why. @ret is lent. */
int http_post_send(struct http_post *p, struct slice body, const struct http_answer **ret);
