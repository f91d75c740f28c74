/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Probes on files: one attachment per file (device and inode), whichever processes map it; the
 * scope is checked in the kernel.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "probe/capture.h"
#include "probe/finder/target.h"

#define ATTACH_FILES_MAX 4096
#define ATTACH_LOOKS_MAX 64 /* at one file that changes */

struct attachments;

/* 0 or -ENOMEM. */
int attachments_new(struct capture *capture, struct attachments **ret);
/* Takes all probes off. */
void attachments_free(struct attachments *a);

/*
 * Whether the file has been looked at as it is; if not, it has been from now on. Probes on one that
 * was written over are taken off. -ENOSPC: too many files; -EAGAIN, once: it has changed too often
 * and is not looked at any more.
 */
int attach_seen(struct attachments *a, const struct stat *st);

/*
 * Readable when a file that has or had probes is being written over. Then attach_writes() takes
 * them off, and calls @fn with it once it is written: it may be looked at again.
 */
typedef void (*attach_written_fn)(void *ctx, int fd, const char *path);
int attach_writes_fd(const struct attachments *a);
void attach_writes(struct attachments *a, attach_written_fn fn, void *ctx);

/*
 * Puts @target's probes on the file that @fd is. 0 and how ("session", "multi", "perf"), or -errno:
 * then none is on; -ESTALE: the file has changed since attach_seen().
 * Dear ones (single-stepped) would slow every process that maps the file: they go on for @pid
 * alone, then for its children and whoever attach_join() names.
 */
int attach_file(struct attachments *a, int fd, const struct probe_target *target, pid_t pid,
		const char **ret_how);
/* @pid uses a file that was seen before: dear probes go on for it too. */
void attach_join(struct attachments *a, const struct stat *st, pid_t pid);
void attach_fork(struct attachments *a, pid_t parent, pid_t child);
void attach_exit(struct attachments *a, pid_t pid);
/* Takes off the dear probes of processes that have ended: slow, for when there is nothing to do. */
void attach_sweep(struct attachments *a);
