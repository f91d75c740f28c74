/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a run was started as, so that it can be run again: of what `sonde run` has started, the
 * exact arguments and the folder. None of it comes from traffic, but whoever can write the store
 * can write it too.
 */
#pragma once

#include "base/arena.h"
#include "store/query.h"

#define STARTED_ARGS_MAX 8192 /* of one command */

/* Strings live in mem. */
struct started {
	struct arena *mem;
	struct id128 run;
	struct id128 retry_of; /* the run that it was another go at; all zero: none */
	uint32_t uid;	       /* as whom it ran */
	const char *host, *cwd;
	bool launched; /* by `sonde run` */
	char **argv;   /* NULL where it is not known to the last byte */
};

/* started_done() frees, also what failed. 0, -ENOENT where there is no such run, or -errno. */
int started_read(struct store_reader *r, const struct id128 *run, struct started *ret);
void started_done(struct started *s);
/* Why it cannot be run again, whoever asks: words for people. NULL where nothing speaks against it.
 */
const char *started_why_not(const struct started *s);
/* The command line as a shell takes it, appended to @ret. 0 or -ENOMEM. */
int started_line(char *const *argv, struct buf *ret);
/* One word of such a line. */
int started_word(const char *word, struct buf *ret);
