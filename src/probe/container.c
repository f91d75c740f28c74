/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/container.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/util.h"

#define FILE_BYTES_MAX (8u << 20)
#define ENTRIES_MAX    10000 /* names in a folder */

struct lookup {
	const char *engine, *name;
	struct container *ret;
	bool found, several;
	char closed[16]; /* whose state may not be read */
};

/* --- files --- */

static void note_closed(struct lookup *l)
{
	if (errno == EACCES || errno == EPERM)
		snprintf(l->closed, sizeof(l->closed), "%s", l->engine);
}

static char *read_file(struct lookup *l, int dir, const char *path, size_t *ret_n)
{
	_cleanup_(closep) int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *text = NULL;
	struct stat st;
	ssize_t n = -1;

	if (fd < 0) {
		note_closed(l);
		return NULL;
	}
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size < (off_t)FILE_BYTES_MAX)
		text = malloc((size_t)st.st_size + 1);
	if (text)
		n = read(fd, text, (size_t)st.st_size);
	if (n < 0) {
		free(text);
		return NULL;
	}
	text[n] = 0;
	*ret_n = (size_t)n;
	return text;
}

static cJSON *read_json(struct lookup *l, int dir, const char *path)
{
	size_t n = 0;
	_cleanup_(freep) char *text = read_file(l, dir, path, &n);

	return text ? json_parse((struct slice){ text, n }) : NULL;
}

static int open_folder(struct lookup *l, int dir, const char *path)
{
	int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		note_closed(l);
	return fd;
}

/* Calls @fn for each folder and file in the folder @path. */
typedef void (*entry_fn)(struct lookup *l, int dir, const char *name);
static void each_entry(struct lookup *l, int dir, const char *path, entry_fn fn)
{
	int fd = open_folder(l, dir, path);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;

	if (!folder) {
		closep(&fd);
		return;
	}
	for (size_t n = 0; n < ENTRIES_MAX && (e = readdir(folder)); n++)
		if (e->d_name[0] != '.')
			fn(l, fd, e->d_name);
	closedir(folder);
}

/* --- what is found --- */

static void take(struct lookup *l, struct slice id)
{
	struct container *c = l->ret;

	if (id.n == 0 || id.n >= sizeof(c->id))
		return;
	if (l->found && (strlen(c->id) != id.n || memcmp(c->id, id.p, id.n) != 0)) {
		l->several = true;
		return;
	}
	if (!l->found) /* a runtime below an engine knows it as well */
		snprintf(c->engine, sizeof(c->engine), "%s", l->engine);
	l->found = true;
	snprintf(c->id, sizeof(c->id), "%.*s", SLICE_ARG(id));
}

static bool is_name(const struct lookup *l, struct slice name)
{
	return slice_eq(name, slice_of(l->name));
}

/* A name becomes part of a path only where it is one part. */
static bool is_part(const char *name)
{
	return name[0] && name[0] != '.' && !strchr(name, '/') && strlen(name) < NAME_MAX;
}

/* --- docker: containers/ID/config.v2.json, the name with a slash before it --- */

static void docker_container(struct lookup *l, int dir, const char *id)
{
	_cleanup_(cJSON_Deletep) cJSON *j = NULL;
	char path[PATH_MAX];
	struct slice name;

	snprintf(path, sizeof(path), "%s/config.v2.json", id);
	j = read_json(l, dir, path);
	name = json_str(j, "Name");
	if (slice_starts(name, SLICE("/")))
		name = slice_from(name, 1);
	if (j && is_name(l, name))
		take(l, json_str(j, "ID"));
}

static void docker(struct lookup *l, int dir)
{
	each_entry(l, dir, "containers", docker_container);
}

/* --- podman and CRI-O: DRIVER-containers/containers.json, a list with all names of each --- */

static void storage_container(struct lookup *l, const cJSON *c)
{
	const cJSON *name;

	cJSON_ArrayForEach (name, json_at(c, "names")) {
		const char *text = cJSON_GetStringValue(name);

		if (text && is_name(l, slice_of(text)))
			take(l, json_str(c, "id"));
	}
}

static void storage(struct lookup *l, int dir)
{
	static const char *const lists[] = { "overlay-containers/containers.json",
					     "overlay-containers/volatile-containers.json",
					     "vfs-containers/containers.json",
					     "btrfs-containers/containers.json" };

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		_cleanup_(cJSON_Deletep) cJSON *j = read_json(l, dir, lists[i]);
		const cJSON *c;

		cJSON_ArrayForEach (c, j)
			storage_container(l, c);
	}
}

/* --- nerdctl: ADDRESS/names/NAMESPACE/NAME holds the id --- */

static void nerdctl_namespace(struct lookup *l, int dir, const char *space)
{
	char path[2 * NAME_MAX + 2];
	size_t n = 0;
	_cleanup_(freep) char *id = NULL;

	snprintf(path, sizeof(path), "%s/%s", space, l->name);
	id = read_file(l, dir, path, &n);
	if (id)
		take(l, (struct slice){ id, strcspn(id, "\n") });
}

static void nerdctl_address(struct lookup *l, int dir, const char *address)
{
	char path[NAME_MAX + 8];

	snprintf(path, sizeof(path), "%s/names", address);
	each_entry(l, dir, path, nerdctl_namespace);
}

static void nerdctl(struct lookup *l, int dir)
{
	each_entry(l, dir, ".", nerdctl_address);
}

