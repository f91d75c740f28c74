/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was found out about files, kept on disk: scanning hundreds of megabytes and proving points
 * on a child takes seconds, the second start of the same program none of it.
 *
 * Only root writes and reads it, in a folder that is nobody else's (0700, checked on the open
 * descriptor, no link is followed). An entry counts for one inode of one size, with these times of
 * change (which users cannot set), this build id and these bytes where the probes go, examined by
 * this very build of sonde. Whatever else is found there is as good as nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "probe/finder/target.h"
#include "probe/selftest.h"

#define CACHE_DIR	  "/var/cache/sonde"
#define CACHE_ENTRIES_MAX 1024u /* about 8 KB each */

struct cache;

/*
 * @dir NULL: what $SONDE_CACHE names ("off": none), else CACHE_DIR; made where it does not exist.
 * NULL: there is none, or it cannot be trusted (says so at debug level); all else takes NULL.
 */
struct cache *cache_open(const char *dir);
void cache_free(struct cache *c);

/*
 * Does what selftest_examine() does where @prove is given, else what target_examine() does, or
 * remembers what came of it. Refutations are not kept: a busy machine may have caused them.
 */
int cache_examine(struct cache *c, int fd, const char *path, const struct selftest_user *prove,
		  struct probe_target *ret);
/* Whether an answer is there, so that it costs no time. */
bool cache_knows(const struct cache *c, int fd);
/* The folder, for what else root keeps; -1: there is none. */
int cache_dir(const struct cache *c);
/* How many answers were remembered ones. */
size_t cache_hits(const struct cache *c);
