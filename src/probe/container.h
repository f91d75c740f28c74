/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What engines call their containers: their cgroups carry an id, or nothing at all. Read from the
 * files in which docker, podman, nerdctl, containerd, crun and runc keep their state; no engine is
 * asked and none needs to run.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CONTAINER_ID_MAX 128

/* Where to look; each may be NULL. */
struct container_places {
	const char *root;    /* before every path of the machine: "" but for tests */
	const char *home;    /* of a user: engines without root */
	const char *runtime; /* $XDG_RUNTIME_DIR: likewise */
};

struct container {
	char engine[16];	   /* "docker" */
	char id[CONTAINER_ID_MAX]; /* that its cgroup is named by */
	pid_t pid;		   /* its first process where that is known, else 0 */
	int64_t start_ticks;	   /* when that began, as in /proc/PID/stat; 0: not known */
};

/* The places of this machine and this user. */
struct container_places container_here(void);
/*
 * 0; -ENOENT: nobody has one of that name; -EEXIST: several have; -EACCES: as -ENOENT, but there is
 * state that this user may not read (@ret->engine is whose).
 */
int container_resolve(const struct container_places *where, const char *name,
		      struct container *ret);

/*
 * Whether the path of a cgroup names the container, by its name or the first digits of its id: the
 * length of the path up to there, else 0.
 */
size_t container_in_path(const char *cgroup, const char *name);
