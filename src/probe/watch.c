/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/watch.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/util.h"

#define FOLDERS_MAX   256
#define VARIABLES_MAX 16
#define SETTLE_NS     400000000ull  /* from an event to the look */
#define AGAIN_NS      1000000000ull /* from one look to the next */
#define LOOK_NS	      200000000ull  /* of one look: programs that start must not wait longer */
#define LOOKS_MAX     600	    /* without a new event, for a file that is being written */
#define READS_MAX     64	    /* buffers of events at a time */

struct folder {
	int wd;
	bool files;
};

struct watch {
	struct files *files;
	struct report_process process;
	int root_fd, inotify;
	char *env[VARIABLES_MAX + 1];
	struct folder folder[FOLDERS_MAX];
	size_t n_folders;
	uint64_t since_ns; /* CLOCK_REALTIME, as files have it */
	uint64_t due_ns;   /* of the next look; 0: nothing has come */
	uint64_t looked_ns;
	size_t looks;
	uint64_t looked_until_ns; /* boot time: then the look goes on later, with what has not been
				     seen */
	bool unsettled;
	bool full; /* it was said that no more folders can be watched */
};

/* --- what is watched --- */

static struct folder *find(struct watch *w, int wd)
{
	for (size_t i = 0; i < w->n_folders; i++)
		if (w->folder[i].wd == wd)
			return &w->folder[i];
	return NULL;
}

/* By what it is for the command: its root may be another. */
static int add_watch(const struct watch *w, const char *folder)
{
	_cleanup_(closep) int fd = files_open(w->root_fd, folder, O_PATH | O_DIRECTORY);
	char path[64];

	if (fd < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return inotify_add_watch(w->inotify, path,
				 IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR);
}

static void on_folder(void *ctx, const char *folder, bool files)
{
	struct watch *w = ctx;
	struct folder *known;
	int wd;

	if (w->n_folders == FOLDERS_MAX) {
		if (!w->full)
			log_warn("more than %d folders to watch: what is installed in others is "
				 "found when it runs",
				 FOLDERS_MAX);
		w->full = true;
		return;
	}
	wd = add_watch(w, folder[0] ? folder : "/");
	if (wd < 0)
		return;
	known = find(w, wd);
	if (known)
		known->files |= files;
	else
		w->folder[w->n_folders++] = (struct folder){ wd, files };
}

static int on_path(void *ctx, const char *path, const char *why)
{
	struct watch *w = ctx;

	(void)why;
	if (clock_boot() > w->looked_until_ns ||
	    !files_installed(w->files, w->process, w->root_fd, path, w->since_ns))
		w->unsettled = true;
	return 0;
}

static void look(struct watch *w)
{
	w->unsettled = false;
	w->looked_until_ns = clock_boot() + LOOK_NS;
	discover_watched(w->root_fd, (const char *const *)w->env, on_path, on_folder, w);
}

/* --- */

static void keep_variables(struct watch *w, const char *const *env)
{
	size_t n = 0;

	for (size_t i = 0; env && env[i]; i++)
		for (size_t k = 0; discover_variables[k] && n < VARIABLES_MAX; k++) {
			const size_t length = strlen(discover_variables[k]);

			if (strncmp(env[i], discover_variables[k], length) != 0 ||
			    env[i][length] != '=')
				continue;
			w->env[n] = strdup(env[i]);
			n += w->env[n] != NULL;
		}
}

struct watch *watch_new(struct files *f, struct report_process p, int root_fd,
			const char *const *env)
{
	struct watch *w = calloc(1, sizeof(*w));
	struct timespec now;

	if (!w) {
		closep(&root_fd);
		return NULL;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	w->since_ns = (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
	w->files = f;
	w->process = p;
	w->root_fd = root_fd;
	w->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (root_fd < 0 || w->inotify < 0) {
		watch_free(w);
		return NULL;
	}
	keep_variables(w, env);
	look(w);
	return w;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	closep(&w->root_fd);
	closep(&w->inotify);
	for (size_t i = 0; i < VARIABLES_MAX; i++)
		free(w->env[i]);
	free(w);
}

int watch_fd(const struct watch *w)
{
	return w ? w->inotify : -1;
}

/* The folder is gone; where it comes back it is watched anew. */
static void forget(struct watch *w, int wd)
{
	struct folder *f = find(w, wd);

	if (f)
		*f = w->folder[--w->n_folders];
}

/* Whether that may be, or lead to, something installed. */
static bool matters(struct watch *w, const struct inotify_event *e)
{
	const struct folder *f = find(w, e->wd);

	if (e->mask & (IN_Q_OVERFLOW | IN_IGNORED))
		return true;
	return f && (f->files || e->mask & IN_ISDIR);
}

static void come(struct watch *w)
{
	const uint64_t settled = clock_boot() + SETTLE_NS, again = w->looked_ns + AGAIN_NS;

	w->looks = 0;
	if (!w->due_ns)
		w->due_ns = settled > again ? settled : again;
}

void watch_read(struct watch *w)
{
	_Alignas(struct inotify_event) char events[4096];
	ssize_t n = 1;

	for (int i = 0; w && i < READS_MAX && n > 0; i++) {
		n = read(w->inotify, events, sizeof(events));
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e = (const void *)(events + at);

			if (matters(w, e))
				come(w);
			if (e->mask & IN_IGNORED)
				forget(w, e->wd);
			at += (ssize_t)(sizeof(*e) + e->len);
		}
	}
}

int watch_timeout(const struct watch *w, int max)
{
	const uint64_t now = clock_boot();

	if (!w || !w->due_ns || w->due_ns > now + (uint64_t)max * 1000000)
		return max;
	return w->due_ns > now ? (int)((w->due_ns - now) / 1000000) + 1 : 0;
}

void watch_look(struct watch *w)
{
	if (!w || !w->due_ns || clock_boot() < w->due_ns)
		return;
	w->due_ns = 0;
	w->looked_ns = clock_boot();
	look(w);
	if (w->unsettled && w->looks++ < LOOKS_MAX)
		w->due_ns = clock_boot() + AGAIN_NS;
}
