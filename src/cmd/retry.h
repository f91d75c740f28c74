/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Running again what `sonde run` had started, always as the person who asks (launch.h): nobody is
 * made to run what somebody else's store says.
 *
 *	retry.c		`sonde retry`, which becomes `sonde run`
 *	retrier.c	the process of `sonde serve` that starts it
 *	retrier_link.c	the server's way to that
 */
#pragma once

#include "api/server.h"
#include "export/started.h"

#define RETRY_WHY 512

/*
 * Whether the person who is behind this process may run it again here, with what the store at @path
 * says. 0; -EPERM where it or the store is another's; -ENOENT where its folder has gone; -EINVAL.
 * @why: one line for people.
 */
int retry_check(const struct started *s, const char *path, char why[RETRY_WHY]);

/*
 * Takes on the rights of the person, and gives them up again: root gets into folders that they
 * cannot get into, and writes where they must not. 0 or -errno; has said why.
 */
int retry_as_person(void);
int retry_as_self(void);

/* --- retrier.c --- */

/* That process: answers on @fd until the other end is closed. */
_Noreturn void retrier_main(int fd, const char *path);

/* --- retrier_link.c --- */

/*
 * Forks the process that runs again what the store at @path has, before this one gives up what that
 * takes; there are no threads yet. @close: descriptors it must not keep (-1 ends them). 0 or
 * -errno.
 */
int retrier_start(const char *path, const int *close);
/* What it was asked for goes on. */
void retrier_stop(void);
/* For api_config.retry. */
int retrier_ask(void *ctx, const struct id128 *run, const char *by, struct api_retried *ret);
