/* SPDX-License-Identifier: BSD-2-Clause */
/* What the prober keeps of root's power, and what it shows of itself. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A power that the prober uses; found by taking it away (tests/e2e/privileges.sh). */
struct privilege {
	int cap;	  /* as in linux/capability.h */
	const char *name; /* "CAP_BPF" */
	const char *loss; /* what is not seen without it, for people */
	bool by_admin;	  /* CAP_SYS_ADMIN is as good */
};
extern const struct privilege privileges[];
extern const size_t privileges_n;
/* Whether this process has it, or what is as good. */
bool privilege_is_there(const struct privilege *p);

/* No core dumps, nobody attaches to it. */
void privileges_hide(void);

/*
 * Keeps only what attaching, reading ELF files and looking into processes need, for good.
 * @admin: CAP_SYS_ADMIN too; @kill: CAP_KILL (acts.h). 0 or -errno.
 */
int privileges_drop(bool admin, bool kill);

/*
 * Whether whoever stands behind @launcher_fd may have @pid traced: root any process, others their
 * own, as ptrace(2) has it.
 */
bool privileges_may_trace(int launcher_fd, pid_t pid);

/* Whether it is a process of @uid's, as kill(2) has it. */
bool privileges_owns(uid_t uid, pid_t pid);

/* Who is at the other end of a socket; nobody where that cannot be told. */
uid_t privileges_user(int launcher_fd);