/* --- containerd: NAMESPACE/ID/config.json, annotated by Kubernetes --- */

static void task(struct lookup *l, int dir, const char *id)
{
	static const char *const names[] = { "io.kubernetes.cri.container-name",
					     "io.kubernetes.cri.sandbox-name", "nerdctl/name" };
	_cleanup_(cJSON_Deletep) cJSON *j = NULL;
	const cJSON *annotations;
	char path[NAME_MAX + 16];

	snprintf(path, sizeof(path), "%s/config.json", id);
	j = read_json(l, dir, path);
	annotations = json_at(j, "annotations");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		/* The names have dots, which are no path here. */
		const cJSON *v = cJSON_GetObjectItemCaseSensitive(annotations, names[i]);
		const char *text = cJSON_GetStringValue(v);

		if (text && is_name(l, slice_of(text))) {
			take(l, slice_of(id));
			return;
		}
	}
}

static void task_namespace(struct lookup *l, int dir, const char *space)
{
	each_entry(l, dir, space, task);
}

static void containerd(struct lookup *l, int dir)
{
	each_entry(l, dir, ".", task_namespace);
}

/* --- crun and runc: a folder of the container's name, whose cgroup may be called anything --- */

static void low_level(struct lookup *l, int dir, const char *file, const char *pid_key,
		      const char *start_key)
{
	_cleanup_(cJSON_Deletep) cJSON *j = NULL;
	char path[2 * NAME_MAX];
	int64_t pid;

	snprintf(path, sizeof(path), "%s/%s", l->name, file);
	j = read_json(l, dir, path);
	pid = json_int(j, pid_key);
	if (pid <= 0 || pid > INT_MAX)
		return;
	/* Of another user's runtime: the same name is not the same container. */
	if (l->found && strcmp(l->ret->id, l->name) == 0 && l->ret->pid &&
	    l->ret->pid != (pid_t)pid)
		l->several = true;
	take(l, slice_of(l->name));
	l->ret->pid = (pid_t)pid;
	l->ret->start_ticks = json_int(j, start_key);
}

static void crun(struct lookup *l, int dir)
{
	low_level(l, dir, "status", "pid", "process-start-time");
}

static void runc(struct lookup *l, int dir)
{
	low_level(l, dir, "state.json", "init_process_pid", "init_process_start");
}

/* --- all of them --- */

enum base { MACHINE, HOME, RUNTIME };

static const struct {
	const char *engine;
	enum base base;
	const char *folder;
	void (*look)(struct lookup *l, int dir);
} engines[] = {
	{ "docker", MACHINE, "/var/lib/docker", docker },
	{ "docker", MACHINE, "/var/snap/docker/common/var-lib-docker", docker },
	{ "docker", HOME, "/.local/share/docker", docker },
	{ "podman", MACHINE, "/var/lib/containers/storage", storage },
	{ "podman", MACHINE, "/run/containers/storage", storage },
	{ "podman", HOME, "/.local/share/containers/storage", storage },
	{ "nerdctl", MACHINE, "/var/lib/nerdctl", nerdctl },
	{ "nerdctl", HOME, "/.local/share/nerdctl", nerdctl },
	{ "containerd", MACHINE, "/run/containerd/io.containerd.runtime.v2.task", containerd },
	{ "crun", MACHINE, "/run/crun", crun },
	{ "crun", RUNTIME, "/crun", crun },
	{ "runc", MACHINE, "/run/runc", runc },
	{ "runc", RUNTIME, "/runc", runc },
};

static void look_in(struct lookup *l, const char *base, const char *folder,
		    void (*look)(struct lookup *l, int dir))
{
	_cleanup_(closep) int fd = -1;
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s%s", base, folder) >= (int)sizeof(path))
		return;
	fd = open_folder(l, AT_FDCWD, path);
	if (fd >= 0)
		look(l, fd);
}

/* Docker's data may be elsewhere. */
static void look_in_data_root(struct lookup *l, const char *root)
{
	_cleanup_(cJSON_Deletep) cJSON *j = NULL;
	const char *folder;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/etc/docker/daemon.json", root);
	l->engine = "docker";
	j = read_json(l, AT_FDCWD, path);
	folder = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(j, "data-root"));
	if (folder && folder[0] == '/')
		look_in(l, root, folder, docker);
}

struct container_places container_here(void)
{
	return (struct container_places){ "", getenv("HOME"), getenv("XDG_RUNTIME_DIR") };
}

int container_resolve(const struct container_places *where, const char *name, struct container *ret)
{
	const char *const bases[] = {
		[MACHINE] = where->root, [HOME] = where->home, [RUNTIME] = where->runtime
	};
	struct lookup l = { .name = name, .ret = ret };

	*ret = (struct container){ 0 };
	if (!is_part(name))
		return -ENOENT;
	for (size_t i = 0; i < ARRAY_SIZE(engines); i++) {
		const char *base = bases[engines[i].base];

		l.engine = engines[i].engine;
		if (base)
			look_in(&l, base, engines[i].folder, engines[i].look);
	}
	if (where->root)
		look_in_data_root(&l, where->root);
	if (l.several)
		return -EEXIST;
	if (l.found)
		return 0;
	snprintf(ret->engine, sizeof(ret->engine), "%s", l.closed);
	return l.closed[0] ? -EACCES : -ENOENT;
}
