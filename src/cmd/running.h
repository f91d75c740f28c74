/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes that run already: found by what a user calls them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define RUNNING_MAX 64 /* each is a run of its own, with all that it has started */

/* How they are asked for: one of these is set. */
struct running_query {
	const char *pids;      /* "12,34" */
	const char *program;   /* a name or a pattern of the shell's */
	const char *cgroup;    /* a folder, or the path in /proc/PID/cgroup */
	const char *container; /* a name or the begin of an id */
};

struct running {
	pid_t pids[RUNNING_MAX];
	size_t n;
	int cgroup_fd;	  /* the folder of a cgroup of version 2; -1: the pids are meant */
	const char *kind; /* "pid", "program", "cgroup", "container" */
	char text[256];	  /* what was found, for people */
};

/* How many of the query's members are set. */
size_t running_asked(const struct running_query *q);
/* 0, or -errno; has said why. */
int running_find(const struct running_query *q, struct running *ret);
