/* SPDX-License-Identifier: BSD-2-Clause */
/* Watching captures while they happen: the watchers' side of live_hub.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cmd/command.h"
#include "cmd/live_hub.h"
#include "cmd/tail_print.h"
#include "store/store.h"

#define ENGINES_MAX 64
#define LINE_MAX_N  (8u << 20) /* bytes of one line */
#define LOOK_MS	    500	       /* for new captures */

static bool json, until_idle;
static bool text = true;
static const char *db;

static const struct option_spec options[] = {
	{ "text", 't', OPTION_FLAG, &text, NULL,
	  "what models say and think, and arguments, as they come", NULL, NULL },
	{ "once", '1', OPTION_FLAG, &until_idle, NULL,
	  "end when no capture is under way (with RUN: always)", NULL, NULL },
	{ "json", 'j', OPTION_FLAG, &json, NULL, "the lines as they are sent, one object each",
	  NULL, NULL },
	{ "db", 0, OPTION_STRING, &db, "FILE", "the store whose captures are watched", NULL, NULL },
	{ 0 },
};

/* A capture that is under way. */
struct watched {
	int fd; /* -1: a free place */
	char name[64];
	struct buf in;
	uint64_t after; /* number of the last line that was taken */
};

struct tail {
	int dir;
	struct watched engines[ENGINES_MAX];
	struct tail_printer printer;
	bool seen; /* there was one */
};

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
	(void)sig;
	stopped = 1;
}

/* --- connections --- */

