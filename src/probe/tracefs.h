/* SPDX-License-Identifier: BSD-2-Clause */
/* tracefs without mounting it anywhere: hosts and containers may not have it. */
#pragma once

/* A directory descriptor, or -errno. */
int tracefs_open(void);
/* The id of an event such as "syscalls/sys_exit_read", or -errno. */
int tracefs_event_id(int tracefs_fd, const char *event);
