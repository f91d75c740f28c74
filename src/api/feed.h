/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What captures tell (hubs.h), kept for those who listen: one thread takes it in, any number read.
 * Lines are numbered twice, among all and among those of their user: so a listener's numbers tell
 * nothing of what others do. A listener that does not keep up is told what it has missed; nobody
 * waits for it.
 */
#pragma once

#include "base/buf.h"
#include "store/viewer.h"

struct feed;

/* 0 or -errno. */
int feed_start(const char *store, struct feed **ret);
void feed_stop(struct feed *f); /* listeners must have gone; NULL is fine */

struct feed_reader {
	struct viewer viewer;
	uint64_t next; /* number of the line that it gets next; 0: of the oldest there is */
	uint64_t at;   /* where that is looked for, among all */
};

/* Ids begin with it: of another daemon's life they mean nothing. */
const char *feed_epoch(const struct feed *f);
/*
 * Where a listener begins: after the line with this id as it was given ("EPOCH-N"), or, where it is
 * empty or of another epoch, with the oldest that is kept.
 */
void feed_seek(struct feed *f, struct feed_reader *r, struct slice id);

/*
 * The next line, {"id":"EPOCH-N",...} with its end, appended to @ret, waiting for it @timeout_ms at
 * most. 1; 0 where none came; -ENOMEM. @ret_n: its number.
 */
int feed_next(struct feed *f, struct feed_reader *r, int timeout_ms, struct buf *ret,
	      uint64_t *ret_n);
