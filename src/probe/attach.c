// SPDX-License-Identifier: BSD-2-Clause
#include "probe/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "probe/dear.h"
#include "probe/probes.h"

struct file_key {
	dev_t dev;
	ino_t inode;
};

struct file {
	struct file_key key;
	/* all three as it was looked at last */
	off_t size;
	struct timespec written, changed;
	int looks;
	/* once it has had probes: it is watched for writes, and looked at by itself after them */
	int wd, fd; /* -1: it is not */
	char *path;
	struct probes probes;
	struct dear *dear; /* NULL: none, or on for everybody */
	UT_hash_handle hh;
};

struct attachments {
	struct capture *capture;
	struct file *files;
	int writes; /* inotify, or -1 */
};

int attachments_new(struct capture *capture, struct attachments **ret)
{
	struct attachments *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->capture = capture;
	a->writes = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	*ret = a;
	return 0;
}

/*
 * The kernel puts a probe where it was told to, whatever is there by now: in a file that was
 * written over, in the midst of an instruction.
 */
static void take_off(struct file *f)
{
	probes_done(&f->probes);
	dear_free(f->dear);
	f->dear = NULL;
}

static void unwatch(struct attachments *a, struct file *f)
{
	if (f->wd >= 0)
		inotify_rm_watch(a->writes, f->wd);
	f->wd = -1;
	closep(&f->fd);
	free(f->path);
	f->path = NULL;
}

void attachments_free(struct attachments *a)
{
	struct file *f, *next;

	if (!a)
		return;
	HASH_ITER(hh, a->files, f, next)
	{
		HASH_DEL(a->files, f);
		take_off(f);
		unwatch(a, f);
		free(f);
	}
	closep(&a->writes);
	free(a);
}

static struct file_key key_of(const struct stat *st)
{
	struct file_key k;

	memset(&k, 0, sizeof(k)); /* hashed as bytes */
	k.dev = st->st_dev;
	k.inode = st->st_ino;
	return k;
}

static struct file *find(struct attachments *a, const struct file_key *key)
{
	struct file *f;

	/* All its bytes are set. */
	/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
	HASH_FIND(hh, a->files, key, sizeof(*key), f);
	return f;
}

static bool has_probes(const struct file *f)
{
	return f->dear || f->probes.n_fds || f->probes.n_links;
}

static bool same_time(const struct timespec *x, const struct timespec *y)
{
	return x->tv_sec == y->tv_sec && x->tv_nsec == y->tv_nsec;
}

static bool is_same(const struct file *f, const struct stat *st)
{
	return f->size == st->st_size && same_time(&f->changed, &st->st_ctim);
}

/* Links come and go, owners change: what probes stand in is still the same. */
static bool is_same_code(const struct file *f, const struct stat *st)
{
	return f->size == st->st_size && same_time(&f->written, &st->st_mtim);
}

static void note_state(struct file *f, const struct stat *st)
{
	f->size = st->st_size;
	f->written = st->st_mtim;
	f->changed = st->st_ctim;
	f->looks++;
}

static int add_file(struct attachments *a, const struct file_key *key, const struct stat *st)
{
	struct file *f;

	if (HASH_COUNT(a->files) >= ATTACH_FILES_MAX)
		return -ENOSPC;
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->key = *key;
	f->wd = f->fd = -1;
	note_state(f, st);
	HASH_ADD(hh, a->files, key, sizeof(f->key), f);
	if (find(a, key))
		return 0;
	free(f);
	return -ENOMEM;
}

int attach_seen(struct attachments *a, const struct stat *st)
{
	struct file_key key = key_of(st);
	struct file *f = find(a, &key);

	if (!f)
		return add_file(a, &key, st);
	if (has_probes(f) ? is_same_code(f, st) : is_same(f, st))
		return 1;
	/* An installer was still writing it, or it was built anew in its place. */
	take_off(f);
	if (f->looks > ATTACH_LOOKS_MAX)
		return 1;
	note_state(f, st);
	if (f->looks <= ATTACH_LOOKS_MAX)
		return 0;
	unwatch(a, f);
	return -EAGAIN;
}

