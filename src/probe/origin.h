/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a command comes from: what SCOPE (sonde/event.h) tells of it, so that the engine can say
 * what began a run and what it is one of (trace/trigger.h). The launcher tells it of its command,
 * the prober of processes that run already.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"

/*
 * The "origin" object, appended: @parent and its ancestors; terminal, cgroup and names in the
 * environment of @pid (@env: it will have that one instead). 0, or -errno with nothing appended.
 */
int origin_describe(pid_t pid, pid_t parent, char **env, struct buf *ret);

/*
 * The root of the git repository or worktree that the working directory of @pid lies in, as that
 * process sees it; else that directory itself. False where it cannot be told.
 */
bool origin_project(pid_t pid, char ret[PATH_MAX]);
