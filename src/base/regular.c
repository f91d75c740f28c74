/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/regular.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/cleanup.h"

int regular_reopen(int path_fd)
{
	char link[64];
	struct stat st;
	int fd;

	if (fstat(path_fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOENT;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", path_fd);
	fd = open(link, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int regular_open(const char *path)
{
	_cleanup_(closep) int fd = open(path, O_PATH | O_CLOEXEC);

	return fd < 0 ? -errno : regular_reopen(fd);
}
