/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages between sonde's own processes: SOCK_SEQPACKET, at most IPC_MAX bytes, file descriptors
 * as SCM_RIGHTS. Who says what: include/sonde/control.h.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/slice.h"

#define IPC_MAX	    65536
#define IPC_FDS_MAX 4

/* A connected, non-blocking, close-on-exec pair. 0 or -errno. */
int ipc_pair(int ret_fds[2]);

/* Sends one message with @n_fds descriptors. 0, -EAGAIN where the peer does not keep up, -errno. */
int ipc_send(int fd, struct slice msg, const int *fds, size_t n_fds);

/*
 * Receives one message into @buf (IPC_MAX bytes). Its length; 0 where the peer has gone; -EAGAIN;
 * -EMSGSIZE where it was cut. Descriptors received are close-on-exec, the caller's;
 * @ret_fds takes IPC_FDS_MAX and unused ones are -1.
 */
ssize_t ipc_recv(int fd, char *buf, int *ret_fds);
