/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/live_hub.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/map.h"
#include "cmd/heads.h"
#include "cmd/live_line.h"
#include "export/steps.h"

#define LINES_MAX    4096
#define BYTES_MAX    (4u << 20) /* of all lines */
#define WATCHERS_MAX 16
#define OWNERS_MAX   8192 /* runs whose users are known; those told of last */
#define GOODBYE_MS   200

struct line {
	char *text;
	size_t n;
};

struct watcher {
	int fd; /* -1: a free place */
	bool asked;
	bool brief; /* it goes when it has what it asked for */
	char ask[LIVE_ASK_MAX];
	size_t n_ask;
	uint64_t next;	 /* number of the line that it gets next */
	struct buf rest; /* of what is being sent */
	size_t sent;
};

/* Whose a run is. */
struct owner {
	struct id128 run;
	uint32_t uid;
	UT_hash_handle hh;
};

struct live_hub {
	int dir, listener;
	char name[32];
	struct line lines[LINES_MAX]; /* number n stands at n % LINES_MAX */
	uint64_t first, next;	      /* numbers: of the oldest that is kept, of the next one */
	size_t bytes;
	struct watcher watchers[WATCHERS_MAX];
	struct steps steps;
	struct heads heads;
	struct buf text; /* of the line that is made */
	struct owner *owners;
	live_status_fn status;
	void *status_ctx;
};

/* --- the socket --- */

static int open_folder(const char *db_path)
{
	_cleanup_(freep) char *copy = strdup(db_path);
	_cleanup_(closep) int parent = -1;
	int dir;

	if (!copy)
		return -ENOMEM;
	parent = open(dirname(copy), O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0 || (mkdirat(parent, LIVE_FOLDER, 0700) < 0 && errno != EEXIST))
		return -errno;
	dir = openat(parent, LIVE_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return dir < 0 ? -errno : dir;
}

/* A socket's path is short, a folder's may be long: the descriptor stands for it. */
static int listen_in(struct live_hub *h)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(h->name, sizeof(h->name), "%d" LIVE_SUFFIX, (int)getpid());
	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/%s", h->dir, h->name);
	unlinkat(h->dir, h->name, 0); /* of an earlier process with this number */
	h->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (h->listener < 0 || bind(h->listener, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(h->listener, WATCHERS_MAX) < 0)
		return -errno;
	return 0;
}

static void forget(struct live_hub *h, struct owner *o)
{
	HASH_DEL(h->owners, o);
	free(o);
}

static void hub_free(struct live_hub *h)
{
	while (h->owners)
		forget(h, h->owners);

	if (h->listener >= 0) {
		close(h->listener);
		unlinkat(h->dir, h->name, 0);
	}
	if (h->dir >= 0)
		close(h->dir);
	for (size_t i = 0; i < LINES_MAX; i++)
		free(h->lines[i].text);
	steps_done(&h->steps);
	heads_done(&h->heads);
	buf_done(&h->text);
	free(h);
}

int live_hub_open(const char *db_path, struct live_hub **ret)
{
	struct live_hub *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	h->listener = -1;
	h->first = h->next = 1;
	for (size_t i = 0; i < WATCHERS_MAX; i++)
		h->watchers[i].fd = -1;
	h->dir = open_folder(db_path);
	r = h->dir < 0 ? h->dir : listen_in(h);
	if (r < 0) {
		hub_free(h);
		return r;
	}
	*ret = h;
	return 0;
}

/* --- lines --- */

static void drop_oldest(struct live_hub *h)
{
	struct line *l = &h->lines[h->first++ % LINES_MAX];

	h->bytes -= l->n;
	free(l->text);
	*l = (struct line){ 0 };
}

/* Takes what live_line_...() wrote to h->text. */
static void add_line(struct live_hub *h, int r)
{
	struct line *l = &h->lines[h->next % LINES_MAX];

	if (r < 0 || h->text.n > BYTES_MAX)
		return;
	while (h->next - h->first >= LINES_MAX || h->bytes + h->text.n > BYTES_MAX)
		drop_oldest(h);
	l->text = slice_dup(buf_slice(&h->text));
	l->n = l->text ? h->text.n : 0;
	h->bytes += l->n;
	h->next++;
}

static const uint32_t *owner_of(const struct live_hub *h, const struct id128 *run)
{
	struct owner *o;

	HASH_FIND(hh, h->owners, run, sizeof(*run), o);
	return o ? &o->uid : NULL;
}

/* uthash keeps the order in which they came: the first one is the oldest. */
static void note_owner(struct live_hub *h, const struct run *run)
{
	struct owner *o;

	if (owner_of(h, &run->run_id))
		return;
	if (HASH_COUNT(h->owners) >= OWNERS_MAX)
		forget(h, h->owners);
	o = calloc(1, sizeof(*o));
	if (!o)
		return;
	o->run = run->run_id;
	o->uid = run->uid;
	HASH_ADD(hh, h->owners, run, sizeof(o->run), o);
	if (!o->hh.tbl)
		free(o);
}

static void on_blob(void *ctx, const struct id128 *id, const char *kind, struct slice bytes)
{
	struct live_hub *h = ctx;

	heads_put(&h->heads, id, kind, bytes);
}

static void on_span(void *ctx, const struct span *span)
{
	struct live_hub *h = ctx;
	/* One is enough to word it: only a text once told has to be remembered. */
	const struct step *st = steps_put(&h->steps, span, heads_find(&h->heads, &span->args_blob));

	add_line(h, live_line_step(&h->text, h->next, owner_of(h, &span->run_id), span, st,
				   steps_find(&h->steps, &span->run_id, &span->parent_id)));
	if (HASH_COUNT(h->steps.by_key) >= STEPS_MAX)
		steps_done(&h->steps);
}

static void on_run(void *ctx, const struct run *run)
{
	struct live_hub *h = ctx;

	note_owner(h, run);
	add_line(h, live_line_run(&h->text, h->next, &run->uid, run));
}

static void on_change(void *ctx, const struct live_change *change)
{
	struct live_hub *h = ctx;

	add_line(h, live_line_state(&h->text, h->next, owner_of(h, &change->run_id), change));
}

static void on_piece(void *ctx, const struct live_piece *piece)
{
	struct live_hub *h = ctx;

	add_line(h, live_line_piece(&h->text, h->next, owner_of(h, &piece->run_id), piece));
}

const struct trace_sink live_hub_sink = {
	.blob = on_blob,
	.span = on_span,
	.run = on_run,
	.live_change = on_change,
	.live_piece = on_piece,
};

/* --- watchers --- */

static void leave(struct watcher *w)
{
	close(w->fd);
	buf_done(&w->rest);
	*w = (struct watcher){ .fd = -1 };
}

static bool is_ours(int fd)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 &&
	       (peer.uid == geteuid() || peer.uid == 0);
}

