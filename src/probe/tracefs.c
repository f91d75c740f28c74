// SPDX-License-Identifier: BSD-2-Clause
#include "probe/tracefs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

int tracefs_open(void)
{
	_cleanup_(closep) int fs = (int)syscall(SYS_fsopen, "tracefs", FSOPEN_CLOEXEC);
	int fd;

	if (fs >= 0 && syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0) {
		fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
		if (fd >= 0)
			return fd;
	}
	/* Without that right there may still be one that somebody mounted. */
	fd = open("/sys/kernel/tracing/events/..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : -errno;
}

int tracefs_event_id(int tracefs_fd, const char *event)
{
	_cleanup_(closep) int fd = -1;
	char path[128], text[16];
	ssize_t n;
	int id;

	snprintf(path, sizeof(path), "events/%s/id", event);
	fd = openat(tracefs_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return n < 0 ? -errno : -ENODATA;
	text[n] = '\0';
	id = (int)strtol(text, NULL, 10);
	return id > 0 ? id : -EBADMSG;
}
