/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* A stream socket connected to who listens at @path, close-on-exec; @flags: SOCK_NONBLOCK or 0.
 * -errno. */
int unix_connect(const char *path, int flags);