static void take_new(struct live_hub *h)
{
	for (int i = 0; i < WATCHERS_MAX; i++) {
		struct watcher *w = &h->watchers[i];
		int fd;

		if (w->fd >= 0)
			continue;
		fd = accept4(h->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			return;
		w->fd = fd;
		if (!is_ours(fd))
			leave(w);
	}
}

void live_hub_status(struct live_hub *h, live_status_fn fn, void *ctx)
{
	h->status = fn;
	h->status_ctx = ctx;
}

static void answer(struct live_hub *h, struct watcher *w, struct slice ask)
{
	int64_t after = 0;

	if (json_is(json_member(ask, SLICE("op")), "status")) {
		w->brief = true;
		w->asked = live_line_status(&w->rest, h->next - 1, h->status, h->status_ctx) == 0;
		return;
	}
	json_int64(json_member(ask, SLICE("after")), &after);
	w->next = after >= 0 && (uint64_t)after < h->next ? (uint64_t)after + 1 : 1;
	w->asked = live_line_hello(&w->rest, h->next - 1) == 0;
}

/* Its line; false where it is not here yet, or no line: then it has left. */
static bool read_ask(struct live_hub *h, struct watcher *w)
{
	ssize_t n = read(w->fd, w->ask + w->n_ask, sizeof(w->ask) - w->n_ask);
	const char *end;

	if (n < 0 && errno == EAGAIN)
		return false;
	w->n_ask += n > 0 ? (size_t)n : 0;
	end = memchr(w->ask, '\n', w->n_ask);
	if (n <= 0 || (!end && w->n_ask == sizeof(w->ask))) {
		leave(w);
		return false;
	}
	if (!end)
		return false;
	answer(h, w, (struct slice){ w->ask, (size_t)(end - w->ask) });
	return w->asked;
}

/* What it gets next; false where it has everything. */
static bool next_line(struct live_hub *h, struct watcher *w)
{
	const struct line *l;

	w->rest.n = w->sent = 0;
	if (w->brief) {
		leave(w);
		return false;
	}
	if (w->next < h->first) {
		live_line_missed(&w->rest, w->next, h->first - 1);
		w->next = h->first;
		return w->rest.n > 0;
	}
	if (w->next >= h->next)
		return false;
	l = &h->lines[w->next++ % LINES_MAX];
	return buf_add(&w->rest, (struct slice){ l->text, l->n }, BYTES_MAX) == 0;
}

/* False where it takes no more now. */
static bool send_rest(struct watcher *w)
{
	struct iovec part = { w->rest.p + w->sent, w->rest.n - w->sent };
	const struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
	const ssize_t n = sendmsg(w->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno != EAGAIN)
		leave(w);
	if (n < 0)
		return false;
	w->sent += (size_t)n;
	return w->sent == w->rest.n;
}

static void serve_one(struct live_hub *h, struct watcher *w)
{
	if (w->fd < 0 || (!w->asked && !read_ask(h, w)))
		return;
	while (w->sent < w->rest.n || next_line(h, w))
		if (!send_rest(w))
			return;
}

void live_hub_serve(struct live_hub *h)
{
	take_new(h);
	for (size_t i = 0; i < WATCHERS_MAX; i++)
		serve_one(h, &h->watchers[i]);
}

static bool lacks(const struct live_hub *h, const struct watcher *w)
{
	return w->fd >= 0 && w->asked && !w->brief && (w->sent < w->rest.n || w->next < h->next);
}

void live_hub_close(struct live_hub *h)
{
	struct pollfd fds[WATCHERS_MAX];
	nfds_t n;

	if (!h)
		return;
	for (int turn = 0; turn < 10; turn++) {
		live_hub_serve(h);
		n = 0;
		for (size_t i = 0; i < WATCHERS_MAX; i++)
			if (lacks(h, &h->watchers[i]))
				fds[n++] = (struct pollfd){ h->watchers[i].fd, POLLOUT, 0 };
		if (n == 0 || poll(fds, n, GOODBYE_MS / 10) < 0)
			break;
	}
	for (size_t i = 0; i < WATCHERS_MAX; i++)
		if (h->watchers[i].fd >= 0)
			leave(&h->watchers[i]);
	hub_free(h);
}
