// SPDX-License-Identifier: BSD-2-Clause
#include "probe/artifacts.h"

#include <errno.h>
#include <nettle/sha2.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <unistd.h>

#include "base/map.h"
#include "probe/artifact_file.h"
#include "probe/report.h"

#include <utlist.h>

#define DELAY_NS      200000000ull
#define PENDING_MAX   4096
#define BUDGET_FILES  1000
#define BUDGET_BYTES  (64u << 20)
#define FILES_A_S     10 /* that the budget grows by */
#define BYTES_A_S     (1u << 20)
#define FINISH_NS     1000000000ull
#define LOOK_FILES    64 /* at once: the prober has other work */
#define LOOK_BYTES    (4u << 20)
#define OUTBOX_ENOUGH (1u << 20) /* what waits there for the engine comes first */

_Static_assert(SHA256_DIGEST_SIZE == sizeof(((struct sonde_artifact_event *)0)->sha256),
	       "wire format");

struct pending {
	struct pending *prev, *next;
	UT_hash_handle hh;
	struct artifact_file file;
	uint64_t start_ns, due_ns, size;
	char *path; /* the key */
};

struct artifacts {
	struct outbox *outbox;
	int root_fd;
	struct pending *list, *by_path; /* the list: by when they are due */
	size_t n;
	uint64_t files_left, bytes_left, filled_ns;
	char event[sizeof(struct sonde_artifact_event) + SONDE_PATH_MAX + SONDE_ARTIFACT_CHUNK];
	char buf[SONDE_ARTIFACT_MAX];
};

int artifacts_new(struct outbox *o, int root_fd, struct artifacts **ret)
{
	struct artifacts *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->outbox = o;
	a->root_fd = root_fd;
	a->files_left = BUDGET_FILES;
	a->bytes_left = BUDGET_BYTES;
	*ret = a;
	return 0;
}

static void pending_free(struct pending *p)
{
	free(p->path);
	free(p);
}

static void drop(struct artifacts *a, struct pending *p)
{
	HASH_DEL(a->by_path, p);
	DL_DELETE(a->list, p);
	a->n--;
	pending_free(p);
}

void artifacts_free(struct artifacts *a)
{
	if (!a)
		return;
	while (a->list)
		drop(a, a->list);
	if (a->root_fd >= 0)
		close(a->root_fd);
	free(a);
}

/* --- telling --- */

static void send_piece(struct artifacts *a, const struct pending *p,
		       const struct sonde_artifact_event *like, struct slice piece)
{
	struct sonde_artifact_event *e = (void *)a->event;

	*e = *like;
	e->len = (uint32_t)piece.n;
	e->path_len = (uint16_t)(strlen(p->path) + 1);
	e->hdr.size = (uint32_t)(sizeof(*e) + e->path_len + piece.n);
	memcpy(e->text, p->path, e->path_len);
	memcpy(e->text + e->path_len, piece.p, piece.n);
	outbox_send(a->outbox, (struct slice){ a->event, e->hdr.size });
}

static void tell(struct artifacts *a, const struct pending *p, enum sonde_artifact_state state,
		 struct slice bytes, uint64_t now_ns)
{
	struct sonde_artifact_event e = {
		.hdr = { .ts_ns = now_ns,
			 .start_ns = p->start_ns,
			 .tgid = (uint32_t)p->file.pid,
			 .tid = (uint32_t)p->file.pid,
			 .kind = SONDE_EV_ARTIFACT },
		.dev = p->file.dev,
		.ino = p->file.ino,
		.size = p->size,
		.state = (uint8_t)state,
	};
	struct sha256_ctx sha;

	if (state == SONDE_ARTIFACT_WHOLE) {
		sha256_init(&sha);
		sha256_update(&sha, bytes.n, (const uint8_t *)bytes.p);
		sha256_digest(&sha, sizeof(e.sha256), e.sha256);
	}
	do {
		const struct slice piece = { bytes.p, MIN(bytes.n, SONDE_ARTIFACT_CHUNK) };

		send_piece(a, p, &e, piece);
		e.offset += (uint32_t)piece.n;
		bytes = slice_from(bytes, piece.n);
	} while (bytes.n);
}

/* --- what is done with files --- */

static struct pending *find(const struct artifacts *a, struct slice path)
{
	struct pending *p;

	HASH_FIND(hh, a->by_path, path.p, path.n, p);
	return p;
}

/* Under its path; gone where memory is refused. */
static void enter(struct artifacts *a, struct pending *p)
{
	p->file.path = p->path;
	HASH_ADD_KEYPTR(hh, a->by_path, p->path, strlen(p->path), p);
	if (p->hh.tbl)
		return;
	DL_DELETE(a->list, p);
	a->n--;
	pending_free(p);
}

static struct pending *pending_new(const struct artifacts *a, const struct sonde_file_event *e,
				   struct slice path)
{
	struct pending *p = calloc(1, sizeof(*p));

