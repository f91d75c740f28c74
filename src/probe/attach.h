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

struct attachments;

/* 0 or -ENOMEM. */
int attachments_new(struct capture *capture, struct attachments **ret);
/* Takes all probes off. */
void attachments_free(struct attachments *a);

/* Whether the file has been looked at as it is, or has probes; if not, it has been from now on.
 * -ENOSPC: too many files. */
int attach_seen(struct attachments *a, const struct stat *st);

/*
 * Puts @target's probes on the file that @fd is. 0 and how ("session", "multi", "perf"), or -errno:
 * then none is on.
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
