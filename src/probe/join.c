// SPDX-License-Identifier: BSD-2-Clause
#include "probe/join.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "probe/describe.h"
#include "probe/privileges.h"
#include "probe/snapshot.h"

#define PROCESSES_MAX 4096 /* that are looked at, and that are joined at a time */
#define ROUNDS_MAX    8	   /* processes go on starting others meanwhile */
#define CGROUPS_MAX   1024
#define CGROUP_DEPTH  16

/* A process of the system, or one that is to be joined. */
struct found {
	pid_t pid, parent;
	uint64_t start_ns; /* 0: not asked for yet */
};

struct join {
	struct join_config c;
	cJSON *scope;
	pid_t launcher;
	uint32_t n_scopes;
	int cgroup; /* -1: none */
	size_t refused, cgroups;
	struct found all[PROCESSES_MAX], chosen[PROCESSES_MAX];
	size_t n_all, n_chosen;
};

static struct ucred peer_of(int fd)
{
	struct ucred peer = { .uid = (uid_t)-2 };
	socklen_t n = sizeof(peer);

	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n);
	return peer;
}

int join_new(const struct join_config *c, struct join **ret)
{
	struct join *j = calloc(1, sizeof(*j));

	if (!j)
		return -ENOMEM;
	j->launcher = peer_of(c->launcher_fd).pid;
	j->c = *c;
	j->cgroup = -1;
	j->scope = cJSON_Duplicate(c->scope, true);
	*ret = j;
	return 0;
}

void join_free(struct join *j)
{
	if (!j)
		return;
	closep(&j->cgroup);
	cJSON_Delete(j->scope);
	free(j);
}

size_t join_refused(const struct join *j)
{
	return j->refused;
}

/* --- who is there --- */

static void list_all(struct join *j)
{
	DIR *proc = opendir("/proc");
	const struct dirent *e;

	j->n_all = 0;
	while (proc && j->n_all < PROCESSES_MAX && (e = readdir(proc))) {
		struct found *f = &j->all[j->n_all];

		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		*f = (struct found){ .pid = (pid_t)strtol(e->d_name, NULL, 10) };
		f->parent = describe_parent(f->pid);
		j->n_all += f->parent >= 0;
	}
	if (proc)
		closedir(proc);
}

static const struct found *find(const struct found *list, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].pid == pid)
			return &list[i];
	return NULL;
}

/* Sonde itself is never traced: the launcher, its engine, and this process. */
static void choose(struct join *j, pid_t pid, pid_t parent)
{
	if (pid == getpid() || (j->launcher > 0 && (pid == j->launcher || parent == j->launcher)))
		return;
	if (j->n_chosen < PROCESSES_MAX && !find(j->chosen, j->n_chosen, pid))
		j->chosen[j->n_chosen++] = (struct found){ .pid = pid, .parent = parent };
}

/* @pid and what descends from it: parents before their children. */
static void choose_tree(struct join *j, pid_t pid)
{
	list_all(j);
	j->n_chosen = 0;
	choose(j, pid, describe_parent(pid));
	for (size_t at = 0; at < j->n_chosen; at++)
		for (size_t i = 0; i < j->n_all; i++)
			if (j->all[i].parent == j->chosen[at].pid)
				choose(j, j->all[i].pid, j->all[i].parent);
}

/* Those of one cgroup: "123\n124\n". */
static void choose_members(struct join *j, int dir)
{
	int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	char line[32];

	if (!f) {
		closep(&fd);
		return;
	}
	while (fgets(line, sizeof(line), f)) {
		pid_t pid = (pid_t)strtol(line, NULL, 10);

		if (pid > 0) /* 0: in a pid namespace that cannot be seen from here */
			choose(j, pid, describe_parent(pid));
	}
	fclose(f);
}

/* And those below it. */
static void choose_cgroup(struct join *j, int dir, int depth)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;

	if (!folder) {
		closep(&fd);
		return;
	}
	choose_members(j, dir);
	while (depth < CGROUP_DEPTH && j->cgroups < CGROUPS_MAX && (e = readdir(folder))) {
		_cleanup_(closep) int below = -1;

		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		j->cgroups++;
		below = openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (below >= 0)
			choose_cgroup(j, below, depth + 1);
	}
	closedir(folder);
}

/* --- taking them in --- */

static struct report_process as_process(const struct found *f)
{
	return (struct report_process){ .tgid = f->pid, .start_ns = f->start_ns };
}

/* Whether it is to be joined now: not yet in scope, and the launcher's to trace. */
static bool is_wanted(struct join *j, struct found *f)
{
	f->start_ns = capture_start_of(j->c.capture, f->pid);
	if (!f->start_ns || capture_in_scope(j->c.capture, f->pid, f->start_ns))
		return false;
	if (privileges_may_trace(j->c.launcher_fd, f->pid))
		return true;
	j->refused++;
	return false;
}

static int take(struct join *j, const struct found *f, uint32_t scope)
{
	int r = capture_scope_add(j->c.capture, f->pid, f->start_ns, scope, true);

	if (r < 0)
		return r;
	/* It may have ended since, and the pid may be another's. */
	if (capture_start_of(j->c.capture, f->pid) == f->start_ns)
		return 0;
	capture_scope_drop(j->c.capture, f->pid);
	return -ESRCH;
}

