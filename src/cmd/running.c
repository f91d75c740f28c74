/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/running.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/slice.h"
#include "base/util.h"
#include "probe/cgroups.h"
#include "probe/container.h"
#include "proc/proc.h"

#define TEXT_MAX 8192

size_t running_asked(const struct running_query *q)
{
	return (q->pids != NULL) + (q->program != NULL) + (q->cgroup != NULL) +
	       (q->container != NULL);
}

/* --- /proc --- */

static size_t read_proc(pid_t pid, const char *name, char *ret, size_t size)
{
	_cleanup_(closep) int fd = -1;
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, ret, size - 1);
	ret[n > 0 ? n : 0] = 0;
	return n > 0 ? (size_t)n : 0;
}

typedef bool (*process_fn)(void *ctx, pid_t pid);

/* Calls @fn for each process but this one until it returns false. */
static void each_process(process_fn fn, void *ctx)
{
	DIR *proc = opendir("/proc");
	const struct dirent *e;

	while (proc && (e = readdir(proc))) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);

		if (isdigit((unsigned char)e->d_name[0]) && pid != getpid() && !fn(ctx, pid))
			break;
	}
	if (proc)
		closedir(proc);
}

static int add(struct running *r, pid_t pid)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->pids[i] == pid)
			return 0;
	if (r->n == RUNNING_MAX)
		return -E2BIG;
	r->pids[r->n++] = pid;
	return 0;
}

/* --- --pid --- */

static int find_pids(const char *list, struct running *ret)
{
	struct slice one, rest = slice_of(list);
	bool more = true;
	uint64_t pid;

	while (more) {
		more = slice_cut(rest, ',', &one, &rest);
		if (!more)
			one = rest;
		if (!slice_u64(one, &pid) || pid == 0 || pid > INT_MAX) {
			log_err("run: '--pid' takes process ids such as 4711 or 4711,4712, not "
				"'%s'",
				list);
			return -EINVAL;
		}
		if (add(ret, (pid_t)pid) < 0) {
			log_err("run: at most %d processes at a time", RUNNING_MAX);
			return -E2BIG;
		}
	}
	return 0;
}

/* --- --program --- */

struct program_search {
	const char *pattern;
	struct running *found;
	bool too_many;
};

static bool matches(const char *pattern, struct slice path)
{
	const char *slash = path.n ? memrchr(path.p, '/', path.n) : NULL;
	char name[256];

	if (slash && !strchr(pattern, '/'))
		path = slice_from(path, (size_t)(slash - path.p) + 1);
	if (path.n == 0 || path.n >= sizeof(name))
		return false;
	snprintf(name, sizeof(name), "%.*s", SLICE_ARG(path));
	return fnmatch(pattern, name, 0) == 0;
}

/* By its file, its name, its first argument, or as the agent that it is known to be. */
static bool is_program(pid_t pid, const char *pattern)
{
	char link[64], exe[PATH_MAX], comm[64], argv[TEXT_MAX];
	struct slice path, first, rest, all;
	struct agent_identity agent;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
	n = readlink(link, exe, sizeof(exe));
	path = (struct slice){ exe, n > 0 ? (size_t)n : 0 };
	all = (struct slice){ argv, read_proc(pid, "cmdline", argv, sizeof(argv)) };
	if (all.n == 0)
		return false; /* a kernel thread, or a process that has ended */
	read_proc(pid, "comm", comm, sizeof(comm));
	comm[strcspn(comm, "\n")] = 0;
	if (!slice_cut(all, '\0', &first, &rest))
		first = all;
	return matches(pattern, path) || matches(pattern, slice_of(comm)) ||
	       matches(pattern, first) ||
	       (agent_of_program(path, all, &agent) && !agent.helper &&
		matches(pattern, agent.name));
}

static bool try_program(void *ctx, pid_t pid)
{
	struct program_search *s = ctx;

	if (is_program(pid, s->pattern) && add(s->found, pid) < 0)
		s->too_many = true;
	return !s->too_many;
}

static int find_program(const char *pattern, struct running *ret)
{
	struct program_search s = { .pattern = pattern, .found = ret };

	each_process(try_program, &s);
	if (s.too_many)
		log_err("run: more than %d processes match '%s'", RUNNING_MAX, pattern);
	else if (ret->n == 0)
		log_err("run: no process runs '%s'", pattern);
	return s.too_many ? -E2BIG : ret->n ? 0 : -ESRCH;
}

/* --- --cgroup --- */

