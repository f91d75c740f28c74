/* SPDX-License-Identifier: BSD-2-Clause */
/* The executable files of a running process. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/regular.h"
#include "probe/finder/target.h"

#define MAPPINGS_MAX 65536
#define FILES_MAX    1024

struct seen_file {
	unsigned int major, minor;
	unsigned long inode;
};

struct mapping {
	unsigned long from, to;
	struct seen_file file;
	char path[4096];
};

/* "7f..-7f.. r-xp 00001000 fe:01 1234   /usr/lib/libssl.so.3"; false: not an executable file. */
static bool read_mapping(char *line, struct mapping *ret)
{
	char mode[5];
	int at = 0;

	line[strcspn(line, "\n")] = 0;
	/* The kernel wrote the numbers. NOLINTNEXTLINE(cert-err34-c) */
	if (sscanf(line, "%lx-%lx %4s %*x %x:%x %lu %n", &ret->from, &ret->to, mode,
		   &ret->file.major, &ret->file.minor, &ret->file.inode, &at) != 6)
		return false;
	if (mode[2] != 'x' || ret->file.inode == 0 || !at || line[at] != '/')
		return false;
	snprintf(ret->path, sizeof(ret->path), "%s", line + at);
	return true;
}

/* True also where there is no room for more. */
static bool was_seen(struct seen_file *seen, size_t *n, const struct seen_file *f)
{
	for (size_t i = 0; i < *n; i++)
		if (seen[i].major == f->major && seen[i].minor == f->minor &&
		    seen[i].inode == f->inode)
			return true;
	if (*n == FILES_MAX)
		return true;
	seen[(*n)++] = *f;
	return false;
}

/* By its path, as the process sees it; what was put in its place meanwhile is another file. */
static int open_below(const char *root_path, const struct mapping *m)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
	_cleanup_(closep) int root = open(root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(closep) int fd = -1;
	struct stat st;

	if (root >= 0)
		fd = (int)syscall(SYS_openat2, root, m->path, &how, sizeof(how));
	return fd >= 0 && fstat(fd, &st) == 0 && st.st_ino == m->file.inode ? regular_reopen(fd)
									    : -ENOENT;
}

static int open_mapping(pid_t pid, const struct mapping *m)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/map_files/%lx-%lx", (int)pid, m->from, m->to);
	fd = regular_open(path);
	if (fd >= 0 || fd == -ENOENT)
		return fd;
	/* map_files asks for CAP_CHECKPOINT_RESTORE; the path does where nothing was replaced. */
	snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	return open_below(path, m);
}

int discover_process(pid_t pid, discover_fd_fn fn, void *ctx)
{
	_cleanup_(freep) char *line = NULL;
	_cleanup_(freep) struct seen_file *seen = calloc(FILES_MAX, sizeof(*seen));
	_cleanup_(freep) struct mapping *m = malloc(sizeof(*m));
	char path[64];
	size_t n = 0, cap = 0, lines = 0;
	FILE *maps;
	int r = 0;

	if (!seen || !m)
		return -ENOMEM;
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	if (!maps)
		return -errno;
	while (r == 0 && lines < MAPPINGS_MAX && getline(&line, &cap, maps) > 0) {
		int fd;

		lines++;
		if (!read_mapping(line, m) || was_seen(seen, &n, &m->file))
			continue;
		fd = open_mapping(pid, m);
		if (fd < 0)
			continue; /* unmapped meanwhile, or not ours to read */
		r = fn(ctx, fd, m->path);
		close(fd);
	}
	fclose(maps);
	return r == 0 && (n == FILES_MAX || lines == MAPPINGS_MAX) ? -ENOSPC : r;
}
