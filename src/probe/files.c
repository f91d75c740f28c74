/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/regular.h"
#include "probe/discover.h"
#include "probe/late.h"
#include "probe/trust.h"

#define PERHAPS_NS 1000000000ull /* for what the command may start, or not */
#define SETTLED_NS 300000000ull	 /* a file that was not changed for so long is whole */

static uint64_t nanoseconds(const struct timespec *t)
{
	return (uint64_t)t->tv_sec * 1000000000ull + (uint64_t)t->tv_nsec;
}

static uint64_t late_by(const struct files *f)
{
	uint64_t now = clock_boot();

	return f->mapped_ns && now > f->mapped_ns ? now - f->mapped_ns : 0;
}

/*
 * Proving takes some 50 ms, and privileges: where the file is in use already, being late would cost
 * more; what is installed meanwhile is found after they were dropped.
 */
static int find_points(const struct files *f, int fd, const char *path, struct probe_target *ret)
{
	struct selftest_user caller = selftest_caller();

	caller.own = !f->perhaps;
	return cache_examine(f->cache, fd, path, f->mapped_ns || f->unproved ? NULL : &caller, ret);
}

/* What cannot be probed is only told where a TLS library is in the file, or the file was asked for.
 */
static void examine(struct files *f, int fd, const char *path)
{
	struct probe_target *target = calloc(1, sizeof(*target));
	struct report_attach told = { .target = target };
	int r;

	if (!target)
		return;
	r = find_points(f, fd, path, target);
	if (r > 0) {
		r = attach_file(f->attachments, fd, target, f->process.tgid, &told.how);
		told.late_ns = late_by(f);
		told.reason = r == -ESTALE ? "it is being written"
			      : r < 0	   ? strerrordesc_np(-r)
					   : NULL;
		if (r < 0)
			f->failed++;
		else
			f->attached++;
		if (r >= 0 && f->mapped_ns)
			late_remember(cache_dir(f->cache), f->user, path);
		report_attach(f->outbox, f->process, &told);
	} else if (r == 0 && target->library[0]) {
		told.reason = target->reason;
		f->failed++;
		report_attach(f->outbox, f->process, &told);
	}
	free(target);
}

/* Limits that only those reach who want to. */
static void give_up(struct files *f, const struct stat *st, const char *path, int why)
{
	struct probe_target *target = why == -EAGAIN ? calloc(1, sizeof(*target)) : NULL;
	const struct report_attach told = {
		.target = target,
		.reason = "it changes all the time: not looked at any more",
	};

	capture_count(f->capture, SONDE_LOSS_NOT_LOOKED, 1);
	f->failed++;
	if (!target)
		return;
	snprintf(target->path, sizeof(target->path), "%s", path);
	target->dev = st->st_dev;
	target->inode = st->st_ino;
	report_attach(f->outbox, f->process, &told);
	free(target);
}

static int consider(struct files *f, int fd, const char *path)
{
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	r = attach_seen(f->attachments, &st);
	if (r == 0)
		examine(f, fd, path);
	else if (r > 0)
		attach_join(f->attachments, &st, f->process.tgid);
	else
		give_up(f, &st, path, r);
	return 0;
}

int files_open(int root_fd, const char *path, int flags)
{
	struct open_how how = { .flags = (uint64_t)flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };

	return (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
}

static int open_below(int root_fd, const char *path)
{
	_cleanup_(closep) int fd = files_open(root_fd, path, O_PATH);

	return fd < 0 ? -1 : regular_reopen(fd);
}

/*
 * What the command itself uses is looked at, however long that takes. What it may start gets some
 * time; what is not reached is known to the next start all the same once somebody has run it.
 */
static bool is_worth_it(const struct files *f, int fd)
{
	return !f->perhaps || clock_boot() < f->begun_ns + PERHAPS_NS || cache_knows(f->cache, fd);
}

static int on_path(void *ctx, const char *path, const char *why)
{
	struct files *f = ctx;
	_cleanup_(closep) int fd = open_below(f->root_fd, path);

	f->perhaps = strncmp(why, DISCOVER_PERHAPS, strlen(DISCOVER_PERHAPS)) == 0;
	return fd < 0 || !is_worth_it(f, fd) ? 0 : consider(f, fd, path);
}

/* Only what is known costs no time. */
static void on_late(void *ctx, const char *path)
{
	struct files *f = ctx;
	_cleanup_(closep) int fd = open_below(f->root_fd, path);

	f->perhaps = true;
	if (fd >= 0 && cache_knows(f->cache, fd))
		consider(f, fd, path);
}

static int on_mapped(void *ctx, int fd, const char *path)
{
	return consider(ctx, fd, path);
}

int files_prepare(struct files *f, struct report_process p, const struct command_line *c)
{
	_cleanup_(closep) int root = -1;
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/proc/%d/root", p.tgid);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	f->process = p;
	f->mapped_ns = 0;
	f->unproved = !trust_process(p.tgid);
	f->begun_ns = clock_boot();
	f->root_fd = root;
	r = discover_command(root, c->path, c->argv, c->env, c->cwd, on_path, f);
	late_each(cache_dir(f->cache), f->user, on_late, f);
	return r;
}

bool files_installed(struct files *f, struct report_process p, int root_fd, const char *path,
		     uint64_t since_ns)
{
	_cleanup_(closep) int fd = -1;
	struct timespec now;
	uint64_t changed;
	struct stat st;

	f->root_fd = root_fd;
	fd = open_below(root_fd, path);
	if (fd < 0 || fstat(fd, &st) < 0)
		return true;
	clock_gettime(CLOCK_REALTIME, &now);
	changed = nanoseconds(&st.st_ctim);
	if (changed < since_ns)
		return true;
	if (nanoseconds(&now) < changed + SETTLED_NS)
		return false;
	f->process = p;
	f->mapped_ns = 0;
	f->unproved = true;
	consider(f, fd, path);
	f->unproved = false;
	return true;
}

static void on_written(void *ctx, int fd, const char *path)
{
	consider(ctx, fd, path);
}

void files_written(struct files *f, struct report_process p)
{
	f->process = p;
	f->mapped_ns = 0;
	f->unproved = true;
	attach_writes(f->attachments, on_written, f);
	f->unproved = false;
}

void files_join(struct files *f, struct report_process p, bool root)
{
	static const struct command_line nothing;

	f->process = p;
	f->mapped_ns = 0;
	f->perhaps = false;
	f->unproved = !trust_process(p.tgid);
	discover_process(p.tgid, on_mapped, f);
	if (root)
		files_prepare(f, p, &nothing);
}

void files_check(struct files *f, struct report_process p, uint64_t mapped_ns)
{
	f->process = p;
	f->mapped_ns = mapped_ns;
	capture_looks(f->capture, p.tgid);
	if (!capture_in_scope(f->capture, p.tgid, p.start_ns))
		return;
	if (discover_process(p.tgid, on_mapped, f) == -ENOSPC)
		capture_count(f->capture, SONDE_LOSS_NOT_LOOKED, 1);
}