	if (p)
		p->path = slice_dup(path);
	if (!p || !p->path) {
		free(p);
		return NULL;
	}
	p->file = (struct artifact_file){
		.path = p->path,
		.dev = e->dev,
		.ino = e->ino,
		.pid = (pid_t)e->hdr.tgid,
		.root_fd = a->root_fd,
		.remote = e->flags & SONDE_FILE_REMOTE,
	};
	p->start_ns = e->hdr.start_ns;
	p->due_ns = e->hdr.ts_ns + DELAY_NS;
	p->size = e->size;
	return p;
}

static void on_written(struct artifacts *a, const struct sonde_file_event *e, struct slice path)
{
	struct pending *old = find(a, path), *p = pending_new(a, e, path);

	if (old)
		drop(a, old);
	if (!p)
		return;
	if (a->n == PENDING_MAX) {
		tell(a, p, SONDE_ARTIFACT_BUSY, SLICE(""), e->hdr.ts_ns);
		pending_free(p);
		return;
	}
	DL_APPEND(a->list, p);
	a->n++;
	enter(a, p);
}

/* The usual way to replace a file: what waits under the one name is read under the other. */
static void on_renamed(struct artifacts *a, struct slice from, struct slice to)
{
	struct pending *p = find(a, from), *there = find(a, to);
	char *path = p && p != there ? slice_dup(to) : NULL;

	if (there && p != there)
		drop(a, there);
	if (!path)
		return;
	HASH_DEL(a->by_path, p);
	free(p->path);
	p->path = path;
	enter(a, p);
}

void artifacts_see(struct artifacts *a, const struct sonde_file_event *e)
{
	const struct slice path = { e->text, e->path_len ? e->path_len - 1u : 0 };
	const struct slice path2 = { e->text + e->path_len, e->path2_len ? e->path2_len - 1u : 0 };

	if (!path.n || e->flags & (SONDE_FILE_PATH_CUT | SONDE_FILE_PATH_PARTIAL))
		return;
	if (e->op == SONDE_FILE_WRITTEN)
		on_written(a, e, path);
	else if (e->op == SONDE_FILE_RENAMED)
		on_renamed(a, path, path2);
	else if (e->op == SONDE_FILE_REMOVED && find(a, path))
		drop(a, find(a, path));
}

/* --- looking --- */

static void fill_budget(struct artifacts *a, uint64_t now_ns)
{
	const uint64_t s = (now_ns - a->filled_ns) / 1000000000;

	if (!s)
		return;
	a->files_left = MIN(a->files_left + s * FILES_A_S, BUDGET_FILES);
	a->bytes_left = MIN(a->bytes_left + s * BYTES_A_S, BUDGET_BYTES);
	a->filled_ns = now_ns;
}

static void look_at(struct artifacts *a, struct pending *p, uint64_t now_ns)
{
	enum sonde_artifact_state state = SONDE_ARTIFACT_BUSY;
	struct slice bytes = { a->buf, 0 };

	if (a->files_left && a->bytes_left >= MIN(p->size, SONDE_ARTIFACT_MAX)) {
		state = artifact_read(&p->file, a->buf, &bytes.n, &p->size);
		a->files_left--;
		a->bytes_left -= MIN(bytes.n, a->bytes_left);
	}
	tell(a, p, state, bytes, now_ns);
}

void artifacts_look(struct artifacts *a, uint64_t now_ns)
{
	const uint64_t bytes_before = a->bytes_left;

	fill_budget(a, now_ns);
	for (size_t i = 0; i < LOOK_FILES && a->list && a->list->due_ns <= now_ns; i++) {
		if (outbox_bytes(a->outbox) > OUTBOX_ENOUGH ||
		    bytes_before > a->bytes_left + LOOK_BYTES)
			return;
		look_at(a, a->list, now_ns);
		drop(a, a->list);
	}
}

int artifacts_timeout(const struct artifacts *a, uint64_t now_ns, int most_ms)
{
	uint64_t left_ns = DELAY_NS; /* the kernel wakes nobody for what it tells */

	if (a->list)
		left_ns = a->list->due_ns > now_ns ? a->list->due_ns - now_ns : 0;
	return MIN((int)(MIN(left_ns, DELAY_NS) / 1000000) + 1, most_ms);
}

static void on_file(void *ctx, const struct sonde_file_event *e)
{
	artifacts_see(ctx, e);
}

void artifacts_turn(struct artifacts *a, struct capture *c)
{
	capture_files(c, on_file, a);
	artifacts_look(a, clock_boot());
}

/* Everything is due. */
static void hurry(struct artifacts *a, uint64_t now_ns)
{
	struct pending *p;

	DL_FOREACH(a->list, p)
	p->due_ns = now_ns;
	artifacts_look(a, now_ns);
}

void artifacts_finish(struct artifacts *a, struct capture *c, int engine_fd)
{
	const uint64_t until = clock_boot() + FINISH_NS;

	capture_files(c, on_file, a);
	while (a->list && clock_boot() < until) {
		struct pollfd fd = { .fd = engine_fd, .events = POLLOUT };

		hurry(a, clock_boot());
		if (outbox_flush(a->outbox) == -EAGAIN)
			poll(&fd, 1, 50);
	}
	while (a->list) {
		tell(a, a->list, SONDE_ARTIFACT_BUSY, SLICE(""), clock_boot());
		drop(a, a->list);
	}
}
