/* SPDX-License-Identifier: BSD-2-Clause */
#include "api/hubs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/unix_socket.h"

#define LINE_MAX_N (8u << 20) /* bytes of one line */
#define ASK_MAX	   64
#define LOOK_MS	   250 /* between two looks for new captures */

/* A capture that is under way. */
struct hub {
	int fd; /* -1: a free place */
	char name[64];
	struct buf in;
	uint64_t after; /* number of the last line that was taken */
};

struct hubs {
	char *store;
	int dir;
	struct hub list[HUBS_MAX];
	hubs_line_fn fn;
	void *ctx;
	bool seen;
	int64_t looked_ms; /* for new ones, last */
	bool brief;	   /* each is asked for its status and then left */
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* --- connections --- */

static int open_folder(const char *store)
{
	_cleanup_(freep) char *copy = strdup(store), *folder = NULL;
	int fd;

	if (!copy || asprintf(&folder, "%s/" HUBS_FOLDER, dirname(copy)) < 0)
		return -ENOMEM;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* A socket's path is short, a folder's may be long: the descriptor stands for it. */
static int connect_to(int dir, const char *name)
{
	char path[128];

	if (snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return unix_connect(path, 0);
}

static struct hub *place_for(struct hubs *h, const char *name)
{
	struct hub *free_place = NULL;

	for (int i = 0; i < HUBS_MAX; i++) {
		if (h->list[i].fd >= 0 && strcmp(h->list[i].name, name) == 0)
			return NULL;
		if (h->list[i].fd < 0 && !free_place)
			free_place = &h->list[i];
	}
	return free_place;
}

static int ask_for(const struct hubs *h, const struct hub *hub, char ask[ASK_MAX])
{
	if (h->brief)
		return snprintf(ask, ASK_MAX, "{\"op\":\"status\"}\n");
	return snprintf(ask, ASK_MAX, "{\"after\":%llu}\n", (unsigned long long)hub->after);
}

static void begin(struct hubs *h, const char *name)
{
	struct hub *hub = place_for(h, name);
	const size_t len = strlen(name);
	char ask[ASK_MAX];
	int fd, n;

	if (!hub || len >= sizeof(hub->name))
		return;
	fd = connect_to(h->dir, name);
	/* A capture that was killed has left its socket behind. */
	if (fd == -ECONNREFUSED)
		unlinkat(h->dir, name, 0);
	if (fd < 0)
		return;
	if (strcmp(hub->name, name) != 0)
		hub->after = 0;
	n = ask_for(h, hub, ask);
	if (send(fd, ask, (size_t)n, MSG_NOSIGNAL) != n) {
		close(fd);
		return;
	}
	hub->fd = fd;
	hub->in.n = 0;
	memcpy(hub->name, name, len + 1);
	h->seen = true;
}

static void look_for_new(struct hubs *h)
{
	DIR *d;
	const struct dirent *e;
	int fd;

	if (h->dir < 0)
		h->dir = open_folder(h->store);
	fd = h->dir >= 0 ? fcntl(h->dir, F_DUPFD_CLOEXEC, 0) : -1;
	d = fd >= 0 ? fdopendir(fd) : NULL;
	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	rewinddir(d);
	while ((e = readdir(d)))
		if (slice_ends(slice_of(e->d_name), SLICE(HUBS_SUFFIX)))
			begin(h, e->d_name);
	closedir(d);
}

static void leave(struct hub *hub)
{
	close(hub->fd);
	hub->fd = -1;
	buf_done(&hub->in);
	hub->in = (struct buf){ 0 };
}

/* --- lines --- */

static void take_lines(struct hubs *h, struct hub *hub)
{
	size_t from = 0;

	for (;;) {
		const char *nl = memchr(hub->in.p + from, '\n', hub->in.n - from);
		struct slice line;

		if (!nl)
			break;
		line = (struct slice){ hub->in.p + from, (size_t)(nl - hub->in.p) - from };
		from += line.n + 1;
		hub->after = h->fn(h->ctx, line, hub->after);
	}
	memmove(hub->in.p, hub->in.p + from, hub->in.n - from);
	hub->in.n -= from;
}

static void receive(struct hubs *h, struct hub *hub)
{
	char part[65536];
	ssize_t n = read(hub->fd, part, sizeof(part));

	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0 || buf_add(&hub->in, (struct slice){ part, (size_t)n }, LINE_MAX_N) < 0) {
		leave(hub);
		return;
	}
	take_lines(h, hub);
}

static int count_live(const struct hubs *h)
{
	int live = 0;

	for (int i = 0; i < HUBS_MAX; i++)
		live += h->list[i].fd >= 0;
	return live;
}

/* How many captures there were. */
static int receive_all(struct hubs *h, int timeout_ms)
{
	struct pollfd fds[HUBS_MAX];
	const int live = count_live(h);

	for (int i = 0; i < HUBS_MAX; i++)
		fds[i] = (struct pollfd){ h->list[i].fd, POLLIN, 0 };
	if (poll(fds, HUBS_MAX, timeout_ms) > 0)
		for (int i = 0; i < HUBS_MAX; i++)
			if (fds[i].fd >= 0 && fds[i].revents)
				receive(h, &h->list[i]);
	return live;
}

/* --- life --- */

int hubs_new(const char *store, hubs_line_fn fn, void *ctx, struct hubs **ret)
{
	struct hubs *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->store = strdup(store);
	h->dir = -1;
	h->fn = fn;
	h->ctx = ctx;
	for (int i = 0; i < HUBS_MAX; i++)
		h->list[i].fd = -1;
	if (!h->store) {
		free(h);
		return -ENOMEM;
	}
	*ret = h;
	return 0;
}

void hubs_free(struct hubs *h)
{
	if (!h)
		return;
	for (int i = 0; i < HUBS_MAX; i++)
		if (h->list[i].fd >= 0)
			leave(&h->list[i]);
	if (h->dir >= 0)
		close(h->dir);
	free(h->store);
	free(h);
}

int hubs_wait(struct hubs *h, int timeout_ms)
{
	const int64_t now = now_ms();

	if (now - h->looked_ms >= LOOK_MS) {
		look_for_new(h);
		h->looked_ms = now;
	}
	return receive_all(h, timeout_ms);
}

bool hubs_seen(const struct hubs *h)
{
	return h->seen;
}

struct counting {
	hubs_line_fn fn;
	void *ctx;
	int n;
};

static uint64_t count_line(void *ctx, struct slice line, uint64_t before)
{
	struct counting *c = ctx;

	c->n++;
	c->fn(c->ctx, line, before);
	return before;
}

int hubs_status(const char *store, int timeout_ms, hubs_line_fn fn, void *ctx)
{
	struct counting c = { .fn = fn, .ctx = ctx };
	const int64_t end = now_ms() + timeout_ms;
	struct hubs *h = NULL;
	int r = hubs_new(store, count_line, &c, &h);

	if (r < 0)
		return r;
	h->brief = true;
	look_for_new(h);
	while (now_ms() < end && count_live(h)) /* until each has answered and gone */
		receive_all(h, (int)(end - now_ms()));
	hubs_free(h);
	return c.n;
}