/* Tells of a process once it is in scope; the kernel tells what it does from then on. */
static void tell(struct join *j, const struct found *f, const struct found *parent, uint32_t scope)
{
	const struct report_process p = as_process(f);
	struct report_process above = { 0 };

	if (parent && parent->start_ns) {
		above = as_process(parent);
		snapshot_fork(j->c.outbox, above, p, scope);
	}
	snapshot_exec(j->c.outbox, p, above);
	report_proc(j->c.outbox, p);
}

/* Those chosen that are not in scope yet. The number, or -errno of the first that failed. */
static int take_chosen(struct join *j, uint32_t scope)
{
	int n = 0, r = 0;

	for (size_t i = 0; i < j->n_chosen; i++) {
		struct found *f = &j->chosen[i];
		bool is_root;

		if (!is_wanted(j, f)) {
			r = r ? r : f->start_ns ? -EPERM : -ESRCH;
			continue;
		}
		is_root = scope > j->n_scopes; /* the first of it is the run's root */
		if (is_root) {
			j->n_scopes = scope;
			snapshot_scope(j->c.outbox, as_process(f), scope, j->scope);
		}
		files_join(j->c.files, as_process(f), is_root);
		r = take(j, f, scope);
		if (r < 0)
			continue;
		if (is_root)
			capture_outside_input(j->c.capture, f->pid);
		tell(j, f, find(j->chosen, i, f->parent), scope);
		n++;
	}
	return n ? n : r;
}

/* A process and its children, as one run. -ESRCH: there is none; -EPERM: not the launcher's. */
static int join_process(struct join *j, pid_t pid)
{
	const uint32_t scope = j->n_scopes + 1;
	int r = 0, n = 1;

	if (describe_parent(pid) < 0)
		return -ESRCH;
	if (!privileges_may_trace(j->c.launcher_fd, pid))
		return -EPERM;
	for (int i = 0; i < ROUNDS_MAX && n > 0; i++) {
		choose_tree(j, pid);
		n = take_chosen(j, scope);
		r = i == 0 && n < 0 ? n : r;
	}
	/* One that another run has already is no failure. */
	return r < 0 && capture_in_scope(j->c.capture, pid, capture_start_of(j->c.capture, pid))
		       ? 0
		       : r;
}

/* Of which user what begins later must be: root may trace anybody's. */
static uint32_t user_of_launcher(const struct join *j)
{
	const uid_t uid = peer_of(j->c.launcher_fd).uid;

	return uid == 0 ? (uint32_t)-1 : uid;
}

static int take_cgroup(struct join *j)
{
	j->n_chosen = j->cgroups = 0;
	choose_cgroup(j, j->cgroup, 0);
	return take_chosen(j, 1);
}

static int join_cgroup(struct join *j, int dir)
{
	struct statfs fs;
	struct stat st;
	int r, n = 1;

	j->cgroup = dir;
	if (fstatfs(dir, &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC || fstat(dir, &st) < 0)
		return -EINVAL;
	r = take_cgroup(j);
	if (r <= 0)
		return r < 0 ? r : -ESRCH;
	/* Who begins after this is seen by the kernel, who has begun before it by the next look. */
	capture_scope_cgroup(j->c.capture, st.st_ino, user_of_launcher(j));
	for (int i = 0; i < ROUNDS_MAX && n > 0; i++)
		n = take_cgroup(j);
	return 0;
}

/* Each that can be had; one that is somebody else's ends it. */
static int join_pids(struct join *j, const cJSON *pids, char *ret_why, size_t size)
{
	const cJSON *item;
	pid_t missing = 0;
	bool any = false;

	cJSON_ArrayForEach (item, pids) {
		const pid_t pid = cJSON_IsNumber(item) ? (pid_t)item->valuedouble : 0;
		const int r = pid > 0 ? join_process(j, pid) : -ESRCH;

		if (r == -EPERM)
			snprintf(ret_why, size, "process %d is not yours to trace", pid);
		if (r < 0 && r != -ESRCH)
			return r;
		any |= r >= 0;
		missing = r < 0 ? pid : missing;
	}
	if (any)
		return 0;
	snprintf(ret_why, size, "there is no process %d (any more)", missing);
	return -ESRCH;
}

int join_begin(struct join *j, const cJSON *join, int *cgroup_fd, char *ret_why, size_t n)
{
	int r;

	if (!slice_eq(json_str(join, "kind"), SLICE("cgroup")))
		return join_pids(j, json_at(join, "pids"), ret_why, n);
	r = *cgroup_fd < 0 ? -EINVAL : join_cgroup(j, TAKE_FD(*cgroup_fd));
	if (r == -ESRCH)
		snprintf(ret_why, n, "nothing runs in that cgroup");
	else if (r == -EINVAL)
		snprintf(ret_why, n, "that is no cgroup of version 2");
	return r;
}

void join_again(struct join *j)
{
	if (j && j->cgroup >= 0)
		take_cgroup(j);
}

/* "populated 0": nobody is in it or below. */
static bool is_populated(int dir)
{
	_cleanup_(closep) int fd = openat(dir, "cgroup.events", O_RDONLY | O_CLOEXEC);
	char text[256];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0)
		return false;
	text[n] = 0;
	return strstr(text, "populated 1");
}

bool join_over(const struct join *j)
{
	return j && capture_scope_empty(j->c.capture) &&
	       (j->cgroup < 0 || !is_populated(j->cgroup));
}
