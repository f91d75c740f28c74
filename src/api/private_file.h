/* SPDX-License-Identifier: BSD-2-Clause */
/* Small files that nobody but their owner may read. */
#pragma once

#include "base/buf.h"

/*
 * The whole of it, appended. -ENOENT; -EPERM where its mode lets others in, or it is neither ours
 * nor root's (root reads anybody's); -EFBIG where it is larger than @max; -errno.
 */
int private_file_read(const char *path, size_t max, struct buf *ret);
/* In the place of what is there, at once, mode 0600. 0 or -errno. */
int private_file_write(const char *path, struct slice text);
