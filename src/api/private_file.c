/* SPDX-License-Identifier: BSD-2-Clause */
#include "api/private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

static int check(int fd, size_t max)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if ((st.st_mode & 077) || (st.st_uid != geteuid() && st.st_uid != 0 && geteuid() != 0))
		return -EPERM;
	return st.st_size < 0 || (size_t)st.st_size > max ? -EFBIG : 0;
}

int private_file_read(const char *path, size_t max, struct buf *ret)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char chunk[4096];
	ssize_t n;
	int r;

	if (fd < 0)
		return -errno;
	r = check(fd, max);
	while (r == 0 && (n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0)
			return -errno;
		r = buf_add(ret, (struct slice){ chunk, (size_t)n }, max);
	}
	return r == -E2BIG ? -EFBIG : r;
}

static int write_all(int fd, struct slice text)
{
	while (text.n) {
		const ssize_t n = write(fd, text.p, text.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text = slice_from(text, (size_t)n);
	}
	return fsync(fd) < 0 ? -errno : 0;
}

int private_file_write(const char *path, struct slice text)
{
	_cleanup_(closep) int fd = -1;
	char tmp[PATH_MAX];
	int r;

	if (snprintf(tmp, sizeof(tmp), "%s.new-%d", path, (int)getpid()) >= (int)sizeof(tmp))
		return -ENAMETOOLONG;
	unlink(tmp); /* of one that was killed and had our number */
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = write_all(fd, text);
	if (r == 0 && rename(tmp, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(tmp);
	return r;
}
