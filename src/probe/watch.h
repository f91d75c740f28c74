/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Agents that are installed, updated or unpacked while sonde runs get their probes before they are
 * started: the folders where that happens are watched (inotify), and looked through again once
 * something has come.
 */
#pragma once

#include "probe/files.h"

struct watch;

/* @f is lent; @p: for whom, in reports; @root_fd: "/" as the command sees it, taken over; of @env
 * only what installers' places hang on is kept. NULL: nothing is watched. */
struct watch *watch_new(struct files *f, struct report_process p, int root_fd,
			const char *const *env);
void watch_free(struct watch *w);
/* Readable when something has come; -1 for NULL. */
int watch_fd(const struct watch *w);
void watch_read(struct watch *w);
/* When watch_look() is to be called next, in milliseconds; @max where that is sooner. */
int watch_timeout(const struct watch *w, int max);
/* Looks for what is new, if it is time to. */
void watch_look(struct watch *w);
