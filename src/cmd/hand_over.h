/* SPDX-License-Identifier: BSD-2-Clause */
/* A process is traced by one sonde only: who begins to trace one asks the daemon to leave it. */
#pragma once

#include <sys/types.h>

#define HAND_OVER_MS 200 /* all that it may take: a program waits for it */

/*
 * POST /api/v1/leave on the daemon's @socket, for @pid and what it will start; @db: where its run
 * will be found, or NULL. Says nothing where no daemon listens, or does not answer in time: then
 * both trace it. 0 where it has left, else -errno.
 */
int hand_over(const char *socket, pid_t pid, const char *db);