/* @path: a folder, or as /proc/PID/cgroup has it: below the mount. */
static int open_cgroup(const char *path)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
	char mount[PATH_MAX], full[2 * PATH_MAX];
	int fd = -1;

	if (cgroups_mount(mount) && strncmp(path, mount, strlen(mount)) != 0) {
		snprintf(full, sizeof(full), "%s/%s", mount, path);
		fd = open(full, flags);
	}
	return fd >= 0 ? fd : open(path, flags);
}

static int find_cgroup(const char *path, struct running *ret)
{
	ret->cgroup_fd = open_cgroup(path);
	if (ret->cgroup_fd >= 0)
		return 0;
	return log_errno(-errno, "no cgroup '%s'", path);
}

/* --- --container --- */

struct container_search {
	const char *name;
	struct running *found;
	char path[PATH_MAX]; /* of its cgroup, version 2 */
	bool several;	     /* different ones */
};

/* "0::/path" of version 2, "4:memory:/path" before. */
static bool try_container(void *ctx, pid_t pid)
{
	struct container_search *s = ctx;
	char text[TEXT_MAX], path[PATH_MAX], *save, *line;

	read_proc(pid, "cgroup", text, sizeof(text));
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const bool v2 = strncmp(line, "0::", 3) == 0;
		const char *at = strchr(line, '/');
		size_t n = at ? container_in_path(at, s->name) : 0;

		if (n == 0 || n >= sizeof(path))
			continue;
		add(s->found, pid);
		if (!v2)
			continue;
		snprintf(path, sizeof(path), "%.*s", (int)n, at);
		s->several |= s->path[0] && strcmp(s->path, path) != 0;
		snprintf(s->path, sizeof(s->path), "%s", path);
	}
	return true;
}

/* Whether the process that a runtime has written down is still that one. */
static bool is_process(const struct container *c)
{
	char text[TEXT_MAX];
	const char *at;

	if (c->pid <= 0 || read_proc(c->pid, "stat", text, sizeof(text)) == 0)
		return false;
	at = strrchr(text, ')'); /* the name may hold anything; it is field 2, the start 22 */
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at && (c->start_ticks == 0 || strtoll(at, NULL, 10) == c->start_ticks);
}

/* The id of a container whose cgroup does not have its name. */
static int resolve(const char *name, struct container *ret)
{
	const struct container_places here = container_here();
	int r = container_resolve(&here, name, ret);

	if (r == -EEXIST)
		log_err("run: more than one container is called '%s'; give its id", name);
	else if (r == -EACCES)
		log_err("run: no container '%s' is known to you: %s's are known to root only", name,
			ret->engine);
	else if (r < 0)
		log_err("run: no container '%s': no cgroup has that name or id, and neither "
			"docker, "
			"podman, containerd, crun nor runc knows it",
			name);
	return r == -ENOENT ? -ESRCH : r;
}

static int find_container(const char *name, struct running *ret)
{
	struct container_search s = { .name = name, .found = ret };
	struct container c = { 0 };
	int r;

	each_process(try_container, &s);
	if (ret->n == 0) {
		r = resolve(name, &c);
		if (r < 0)
			return r;
		s.name = c.id;
		each_process(try_container, &s);
	}
	if (ret->n == 0 && is_process(&c))
		return add(ret, c.pid); /* the runtime gave it no cgroup of its own */
	if (s.several) {
		log_err("run: more than one container is called '%s'; give more of its id", name);
		return -EEXIST;
	}
	if (ret->n == 0) {
		log_err("run: container '%s' (%s %.12s) does not run", name, c.engine, c.id);
		return -ESRCH;
	}
	if (!s.path[0])
		return 0; /* of version 1: its processes, and what they start */
	ret->cgroup_fd = open_cgroup(s.path);
	return 0;
}

int running_find(const struct running_query *q, struct running *ret)
{
	const struct {
		const char *value, *kind;
		int (*find)(const char *value, struct running *ret);
	} ways[] = { { q->pids, "pid", find_pids },
		     { q->program, "program", find_program },
		     { q->cgroup, "cgroup", find_cgroup },
		     { q->container, "container", find_container } };

	*ret = (struct running){ .cgroup_fd = -1 };
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		if (!ways[i].value)
			continue;
		ret->kind = ways[i].kind;
		snprintf(ret->text, sizeof(ret->text), "%s %s", ret->kind, ways[i].value);
		return ways[i].find(ways[i].value, ret);
	}
	return -EINVAL;
}
