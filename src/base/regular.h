/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opening files that somebody else has named. Opening a device may do something, a fifo waits: what
 * a path leads to is looked at before.
 */
#pragma once

/* The regular file that @path_fd (O_PATH) is, for reading; -ENOENT where it is none; -errno. */
int regular_reopen(int path_fd);
/* The same by path; links are followed. */
int regular_open(const char *path);
