/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files that a user's programs loaded although nothing had named them beforehand: plug-ins,
 * add-ons, libraries in private places. The next command of the same user finds probes on them.
 *
 * Kept by root beside what was found out about files (cache.h): nobody else reads or writes it, a
 * user's list is small and used for that user only, and a path leads to no more than a look at
 * what is known of the file there.
 */
#pragma once

#include <sys/types.h>

#define LATE_FILES_MAX 32 /* of one user; what was loaded last stays */

/* @dir: cache_dir(), -1 does nothing. What cannot be written as a line is left out. */
void late_remember(int dir, uid_t uid, const char *path);
/* The one that came last first. */
void late_each(int dir, uid_t uid, void (*fn)(void *ctx, const char *path), void *ctx);