int attach_writes_fd(const struct attachments *a)
{
	return a ? a->writes : -1;
}

static struct file *watched(const struct attachments *a, int wd)
{
	struct file *f = a->files;

	while (f && f->wd != wd)
		f = f->hh.next;
	return f;
}

void attach_writes(struct attachments *a, attach_written_fn fn, void *ctx)
{
	_Alignas(struct inotify_event) char events[4096];
	const ssize_t n = read(a->writes, events, sizeof(events));

	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *e = (const void *)(events + at);
		struct file *f = watched(a, e->wd);

		if (f && e->mask & IN_MODIFY)
			take_off(f);
		else if (f && e->mask & IN_CLOSE_WRITE && !has_probes(f))
			fn(ctx, f->fd, f->path);
		at += (ssize_t)(sizeof(*e) + e->len);
	}
}

static bool is_dear(const struct probe_target *t)
{
	for (size_t i = 0; i < t->n_points; i++)
		if (t->points[i].cost != PROBE_CHEAP)
			return true;
	return false;
}

/* Before the probes go on, so that no write is missed. A file that cannot be watched, of some file
 * systems, is looked at again when it is mapped. */
static void watch_writes(struct attachments *a, struct file *f, int fd, const char *path)
{
	char link[64];

	if (f->wd >= 0)
		return;
	f->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	f->path = strdup(path);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (f->fd >= 0 && f->path)
		f->wd = inotify_add_watch(a->writes, link, IN_MODIFY | IN_CLOSE_WRITE);
	if (f->wd < 0)
		unwatch(a, f);
}

static int put_on(struct attachments *a, struct file *f, int fd, const struct batch *batches,
		  bool dear, pid_t pid)
{
	struct stat st;
	int r;

	if (dear)
		r = dear_new(a->capture, fd, batches, pid, &f->dear);
	else
		r = probes_attach(a->capture, batches, fd, 0, &f->probes);
	if (r == 0 && (fstat(fd, &st) < 0 || !is_same_code(f, &st)))
		r = -ESTALE; /* what was found is of another file */
	if (r < 0)
		take_off(f);
	return r;
}

int attach_file(struct attachments *a, int fd, const struct probe_target *target, pid_t pid,
		const char **ret_how)
{
	struct batch batches[BATCH_NR];
	struct file_key key;
	struct stat st;
	struct file *f;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	key = key_of(&st);
	f = find(a, &key);
	if (!f)
		return -ENOENT;
	watch_writes(a, f, fd, target->path);
	probes_sort(a->capture, target, batches);
	/* Without uprobe_multi there is no filter that outlives an exec. */
	r = put_on(a, f, fd, batches, is_dear(target) && capture_has_multi(a->capture), pid);
	if (r < 0)
		return r;
	if (f->dear)
		capture_tell_forks(a->capture);
	if (batches[BATCH_RUSTLS_ENCRYPT].n)
		capture_pair_by_thread(a->capture);
	*ret_how = batches[BATCH_SESSION].n || batches[BATCH_RUSTLS_SESSION].n ? "session"
		   : capture_has_multi(a->capture)			       ? "multi"
									       : "perf";
	return 0;
}

void attach_join(struct attachments *a, const struct stat *st, pid_t pid)
{
	struct file_key key = key_of(st);
	struct file *f = find(a, &key);

	if (f && f->dear)
		dear_add(f->dear, a->capture, pid);
}

void attach_fork(struct attachments *a, pid_t parent, pid_t child)
{
	for (struct file *f = a->files; f; f = f->hh.next)
		if (f->dear && dear_has(f->dear, parent))
			dear_add(f->dear, a->capture, child);
}

void attach_exit(struct attachments *a, pid_t pid)
{
	for (struct file *f = a->files; f; f = f->hh.next)
		if (f->dear)
			dear_end(f->dear, pid);
}

void attach_sweep(struct attachments *a)
{
	for (struct file *f = a->files; f; f = f->hh.next)
		if (f->dear)
			dear_sweep(f->dear);
}
