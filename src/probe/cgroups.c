// SPDX-License-Identifier: BSD-2-Clause
#include "probe/cgroups.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/map.h"

#define DEPTH_MAX 32

struct cgroup {
	uint64_t id;
	char *path;
	UT_hash_handle hh;
};

struct cgroups {
	struct cgroup *all;
};

bool cgroups_mount(char ret[PATH_MAX])
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	const struct mntent *m;
	bool found = false;

	while (f && !found && (m = getmntent(f))) {
		found = strcmp(m->mnt_type, "cgroup2") == 0;
		if (found)
			snprintf(ret, PATH_MAX, "%s", m->mnt_dir);
	}
	if (f)
		endmntent(f);
	return found;
}

static struct cgroup *find(const struct cgroups *c, uint64_t id)
{
	struct cgroup *one;

	HASH_FIND(hh, c->all, &id, sizeof(id), one);
	return one;
}

static void forget(struct cgroups *c, struct cgroup *one)
{
	HASH_DEL(c->all, one);
	free(one->path);
	free(one);
}

/* A folder's number is its cgroup's. Closes @fd. */
static void walk(struct cgroups *c, int fd, const char *path, int depth)
{
	DIR *dir = fdopendir(fd);
	const struct dirent *e;
	struct stat st;

	if (!dir) {
		closep(&fd);
		return;
	}
	if (fstat(fd, &st) == 0)
		cgroups_add(c, st.st_ino, slice_of(path));
	while (depth < DEPTH_MAX && HASH_COUNT(c->all) < CGROUPS_MAX && (e = readdir(dir))) {
		char below[PATH_MAX];
		int next;

		if (e->d_type != DT_DIR || e->d_name[0] == '.' ||
		    snprintf(below, sizeof(below), "%s/%s", path, e->d_name) >= (int)sizeof(below))
			continue;
		next = openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next >= 0)
			walk(c, next, below, depth + 1);
	}
	closedir(dir);
}

int cgroups_new(struct cgroups **ret)
{
	struct cgroups *c = calloc(1, sizeof(*c));
	char mount[PATH_MAX];
	int fd = -1;

	if (!c)
		return -ENOMEM;
	if (cgroups_mount(mount))
		fd = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		walk(c, fd, "", 0);
	*ret = c;
	return 0;
}

void cgroups_free(struct cgroups *c)
{
	if (!c)
		return;
	while (c->all)
		forget(c, c->all);
	free(c);
}

const char *cgroups_path(const struct cgroups *c, uint64_t id)
{
	const struct cgroup *one = find(c, id);

	return one ? one->path : NULL;
}

const char *cgroups_add(struct cgroups *c, uint64_t id, struct slice path)
{
	struct cgroup *one = find(c, id);

	if (one)
		forget(c, one);
	if (HASH_COUNT(c->all) >= CGROUPS_MAX)
		return NULL;
	one = calloc(1, sizeof(*one));
	if (!one)
		return NULL;
	one->id = id;
	one->path = slice_dup(path);
	if (one->path)
		HASH_ADD(hh, c->all, id, sizeof(one->id), one);
	if (!one->path || !one->hh.tbl) {
		free(one->path);
		free(one);
		return NULL;
	}
	return one->path;
}

void cgroups_remove(struct cgroups *c, uint64_t id)
{
	struct cgroup *one = find(c, id);

	if (one)
		forget(c, one);
}

void cgroups_each(struct cgroups *c, cgroups_fn fn, void *ctx)
{
	const struct cgroup *one;

	for (one = c->all; one; one = one->hh.next)
		fn(ctx, one->id, one->path);
}