static int connect_to(int dir, const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd, r;

	if (snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/%s", dir, name) >=
	    (int)sizeof(a.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	r = -errno;
	close(fd);
	return r;
}

static struct watched *place_for(struct tail *t, const char *name)
{
	struct watched *free_place = NULL;

	for (int i = 0; i < ENGINES_MAX; i++) {
		if (t->engines[i].fd >= 0 && strcmp(t->engines[i].name, name) == 0)
			return NULL;
		if (t->engines[i].fd < 0 && !free_place)
			free_place = &t->engines[i];
	}
	return free_place;
}

static void begin(struct tail *t, const char *name)
{
	struct watched *w = place_for(t, name);
	const size_t len = strlen(name);
	char ask[LIVE_ASK_MAX];
	int fd, n;

	if (!w || len >= sizeof(w->name))
		return;
	fd = connect_to(t->dir, name);
	/* A capture that was killed has left its socket behind. */
	if (fd == -ECONNREFUSED)
		unlinkat(t->dir, name, 0);
	if (fd < 0)
		return;
	if (strcmp(w->name, name) != 0)
		w->after = 0;
	n = snprintf(ask, sizeof(ask), "{\"after\":%llu}\n", (unsigned long long)w->after);
	if (write(fd, ask, (size_t)n) != n) {
		close(fd);
		return;
	}
	w->fd = fd;
	w->in.n = 0;
	memcpy(w->name, name, len + 1);
	t->seen = true;
}

static void look_for_new(struct tail *t)
{
	int fd = dup(t->dir);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;

	if (!d)
		return;
	rewinddir(d);
	while ((e = readdir(d)))
		if (slice_ends(slice_of(e->d_name), SLICE(LIVE_SUFFIX)))
			begin(t, e->d_name);
	closedir(d);
}

static void end(struct watched *w)
{
	close(w->fd);
	w->fd = -1;
	buf_done(&w->in);
}

/* --- lines --- */

static void take_lines(struct tail *t, struct watched *w)
{
	size_t from = 0;

	for (;;) {
		const char *nl = memchr(w->in.p + from, '\n', w->in.n - from);
		struct slice line;

		if (!nl)
			break;
		line = (struct slice){ w->in.p + from, (size_t)(nl - w->in.p) - from };
		from += line.n + 1;
		w->after = tail_print_line(&t->printer, line, w->after);
	}
	memmove(w->in.p, w->in.p + from, w->in.n - from);
	w->in.n -= from;
}

static void receive(struct tail *t, struct watched *w)
{
	char part[65536];
	ssize_t n = read(w->fd, part, sizeof(part));

	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0 || buf_add(&w->in, (struct slice){ part, (size_t)n }, LINE_MAX_N) < 0) {
		end(w);
		return;
	}
	take_lines(t, w);
}

static int wait_for_lines(struct tail *t)
{
	struct pollfd fds[ENGINES_MAX];
	int live = 0;

	for (int i = 0; i < ENGINES_MAX; i++) {
		fds[i] = (struct pollfd){ t->engines[i].fd, POLLIN, 0 };
		live += t->engines[i].fd >= 0;
	}
	if (poll(fds, ENGINES_MAX, LOOK_MS) > 0)
		for (int i = 0; i < ENGINES_MAX; i++)
			if (fds[i].fd >= 0 && fds[i].revents)
				receive(t, &t->engines[i]);
	fflush(stdout);
	return live;
}

/* --- the command --- */

/* The folder of the sockets; it is made, so that a capture to come can be waited for. */
static int open_folder(const char *path)
{
	_cleanup_(freep) char *copy = strdup(path), *folder = NULL;
	int fd;

	if (!copy || asprintf(&folder, "%s/" LIVE_FOLDER, dirname(copy)) < 0)
		return -ENOMEM;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int follow(struct tail *t, const char *path)
{
	bool told = false;
	int live = 0;

	while (!stopped && !ferror(stdout)) {
		if (t->dir < 0)
			t->dir = open_folder(path);
		if (t->dir >= 0)
			look_for_new(t);
		live = wait_for_lines(t);
		if (t->printer.over)
			break;
		if (live == 0 && (until_idle || t->printer.run))
			break;
		if (live == 0 && !told && isatty(STDERR_FILENO))
			fprintf(stderr, "no capture is under way at %s; waiting for one\n", path);
		told = true; /* once: what ends later was seen */
	}
	return live;
}

static int run(int argc, char **argv)
{
	static const struct sigaction stop = { .sa_handler = on_signal };
	_cleanup_(freep) char *path = NULL;
	struct tail t = { .dir = -1 };
	int r;

	if (store_find(db, true, &path) < 0 && store_find(db, false, &path) < 0) {
		log_err("no store found; --db FILE or $SONDE_DB name one");
		return 1;
	}
	for (int i = 0; i < ENGINES_MAX; i++)
		t.engines[i].fd = -1;
	r = tail_print_init(&t.printer, argc ? argv[0] : NULL, json, text);
	if (r < 0) {
		log_err("'%s' is no run: give the digits that 'sonde runs' shows", argv[0]);
		return 1;
	}
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	follow(&t, path);
	r = tail_print_done(&t.printer);
	for (int i = 0; i < ENGINES_MAX; i++)
		if (t.engines[i].fd >= 0)
			end(&t.engines[i]);
	if (t.dir >= 0)
		close(t.dir);
	if (r < 0)
		log_err("no run '%s' is under way; 'sonde show %s' shows one that has ended",
			argv[0], argv[0]);
	else if (!t.seen && until_idle)
		fprintf(stderr, "no capture is under way at %s\n", path);
	return r < 0;
}

const struct command command_tail = {
	.name = "tail",
	.summary = "follow runs while they happen",
	.usage = "[RUN] [options]",
	.help = "Follows the captures that write to the store: what each run does right now\n"
		"(thinking, streaming, tool, waiting_human, idle), its steps as they begin and "
		"end,\n"
		"and what models say as it comes. New captures are joined as they begin. With "
		"RUN,\n"
		"that one is followed to its end.\n"
		"\n"
		"Text comes a little late: what could still turn out to be a part of a secret is\n"
		"held back. Nothing is read from the store, and no capture waits for a watcher: "
		"one\n"
		"that does not keep up is told what it has missed.\n"
		"\n"
		"Examples:\n"
		"  sonde tail\n"
		"  sonde tail 1f0c2a9b --no-text\n"
		"  sonde tail --json | jq 'select(.type==\"state\")'\n",
	.options = options,
	.run = run,
	.max_operands = 1,
};
