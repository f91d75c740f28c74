// SPDX-License-Identifier: BSD-2-Clause
#include "probe/attach.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "probe/dear.h"
#include "probe/probes.h"

struct file_key {
	dev_t dev;
	ino_t inode;
};

struct file {
	struct file_key key;
	off_t size;
	struct timespec changed; /* both when it was looked at */
	struct probes probes;
	struct dear *dear; /* NULL: none, or on for everybody */
	UT_hash_handle hh;
};

struct attachments {
	struct capture *capture;
	struct file *files;
};

int attachments_new(struct capture *capture, struct attachments **ret)
{
	struct attachments *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->capture = capture;
	*ret = a;
	return 0;
}

void attachments_free(struct attachments *a)
{
	struct file *f, *next;

	if (!a)
		return;
	HASH_ITER(hh, a->files, f, next)
	{
		HASH_DEL(a->files, f);
		probes_done(&f->probes);
		dear_free(f->dear);
		free(f);
	}
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

/* Whether it is what it was when it was looked at. */
static bool is_same(const struct file *f, const struct stat *st)
{
	return f->size == st->st_size && f->changed.tv_sec == st->st_ctim.tv_sec &&
	       f->changed.tv_nsec == st->st_ctim.tv_nsec;
}

static void note_state(struct file *f, const struct stat *st)
{
	f->size = st->st_size;
	f->changed = st->st_ctim;
}

int attach_seen(struct attachments *a, const struct stat *st)
{
	struct file_key key = key_of(st);
	struct file *f = find(a, &key);

	if (f && (has_probes(f) || is_same(f, st)))
		return 1;
	if (f) { /* an installer was still writing it */
		note_state(f, st);
		return 0;
	}
	if (HASH_COUNT(a->files) >= ATTACH_FILES_MAX)
		return -ENOSPC;
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->key = key;
	note_state(f, st);
	HASH_ADD(hh, a->files, key, sizeof(f->key), f);
	if (!find(a, &key)) {
		free(f);
		return -ENOMEM;
	}
	return 0;
}

static bool is_dear(const struct probe_target *t)
{
	for (size_t i = 0; i < t->n_points; i++)
		if (t->points[i].cost != PROBE_CHEAP)
			return true;
	return false;
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
	probes_sort(a->capture, target, batches);
	/* Without uprobe_multi there is no filter that outlives an exec. */
	if (is_dear(target) && capture_has_multi(a->capture))
		r = dear_new(a->capture, fd, batches, pid, &f->dear);
	else
		r = probes_attach(a->capture, batches, fd, 0, &f->probes);
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
