/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The store stays within the limits of [retention] by itself: looked at every ten minutes, and at
 * once where the disk is fuller than it may be. Then content goes before runs: first that of runs
 * older than a day, then all of what has ended, then the oldest runs.
 */
#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/format.h"
#include "base/log.h"
#include "cmd/daemon_parts.h"
#include "store/store.h"

#define EVERY_NS       600000000000ull
#define FIRST_NS       20000000000ull
#define DISK_EVERY_NS  30000000000ull
#define DAY_NS	       86400000000000ull
#define NS	       1000000000ull
#define KEPT_FOR_SINKS (1u << 30) /* bytes that sinks may keep above the limits */

/* --- the supervisor --- */

/* In hundredths of a percent; 0: not known. */
static uint64_t disk_use(const char *store)
{
	char dir[4096];
	struct statvfs fs;

	snprintf(dir, sizeof(dir), "%s", store);
	if (statvfs(dirname(dir), &fs) < 0 || fs.f_blocks == 0)
		return 0;
	/* As df(1) has it: what root alone may use counts for nobody. */
	return (fs.f_blocks - fs.f_bfree) * 10000 / (fs.f_blocks - fs.f_bfree + fs.f_bavail + 1);
}

static bool disk_is_full(const struct config *c)
{
	return c->retention.disk_percent &&
	       disk_use(c->daemon.store) > c->retention.disk_percent * 100;
}

void daemon_retention_turn(struct daemon *d, uint64_t now_ns)
{
	const struct config *c = d->setup->c;

	if (d->ending || !d->announced || d->children[DAEMON_SWEEPER].pid)
		return;
	if (d->sweep_ns == 0) {
		d->sweep_ns = now_ns + FIRST_NS;
		d->disk_ns = now_ns;
	}
	if (now_ns >= d->disk_ns) {
		d->disk_ns = now_ns + DISK_EVERY_NS;
		d->disk_full = disk_is_full(c);
		if (d->disk_full && now_ns >= d->full_swept_ns + DISK_EVERY_NS * 2) {
			d->full_swept_ns = now_ns;
			d->sweep_ns = now_ns;
		}
	}
	if (now_ns < d->sweep_ns)
		return;
	d->sweep_ns = now_ns + EVERY_NS;
	daemon_child_start(d, DAEMON_SWEEPER);
}

/* --- the sweeper --- */

static uint64_t wall_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * NS + (uint64_t)ts.tv_nsec;
}

static void say(const char *why, const struct store_gc_result *r)
{
	if (r->runs)
		log_info("%s: %s runs with %s steps were removed from the store", why,
			 format_count(r->runs).s, format_count(r->spans).s);
	if (r->content_spans)
		log_info("%s: what was said in %s steps was removed from the store", why,
			 format_count(r->content_spans).s);
	if (r->unsent)
		log_warn("%s steps were removed that a sink had not got: it is too far behind",
			 format_count(r->unsent).s);
}

static int remove_some(const struct config *c, const char *why, struct store_gc_options *o)
{
	struct store_gc_result result;
	struct store_error err = { "" };
	int r;

	r = store_gc(c->daemon.store, o, &result, &err);
	if (r == -EBUSY)
		return 0; /* somebody else is at it */
	if (r < 0) {
		log_err("%s", err.text);
		return r;
	}
	say(why, &result);
	return 0;
}

static int keep_limits(const struct config *c)
{
	const uint64_t now = wall_ns();
	struct store_gc_options o = { .max_bytes = c->retention.max_bytes,
				      .sinks_keep_bytes = KEPT_FOR_SINKS };

	if (c->retention.runs_s)
		o.runs_before_ns = now - c->retention.runs_s * NS;
	if (c->retention.content_s)
		o.content_before_ns = now - c->retention.content_s * NS;
	return remove_some(c, "[retention]", &o);
}

static int make_room(const struct config *c)
{
	const uint64_t now = wall_ns();
	struct store_gc_options steps[] = {
		{ .content_before_ns = now - DAY_NS, .sinks_keep_bytes = KEPT_FOR_SINKS },
		{ .content_before_ns = now, .sinks_keep_bytes = KEPT_FOR_SINKS },
		{ .runs_before_ns = now - DAY_NS * 7 },
		{ .runs_before_ns = now - DAY_NS },
	};
	int r = 0;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && r == 0; i++) {
		if (!disk_is_full(c))
			return 0;
		log_warn("the disk of '%s' is fuller than %" PRIu64 " %%", c->daemon.store,
			 c->retention.disk_percent);
		r = remove_some(c, "the disk is full", &steps[i]);
	}
	return r;
}

int daemon_sweeper_main(struct daemon *d)
{
	const struct config *c = d->setup->c;
	int r;

	setpriority(PRIO_PROCESS, 0, 19);
	syscall(SYS_ioprio_set, 1, 0, 3 << 13); /* IOPRIO_CLASS_IDLE: glibc has no name for it */
	r = keep_limits(c);
	if (r == 0 && d->disk_full)
		r = make_room(c);
	return r < 0 ? 1 : 0;
}
