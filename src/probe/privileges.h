/* SPDX-License-Identifier: BSD-2-Clause */
/* What the prober keeps of root's power, and what it shows of itself. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* No core dumps, nobody attaches to it. */
void privileges_hide(void);

/*
 * Keeps only what attaching, reading ELF files and looking into processes need, for good.
 * @admin: CAP_SYS_ADMIN too. 0 or -errno.
 */
int privileges_drop(bool admin);

/*
 * Whether whoever stands behind @launcher_fd may have @pid traced: root any process, others their
 * own, as ptrace(2) has it.
 */
bool privileges_may_trace(int launcher_fd, pid_t pid);

/* Who is at the other end of a socket; nobody where that cannot be told. */
uid_t privileges_user(int launcher_fd);
