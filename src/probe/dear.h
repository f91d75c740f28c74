/* SPDX-License-Identifier: BSD-2-Clause */
/* Probes that would slow everybody: on one file, for each traced process apart. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "probe/probes.h"

struct dear;

/* For @pid at first; @fd is duplicated. 0 or -errno. */
int dear_new(const struct capture *c, int fd, const struct batch *batches, pid_t pid,
	     struct dear **ret);
void dear_free(struct dear *d);
/* 0 (also where they are on already) or -errno. */
int dear_add(struct dear *d, const struct capture *c, pid_t pid);
bool dear_has(const struct dear *d, pid_t pid);
/* The process has ended; its probes are taken off by the next sweep, which is slow. */
void dear_end(struct dear *d, pid_t pid);
void dear_sweep(struct dear *d);
