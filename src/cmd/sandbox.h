/* SPDX-License-Identifier: BSD-2-Clause */
/* How sonde's processes give up what they do not need. */
#pragma once

#include <sys/types.h>

/* Becomes @user for good: groups, gid, uid (all three), no way back. 0 or -errno. */
int sandbox_become(uid_t uid, gid_t gid, const char *user);

/* No program that is run from here on has a capability, whatever its file says. While it may
 * (CAP_SETPCAP): an ordinary user has no say in that, and keeps what it cannot use. 0 or -errno. */
int sandbox_bound(void);

/*
 * For the engine: no capabilities, no_new_privs, not dumpable, and a seccomp allow-list without
 * bpf, exec, ptrace, sockets, mounts, signals to others. A call that is not listed fails with
 * EPERM. 0 or -errno.
 */
int sandbox_enter(void);
/* For the exporter: the same, and connections to others, and files renamed (rotated). What the
 * resolver loads it must have loaded before. */
int sandbox_enter_exporter(void);
