/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `sonde import`: a HAR file (intake/har.h) through the pipeline, from the exchange on.
 *
 * One file is one run. Its ids are hashes of the file's content, so the same file again gives the
 * same run. What entries say happens in the order of their times, so that calls that overlapped
 * overlap.
 */
#pragma once

#include "cmd/pipeline.h"
#include "intake/har.h"
#include "intake/intake.h"

/* What became of a file. */
struct import_counts {
	uint64_t entries;
	uint64_t calls;		 /* model calls */
	uint64_t incomplete;	 /* of these: not whole */
	uint64_t not_understood; /* entries that are not valid JSON, or name no request */
	uint64_t without_body;	 /* a request's or an answer's was left out of the file */
	uint64_t
		unreadable; /* one is there and cannot be read: bad base64, bad coding, too large */
	uint64_t without_time; /* placed behind the entry before */
	uint64_t without_duration;
	size_t broken_at; /* offset in the file of the first thing that is no JSON; SIZE_MAX: none
			   */
	bool cut;	  /* and nothing behind it could be used */
};

/* --- import_body.c --- */

/*
 * A body without its content codings, in @mem. @codings is what the header says: whether they still
 * are on the bytes, the bytes decide. NULL, or why the body is not whole.
 */
const char *import_decode(struct slice bytes, struct slice codings, struct arena *mem,
			  struct slice *ret);

/* --- import_exchange.c --- */

/* When an exchange was, in Unix time. */
struct import_times {
	uint64_t start_ns, end_ns;
	uint64_t first_ns; /* the answer's first byte; 0: not known */
};

/* Where entries go. */
struct import_to {
	struct pipeline *pipeline;
	struct import_counts *counts;
	struct arena_budget budget; /* of all exchanges under way */
};

/* An exchange that has begun. */
struct import_open;

/* The request of @e has been sent. NULL where memory is refused. */
struct import_open *import_begin(struct import_to *to, const struct har_entry *e,
				 const struct import_times *when, uint64_t conn_id);
/* A message on its WebSocket. */
void import_message(struct import_to *to, struct import_open *o, const struct har_message *m);
/* Its answer has come, as far as it did; and frees it. */
void import_end(struct import_to *to, struct import_open *o, const struct har_entry *e);

/* --- import_target.c --- */

/* Where a request went, of its URL and, where that says nothing, of its headers. */
struct import_target {
	struct slice host, path; /* as struct http_exchange has them */
	uint16_t port;		 /* 0: not known */
};

void import_target(struct slice url, const struct http_message *request, struct import_target *ret);

/* --- import_file.c --- */

struct import_file {
	struct slice text;
	const char *name; /* for people */
	struct pipeline *pipeline;
	intake_fn event; /* where events go: to the pipeline and what else waits for time */
	void *event_ctx;
	void (*progress)(void *ctx, uint64_t done, uint64_t of); /* or NULL */
	void *progress_ctx;
};

/* 0 with *ret; -EBADMSG with *ret_why where it is no HAR; -ENOMEM; -E2BIG. */
int import_run(const struct import_file *f, struct import_counts *ret, const char **ret_why);
