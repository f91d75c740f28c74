// SPDX-License-Identifier: BSD-2-Clause
#include "probe/artifact_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Without opening it: that can do something where it is a device. */
static int find(int root_fd, const char *path)
{
	const struct open_how how = {
		.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_CACHED,
	};
	int fd = root_fd < 0 ? -1 : (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));

	return fd < 0 && root_fd >= 0 ? -errno : fd;
}

static int find_as_process(const struct artifact_file *f)
{
	_cleanup_(closep) int root = -1;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/root", f->pid);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = root < 0 ? -ENOENT : find(root, f->path);
	return fd == -ENOENT ? find(f->root_fd, f->path) : fd;
}

/* Some have a device of their own per subvolume or layer. */
static bool is_same(int fd, const struct stat *st, const struct artifact_file *f)
{
	struct statfs fs;

	if (st->st_ino != f->ino)
		return false;
	return st->st_dev == f->dev ||
	       (fstatfs(fd, &fs) == 0 &&
		(fs.f_type == BTRFS_SUPER_MAGIC || fs.f_type == OVERLAYFS_SUPER_MAGIC));
}

/* @buf has room for one byte more than may be read: so a file that grows is noticed. */
static ssize_t read_all(int fd, char *buf, size_t size)
{
	size_t n = 0;

	while (n < size) {
		ssize_t got = pread(fd, buf + n, size - n, (off_t)n);

		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	return (ssize_t)n;
}

static bool is_unchanged(int fd, const struct stat *before)
{
	struct stat now;

	return fstat(fd, &now) == 0 && now.st_size == before->st_size &&
	       now.st_mtim.tv_sec == before->st_mtim.tv_sec &&
	       now.st_mtim.tv_nsec == before->st_mtim.tv_nsec;
}

static enum sonde_artifact_state read_found(int found, const struct stat *st, char *buf,
					    size_t *ret_n)
{
	_cleanup_(closep) int fd = -1;
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", found);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	n = fd < 0 ? -1 : read_all(fd, buf, (size_t)st->st_size);
	if (n < 0)
		return SONDE_ARTIFACT_UNREAD;
	if (n != st->st_size || !is_unchanged(fd, st))
		return SONDE_ARTIFACT_GONE;
	*ret_n = (size_t)n;
	return SONDE_ARTIFACT_WHOLE;
}

enum sonde_artifact_state artifact_read(const struct artifact_file *f, char *buf, size_t *ret_n,
					uint64_t *ret_size)
{
	_cleanup_(closep) int found = -1;
	struct stat st;

	if (f->remote)
		return SONDE_ARTIFACT_UNREAD;
	found = find_as_process(f);
	if (found < 0 || fstat(found, &st) < 0)
		return found == -EAGAIN ? SONDE_ARTIFACT_UNREAD : SONDE_ARTIFACT_GONE;
	if (!S_ISREG(st.st_mode))
		return SONDE_ARTIFACT_SPECIAL;
	if (!is_same(found, &st, f))
		return SONDE_ARTIFACT_GONE;
	*ret_size = (uint64_t)st.st_size;
	if (st.st_size > (off_t)SONDE_ARTIFACT_MAX)
		return SONDE_ARTIFACT_BIG;
	return read_found(found, &st, buf, ret_n);
}
